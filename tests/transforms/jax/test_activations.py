"""Activations: gradients over the whole range and at kinks, second derivatives, transforms, with x64 on and off."""

from __future__ import annotations

from functools import partial

import pytest

jax = pytest.importorskip("jax", reason="jax is not installed")

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

from softmax_xp import activations  # noqa: E402
from softmax_xp.testing import assert_derivative, contract, exact_slope  # noqa: E402
from softmax_xp.testing.check_activations import name_of  # noqa: E402

from ...contract.activations.numbers import assert_near, cases, curved, edges, smooth_edges  # noqa: E402
from ...contract.activations.slopes import slope_numbers  # noqa: E402
from .arrays import array, assert_close  # noqa: E402

pytestmark = pytest.mark.usefixtures("quick_compilation")

CALLS = {name_of(n, o): partial(getattr(activations, n), **o) for n, o in contract.ACTIVATION_CASES}
calls = pytest.mark.parametrize("call", CALLS)
X = np.asarray([0.125, 0.25, 0.4375, 0.875])


def call_of(name, options):
    return CALLS[name_of(name, options)]


def slopes(f):
    return jax.jit(jax.vmap(jax.grad(f)))


def kind(x64):
    return "float64" if x64 else "float32"


@cases
def test_gradients_keep_their_digits_over_the_whole_range(name, options, x64):
    x = array(slope_numbers(name, kind(x64), **options))
    exact = exact_slope(name, np.asarray(x, dtype=np.float64), **options)
    assert_derivative(slopes(call_of(name, options))(x), exact, dtype=kind(x64))


@cases
@pytest.mark.parametrize("dtype", [pytest.param("float16", marks=pytest.mark.thorough), "bfloat16"])
def test_gradients_of_half_types_are_those_of_float32_rounded_once(name, options, dtype, only_x32):
    x = jnp.asarray(slope_numbers(name, dtype, **options), dtype=dtype)
    exact = exact_slope(name, np.asarray(x, dtype=np.float64), **options)
    g = jax.jit(jax.vmap(jax.grad(call_of(name, options))))(x)
    assert g.dtype == x.dtype
    assert_derivative(np.asarray(g, dtype=np.float64), exact, dtype=dtype)


@curved
def test_second_derivatives_keep_their_digits(name, options, x64):
    x = array(slope_numbers(name, kind(x64), order=2, **options))
    exact = exact_slope(name, np.asarray(x, dtype=np.float64), order=2, **options)
    assert_derivative(slopes(jax.grad(call_of(name, options)))(x), exact, dtype=kind(x64))


@edges
def test_gradients_at_kinks_and_infinities_are_those_of_the_contract(edge, x64):
    f, x = partial(getattr(activations, edge.name), **edge.options), array(edge.x[:-1])
    near = partial(assert_near, expected=edge.slopes[:-1], name=edge.name, dtype=kind(x64), **edge.options)
    near(slopes(f)(x))
    near(jax.jvp(f, (x,), (jnp.ones_like(x),))[1])


@smooth_edges
def test_second_derivatives_are_finite_at_infinities(edge, only_x64):
    f = partial(getattr(activations, edge.name), **edge.options)
    assert np.isfinite(slopes(jax.grad(f))(array(edge.x[:-1]))).all()


@calls
def test_jit_and_vmap_give_the_eager_values(call, only_x64):
    f, x = CALLS[call], array(X)
    assert_close(jax.jit(f)(x), f(x))
    assert_close(jax.vmap(f)(x), f(x))


@calls
def test_jacobians_of_both_modes_are_diagonal_and_the_same(call, only_x64):
    f, x = CALLS[call], array(X)
    forward, reverse = jax.jit(lambda x: (jax.jacfwd(f)(x), jax.jacrev(f)(x)))(x)
    assert_close(forward, reverse)
    assert not np.any(np.asarray(reverse) * (1 - np.eye(len(X))))


@calls
def test_hessians_are_diagonal_and_hold_the_second_derivatives(call, only_x64):
    f, x = CALLS[call], array(X)
    name, options = contract.ACTIVATION_CASES[list(CALLS).index(call)]
    hessian = np.asarray(jax.jit(jax.hessian(lambda v: jnp.sum(f(v))))(x))
    assert not np.any(hessian * (1 - np.eye(len(X))))
    try:
        exact = exact_slope(name, X, order=2, **options)
    except KeyError:
        assert not hessian.any()
    else:
        assert_derivative(np.diagonal(hessian), exact)


@calls
def test_an_eager_call_is_compiled_once(call, only_x32):
    f = CALLS[call]
    f(array(X))
    from softmax_xp._engines.jax.jit import _compiled

    before = _compiled.cache_info()
    f(array(X / 2))
    after = _compiled.cache_info()
    assert after.misses == before.misses


@pytest.mark.parametrize("name", activations.__all__)
def test_numbers_of_python_have_the_derivative_of_arrays(name):
    def function(v):
        return getattr(activations, name)(v, **({"cap": 2.0} if name == "softcap" else {}))

    for v in (0.75, -0.75):
        if name != "logit" or v > 0:
            assert jax.grad(function)(v) == jax.grad(function)(jnp.asarray(v))
