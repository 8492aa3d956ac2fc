"""Logits that are computed inside the same compiled function: values and derivatives are those of given logits."""

from __future__ import annotations

from functools import partial

import pytest

jax = pytest.importorskip("jax", reason="jax is not installed")

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import softmax_xp as sx  # noqa: E402
from softmax_xp import losses, sparse  # noqa: E402
from softmax_xp.testing import contract  # noqa: E402
from softmax_xp.testing.compare import ulp  # noqa: E402

from ..producers import PRODUCERS  # noqa: E402
from .graph_calls import CALLS, COTANGENT, LABELS, PUBLIC, N, array, factors, logits  # noqa: E402

OF_DERIVATIVES = ("_vjp", "_jvp", "_hvp", "_jacobian")

CORE = (
    "softmax",
    "log_softmax",
    "log_softmax temperature=0.0",
    "logsumexp",
    "cross_entropy",
    "cross_entropy dense softcap",
    "generalized_cross_entropy dense",
    "logsubexp",
    "entmax alpha=1.25",
    "k_subset k=2",
    "typical_logits",
    "hardmax",
)
"""Functions of each kind of arithmetic on logits: they are tried with every way of computing these."""


def cast(x, name):
    return x.astype(jnp.asarray(0.5).dtype if name == "float32" else name)


def inputs():
    return array(logits(), jnp.asarray(0.5)), array(factors(), jnp.asarray(0.5))


def produced(name):
    """Return how logits are computed, as a function of given ones."""
    return lambda v: PRODUCERS[name](v, inputs()[1], cast)


def flat(y):
    return jnp.concatenate([jnp.ravel(part).astype(jnp.asarray(0.5).dtype) for part in jax.tree.leaves(y)])


def slope(f, x):
    """Return the gradient of the finite entries, each with another weight."""

    def total(x):
        y = flat(f(x))
        weights = array(np.resize(COTANGENT, y.shape), y)
        return jnp.sum(jnp.where(jnp.isfinite(y), y * weights, 0.0))

    return jax.grad(total)(x)


def assert_same(actual, expected, *, scaled):
    """Two results differ by no more than two gates; a derivative has that of the largest entry of its row."""
    dtype = str(expected.dtype)
    a, b = (np.asarray(v, dtype=np.float64) for v in (actual, expected))
    np.testing.assert_array_equal(np.isfinite(a), np.isfinite(b))
    odd = ~np.isfinite(b)
    np.testing.assert_array_equal(a[odd], b[odd])
    a, b = np.where(odd, 0.0, a), np.where(odd, 0.0, b)
    allowed = 2 * contract.gate("softmax", dtype, N, contract.MAX_ELEMENTARY_ERROR).ulps * ulp(b, dtype)
    if scaled:
        rows = np.abs(b).reshape(-1, N) if b.size % N == 0 else np.abs(b)[:, None]
        most = np.broadcast_to(rows.max(axis=1, keepdims=True), rows.shape).reshape(b.shape)
        allowed = allowed + 2 * contract.derivative_gate(dtype).scale * np.maximum(most, np.abs(COTANGENT).max())
    assert (np.abs(a - b) <= allowed + contract.FORMATS[dtype].tiny).all()


def is_differentiable(f):
    x, _ = inputs()
    return jnp.issubdtype(jax.tree.leaves(jax.eval_shape(f, x))[0].dtype, jnp.floating)


def test_every_public_function_is_in_the_table():
    assert PUBLIC - {name.split(" ")[0] for name in CALLS} == set()


@pytest.mark.parametrize("name", CALLS)
def test_logits_that_are_a_product_have_the_values_of_given_ones(name, only_x32):
    f, of, (v, _) = CALLS[name], produced("product"), inputs()
    expected = jax.jit(lambda x: flat(f(x)))(jax.jit(of)(v))
    found = jax.jit(lambda v: flat(f(of(v))))(v)
    assert_same(found, expected, scaled=name.split(" ")[0].endswith(OF_DERIVATIVES))


@pytest.mark.parametrize("name", CALLS)
def test_logits_that_are_a_product_have_the_derivatives_of_given_ones(name, only_x32):
    f, of, (v, _) = CALLS[name], produced("product"), inputs()
    if not is_differentiable(f):
        return
    x = jax.jit(of)(v)
    expected = jax.jit(lambda x, v: jax.vjp(of, v)[1](slope(f, x))[0])(x, v)
    assert_same(jax.jit(partial(slope, lambda v: f(of(v))))(v).ravel(), expected.ravel(), scaled=True)


@pytest.mark.parametrize("producer", [p for p in PRODUCERS if p != "product"])
@pytest.mark.parametrize("name", CORE)
def test_logits_computed_in_any_way_have_the_values_of_given_ones(name, producer, only_x32):
    f, of, (v, _) = CALLS[name], produced(producer), inputs()
    expected = jax.jit(lambda x: flat(f(x)))(jax.jit(of)(v))
    assert_same(jax.jit(lambda v: flat(f(of(v))))(v), expected, scaled=False)
