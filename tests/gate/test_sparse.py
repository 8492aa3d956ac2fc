"""Bad input of the sparse maps and their losses: the errors and their exact texts."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import numpy as np
import pytest

from softmax_xp import derivatives, sparse

from .test_normalizers import NOT_ARRAYS, raises

inf = np.inf
MAPS = {
    "sparsemax": sparse.sparsemax,
    "entmax": sparse.entmax,
    "normmax": sparse.normmax,
    "k_subset": partial(sparse.k_subset, k=1),
    "project_simplex": sparse.project_simplex,
}
LOSSES = {
    "entmax_loss": sparse.entmax_loss,
    "fenchel_young_loss": partial(sparse.fenchel_young_loss, regularizer="gini"),
}
maps = pytest.mark.parametrize("name", MAPS)
losses = pytest.mark.parametrize("name", LOSSES)
WIDE = "bool, int8..int64, uint8..uint64, float16, bfloat16, float32, float64"


@pytest.fixture
def x(backend: Any) -> Any:
    return backend.array(np.full((2, 3), 0.5), backend.dtypes[0])


@pytest.fixture
def labels(backend: Any) -> Any:
    return backend.array([0, 2], "int32")


@maps
def test_the_axis_must_exist(name, x):
    with raises(IndexError, "axis=2 is out of range for an array with 2 dimensions; use -2..1"):
        MAPS[name](x, axis=2)
    with raises(TypeError, "axis=True is a bool; use an integer, a tuple of integers or None"):
        MAPS[name](x, axis=True)


@losses
def test_a_loss_has_one_axis_of_classes(name, x, labels):
    with raises(TypeError, "axis=(0, 1) is not an integer; use an integer"):
        LOSSES[name](x, labels, axis=(0, 1))


@maps
@pytest.mark.parametrize(("bad", "label", "fix"), NOT_ARRAYS, ids=[n[1] for n in NOT_ARRAYS])
def test_only_arrays_are_mapped(name, bad, label, fix):
    with raises(TypeError, f"x is a {label}, not an array; pass {fix.format('x')}"):
        MAPS[name](bad)


@maps
def test_complex_numbers_have_no_order(backend, name):
    if backend.library == "ml_dtypes" or "float64" not in backend.dtypes:
        return
    z = backend.array([1j], "complex128")
    with raises(TypeError, f"x has dtype {z.dtype}; supported: {WIDE}"):
        MAPS[name](z)


@maps
def test_a_mask_is_boolean_and_broadcasts(backend, name, x):
    mask = backend.array([1, 0, 1], "int32")
    with raises(TypeError, f"where has dtype {mask.dtype}; use bool, with True for the entries to keep"):
        MAPS[name](x, where=mask)
    with raises(ValueError, "where has shape (2,), which does not broadcast to (2, 3)"):
        MAPS[name](x, where=backend.array([True, False], "bool"))


@maps
def test_the_dtype_is_a_floating_one(backend, name, x):
    kind = backend.dtype("int32")
    with raises(TypeError, f"dtype={kind} is not a floating type; use float16, bfloat16, float32 or float64"):
        MAPS[name](x, dtype=kind)


@pytest.mark.parametrize("name", ["entmax", "normmax"])
@pytest.mark.parametrize("alpha", [0.999, 0, -inf, np.nan])
def test_alpha_is_at_least_1(name, x, alpha):
    with raises(ValueError, f"alpha={alpha} is not allowed; use a number in [1, inf]"):
        MAPS[name](x, alpha=alpha)


@pytest.mark.parametrize("alpha", [True, "1.5", None])
def test_alpha_is_a_number_or_an_array(x, alpha):
    text = f"alpha={alpha!r} is not a number; use a number in [1, inf]"
    if isinstance(alpha, str):
        text = "alpha is a str, not an array; pass"
    with pytest.raises(TypeError, match=f"^{re.escape(text)}"):
        sparse.entmax(x, alpha=alpha)


@pytest.mark.parametrize("k", [-1, 3.5, np.nan, inf])
def test_k_is_at_most_the_length_of_a_row(x, k):
    with raises(ValueError, f"k={k} is not allowed; use a number in [0, 3]"):
        sparse.k_subset(x, k=k)


@pytest.mark.parametrize("scale", [-1.0, np.nan, inf])
def test_the_scale_is_not_negative_and_finite(x, scale):
    with raises(ValueError, f"scale={scale} is not allowed; use a number in [0, inf)"):
        sparse.project_simplex(x, scale=scale)


def test_an_array_of_numbers_has_one_for_each_row(backend, x):
    two = backend.array([[1.5, 2.0]], backend.dtypes[0])
    for name, option in (("entmax", "alpha"), ("normmax", "alpha"), ("k_subset", "k"), ("project_simplex", "scale")):
        with raises(ValueError, f"{option} has shape (1, 2), which does not broadcast to (2, 1)"):
            MAPS[name](x, **{option: two})
    with raises(ValueError, "alpha has shape (1, 2), which does not broadcast to (2, 1)"):
        derivatives.entmax_vjp(x, x, alpha=two)


@losses
def test_labels_have_the_shape_of_the_rows(name, backend, x):
    with raises(
        ValueError,
        "target holds labels and has shape (3,); use (2,), the shape of x without axis 1; or axis=0, which they fit",
    ):
        LOSSES[name](x, backend.array([0, 1, 1], "int32"))


@losses
def test_reductions_are_known(name, x, labels):
    with raises(ValueError, "reduction='median' is not known; use one of 'mean', 'sum', 'none'"):
        LOSSES[name](x, labels, reduction="median")


def test_regularizers_are_known(x, labels):
    with raises(ValueError, "alpha is the order of 'tsallis' and 'norm'; with regularizer='gini' leave it out"):
        sparse.fenchel_young_loss(x, labels, regularizer="gini", alpha=1.5)
    with raises(ValueError, "regularizer='l2' is not known; use one of 'shannon', 'gini', 'tsallis', 'norm'"):
        sparse.fenchel_young_loss(x, labels, regularizer="l2")


@pytest.mark.parametrize("alpha", [0.5, inf, np.nan])
def test_the_order_of_a_loss_is_finite(x, labels, alpha):
    text = f"alpha={alpha} is not allowed; use a number in [1, inf)"
    with raises(ValueError, text):
        sparse.entmax_loss(x, labels, alpha=alpha)
    with raises(ValueError, f"alpha={alpha} is not allowed; use a number above 1"):
        sparse.fenchel_young_loss(x, labels, regularizer="norm", alpha=alpha)


def test_the_cotangent_has_the_shape_of_the_shares(backend, x):
    g = backend.array(np.zeros(3), backend.dtypes[0])
    for function in (derivatives.sparsemax_vjp, derivatives.entmax_vjp):
        with raises(ValueError, "g has shape (3,); use the shape of p, (2, 3)"):
            function(x, g)
