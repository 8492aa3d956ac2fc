"""Formulas in blocks on NumPy: the bits of the formula itself, whatever is cut."""

from __future__ import annotations

import numpy as np
import pytest

import softmax_xp
from softmax_xp import activations, sampling, sparse
from softmax_xp._engines.numpy import blocks

from ...contract.sparse.numbers import assert_near
from ...plans import forget

inf = np.inf
ROWS = {
    "sparsemax": sparse.sparsemax,
    "entmax": sparse.entmax,
    "entmax 1.25": lambda x, **o: sparse.entmax(x, alpha=1.25, **o),
    "entmax 3": lambda x, **o: sparse.entmax(x, alpha=3.0, **o),
    "normmax": sparse.normmax,
    "k_subset": lambda x, **o: sparse.k_subset(x, k=3, **o),
    "project_simplex": lambda x, **o: sparse.project_simplex(x, scale=2.0, **o),
}
FILTERS = {
    "top_k": lambda x, **o: sampling.top_k_logits(x, 3, **o),
    "top_p": lambda x, **o: sampling.top_p_logits(x, 0.8, **o),
    "min_p": lambda x, **o: sampling.min_p_logits(x, 0.1, **o),
    "typical": lambda x, **o: sampling.typical_logits(x, 0.8, **o),
    "epsilon": lambda x, **o: sampling.epsilon_logits(x, 0.01, **o),
    "eta": lambda x, **o: sampling.eta_logits(x, 0.01, **o),
}
BOTH = {**ROWS, **FILTERS}
both = pytest.mark.parametrize("name", BOTH)
X = np.random.default_rng(0).normal(size=(40, 6, 9))
X[3, 2], X[4, 1, 0], X[5, 0] = np.nan, -inf, 7.0


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    forget()
    monkeypatch.setattr(blocks, "BLOCK", 1000)
    with softmax_xp.use_engine("numpy_blocks"):
        yield
    forget()


def by_formula(function, x, **options):
    with softmax_xp.use_engine("generic"):
        return function(x, **options)


@both
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_any_axis_and_dtype_gives_the_bits_of_the_formula(name, axis, dtype):
    x = X.astype(dtype)
    found = BOTH[name](x, axis=axis)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, by_formula(BOTH[name], x, axis=axis))


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("axis", [(0, 2), None])
def test_several_axes_give_what_the_formula_does(name, axis):
    # NumPy adds up a row in another order where more rows lie beside it.
    assert_near(ROWS[name](X, axis=axis), by_formula(ROWS[name], X, axis=axis), "entmax", "float64")


@both
def test_masks_are_cut_with_the_logits(name):
    for where in (X > -1, (X > -1)[:1], (X > -1)[:, :, :1]):
        np.testing.assert_array_equal(BOTH[name](X, where=where), by_formula(BOTH[name], X, where=where))


@both
def test_any_layout_gives_the_bits_of_the_formula(name):
    for x in (X[::-2], X.transpose(2, 0, 1), X[:, ::2, ::-1], np.broadcast_to(X[:1], (50, 6, 9))):
        np.testing.assert_array_equal(BOTH[name](x), by_formula(BOTH[name], x))


def test_options_of_rows_are_cut_with_the_logits():
    alpha = np.random.default_rng(1).uniform(1, 3, size=(40, 6, 1))
    for call in (
        lambda x: sparse.entmax(x, alpha=alpha),
        lambda x: sparse.normmax(x, alpha=alpha[:1]),
        lambda x: sparse.k_subset(x, k=alpha),
        lambda x: sparse.project_simplex(x, scale=alpha),
        lambda x: sampling.top_p_logits(x, alpha / 4),
        lambda x: sampling.top_k_logits(x, alpha.astype(int)),
    ):
        np.testing.assert_array_equal(call(X), by_formula(call, X))


@pytest.mark.parametrize("name", activations.__all__)
@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_activations_give_the_bits_of_the_formula(name, dtype):
    options = {"cap": 2.0} if name == "softcap" else {}
    for x in (X.astype(dtype), X.astype(dtype).ravel(), X.astype(dtype).T):
        found = getattr(activations, name)(x, **options)
        np.testing.assert_array_equal(found, by_formula(getattr(activations, name), x, **options))


def test_the_engine_is_that_of_larger_arrays():
    assert softmax_xp.which_engine("sparsemax", X).startswith("numpy_blocks")
    assert softmax_xp.which_engine("gelu", X).startswith("numpy_blocks")
    assert softmax_xp.which_engine("top_p_logits", X, 0.9).startswith("numpy_blocks")
    assert "do not fit in the cache" in softmax_xp.which_engine("sparsemax", X[:1])
