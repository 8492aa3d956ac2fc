"""Bad input of the activations: the errors and their exact texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from softmax_xp import activations

from ..backends import BACKENDS, Backend
from .test_normalizers import NOT_ARRAYS, REAL, raises

ALL = activations.__all__
everything = pytest.mark.parametrize("name", ALL)
FINITE = [("leaky_relu", "negative_slope"), ("elu", "alpha"), ("linear", "slope")]
POSITIVE = [("softplus", "beta"), ("softcap", "cap")]
finite = pytest.mark.parametrize(("name", "option"), FINITE)
positive = pytest.mark.parametrize(("name", "option"), POSITIVE)
no_numbers = pytest.mark.parametrize("value", ["1", None, True, 1j])


def call(name: str, x: Any, **options: Any) -> Any:
    return getattr(activations, name)(x, **({"cap": 1.0} if name == "softcap" else {}) | options)


def first(name: str) -> str:
    return "p" if name == "logit" else "x"


def floats(backend: Backend) -> Any:
    return backend.array([0.5, 0.25], backend.dtypes[0])


@everything
@pytest.mark.parametrize(("x", "label", "fix"), NOT_ARRAYS, ids=[n[1] for n in NOT_ARRAYS])
def test_the_argument_is_not_an_array(name: str, x: Any, label: str, fix: str) -> None:
    with raises(TypeError, f"{first(name)} is a {label}, not an array; pass {fix.format(first(name))}"):
        call(name, x)


@everything
def test_the_argument_is_complex(backend: Backend, name: str) -> None:
    x = backend.array([1.0 + 0j], "complex64") if backend.library != "ml_dtypes" else np.asarray([1j])
    with raises(TypeError, f"{first(name)} has dtype {x.dtype}; supported: {REAL}"):
        call(name, x)


@everything
def test_the_namespace_may_be_given(backend: Backend, name: str) -> None:
    assert call(name, floats(backend), xp=backend.xp).shape == (2,)


@finite
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_is_not_finite(backend: Backend, name: str, option: str, value: float) -> None:
    with raises(ValueError, f"{option}={value} is not allowed; use a finite number"):
        call(name, floats(backend), **{option: value})


@finite
@no_numbers
def test_a_slope_is_no_number(name: str, option: str, value: Any) -> None:
    with raises(TypeError, f"{option}={value!r} is not a number; use a finite number"):
        call(name, floats(BACKENDS["numpy"]), **{option: value})


@positive
@pytest.mark.parametrize("value", [0.0, -1, np.nan, np.inf])
def test_a_number_is_not_above_0(backend: Backend, name: str, option: str, value: float) -> None:
    with raises(ValueError, f"{option}={value} is not allowed; use a number above 0"):
        call(name, floats(backend), **{option: value})


@positive
@no_numbers
def test_a_scale_is_no_number(name: str, option: str, value: Any) -> None:
    with raises(TypeError, f"{option}={value!r} is not a number; use a number above 0"):
        call(name, floats(BACKENDS["numpy"]), **{option: value})


def test_a_threshold_is_nan_or_no_number(backend: Backend) -> None:
    with raises(ValueError, "threshold=nan is not allowed; use a number in [-inf, inf]"):
        activations.binary_step(floats(backend), threshold=np.nan)
    with raises(TypeError, "threshold='a' is not a number; use a number in [-inf, inf]"):
        activations.binary_step(floats(backend), threshold="a")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["tanh", 1, None])
def test_approximate_is_not_a_bool(backend: Backend, value: Any) -> None:
    # "tanh" and "none" are torch's; both would be true here.
    with raises(TypeError, f"approximate={value!r} is not a bool; use True or False"):
        activations.gelu(floats(backend), approximate=value)


def test_a_cap_must_be_given() -> None:
    with pytest.raises(TypeError, match="cap"):
        activations.softcap(floats(BACKENDS["numpy"]))  # type: ignore[call-arg]


@everything
def test_options_are_keywords(name: str) -> None:
    with pytest.raises(TypeError, match="positional"):
        getattr(activations, name)(floats(BACKENDS["numpy"]), 1.0)
