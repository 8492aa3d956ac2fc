"""Bad input of draws and filters: the errors and their exact texts."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import numpy as np
import pytest

from softmax_xp import sampling
from softmax_xp.sampling import gumbel_softmax, sample_categorical, top_k_logits, top_p_logits

from ..backends import Backend
from ..contract.sampling.reference import BY_MASS, FILTERS
from .test_normalizers import NOT_ARRAYS, raises, second, two_libraries

DRAWS = ("gumbel_softmax", "sample_categorical")
every = pytest.mark.parametrize("name", (*DRAWS, *FILTERS))
filters = pytest.mark.parametrize("name", FILTERS)
draws = pytest.mark.parametrize("name", DRAWS)
shares = pytest.mark.parametrize("name", FILTERS[1:])
REAL = "bool, int8..int64, uint8..uint64, float16, bfloat16, float32, float64"
X = np.full((2, 3), 0.5)


def call(name: str, x: Any, **options: Any) -> Any:
    """Call a function with good arguments behind its first."""
    function = getattr(sampling, name)
    if name in FILTERS:
        return function(x, 1, **options)
    return function(x, **{"noise": x, **options})


def owner(name: str) -> str:
    return "x" if name in FILTERS else "logits"


def floats(backend: Backend, *shape: int) -> Any:
    return backend.array(np.full(shape, 0.5), backend.dtypes[0])


def test_every_public_function_is_covered() -> None:
    assert sorted((*DRAWS, *FILTERS)) == sampling.__all__


@every
@pytest.mark.parametrize(("x", "label", "fix"), NOT_ARRAYS, ids=[n[1] for n in NOT_ARRAYS])
def test_the_first_argument_is_not_an_array(name: str, x: Any, label: str, fix: str) -> None:
    text = f"{owner(name)} is a {label}, not an array; pass {fix.format(owner(name))}"
    with raises(TypeError, text):
        call(name, x, **({"noise": X} if name in DRAWS else {}))


@every
def test_complex_numbers_are_refused(backend: Backend, name: str) -> None:
    if backend.name not in ("numpy", "torch", "jax-x64", "dask"):
        return
    x = backend.array([0.5 + 1j], "complex128")
    with raises(TypeError, f"{owner(name)} has dtype {x.dtype}; supported: {REAL}"):
        call(name, x, **({"noise": floats(backend, 1)} if name in DRAWS else {}))


@every
@pytest.mark.parametrize("axis", [2, -3])
def test_the_axis_is_out_of_range(backend: Backend, name: str, axis: int) -> None:
    text = f"axis={axis} is out of range for an array with 2 dimensions; use -2..1"
    for error in (ValueError, IndexError):
        with raises(error, text):
            call(name, floats(backend, 2, 3), axis=axis)


@every
@pytest.mark.parametrize("axis", [None, (0, 1), 1.0])
def test_the_axis_is_one_integer(name: str, axis: Any) -> None:
    with raises(TypeError, f"axis={axis!r} is not an integer; use an integer"):
        call(name, X, axis=axis)


@every
def test_where_is_boolean_and_broadcasts(backend: Backend, name: str) -> None:
    x = floats(backend, 2, 3)
    with raises(TypeError, f"where has dtype {x.dtype}; use bool, with True for the entries to keep"):
        call(name, x, where=x)
    with raises(ValueError, "where has shape (3, 3), which does not broadcast to (2, 3)"):
        call(name, x, where=backend.array(np.ones((3, 3)), "bool"))


@every
def test_arrays_of_two_libraries_are_refused(backend: Backend, name: str) -> None:
    x, other = floats(backend, 2, 3), second(backend).array([True, False, True], "bool")
    with two_libraries(owner(name), x, "where", other):
        call(name, x, where=other)


@every
def test_arrays_on_two_devices_are_refused(name: str) -> None:
    strict = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")
    x = strict.asarray([0.5, 0.5])
    where = strict.asarray([True, True], device=strict.Device("device1"))
    with pytest.raises(ValueError, match=f"^{owner(name)} is on device .* and where is on device .*; move one of them"):
        call(name, x, where=where)


# Filters


@filters
@pytest.mark.parametrize("fill", ["0", None, True])
def test_the_fill_is_a_number(name: str, fill: Any) -> None:
    with raises(TypeError, f"fill={fill!r} is not a number; use a number in [-inf, inf]"):
        call(name, X, fill=fill)
    with raises(ValueError, "fill=nan is not allowed; use a number in [-inf, inf]"):
        call(name, X, fill=np.nan)


@shares
def test_min_keep_is_an_integer_of_at_least_1(name: str) -> None:
    with raises(TypeError, "min_keep=1.5 is not an integer; use an integer of at least 1"):
        call(name, X, min_keep=1.5)
    with raises(ValueError, "min_keep=0 is not allowed; use an integer of at least 1"):
        call(name, X, min_keep=0)


@pytest.mark.parametrize("k", [1.5, "1", None, True])
def test_k_is_an_integer(k: Any) -> None:
    with raises(TypeError, f"k={k!r} is not an integer; use an integer of at least 1"):
        top_k_logits(X, k)


@pytest.mark.parametrize("k", [0, -1])
def test_k_is_at_least_1(k: int) -> None:
    with raises(ValueError, f"k={k} is not allowed; use an integer of at least 1"):
        top_k_logits(X, k)


def test_k_in_an_array_is_of_integers_one_for_each_row(backend: Backend) -> None:
    x = floats(backend, 2, 3)
    with raises(TypeError, f"k has dtype {x.dtype}; supported: int8..int64, uint8..uint64"):
        top_k_logits(x, x)
    with raises(ValueError, "k has shape (2, 3), which does not broadcast to (2, 1)"):
        top_k_logits(x, backend.array(np.ones((2, 3)), "int32"))


def test_numpy_integers_are_numbers_of_entries() -> None:
    np.testing.assert_array_equal(top_k_logits(X, np.int64(3)), X)


def test_ties_are_kept_in_one_of_two_ways() -> None:
    with raises(ValueError, "ties='last' is not known; use one of 'first', 'all'"):
        top_k_logits(X, 1, ties="last")


@shares
@pytest.mark.parametrize("p", [-0.5, 1.5, np.nan])
def test_a_share_is_in_its_interval(name: str, p: float) -> None:
    symbol = "epsilon" if name in ("epsilon_logits", "eta_logits") else "p"
    allowed = "(0, 1]" if name in BY_MASS else "[0, 1]"
    with raises(ValueError, f"{symbol}={p} is not allowed; use a number in {allowed}"):
        getattr(sampling, name)(X, p)


@pytest.mark.parametrize("name", BY_MASS)
def test_no_share_at_all_is_refused(name: str) -> None:
    with raises(ValueError, "p=0 is not allowed; use a number in (0, 1]"):
        getattr(sampling, name)(X, 0)


@shares
@pytest.mark.parametrize("p", ["1", None, True])
def test_a_share_is_a_number(name: str, p: Any) -> None:
    symbol = "epsilon" if name in ("epsilon_logits", "eta_logits") else "p"
    allowed = "(0, 1]" if name in BY_MASS else "[0, 1]"
    with raises(TypeError, f"{symbol}={p!r} is not a number; use a number in {allowed}"):
        getattr(sampling, name)(X, p)


def test_a_share_in_an_array_is_real_and_one_for_each_row(backend: Backend) -> None:
    x = floats(backend, 2, 3)
    mask = backend.array(np.ones((2, 1)), "bool")
    with raises(TypeError, f"p has dtype {mask.dtype}; supported: real numbers"):
        top_p_logits(x, mask)
    with raises(ValueError, "p has shape (2, 3), which does not broadcast to (2, 1)"):
        top_p_logits(x, x)


# Draws

FIXES = {
    "numpy": "numpy.random.default_rng(seed)",
    "ml_dtypes": "numpy.random.default_rng(seed)",
    "strict": "numpy.random.default_rng(seed)",
    "dask": "numpy.random.default_rng(seed)",
    "cupy": "cupy.random.default_rng(seed)",
    "torch": "torch.Generator(device=logits.device).manual_seed(seed)",
    "jax": "jax.random.key(seed)",
}


@draws
def test_noise_or_a_generator_is_needed(backend: Backend, name: str) -> None:
    text = (
        f"neither noise nor rng is given; pass rng={FIXES[backend.library]}, or noise: standard Gumbel numbers "
        "of shape (2, 3)"
    )
    with raises(ValueError, text):
        call(name, floats(backend, 2, 3), noise=None)


@draws
def test_noise_and_a_generator_together_are_refused(name: str) -> None:
    with raises(ValueError, "noise and rng are both given; pass one of them"):
        call(name, X, rng=np.random.default_rng(0))


@draws
@pytest.mark.parametrize("rng", [0, np.random.RandomState(0), np.random.PCG64(0)], ids=lambda r: type(r).__name__)
def test_what_is_no_generator_is_refused(backend: Backend, name: str, rng: Any) -> None:
    label = "int" if rng == 0 else f"numpy.{type(rng).__name__}"
    library = {"strict": "array_api_strict", "dask": "dask.array", "jax": "jax.numpy", "ml_dtypes": "numpy"}
    text = (
        f"rng is a {label}, which makes no noise for arrays of {library.get(backend.library, backend.library)}; "
        f"pass rng={FIXES[backend.library]}, or noise"
    )
    with raises(TypeError, text):
        call(name, floats(backend, 2, 3), noise=None, rng=rng)


@draws
def test_a_generator_of_numpy_makes_no_noise_for_torch_and_jax(backend: Backend, name: str) -> None:
    if backend.library in ("torch", "jax"):
        with pytest.raises(TypeError, match=r"^rng is a numpy.Generator, which makes no noise for arrays of "):
            call(name, floats(backend, 2, 3), noise=None, rng=np.random.default_rng(0))


@draws
def test_noise_is_floating(backend: Backend, name: str) -> None:
    noise = backend.array(X, "int32")
    with raises(TypeError, f"noise has dtype {noise.dtype}; use a floating type"):
        call(name, floats(backend, 2, 3), noise=noise)


def test_noise_has_the_shape_of_what_it_is_for(backend: Backend) -> None:
    x, noise = floats(backend, 2, 3), floats(backend, 1, 3)
    with raises(ValueError, "noise has shape (1, 3); use (2, 3), the shape of logits"):
        gumbel_softmax(x, noise=noise)
    with raises(ValueError, "noise has shape (2, 3); use (4, 2, 3), that of the draws and then that of logits"):
        sample_categorical(x, noise=x, shape=4)
    many = floats(backend, 2, 2, 3)
    with raises(ValueError, "noise has shape (2, 2, 3); use (2, 3), the shape of logits, as replace=False"):
        sample_categorical(x, noise=many, shape=2, replace=False)


@pytest.mark.parametrize("shape", ["2", None, (2, 1.5), [2]])
def test_the_shape_of_draws_is_of_integers(shape: Any) -> None:
    with raises(TypeError, f"shape={shape!r} is no shape; use a tuple of integers"):
        sample_categorical(X, noise=X, shape=shape)


def test_the_shape_of_draws_is_not_negative() -> None:
    with raises(ValueError, "shape=(2, -1) has a negative length; use integers of at least 0"):
        sample_categorical(X, noise=X, shape=(2, -1))


def test_no_more_labels_than_classes_are_drawn_without_replacement(backend: Backend) -> None:
    x = floats(backend, 2, 3)
    text = "shape=(2, 2) asks for 4 different labels of 3 classes; ask for at most 3, or use replace=True"
    with raises(ValueError, text):
        sample_categorical(x, noise=x, shape=(2, 2), replace=False)


@pytest.mark.parametrize("t", [-1.0, np.nan])
def test_the_temperature_is_that_of_softmax(t: float) -> None:
    with raises(ValueError, f"temperature={t} is not allowed; use a number in [0, inf]"):
        gumbel_softmax(X, noise=X, temperature=t)


def test_a_library_without_generators_says_so() -> None:
    from softmax_xp._gate.sampling import _check_source

    class Elsewhere:
        __name__ = "elsewhere"

    text = "neither noise nor rng is given; pass noise: standard Gumbel numbers of shape (2, 3)"
    with pytest.raises(ValueError, match=re.escape(text)):
        partial(_check_source, None, None, X, (2, 3), "")(Elsewhere())
