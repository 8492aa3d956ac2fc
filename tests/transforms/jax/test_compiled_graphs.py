"""Logits that are computed inside the same compiled function: values and derivatives are those of given logits."""

from __future__ import annotations

from functools import cache

import pytest

jax = pytest.importorskip("jax", reason="jax is not installed")

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import softmax_xp as sx  # noqa: E402
from softmax_xp import losses  # noqa: E402
from softmax_xp.testing import contract  # noqa: E402
from softmax_xp.testing.compare import ulp  # noqa: E402

from ...producers import PRODUCERS  # noqa: E402
from .graph_calls import CALLS, COTANGENT, N, array, factors, logits  # noqa: E402

OF_DERIVATIVES = ("_vjp", "_jvp", "_hvp", "_jacobian")

thorough = pytest.mark.thorough
CORE = (
    "softmax",
    "log_softmax",
    "cross_entropy",
    "logsubexp",
    "entmax alpha=1.25",
    *(
        pytest.param(name, marks=thorough)
        for name in (
            "log_softmax temperature=0.0",
            "logsumexp",
            "cross_entropy softcap=8.0",
            "generalized_cross_entropy with options",
            "k_subset",
            "typical_logits",
            "hardmax",
        )
    ),
)
"""Functions of each kind of arithmetic on logits: they are tried with every way of computing these."""

SISTERS = ("entmax alpha=1.0", "entmax alpha=2.5", "entmax alpha=inf")
"""Calls that differ from others by a number alone."""


def is_said_by_others(name):
    """Whether a call has a fuller one, or is a derivative, which is computed from results of softmax."""
    return f"{name} with options" in CALLS or name in SISTERS or is_a_derivative(name)


def is_a_derivative(name):
    return name.split(" ")[0].endswith(OF_DERIVATIVES)


FULLEST = [pytest.param(name, marks=thorough if is_said_by_others(name) else ()) for name in CALLS]


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
    """Raise unless two results differ by at most two tolerances: for derivatives, those of a row's largest entry."""
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


@cache
def of_given(name):
    """Return the values of a function of given logits, and the gradient where there is one."""
    f = CALLS[name]

    def both(x):
        is_float = jnp.issubdtype(jax.tree.leaves(f(x))[0].dtype, jnp.floating)
        return flat(f(x)), slope(f, x) if is_float else None

    return jax.jit(both)


@pytest.mark.parametrize("name", FULLEST)
def test_logits_that_are_a_product_have_the_values_and_derivatives_of_given_ones(name, only_x32):
    f, of, (v, _) = CALLS[name], produced("product"), inputs()
    values, gradient = of_given(name)(of(v))

    @jax.jit
    def both(v):
        return flat(f(of(v))), None if gradient is None else slope(lambda v: f(of(v)), v)

    found, found_gradient = both(v)
    assert_same(found, values, scaled=is_a_derivative(name))
    if gradient is not None:
        assert_same(found_gradient.ravel(), jax.vjp(of, v)[1](gradient)[0].ravel(), scaled=True)


@pytest.mark.parametrize("producer", [p for p in PRODUCERS if p != "product"])
@pytest.mark.parametrize("name", CORE)
def test_logits_computed_in_any_way_have_the_values_of_given_ones(name, producer, only_x32):
    f, of, (v, _) = CALLS[name], produced(producer), inputs()
    values, _ = of_given(name)(jax.jit(of)(v))
    assert_same(jax.jit(lambda v: flat(f(of(v))))(v), values, scaled=False)


@pytest.mark.parametrize("name", CORE)
def test_logits_of_double_precision_that_are_a_quotient_have_the_values_of_given_ones(name, only_x64):
    f, of, (v, _) = CALLS[name], produced("quotient"), inputs()
    values, _ = of_given(name)(of(v))
    assert_same(jax.jit(lambda v: flat(f(of(v))))(v), values, scaled=False)


@pytest.mark.parametrize("kind", ["bfloat16", pytest.param("float16", marks=thorough)])
@pytest.mark.parametrize("name", CORE)
def test_half_logits_are_rounded_before_they_are_used(name, kind, only_x32):
    f, (v, _) = CALLS[name], inputs()
    v = jnp.clip(v, -1e4, 1e4).astype(kind)
    values, _ = of_given(name)(v / 0.7)
    assert_same(jax.jit(lambda v: flat(f(v / 0.7)))(v), values, scaled=False)


def rows_alone(f):
    """Return a function of one row of logits as one of a matrix with that row alone."""
    return lambda row: jax.tree.map(lambda y: y[0], f(row[None]))


TRANSFORMED = {
    "vmap": lambda f, v: jax.vmap(rows_alone(f))(v),
    "map": lambda f, v: jax.lax.map(rows_alone(f), v),
    "scan": lambda f, v: jax.lax.scan(lambda _, row: (None, rows_alone(f)(row)), None, v)[1],
    "checkpoint": lambda f, v: jax.checkpoint(f)(v),
    "jvp": lambda f, v: jax.jvp(f, (v,), (v,))[0],
    "an inner jit": lambda f, v: jax.jit(f)(v),
}


@pytest.mark.parametrize("transform", TRANSFORMED)
def test_a_product_under_a_transformation_has_no_positive_log_probability(transform, only_x32):
    v, _ = inputs()
    found = jax.jit(lambda v: TRANSFORMED[transform](lambda x: sx.log_softmax(x * 3.3), v))(v)
    assert_same(found.ravel(), jax.jit(sx.log_softmax)(v * 3.3).ravel(), scaled=False)


@pytest.mark.parametrize("transform", ["vmap", "scan", "checkpoint"])
def test_a_product_under_a_transformation_has_the_gradient_of_given_logits(transform, only_x32):
    v, _ = inputs()
    g = array(COTANGENT, v)

    def loss(v):
        return jnp.sum(g * TRANSFORMED[transform](lambda x: sx.log_softmax(x * 3.3), v))

    expected = 3.3 * jax.grad(lambda x: jnp.sum(g * sx.log_softmax(x)))(v * 3.3)
    assert_same(jax.jit(jax.grad(loss))(v).ravel(), expected.ravel(), scaled=True)


def test_weights_and_sinks_that_are_traced_are_pinned_beside_given_logits(only_x32):
    v, _ = inputs()
    found = jax.jit(lambda s: sx.log_softmax(v, sink=s * 3.3))(v[:, :1])
    assert_same(found.ravel(), sx.log_softmax(v, sink=v[:, :1] * 3.3).ravel(), scaled=False)


def test_many_rows_beside_probabilities_that_are_constants_have_the_gradient_of_given_ones(only_x32):
    """XLA fuses two calls of expm1 with a sum in so many rows, and confuses their arguments."""
    rng = np.random.default_rng(4)
    x, p = array(rng.normal(size=(8000, 4)), jnp.asarray(0.5)), array(rng.dirichlet(np.ones(4), 8000), jnp.asarray(0.5))

    def loss(x, p):
        return losses.generalized_cross_entropy(x, p, reduction="sum")

    found = jax.jit(lambda x: jax.grad(loss)(x, p))(x)
    assert_same(found[:24].ravel(), jax.grad(loss)(x, p)[:24].ravel(), scaled=True)


def test_xla_computes_a_product_twice_and_contracts_one_of_them(only_x32):
    """The select that logits pass through can go when this fails."""
    v, _ = inputs()

    def naive(v):
        x = v / 0.7
        d = x - jnp.max(x, axis=-1, keepdims=True)
        return jnp.max(d, axis=-1)

    assert (jax.jit(naive)(v) != 0).any()
