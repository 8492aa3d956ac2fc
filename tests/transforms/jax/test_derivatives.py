"""JAX derivatives of first and second order, with and without 64-bit types."""

from __future__ import annotations

from functools import cache, partial

import pytest

jax = pytest.importorskip("jax", reason="jax is not installed")

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jax.test_util import check_grads  # noqa: E402

import softmax_xp as sx  # noqa: E402

from .. import analytic  # noqa: E402
from .arrays import array, eps  # noqa: E402

JACOBIANS = {
    "softmax": analytic.softmax_jacobian,
    "log_softmax": analytic.log_softmax_jacobian,
    "logsumexp": lambda p: p,
}
HESSIANS = {
    "softmax": analytic.softmax_hessian,
    "log_softmax": analytic.log_softmax_hessian,
    "logsumexp": analytic.softmax_jacobian,
}
FINITE = {k: v for k, v in analytic.ROWS.items() if np.all(np.isfinite(v))}
KEEP = np.asarray([True, False, True, True])
names = pytest.mark.parametrize("name", JACOBIANS)
rows = pytest.mark.parametrize("row", FINITE.values(), ids=FINITE)


pytestmark = pytest.mark.usefixtures("x64", "quick_compilation")


@cache
def _transformed(transform, name, x64):
    """Return a compiled derivative; rows of one shape share it."""
    return jax.jit(transform(getattr(sx, name)))


@names
@rows
@pytest.mark.parametrize("offset", analytic.OFFSETS)
@pytest.mark.parametrize("transform", [jax.jacfwd, jax.jacrev])
def test_jacobian_is_the_analytic_one(name, row, offset, transform):
    jacobian = _transformed(transform, name, jax.config.jax_enable_x64)(array(row) + offset)
    analytic.assert_derivative(jacobian, JACOBIANS[name](analytic.softmax(row)), eps=eps())


@names
@rows
@pytest.mark.parametrize("offset", analytic.OFFSETS)
def test_hessian_is_the_analytic_one(name, row, offset):
    hessian = _transformed(jax.hessian, name, jax.config.jax_enable_x64)(array(row) + offset)
    analytic.assert_derivative(hessian, HESSIANS[name](analytic.softmax(row)), eps=eps())


@names
def test_reverse_over_reverse_is_the_analytic_hessian(name):
    row = (1.0, 1.0, 0.0, 1.0)
    hessian = jax.jit(jax.jacrev(jax.jacrev(getattr(sx, name))))(array(row))
    analytic.assert_derivative(hessian, HESSIANS[name](analytic.softmax(row)), eps=eps())


@names
@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("transform", [jax.jacrev])
def test_masked_slots_have_no_influence_on_the_jacobian(name, junk, transform):
    jacobian = transform(partial(getattr(sx, name), where=jnp.asarray(KEEP)))(array([1.0, junk, 1.0, 0.25]))
    exact = JACOBIANS[name](analytic.softmax([1.0, 0.0, 1.0, 0.25], KEEP))
    exact = exact if name == "logsumexp" else np.where(KEEP[:, None], exact, 0.0)
    analytic.assert_derivative(jacobian, exact, eps=eps())
    assert np.all(np.asarray(jacobian)[..., 1] == 0)


@names
@pytest.mark.parametrize("transform", [jax.jacrev, jax.hessian])
def test_derivatives_of_a_fully_masked_row_are_zero(name, transform):
    none = jnp.zeros(3, dtype=bool)
    f = jax.jit(transform(partial(getattr(sx, name), where=none)))
    assert np.all(np.asarray(f(array([np.nan, 0.0, np.inf]))) == 0)


def test_gradient_of_logsumexp_is_zero_in_a_row_of_minus_inf():
    assert np.all(np.asarray(jax.grad(sx.logsumexp)(array([-np.inf] * 3))) == 0)


@names
def test_entries_of_minus_inf_get_gradient_zero(name):
    f = lambda x: getattr(sx, name)(x)[..., 0] if name != "logsumexp" else sx.logsumexp(x)  # noqa: E731
    g = np.asarray(jax.grad(f)(array([0.5, -np.inf, 0.5])))
    exact = JACOBIANS[name](np.asarray([0.5, 0.0, 0.5]))
    analytic.assert_derivative(g, exact if name == "logsumexp" else exact[0], eps=eps())
    assert g[1] == 0


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_temperature_gradient_is_finite_beside_minus_inf(name):
    def f(t):
        return getattr(sx, name)(array([1.0, -np.inf, 0.0, 1.0]), temperature=t)[0]

    p = analytic.softmax([2.0, -np.inf, 0.0, 2.0])
    exact = JACOBIANS[name](p)[0] @ (-4 * np.asarray([1.0, 0.0, 0.0, 1.0]))
    analytic.assert_derivative(jax.grad(f)(array(0.5)), exact, g=4.0, eps=eps())


@pytest.mark.parametrize("limit", [0.0, np.inf])
def test_temperature_gradient_is_finite_at_its_limits(limit):
    g = jax.grad(lambda t: sx.softmax(array([1.0, 0.0, 1.0]), temperature=t)[0])(array(limit))
    assert np.isfinite(g)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_gradient_reaches_a_sink_tied_with_the_maximum(name):
    g = jax.grad(lambda s: getattr(sx, name)(array([1.0, 1.0, 0.0]), sink=s)[0])(array(1.0))
    exact = JACOBIANS[name](analytic.softmax([1.0, 1.0, 0.0, 1.0]))[0, 3]
    analytic.assert_derivative(g, exact, eps=eps())


def numerical_calls():
    keep = np.asarray([[True, False, True], [True, True, True]])
    x = [[0.5, -1.25, 2.0], [1.0, 0.25, 1.0]]
    t, s = [[0.5], [2.0]], [[1.5], [-0.5]]
    for name in ("softmax", "log_softmax", "softmin", "softmax_and_logsumexp"):
        f = getattr(sx, name)
        yield name, f, (x,)
        if name in JACOBIANS:
            yield f"{name} with options", lambda x, t, s, f=f: f(x, temperature=t, sink=s), (x, t, s)
    yield "softmax with where", lambda x: sx.softmax(x, where=jnp.asarray(keep)), (x,)
    yield "logsumexp", lambda x: sx.logsumexp(x, axis=1, where=jnp.asarray(keep)), (x,)
    yield "logsumexp with weights", lambda x, b: sx.logsumexp(x, axis=1, b=b), (x, [[0.5, 2.0, 1.0]] * 2)
    yield "logmeanexp", lambda x: sx.logmeanexp(x, axis=1), (x,)
    yield "log1mexp", sx.log1mexp, ([0.5, 0.8, 2.0],)
    yield "logsubexp", sx.logsubexp, ([1.0, 2.0, 3.0], [0.5, 1.0, -1.0])


SOME = ("softmax with options", "log_softmax with options", "logsumexp with weights", "log1mexp", "logsubexp")


@pytest.mark.parametrize(
    ("f", "inputs"),
    [pytest.param(f, v, id=k, marks=() if k in SOME else pytest.mark.thorough) for k, f, v in numerical_calls()],
)
def test_numerical_derivatives_agree_to_second_order(f, inputs):
    check_grads(jax.jit(f), tuple(array(v) for v in inputs), order=2, modes=["rev"])
