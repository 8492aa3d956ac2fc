"""Bad input: the error of every row of the contract's section 4, with its exact text."""

from __future__ import annotations

import array as stdlib_array
import re
from collections.abc import Callable
from contextlib import nullcontext
from decimal import Decimal
from fractions import Fraction
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import softmax_xp
from softmax_xp import hardmax, log1mexp, logsubexp, logsumexp, one_hot, softmax
from softmax_xp._xp.compat import array_namespace
from softmax_xp._xp.namespace import short_name

from ..backends import BACKENDS, Backend, missing

ROWS = ("softmax", "log_softmax", "softmin", "softmax_and_logsumexp")
MASKED = (*ROWS, "logsumexp", "logmeanexp", "hardmax")
CAST = (*ROWS, "logsumexp", "logmeanexp")
UNARY = (*MASKED, "log1mexp")
ALL = (*UNARY, "logsubexp", "one_hot")

rows = pytest.mark.parametrize("name", ROWS)
masked = pytest.mark.parametrize("name", MASKED)
unary = pytest.mark.parametrize("name", UNARY)
everything = pytest.mark.parametrize("name", ALL)

REAL = "bool, int8..int64, uint8..uint64, float16, bfloat16, float32, float64"
NUMBERS = REAL + ", complex64, complex128"


def raises(error: type[Exception], text: str) -> Any:
    """Expect ``error`` with exactly this text (JAX adds a note of its own below it)."""
    return pytest.raises(error, match=f"^{re.escape(text)}(?:\n-+\nFor simplicity, JAX|$)")


def call(name: str, x: Any, **options: Any) -> Any:
    """Call a function with ``x`` as its first argument."""
    function = getattr(softmax_xp, name)
    if name == "logsubexp":
        return function(x, x, **options)
    return function(x, 3, **options) if name == "one_hot" else function(x, **options)


def argument(name: str) -> str:
    return {"logsubexp": "a", "one_hot": "labels"}.get(name, "x")


def floats(backend: Backend, shape: tuple[int, ...] = (2, 3)) -> Any:
    return backend.array(np.full(shape, 0.5), backend.dtypes[0])


def valid(backend: Backend, name: str) -> Any:
    return backend.array([2, 0, 1], "int32") if name == "one_hot" else backend.array([1.0, 3.0, 2.0], backend.dtypes[0])


def fake(module: str, name: str, **attributes: Any) -> Any:
    """Return an object of a class that looks like one of a library which is not installed."""
    return type(name, (), {"__module__": module, **attributes})()


def test_every_public_function_is_covered() -> None:
    from softmax_xp import logsums, normalizers

    assert sorted(ALL) == sorted((*normalizers.__all__, *logsums.__all__))


# Axes


@masked
@pytest.mark.parametrize("axis", [5, 2, -3, (0, 2), (-3,), np.int64(2)])
def test_axis_out_of_range(backend: Backend, name: str, axis: Any) -> None:
    bad = next(a for a in (axis if isinstance(axis, tuple) else (axis,)) if not -2 <= a < 2)
    text = f"axis={bad} is out of range for an array with 2 dimensions; use -2..1"
    with raises(ValueError, text):
        call(name, floats(backend), axis=axis)
    with raises(IndexError, text):
        call(name, floats(backend), axis=axis)


@masked
@pytest.mark.parametrize("axis", [0, -1])
def test_axis_of_an_array_without_dimensions(backend: Backend, name: str, axis: int) -> None:
    text = f"axis={axis} is out of range for an array with 0 dimensions; use axis=None"
    with raises(IndexError, text) as caught:
        call(name, floats(backend, ()), axis=axis)
    assert isinstance(caught.value, ValueError)


@masked
@pytest.mark.parametrize("axis", [(0, 0), (1, -1), (0, 1, 0)])
def test_axis_repeated(backend: Backend, name: str, axis: tuple[int, ...]) -> None:
    with raises(ValueError, f"axis={axis} names an axis twice; name each axis once"):
        call(name, floats(backend), axis=axis)


@masked
@pytest.mark.parametrize("axis", [True, False, (0, True)])
def test_axis_is_a_bool(backend: Backend, name: str, axis: Any) -> None:
    bad = axis[1] if isinstance(axis, tuple) else axis
    with raises(TypeError, f"axis={bad} is a bool; use an integer, a tuple of integers or None"):
        call(name, floats(backend), axis=axis)


@masked
@pytest.mark.parametrize("axis", [1.0, "1", [0, 1], [0], (0, 1.5)])
def test_axis_is_not_an_integer(backend: Backend, name: str, axis: Any) -> None:
    bad = axis[1] if isinstance(axis, tuple) else axis
    with raises(TypeError, f"axis={bad!r} is not an integer; use an integer, a tuple of integers or None"):
        call(name, floats(backend), axis=axis)


@pytest.mark.parametrize(
    ("axis", "error", "text"),
    [
        (2, IndexError, "axis=2 is out of range for an array with 2 dimensions; use -2..1"),
        (-3, ValueError, "axis=-3 is out of range for an array with 2 dimensions; use -2..1"),
        (True, TypeError, "axis=True is a bool; use an integer, a tuple of integers or None"),
        (0.0, TypeError, "axis=0.0 is not an integer; use an integer, a tuple of integers or None"),
        (None, TypeError, "axis=None is not an integer; use an integer, a tuple of integers or None"),
        ((0,), TypeError, "axis=(0,) is not an integer; use an integer, a tuple of integers or None"),
    ],
)
def test_axis_of_one_hot(backend: Backend, axis: Any, error: type[Exception], text: str) -> None:
    # softmax's text would offer what one_hot refuses.
    text = text.replace("use an integer, a tuple of integers or None", "use an integer")
    with raises(error, text):
        one_hot(backend.array([0, 1], "int32"), 3, axis=axis)


# What is no array

NOT_ARRAYS = [
    ([1.0, 2.0], "list", "numpy.asarray({0})"),
    ((1.0, 2.0), "tuple", "numpy.asarray({0})"),
    (1.5, "float", "numpy.asarray({0})"),
    (3, "int", "numpy.asarray({0})"),
    (True, "bool", "numpy.asarray({0})"),
    (1j, "complex", "numpy.asarray({0})"),
    ("abc", "str", "numpy.asarray({0})"),
    (b"abc", "bytes", "numpy.asarray({0})"),
    (None, "NoneType", "numpy.asarray({0})"),
    (range(3), "range", "numpy.asarray({0})"),
    ({}, "dict", "numpy.asarray({0})"),
    (memoryview(b"abc"), "memoryview", "numpy.asarray({0})"),
    (stdlib_array.array("d", [1.0]), "array.array", "numpy.asarray({0})"),
    (Decimal(1), "decimal.Decimal", "numpy.asarray({0})"),
    (Fraction(1, 2), "fractions.Fraction", "numpy.asarray({0})"),
    (fake("pandas.core.frame", "DataFrame", shape=(2, 3)), "pandas.DataFrame", "{0}.to_numpy()"),
    (fake("pandas", "Series", dtype=np.dtype("f8"), shape=(3,)), "pandas.Series", "{0}.to_numpy()"),
    (fake("polars.series.series", "Series", dtype="Float64"), "polars.Series", "{0}.to_numpy()"),
    (fake("pyarrow.lib", "DoubleArray"), "pyarrow.DoubleArray", "{0}.to_numpy()"),
    (fake("xarray.core.dataarray", "DataArray", dtype=np.dtype("f8"), ndim=1), "xarray.DataArray", "{0}.data"),
    (fake("scipy.sparse._csr", "csr_array", dtype=np.dtype("f8"), ndim=2), "scipy.csr_array", "{0}.toarray()"),
    (fake("scipy.sparse._coo", "coo_matrix", dtype=np.dtype("f8"), ndim=2), "scipy.coo_matrix", "{0}.toarray()"),
    (fake("tensorflow.python.framework.ops", "EagerTensor", dtype="float32"), "tensorflow.EagerTensor", "{0}.numpy()"),
    (fake("some.module", "Thing"), "some.Thing", "numpy.asarray({0})"),
    (np.ma.masked_array([1.0, 2.0], mask=[0, 1]), "numpy.MaskedArray", "numpy.asarray({0}) with where=~{0}.mask"),
    (np.asarray([[1.0, 2.0]]).view(np.matrix), "numpy.matrix", "numpy.asarray({0})"),
]
not_arrays = pytest.mark.parametrize(("x", "label", "fix"), NOT_ARRAYS, ids=[n[1] for n in NOT_ARRAYS])


@everything
@not_arrays
def test_not_an_array(name: str, x: Any, label: str, fix: str) -> None:
    owner = argument(name)
    with raises(TypeError, f"{owner} is a {label}, not an array; pass {fix.format(owner)}"):
        call(name, x)


@not_arrays
def test_not_an_array_with_namespace(backend: Backend, x: Any, label: str, fix: str) -> None:
    for name in ALL:
        owner = argument(name)
        with raises(TypeError, f"{owner} is a {label}, not an array; pass {fix.format(owner)}"):
            call(name, x, xp=backend.xp)


@not_arrays
def test_not_an_array_beside_one(backend: Backend, x: Any, label: str, fix: str) -> None:
    good = floats(backend)
    # The fix is an array of the library that is there already.
    fix = fix.replace("numpy.asarray", f"{backend.xp.__name__}.asarray")
    with raises(TypeError, f"b is a {label}, not an array; pass {fix.format('b')}"):
        logsubexp(good, x)
    if x is None:
        return
    with raises(TypeError, f"where is a {label}, not an array; pass {fix.format('where')}"):
        softmax(good, where=x)
    if isinstance(x, bool | int | float | Fraction):
        return
    with raises(TypeError, f"temperature is a {label}, not an array; pass {fix.format('temperature')}"):
        softmax(good, temperature=x)
    with raises(TypeError, f"sink is a {label}, not an array; pass {fix.format('sink')}"):
        softmax(good, sink=x)
    with raises(TypeError, f"b is a {label}, not an array; pass {fix.format('b')}"):
        logsumexp(good, b=x)


@masked
def test_none_beside_a_mask(backend: Backend, name: str) -> None:
    with raises(TypeError, "x is a NoneType, not an array; pass numpy.asarray(x)"):
        call(name, None, where=backend.array([True], "bool"))


def test_subclasses_of_refused_arrays() -> None:
    class Mine(np.ma.MaskedArray):  # type: ignore[type-arg]
        pass

    with pytest.raises(TypeError, match=r"where=~x\.mask"):
        softmax(np.asarray([1.0]).view(Mine))


def test_numpy_scalars_are_arrays() -> None:
    assert softmax(np.float64(3), axis=None) == 1
    assert logsumexp(np.float32(3)).dtype == np.float32
    with pytest.raises(IndexError, match="use axis=None"):
        softmax(np.float64(3))


# Arrays that do not go together


def other_library(backend: Backend) -> Backend | None:
    return BACKENDS.get("strict-CPU_DEVICE" if backend.library in ("numpy", "ml_dtypes") else "numpy")


def two_libraries(owner: str, x: Any, name: str, other: Any) -> Any:
    mine, theirs = short_name(array_namespace(x)), short_name(array_namespace(other))
    text = f"{owner} is an array of {mine} and {name} is an array of {theirs}; convert one of them, for example with "
    return pytest.raises(TypeError, match=f"^{re.escape(text)}.*from_(dlpack|array)\\({name}\\)$")


def second(backend: Backend) -> Backend:
    found = other_library(backend)
    if found is None or missing(found):
        pytest.skip("array_api_strict is not installed: the strict, torch, jax and dask sessions test two libraries")
    return found


@masked
def test_mask_of_another_library(backend: Backend, name: str) -> None:
    x, where = floats(backend), second(backend).array([True, False, True], "bool")
    with two_libraries("x", x, "where", where):
        call(name, x, where=where)


@rows
@pytest.mark.parametrize("option", ["temperature", "sink"])
def test_option_of_another_library(backend: Backend, name: str, option: str) -> None:
    x, value = floats(backend), second(backend).array([1.0], "float32")
    with two_libraries("x", x, option, value):
        call(name, x, **{option: value})


def test_weights_and_pairs_of_another_library(backend: Backend) -> None:
    x, b = floats(backend), second(backend).array([1.0], "float32")
    with two_libraries("x", x, "b", b):
        logsumexp(x, b=b)
    with two_libraries("a", x, "b", b):
        logsubexp(x, b)
    with two_libraries("a", b, "b", x):
        logsubexp(b, x)


def test_text_for_two_libraries() -> None:
    torch = pytest.importorskip("torch")
    text = "x is an array of torch and where is an array of numpy; convert one of them, for example with "
    with raises(TypeError, text + "torch.from_dlpack(where)"):
        softmax(torch.zeros(2), where=np.asarray([True, False]))
    text = "a is an array of numpy and b is an array of torch; convert one of them, for example with "
    with raises(TypeError, text + "numpy.from_dlpack(b)"):
        logsubexp(np.zeros(2), torch.zeros(2))


def test_the_hint_for_two_libraries_exists(backend: Backend) -> None:
    x, where = floats(backend), second(backend).array([True], "bool")
    with pytest.raises(TypeError) as caught:
        softmax(x, where=where)
    # Dask has no from_dlpack; its from_array takes arrays of any library.
    hint = re.search(r"with (\S+)\.(from_dlpack|from_array)\(where\)$", str(caught.value))
    assert hint
    assert hasattr(import_module(hint[1]), hint[2])


def two_devices(library: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    module = pytest.importorskip({"strict": "array_api_strict"}.get(library, library))
    devices = [module.Device("CPU_DEVICE"), module.Device("device1")] if library == "strict" else ["cpu", "meta"]

    def maker(device: Any) -> Callable[..., Any]:
        def make(values: Any, dtype: str = "float32") -> Any:
            return module.asarray(values, dtype=getattr(module, dtype), device=device)

        return make

    first, other = devices
    return maker(first), maker(other)


@pytest.mark.parametrize("library", ["strict", "torch"])
@pytest.mark.parametrize("given", [False, True], ids=["found", "xp"])
def test_two_devices(library: str, given: bool) -> None:
    here, there = two_devices(library)
    x, y = here([1.0, 2.0]), there([1.0])
    options = {"xp": array_namespace(x)} if given else {}

    def both(a: str, b: str) -> Any:
        text = f"{a} is on device {x.device} and {b} is on device {y.device}; "
        return raises(ValueError, text + "move one of them first, nothing is copied between devices silently")

    for name in MASKED:
        with both("x", "where"):
            call(name, x, where=there([True], "bool"), **options)
    for name in ROWS:
        with both("x", "temperature"):
            call(name, x, temperature=y, **options)
        with both("x", "sink"):
            call(name, x, sink=y, **options)
    with both("x", "b"):
        logsumexp(x, b=y, **options)
    with both("a", "b"):
        logsubexp(x, y, **options)


# Data types


def dtype_cases() -> list[Any]:
    cases = [
        np.asarray([None, 1.0], dtype=object),
        np.asarray(["a", "b"]),
        np.asarray([b"a", b"b"]),
        np.asarray(["a"], dtype=np.dtypes.StringDType()),
        np.zeros(2, dtype=[("a", "f8")]),
        np.zeros(2, dtype="V8"),
        np.zeros(2, dtype="M8[s]"),
        np.zeros(2, dtype="m8[s]"),
    ]
    return [pytest.param(c, id=str(c.dtype)) for c in cases]


@everything
@pytest.mark.parametrize("x", dtype_cases())
def test_dtype_is_no_number(name: str, x: Any) -> None:
    _unsupported(name, x)


def _unsupported(name: str, x: Any) -> None:
    text = f"{argument(name)} has dtype {x.dtype}; supported: {NUMBERS if name == 'logsumexp' else REAL}"
    if name == "one_hot":
        text = f"labels have dtype {x.dtype}; supported: int8..int64, uint8..uint64"
    with raises(TypeError, text):
        call(name, x)


@everything
def test_dtype_of_torch_float8_and_quantized(name: str) -> None:
    torch = pytest.importorskip("torch")
    _unsupported(name, torch.zeros(2).to(torch.float8_e4m3fn))
    _unsupported(name, torch.zeros(2).to(torch.float8_e5m2))


@everything
def test_dtype_of_jax_float8_and_keys(name: str) -> None:
    jax = pytest.importorskip("jax")
    _unsupported(name, jax.numpy.zeros(2, dtype=jax.numpy.float8_e4m3fn))
    _unsupported(name, jax.random.split(jax.random.key(0)))


@everything
def test_dtype_of_ml_dtypes(name: str) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    for dtype in (ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.int4):
        _unsupported(name, np.zeros(2, dtype=dtype))


@pytest.mark.parametrize("name", [n for n in ALL if n != "logsumexp"])
def test_dtype_is_complex(backend: Backend, name: str) -> None:
    if backend.library == "ml_dtypes" or (backend.library == "strict" and backend.name.endswith("no_x64")):
        pytest.skip("no complex numbers besides those of another backend")
    _unsupported(name, backend.array([1.0, 2.0], "complex64"))


@pytest.mark.parametrize("name", CAST)
@pytest.mark.parametrize("kind", ["int32", "bool", "uint8"])
def test_dtype_option_is_not_floating(backend: Backend, name: str, kind: str) -> None:
    dtype = backend.dtype(kind)
    text = f"dtype={dtype} is not a floating type; use float16, bfloat16, float32 or float64"
    with raises(TypeError, text):
        call(name, floats(backend), dtype=dtype)
    with raises(TypeError, text):
        call(name, backend.array([1, 2], "int32"), dtype=dtype)


@pytest.mark.parametrize("name", CAST)
@pytest.mark.parametrize("kind", [float, int, object, "nonsense", 32])
def test_dtype_option_is_no_dtype(backend: Backend, name: str, kind: Any) -> None:
    with raises(TypeError, f"dtype={kind} is not a floating type; use float16, bfloat16, float32 or float64"):
        call(name, floats(backend), dtype=kind)


@pytest.mark.parametrize("name", [n for n in CAST if n != "logsumexp"])
def test_dtype_option_is_complex(backend: Backend, name: str) -> None:
    dtype = backend.dtype("complex64")
    with raises(TypeError, f"dtype={dtype} is not a floating type; use float16, bfloat16, float32 or float64"):
        call(name, floats(backend), dtype=dtype)


def test_dtype_option_drops_the_imaginary_part(backend: Backend) -> None:
    if backend.library == "ml_dtypes" or backend.name == "strict-no_x64":
        pytest.skip("no complex numbers besides those of another backend")
    x, dtype = backend.array([1.0, 2.0], "complex64"), backend.dtype("float32")
    text = f"dtype={dtype} would drop the imaginary part of x, which has dtype {x.dtype}; use a complex dtype"
    with raises(TypeError, text):
        logsumexp(x, dtype=dtype)


@pytest.mark.parametrize("name", [*CAST, "one_hot"])
def test_dtype_option_that_the_library_cannot_hold(backend: Backend, name: str) -> None:
    if backend.name not in ("jax", "strict-no_float64", "strict-no_x64"):
        assert call(name, valid(backend, name), dtype=backend.dtype("float64")) is not None
        return
    x, dtype = valid(backend, name), backend.dtype("float64")
    library = "jax.numpy" if backend.library == "jax" else "array_api_strict"
    text = f"dtype={dtype} is not available in {library} on device {x.device} now; use float32"
    if backend.library == "jax":
        text += " or jax.config.update('jax_enable_x64', True)"
    with raises(ValueError, text):
        call(name, x, dtype=dtype)


# Masks and options with one value per row


@masked
@pytest.mark.parametrize("kind", ["int32", "float32"])
def test_where_is_not_boolean(backend: Backend, name: str, kind: str) -> None:
    where = backend.array([1, 0, 1], kind)
    with raises(TypeError, f"where has dtype {where.dtype}; use bool, with True for the entries to keep"):
        call(name, floats(backend), where=where)


@masked
@pytest.mark.parametrize("shape", [(2,), (4,), (3, 1), (2, 2), (1, 2, 3), (0,)])
def test_where_does_not_broadcast(backend: Backend, name: str, shape: tuple[int, ...]) -> None:
    where = backend.array(np.ones(shape), "bool")
    with raises(ValueError, f"where has shape {shape}, which does not broadcast to (2, 3)"):
        call(name, floats(backend), where=where)


@masked
def test_where_does_not_stretch_x(backend: Backend, name: str) -> None:
    with raises(ValueError, "where has shape (2, 3), which does not broadcast to (1, 3)"):
        call(name, floats(backend, (1, 3)), where=backend.array(np.ones((2, 3)), "bool"))


@rows
@pytest.mark.parametrize("number", [-1, -0.5, float("-inf"), float("nan"), np.float64(-2)])
def test_temperature_is_negative_or_nan(backend: Backend, name: str, number: Any) -> None:
    with raises(ValueError, f"temperature={float(number)} is not allowed; use a number in [0, inf]"):
        call(name, floats(backend), temperature=number)


@rows
@pytest.mark.parametrize("option", ["temperature", "sink"])
@pytest.mark.parametrize(
    ("shape", "axis", "rows_shape"),
    [
        ((3,), -1, "(2, 1)"),
        ((2,), -1, "(2, 1)"),
        ((3, 1), -1, "(2, 1)"),
        ((2, 3), 1, "(2, 1)"),
        ((1, 2, 1), 1, "(2, 1)"),
        ((2, 1), 0, "(1, 3)"),
        ((2,), None, "(1, 1)"),
        ((2,), (0, 1), "(1, 1)"),
        ((2,), (), "(2, 3)"),
    ],
)
def test_option_is_not_one_value_per_row(
    backend: Backend, name: str, option: str, shape: tuple[int, ...], axis: Any, rows_shape: str
) -> None:
    value = backend.array(np.ones(shape), backend.dtypes[0])
    with raises(ValueError, f"{option} has shape {shape}, which does not broadcast to {rows_shape}"):
        call(name, floats(backend), axis=axis, **{option: value})


@rows
@pytest.mark.parametrize("option", ["temperature", "sink"])
@pytest.mark.parametrize("shape", [(), (1,), (2, 1), (1, 1)])
def test_option_shapes_that_fit(backend: Backend, name: str, option: str, shape: tuple[int, ...]) -> None:
    value = backend.array(np.ones(shape), backend.dtypes[0])
    result = call(name, floats(backend), **{option: value})
    assert (result[0] if isinstance(result, tuple) else result).shape == (2, 3)


@rows
@pytest.mark.parametrize("option", ["temperature", "sink"])
@pytest.mark.parametrize("kind", ["bool", "complex64"])
def test_option_is_not_real(backend: Backend, name: str, option: str, kind: str) -> None:
    if kind == "complex64" and backend.name == "strict-no_x64":
        pytest.skip("no complex numbers on this device")
    value = backend.array([1], kind)
    with raises(TypeError, f"{option} has dtype {value.dtype}; supported: real numbers"):
        call(name, floats(backend), **{option: value})


@pytest.mark.parametrize("shape", [(2,), (3, 1), (1, 3, 3)])
def test_weights_do_not_broadcast(backend: Backend, shape: tuple[int, ...]) -> None:
    b = backend.array(np.ones(shape), backend.dtypes[0])
    both = f"x has shape (2, 3) and b has shape {shape}; use shapes that broadcast together"
    with raises(ValueError, both):
        logsumexp(floats(backend), b=b)


def test_weights_are_no_numbers() -> None:
    with raises(TypeError, "b has dtype object; supported: numbers"):
        logsumexp(np.zeros(2), b=np.asarray([1, None]))


def test_pair_does_not_broadcast(backend: Backend) -> None:
    text = "a has shape (2, 3) and b has shape (2,); use shapes that broadcast together"
    with raises(ValueError, text):
        logsubexp(floats(backend), floats(backend, (2,)))


# one_hot


@pytest.mark.parametrize("kind", ["float32", "bool"])
def test_labels_are_no_integers(backend: Backend, kind: str) -> None:
    labels = backend.array([1, 0], kind)
    with raises(TypeError, f"labels have dtype {labels.dtype}; supported: int8..int64, uint8..uint64"):
        one_hot(labels, 3)


@pytest.mark.parametrize("count", [-1, -7])
def test_num_classes_is_negative(backend: Backend, count: int) -> None:
    with raises(ValueError, f"num_classes={count} is not allowed; use an integer of at least 0"):
        one_hot(backend.array([0], "int32"), count)


@pytest.mark.parametrize("count", [2.0, "3", None, True])
def test_num_classes_is_no_integer(backend: Backend, count: Any) -> None:
    with raises(TypeError, f"num_classes={count!r} is not an integer; use an integer of at least 0"):
        one_hot(backend.array([0], "int32"), count)


@pytest.mark.parametrize("kind", [float, "nonsense", object])
def test_dtype_of_one_hot(backend: Backend, kind: Any) -> None:
    with raises(TypeError, f"dtype={kind} is not supported; use a boolean, integer or floating type"):
        one_hot(backend.array([0], "int32"), 2, dtype=kind)


# The namespace given by the caller


@everything
def test_namespace_given_bare_or_wrapped(backend: Backend, name: str) -> None:
    x = valid(backend, name)
    results = [call(name, x, **o) for o in ({}, {"xp": backend.xp}, {"xp": array_namespace(x)})]
    found = [[backend.numpy(r) for r in (result if isinstance(result, tuple) else (result,))] for result in results]
    for other in found[1:]:
        for expected, got in zip(found[0], other, strict=True):
            assert expected.dtype == got.dtype
            assert expected.tobytes() == got.tobytes()
    assert len({type(r) for r in results}) == 1


# At call time, from metadata only


def test_nothing_is_computed_before_the_error() -> None:
    dask = pytest.importorskip("dask")
    import dask.array as da

    def scheduler(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("computed")

    x = da.zeros((2, 3), chunks=1)
    with dask.config.set(scheduler=scheduler):
        for name in MASKED:
            with raises(IndexError, "axis=5 is out of range for an array with 2 dimensions; use -2..1"):
                call(name, x, axis=5)
            with pytest.raises(ValueError, match="does not broadcast"):
                call(name, x, where=da.ones((4,), dtype=bool))


@masked
def test_errors_under_jit(name: str) -> None:
    jax = pytest.importorskip("jax")
    x = jax.numpy.zeros((2, 3))
    with raises(IndexError, "axis=5 is out of range for an array with 2 dimensions; use -2..1"):
        jax.jit(lambda v: call(name, v, axis=5))(x)
    with raises(TypeError, "where has dtype float32; use bool, with True for the entries to keep"):
        jax.jit(lambda v: call(name, v, where=v))(x)
    with raises(TypeError, f"x has dtype complex64; supported: {REAL}") if name != "logsumexp" else nullcontext():
        jax.jit(lambda v: call(name, v))(x.astype("complex64"))


@masked
def test_errors_on_meta_tensors(name: str) -> None:
    torch = pytest.importorskip("torch")
    x = torch.zeros((2, 3), device="meta")
    with raises(IndexError, "axis=5 is out of range for an array with 2 dimensions; use -2..1"):
        call(name, x, axis=5)
    with raises(ValueError, "where has shape (4,), which does not broadcast to (2, 3)"):
        call(name, x, where=torch.ones(4, dtype=torch.bool, device="meta"))


def test_errors_reach_through_torch_compile() -> None:
    torch = pytest.importorskip("torch")
    compiled = torch.compile(lambda v: softmax(v, axis=5), backend="eager", fullgraph=True)
    with pytest.raises(Exception, match="axis=5 is out of range for an array with 2 dimensions"):
        compiled(torch.zeros(2, 3))


def test_functions_take_x_by_position_only(backend: Backend) -> None:
    for function in (softmax, logsumexp, hardmax, log1mexp):
        with pytest.raises(TypeError):
            function(x=floats(backend))
