"""Libraries that the package does not name: each gives what NumPy gives, in its own arrays."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

import softmax_xp

from .libraries import TOLERANCE, Library, agree, only

INF, NAN = np.inf, np.nan

# [1e308, -1e308] overflows to the right answer; the warning is silenced for NumPy itself only.
pytestmark = [
    pytest.mark.filterwarnings("ignore:overflow encountered in subtract:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:overflow encountered in scalar subtract:RuntimeWarning"),
]


def check(library: Library, name: str, x: Any, **options: Any) -> None:
    """Compare a call on arrays of ``library`` with the same call on NumPy's."""
    given = library.array(x)
    arrays = {k: library.array(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    out = getattr(softmax_xp, name)(given, **arrays)
    if x.dtype.kind != "f":
        options["dtype"] = np.dtype(library.default)
    with np.errstate(all="ignore"):
        expected = getattr(softmax_xp, name)(x, **options)
    if not isinstance(out, tuple):
        out, expected = (out,), (expected,)
    assert len(out) == len(expected)
    for got, want in zip(out, expected, strict=True):
        assert type(got) is type(given)
        assert tuple(got.shape) == np.shape(want)
        assert str(got.dtype).rpartition(".")[2] == want.dtype.name
        # A sum that cancels against the maximum is bounded absolutely: 4 eps of 1 or of itself.
        total = name == "logsumexp" or (name == "softmax_and_logsumexp" and want is expected[1])
        agree(library.numpy(got), want, floor=1.0 if total else 0.0)


def noise(*shape: int) -> Any:
    return np.random.default_rng(20261122).normal(scale=3.0, size=shape)


X = noise(4, 3, 5)
KEEP = noise(4, 3, 5) > -1.0
KEEP[1, 2] = False
FAMILY = ("softmax", "log_softmax", "logsumexp")
ROWS = ("softmax", "log_softmax", "softmax_and_logsumexp")


def in_every_float(test: Any) -> Any:
    return pytest.mark.parametrize("precision", ["float64", "float32"])(test)


def cast(library: Library, precision: str, x: Any = X) -> Any:
    if precision not in library.floats:
        pytest.skip(f"{library.name}: {precision} is tested on its own")
    return x.astype(precision)


@in_every_float
@pytest.mark.parametrize("axis", [-1, 0, 1, (0, 2), (2, 1), (), None], ids=str)
@pytest.mark.parametrize("name", FAMILY)
def test_axes(library, name, axis, precision):
    check(library, name, cast(library, precision), axis=axis)


@in_every_float
@pytest.mark.parametrize("axis", [-1, (0, 2), None], ids=str)
def test_softmax_and_logsumexp(library, axis, precision):
    check(library, "softmax_and_logsumexp", cast(library, precision), axis=axis, temperature=0.7, sink=0.5)


@pytest.mark.parametrize("axis", [-1, 0, (1, 2), None], ids=str)
def test_keepdims(library, axis):
    check(library, "logsumexp", cast(library, "float32"), axis=axis, keepdims=True)


@in_every_float
@pytest.mark.parametrize("axis", [-1, 0, (0, 2), None], ids=str)
@pytest.mark.parametrize("name", FAMILY)
def test_where(library, name, axis, precision):
    check(library, name, cast(library, precision), axis=axis, where=KEEP)


@pytest.mark.parametrize("shape", [(5,), (3, 1), (4, 1, 1), (1, 1, 1), ()], ids=str)
@pytest.mark.parametrize("name", FAMILY)
def test_where_broadcasts(library, name, shape):
    keep = np.asarray(noise(*shape) > -1.0)
    check(library, name, cast(library, "float32"), where=keep)


@in_every_float
@pytest.mark.parametrize("temperature", [0.5, 2, 0, INF], ids=str)
@pytest.mark.parametrize("name", ROWS)
def test_temperature_number(library, name, temperature, precision):
    check(library, name, cast(library, precision), temperature=temperature)


@in_every_float
@pytest.mark.parametrize("name", ROWS)
def test_temperature_array(library, name, precision):
    t = np.asarray([[[0.5], [2.0], [1.0]], [[0.0], [INF], [3.0]], [[-1.0], [NAN], [1.5]], [[1.0], [0.0], [0.1]]])
    check(library, name, cast(library, precision), temperature=t.astype(precision))
    check(library, name, cast(library, precision), axis=(0, 2), temperature=t[0].astype(precision))
    check(library, name, cast(library, precision), axis=None, temperature=t[0, 0, 0].astype(precision).reshape(()))


@in_every_float
@pytest.mark.parametrize("sink", [0, 1.5, -INF], ids=str)
@pytest.mark.parametrize("name", ROWS)
def test_sink_number(library, name, sink, precision):
    check(library, name, cast(library, precision), sink=sink)


@in_every_float
@pytest.mark.parametrize("name", ROWS)
def test_sink_array(library, name, precision):
    sink = np.asarray([[0.0], [30.0], [-INF]], dtype=precision)
    check(library, name, cast(library, precision), sink=sink, where=KEEP)
    check(library, name, cast(library, precision), axis=(0, 2), sink=sink, temperature=2.0)


@pytest.mark.parametrize("integer", ["uint8", "int8", "int32", "int64", "bool"])
@pytest.mark.parametrize("name", FAMILY)
def test_integers(library, name, integer):
    rows = np.asarray([[0, 1, 0], [1, 1, 1]] if integer == "bool" else [[0, 120, 119], [3, 3, 0]])
    check(library, name, rows.astype(integer), axis=-1)


@pytest.mark.parametrize("name", FAMILY)
def test_uint8_does_not_wrap_around(library, name):
    check(library, name, np.asarray([0, 255], dtype=np.uint8), axis=-1)


SPECIAL = {
    "some -inf": [0.0, -INF, 1.0],
    "only -inf": [-INF, -INF, -INF],
    "+inf": [0.0, INF, -INF],
    "two +inf": [INF, INF, 1.0],
    "nan": [0.0, NAN, 1.0],
    "nan and +inf": [INF, NAN, -INF],
    "huge": [1e30, 0.0, -1e30],
    "confident": [0.0, -40.0, -90.0],
    "ties": [2.0, 2.0, -3.0],
}


@in_every_float
@pytest.mark.parametrize("row", SPECIAL)
@pytest.mark.parametrize("name", FAMILY)
def test_special_rows(library, name, row, precision):
    x = np.asarray([[0.0, 0.5, 1.0], SPECIAL[row], [0.0, 0.0, 0.0]])
    check(library, name, cast(library, precision, x), axis=-1)
    keep = np.asarray([[True, True, False]])
    check(library, name, cast(library, precision, x), axis=-1, where=keep)


@in_every_float
@pytest.mark.parametrize("name", FAMILY)
def test_both_ends(library, name, precision):
    big = 1e308 if precision == "float64" else 3e38
    check(library, name, cast(library, precision, np.asarray([[big, -big], [0.0, 1.0]])), axis=-1)


@in_every_float
@pytest.mark.parametrize("bad", [NAN, INF, -INF, 1e30], ids=str)
@pytest.mark.parametrize("name", FAMILY)
def test_masked_values_have_no_influence(library, name, bad, precision):
    x = np.asarray([[0.0, bad, 1.0], [bad, bad, bad], [bad, 2.0, NAN]])
    keep = np.asarray([[True, False, True], [False, False, False], [False, True, True]])
    check(library, name, cast(library, precision, x), axis=-1, where=keep)


@in_every_float
@pytest.mark.parametrize("name", FAMILY)
def test_empty_rows_and_batches(library, name, precision, request):
    if library.name == "mlx":
        pytest.skip("mlx: reading an array without entries sometimes waits for ever")
    if (library.name, name) == ("marray", "logsumexp"):
        reason = "marray: a reduction over nothing is masked, logsumexp of an empty row too"
        request.applymarker(pytest.mark.xfail(strict=True, raises=AssertionError, reason=reason))
    check(library, name, cast(library, precision, np.zeros((2, 0))), axis=-1)
    check(library, name, cast(library, precision, np.zeros((0, 3))), axis=-1)


@in_every_float
@pytest.mark.parametrize("name", FAMILY)
def test_no_dimensions(library, name, precision):
    check(library, name, cast(library, precision, np.asarray(3.0)), axis=None)
    with pytest.raises(ValueError, match="axis=-1 is out of range for an array with 0 dimensions"):
        getattr(softmax_xp, name)(library.array(cast(library, precision, np.asarray(3.0))), axis=-1)


def test_float32_is_summed_without_loss(library):
    x = np.zeros((1 << 16, 2), dtype=np.float32)
    check(library, "logsumexp", x, axis=0)
    check(library, "softmax", x, axis=0)


@in_every_float
def test_weighted_sum(library, precision):
    x = cast(library, precision)
    check(library, "logsumexp", x, axis=-1, b=abs(noise(5)).astype(precision), return_sign=True)
    check(library, "logsumexp", x, axis=-1, b=np.asarray([1, -1, 0, 2, 0.5], dtype=precision))


@in_every_float
def test_other_functions(library, precision):
    x = cast(library, precision)
    check(library, "softmin", x)
    check(library, "logmeanexp", x, axis=(0, 2), where=KEEP)
    check(library, "log1mexp", np.asarray([1e-20, 0.5, 2.0, 50.0, 0.0, -1.0, INF, NAN], dtype=precision))


@in_every_float
def test_hardmax(library, precision, request):
    _needs_arange(library, request)
    x = cast(library, precision)
    check(library, "hardmax", np.asarray([[1.0, 3.0, 3.0], [0.0, NAN, 1.0], [-INF, INF, INF]], dtype=precision))
    check(library, "hardmax", x, axis=(0, 2), where=KEEP)


def _needs_arange(library: Library, request: pytest.FixtureRequest) -> None:
    if library.name == "sparse":
        reason = "sparse: the namespace has no arange"
        request.applymarker(pytest.mark.xfail(strict=True, raises=AttributeError, reason=reason))


def test_one_hot(library, request):
    _needs_arange(library, request)
    labels = np.asarray([[0, 2], [-1, 3]])
    for integer in ("int64", "int32", "int8"):
        out = softmax_xp.one_hot(library.array(labels.astype(integer)), 3, axis=1)
        assert tuple(out.shape) == (2, 3, 2)
        want = softmax_xp.one_hot(labels, 3, axis=1, dtype=np.dtype(library.default))
        np.testing.assert_array_equal(library.numpy(out), want, strict=True)


def test_arrays_of_two_libraries_are_refused(library):
    with pytest.raises(TypeError, match=r"and where is an array of numpy; convert one of them"):
        softmax_xp.softmax(library.array(np.zeros(3)), where=np.ones(3, dtype=bool))


# What is particular to one library.


@only("mlx")
@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="mlx: exp of a float64 array has the precision of float32 on the CPU (relative error 3e-7)",
)
def test_mlx_float64(library):
    x = noise(4, 50)
    given = library.array(x)
    assert given.dtype == library.xp.float64
    out = softmax_xp.softmax(given)
    if out.dtype != library.xp.float64 or tuple(out.shape) != x.shape:
        pytest.fail("not an accuracy problem", pytrace=False)
    agree(np.asarray(out), softmax_xp.softmax(x))


@only("mlx")
@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_mlx_halves(library, half):
    x = library.xp.zeros((100_000,), dtype=getattr(library.xp, half))
    p, total = softmax_xp.softmax(x), softmax_xp.logsumexp(x)
    assert p.dtype == total.dtype == x.dtype
    u = library.xp.finfo(x.dtype).eps / 2
    assert abs(total.item() - np.log(1e5)) <= 2 * u * np.log(1e5)
    # float16 is subnormal at 1e-5: half a unit there is 2**-25.
    assert abs(p[0].item() - 1e-5) <= max(2 * u * 1e-5, 2.0**-25 if half == "float16" else 0)


@only("mlx")
def test_mlx_derivative(library):
    mx = library.xp
    x, g = noise(5).astype(np.float32), noise(5).astype(np.float32)
    found = mx.grad(lambda z: mx.sum(softmax_xp.softmax(z) * mx.array(g)))(mx.array(x))
    p = softmax_xp.softmax(x.astype(np.float64))
    expected = p * (g - p @ g)
    bound = 2 * TOLERANCE * np.finfo(np.float32).eps * abs(g).max()
    np.testing.assert_allclose(np.asarray(found), expected, rtol=0, atol=bound)


@only("ndonnx")
@pytest.mark.parametrize("axis", [-1, 0, (0, 1)], ids=str)
@pytest.mark.parametrize("name", FAMILY)
def test_onnx_model_with_a_symbolic_batch(library, name, axis, tmp_path):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    ndx = library.xp
    x = ndx.argument(shape=("N", 5), dtype=ndx.float32)
    keep = ndx.argument(shape=("N", 5), dtype=ndx.bool)
    y = getattr(softmax_xp, name)(x, axis=axis, where=keep)
    path = tmp_path / "model.onnx"
    onnx.save(ndx.build({"x": x, "keep": keep}, {"y": y}), path)
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [(i.name, i.shape) for i in session.get_inputs()] == [("x", ["N", 5]), ("keep", ["N", 5])]
    for n in (1, 3, 8):
        values, kept = noise(n, 5).astype(np.float32), noise(n, 5) > -1.0
        values[0, 0], kept[-1, :] = -INF, False
        (got,) = session.run(None, {"x": values, "keep": kept})
        agree(got, getattr(softmax_xp, name)(values, axis=axis, where=kept))


@only("cubed")
@pytest.mark.parametrize("axis", [-1, 0, None], ids=str)
def test_cubed_stays_lazy(library, axis):
    cubed = import_module("cubed")
    read: list[Any] = []

    def block(values: Any) -> Any:
        read.append(values.shape)
        return values

    x = noise(4, 6)
    lazy = cubed.map_blocks(block, library.array(x), dtype=np.dtype("float64"))
    results = [getattr(softmax_xp, name)(lazy, axis=axis, where=library.array(x > -1.0)) for name in FAMILY]
    assert read == []
    for name, out in zip(FAMILY, results, strict=True):
        agree(out.compute(), getattr(softmax_xp, name)(x, axis=axis, where=x > -1.0))
    assert read


@only("sparse")
@pytest.mark.parametrize("format", ["coo", "gcxs"])
@pytest.mark.parametrize("name", FAMILY)
def test_sparse_formats(library, name, format, request):
    if (name, format) == ("logsumexp", "gcxs"):
        reason = "sparse: squeeze of a GCXS array is an AttributeError"
        request.applymarker(pytest.mark.xfail(strict=True, raises=AttributeError, reason=reason))
    x = library.xp.random((6, 8), density=0.3, format=format, random_state=0)
    out = getattr(softmax_xp, name)(x, axis=-1)
    assert isinstance(out, type(x))
    agree(out.todense(), getattr(softmax_xp, name)(x.todense(), axis=-1))


@only("sparse")
def test_sparse_softmax_over_no_axes_of_a_fill_value(library):
    x = library.xp.full((3, 4), 2.0)
    agree(softmax_xp.softmax(x).todense(), np.full((3, 4), 0.25))
    agree(softmax_xp.logsumexp(x, axis=-1).todense(), np.full(3, 2 + np.log(4.0)))


# The data under a mask goes through exp and log1p as it is, with NumPy's own warnings.
@only("marray")
@pytest.mark.filterwarnings("ignore:overflow encountered in exp:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:divide by zero encountered in log1p:RuntimeWarning")
@pytest.mark.parametrize("axis", [-1, 0, None], ids=str)
@pytest.mark.parametrize("name", FAMILY)
def test_marray_mask_acts_as_where(library, name, axis):
    mxp = library.xp
    out = getattr(softmax_xp, name)(mxp.asarray(X, mask=~KEEP), axis=axis)
    want = getattr(softmax_xp, name)(X, axis=axis, where=KEEP)
    masked = np.broadcast_to(~KEEP.any(axis=axis) if name == "logsumexp" else ~KEEP, np.shape(want))
    np.testing.assert_array_equal(out.mask, masked)
    agree(np.asarray(out.data)[~masked], np.asarray(want)[~masked])
