"""Losses are linear in their weights: the derivative at a weight of 0 is the loss, in JAX."""

from __future__ import annotations

import pytest

jax = pytest.importorskip("jax", reason="jax is not installed")

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

from softmax_xp import logsumexp  # noqa: E402

from ...contract.losses.reference import X, assert_near  # noqa: E402
from ...contract.losses.weights import weighted_losses  # noqa: E402
from .arrays import array  # noqa: E402

pytestmark = pytest.mark.usefixtures("quick_compilation", "only_x64")


TESTED = (
    "cross_entropy, labels",
    "cross_entropy, labels, class weight",
    "smoothed, labels",
    "capped, labels",
    "masked, labels",
    "capped, probabilities, class weight",
    "focal, labels, class weight",
    "generalized, probabilities",
    "entmax, probabilities",
    "norm, labels",
    "with gradient, capped, labels",
    "ignored",
    "candidates",
    "binary focal",
    "binary, positive",
)
"""One of each way that a loss is computed: compilation takes a second for each."""


def cases():
    def made(values, dtype=None):
        return jnp.asarray(values, dtype=dtype) if dtype else array(values)

    found = weighted_losses(made)
    return {name: found[name] for name in TESTED}


@pytest.mark.thorough
def test_a_weight_of_0_has_the_loss_for_its_derivative_and_its_gradient_for_the_next():
    def derivatives(x):
        found = {}
        for name, case in cases().items():
            w = jnp.zeros(case.shape)
            units = jnp.eye(w.size).reshape(w.size, *case.shape)
            of_w = jax.grad(case.loss, 1)
            found[name] = (
                of_w(x, w).reshape(-1),
                jax.jacrev(of_w)(x, w).reshape(w.size, *x.shape),
                jax.vmap(case.loss, (None, 0))(x, units),
                jax.vmap(jax.grad(case.loss), (None, 0))(x, units),
            )
        return found

    for of_w, mixed, parts, slopes in jax.jit(derivatives)(array(X)).values():
        assert_near(of_w, parts, "float64", scale=8.0)
        assert_near(mixed, slopes, "float64", scale=8.0)


def test_nothing_of_what_has_a_weight_of_0_reaches_a_derivative():
    def derivatives(x):
        return {
            name: jax.vmap(jax.value_and_grad(case.loss, (0, 1)), (0, None))(x, jnp.zeros(case.shape))
            for name, case in cases().items()
            if case.removes
        }

    bad = np.stack([X] * 3)
    bad[:, 0] = np.asarray([[np.nan], [np.inf], [-np.inf]])
    bad[:, 1, 2] = [np.nan, np.inf, -np.inf]
    for name, (loss, (of_x, of_w)) in jax.jit(derivatives)(array(bad)).items():
        np.testing.assert_array_equal(loss, np.zeros(3), name)
        np.testing.assert_array_equal(of_x, np.zeros(bad.shape), name)
        assert np.isfinite(of_w).all(), name


def test_the_weights_of_a_sum_have_their_derivatives_also_at_0():
    def size(x, b):
        return logsumexp(x, b=b, return_sign=True)[0]

    x = array([[0.0, 0.0, 0.0], [np.nan, 1.0, 1.0], [np.inf, -np.inf, 0.0]])
    b = array([[4.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    of_x, of_b = jax.jit(jax.vmap(jax.grad(size, (0, 1))))(x, b)
    assert_near(of_x, [[0.8, 0.0, 0.2], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]], "float64")
    assert_near(of_b, [[0.2, 0.2, 0.2], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]], "float64")
    again = jax.jit(jax.vmap(jax.hessian(size, 1)))(x, b)
    assert_near(again[0], np.full((3, 3), -0.04), "float64")
    assert np.isfinite(again).all()
