"""Sparse maps and their losses on JAX: jit, vmap, derivatives of both modes and orders, traced numbers and labels.

Compilation takes most of the time: each function is compiled once, with all that is asked of it.
"""

from __future__ import annotations

from functools import cache, partial

import pytest

jax = pytest.importorskip("jax", reason="jax is not installed")

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jax.test_util import check_grads  # noqa: E402

from softmax_xp import derivatives, softmax, sparse, use_engine  # noqa: E402
from softmax_xp.sparse import entmax, entmax_loss, fenchel_young_loss, normmax  # noqa: E402
from softmax_xp.testing import (  # noqa: E402
    assert_derivative,
    assert_ulp,
    contract,
    exact_entmax_vjp,
    exact_fenchel_young,
    exact_map,
)
from softmax_xp.testing.check_activations import name_of  # noqa: E402

from ...contract.sparse.points import (  # noqa: E402
    ALPHAS,
    JUNK,
    KEEP,
    LABELS,
    ROWS,
    SHARES,
    G,
    X,
    absolute,
    one_hot,
    relative,
)
from .arrays import array  # noqa: E402

pytestmark = pytest.mark.usefixtures("quick_compilation")

NAMES = (
    "sparsemax",
    "entmax",
    "entmax alpha=1.25",
    "entmax alpha=2.5",
    "entmax alpha=inf",
    "normmax",
    "k_subset k=1.75",
    "project_simplex scale=2.5",
)
CASES = {name_of(*case): case for case in contract.SPARSE_CASES if name_of(*case) in NAMES}
MAPS = {name: partial(getattr(sparse, n), **o) for name, (n, o) in CASES.items()}
LOSSES = {
    "entmax_loss": entmax_loss,
    "entmax_loss alpha=1.3": partial(entmax_loss, alpha=1.3),
    **{
        name_of("fenchel_young_loss", o): partial(fenchel_young_loss, **o)
        for o in contract.LOSS_CASES
        if o["regularizer"] != "tsallis" and o.get("alpha") != 3.0
    },
}
SOME_MAPS = ("sparsemax", "entmax", "entmax alpha=1.25", "entmax alpha=2.5", "k_subset k=1.75")
SOME_LOSSES = ("entmax_loss", "fenchel_young_loss regularizer=norm")
TARGETS = {"labels": LABELS, "probabilities": SHARES}
NUMBERS = [n for n in ROWS if "corners" not in n]
maps = pytest.mark.parametrize("name", MAPS)
rows = pytest.mark.parametrize("name", NUMBERS)
some_maps = pytest.mark.parametrize("name", SOME_MAPS)
every_loss = pytest.mark.parametrize("name", LOSSES)
some_losses = pytest.mark.parametrize("name", SOME_LOSSES)
targets = pytest.mark.parametrize("kind", TARGETS)


def with_rows(name):
    """Return a map as a function of logits and of its number."""
    function, option = name.split(" ")
    return lambda x, v, **options: getattr(sparse, function)(x, **{option: v}, **options)


def column(name):
    return array(ROWS[name])[:, None]


def kind_of(x64):
    return "float64" if x64 else "float32"


def numbers(x):
    return np.asarray(x, dtype=np.float64)


def prediction(name):
    """Return the map whose result is the prediction of a loss."""
    options = getattr(LOSSES[name], "keywords", {})
    orders = {"shannon": 1.0, "gini": 2.0, "norm": 2.0}
    alpha = options.get("alpha") or orders.get(options.get("regularizer"), 1.5)
    return partial(normmax if options.get("regularizer") == "norm" else entmax, alpha=alpha)


@cache
def compiled_map(name, x64):
    def values_and_gradient(x, g, where):
        p, pull = jax.vjp(lambda x: MAPS[name](x, where=where), x)
        return p, pull(g)[0]

    return jax.jit(values_and_gradient)


def at_points(name, x64, x=X, where=True):
    """Return the shares and the gradient."""
    return compiled_map(name, x64)(array(x), array(G), jnp.broadcast_to(jnp.asarray(where), X.shape))


@cache
def compiled_rows(name, x64):
    f = with_rows(name)

    def values_and_gradients(x, v):
        p, pull = jax.vjp(f, x, v)
        return p, jax.vmap(f)(x, v[:, 0]), pull(array(G))

    return jax.jit(values_and_gradients)


@cache
def compiled_loss(name, x64):
    """Return the losses and their gradient; targets are traced."""

    def losses_and_gradient(x, t):
        loss, pull = jax.vjp(lambda x: LOSSES[name](x, t, reduction="none"), x)
        return loss, pull(jnp.ones_like(loss))[0]

    return jax.jit(losses_and_gradient)


def loss_at(name, kind, x64, x=X):
    return compiled_loss(name, x64)(array(x), jnp.asarray(LABELS) if kind == "labels" else array(SHARES))


def test_every_public_function_is_called_here():
    assert {n.split(" ")[0] for n in (*MAPS, *LOSSES)} == set(sparse.__all__)


@maps
def test_values_under_jit_keep_the_contract(name, x64):
    function, options = CASES[name]
    p, _ = at_points(name, x64)
    assert p.dtype == kind_of(x64)
    assert_ulp(p, exact_map(function, X, **options), op=contract.sparse_op(function, **options))


@maps
def test_vmap_gives_the_batched_values(name, only_x32):
    x, where = array(X), jnp.asarray(X > -3.0)
    mapped = jax.jit(jax.vmap(lambda x, w: MAPS[name](x, where=w)))(x, where)
    assert_derivative(mapped, absolute(at_points(name, False, where=X > -3.0)[0]))


@pytest.mark.parametrize("name", [n for n in MAPS if n in ALPHAS])
def test_gradients_are_the_exact_ones_of_the_shares(name, x64):
    p, found = at_points(name, x64)
    assert found.dtype == p.dtype
    if ALPHAS[name] == np.inf:
        assert not found.any()
    else:
        assert_derivative(found, exact_entmax_vjp(numbers(p), G, alpha=ALPHAS[name]))


@pytest.mark.parametrize("name", ["sparsemax", "entmax", "entmax alpha=1.25"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_gradients_of_half_types_are_those_of_float32_rounded_once(name, dtype, only_x32):
    x, g = (jnp.asarray(v, dtype=dtype) for v in (X, G))
    _, found = compiled_map(name, False)(x, g, jnp.ones(X.shape, dtype=bool))
    assert found.dtype == x.dtype
    p, _ = at_points(name, False)
    assert_derivative(found, exact_entmax_vjp(numbers(p), G, alpha=ALPHAS[name]), dtype=dtype)


@pytest.mark.thorough
@some_maps
def test_derivatives_to_second_order_are_the_numerical_ones(name, only_x64):
    check_grads(jax.jit(MAPS[name]), (array(X),), order=2, modes=("rev",))


@pytest.mark.parametrize("name", [*SOME_MAPS, "normmax"])
def test_every_mode_gives_the_same_first_and_second_derivatives(name, only_x64):
    f = MAPS[name]
    total = lambda x: jnp.sum(f(x) * array(G[0]))  # noqa: E731

    def all_of(x):
        second = jax.hessian(total), jax.jacrev(jax.jacrev(total)), jax.jacrev(jax.jacfwd(total))
        return (jax.jacrev(f)(x), jax.jacfwd(f)(x)), [way(x) for way in second]

    for first, *others in jax.jit(all_of)(array(X[0])):
        for other in others:
            assert_derivative(other, absolute(first, 2.0))


@rows
def test_numbers_of_rows_may_be_traced_and_mapped_over(name, x64):
    together, mapped, _ = compiled_rows(name, x64)(array(X), column(name))
    function, option = name.split(" ")
    for k, number in enumerate(ROWS[name]):
        exact = exact_map(function, X[k], **{option: number})
        for found in (together, mapped):
            assert_ulp(found[k], exact, op=function)


@pytest.mark.thorough
@rows
def test_derivatives_by_numbers_of_rows_are_the_numerical_ones(name, only_x64):
    check_grads(jax.jit(with_rows(name)), (array(X), column(name)), order=1, modes=("rev",), eps=1e-6)


@rows
def test_gradients_by_numbers_of_rows_are_those_of_float64_in_float32(name):
    def gradients(x64):
        with jax.enable_x64(x64):
            found = compiled_rows(name, x64)(array(X), column(name))[2]
            assert all(v.dtype == kind_of(x64) for v in found)
            return [numbers(v) for v in found]

    for narrow, wide in zip(gradients(False), gradients(True), strict=True):
        assert_derivative(narrow, absolute(wide, 2.0), dtype="float32")


@pytest.mark.parametrize("alpha", [1.0, 1.25, 1.5, 2.0, 2.5, np.inf])
def test_one_traced_alpha_gives_the_values_and_gradients_of_the_number(alpha, only_x64):
    p, _, (found, _) = compiled_rows("entmax alpha", True)(array(X), array(np.full((3, 1), alpha)))
    assert_ulp(p, exact_map("entmax", X, alpha=alpha), op="entmax")
    if alpha == np.inf:
        assert not found.any()
    else:
        assert_derivative(found, exact_entmax_vjp(numbers(p), G, alpha=alpha))


def test_at_alpha_1_the_derivative_by_alpha_is_its_limit(only_x64):
    # With b = alpha - 1, log p is log1p(b u) / b = u - b u**2 / 2 + ..., and the shares sum to 1.
    p = numbers(softmax(array(X)))
    half = np.log(p) ** 2 / 2
    limit = np.sum(-p * (half - np.sum(p * half, axis=-1, keepdims=True)) * G, axis=-1, keepdims=True)
    for alpha in (1.0, 1.0 + 2.0**-52):
        _, _, (_, found) = compiled_rows("entmax alpha", True)(array(X), array(np.full((3, 1), alpha)))
        assert_derivative(found, absolute(limit, 2.0))


@maps
def test_what_masked_slots_hold_does_not_reach_the_gradient(name, only_x64):
    expected = at_points(name, True, where=KEEP)
    for junk in JUNK:
        for found, same in zip(at_points(name, True, np.where(KEEP, X, junk), KEEP), expected, strict=True):
            np.testing.assert_array_equal(found, same)
            assert not found[:, ~KEEP].any()


@maps
def test_rows_that_are_masked_altogether_have_a_gradient_of_0(name, only_x64):
    for found in at_points(name, True, np.full(X.shape, np.nan), where=False):
        assert not found.any()


@maps
def test_logits_of_minus_inf_have_a_gradient_of_0(name, only_x64):
    _, found = at_points(name, True, np.where(KEEP, X, -np.inf))
    np.testing.assert_array_equal(found, at_points(name, True, where=KEEP)[1])


@maps
def test_a_row_that_is_nan_leaves_the_gradients_of_other_rows_alone(name, only_x64):
    x = X.copy()
    x[2, 1] = np.nan
    np.testing.assert_array_equal(at_points(name, True, x)[1][:2], at_points(name, True)[1][:2])


@every_loss
@targets
def test_the_gradient_of_a_loss_is_the_prediction_less_the_target(name, kind, x64):
    _, found = loss_at(name, kind, x64)
    p = numbers(prediction(name)(array(X)))
    expected = p - SHARES if kind == "probabilities" else np.where(LABELS[:, None] < 0, 0.0, p - one_hot(LABELS))
    assert_derivative(found, absolute(expected))


@pytest.mark.parametrize("name", [n for n in LOSSES if n.startswith("fenchel")])
@targets
def test_traced_losses_are_the_exact_ones(name, kind, x64):
    counts = LABELS >= 0 if kind == "labels" else LABELS < 99
    loss, _ = loss_at(name, kind, x64)
    goal = one_hot(LABELS) if kind == "labels" else SHARES
    exact, _ = exact_fenchel_young(X[counts], goal[counts], **LOSSES[name].keywords)
    assert_ulp(loss[counts], exact, op="fenchel_young_loss")


@every_loss
def test_the_gradient_at_a_confident_label_is_minus_the_sum_of_the_other_shares(name, x64):
    p_of = prediction(name)
    alpha = p_of.keywords["alpha"]
    ahead = 17.0 if alpha == 1.0 else 0.999 if p_of.func is normmax else 0.999 / (alpha - 1.0)
    x = array(np.asarray([[ahead, 0.0, 0.0, -9.0]] * 3))
    p = numbers(p_of(x))[0]
    assert 0.0 < p[1] < 0.1
    _, found = compiled_loss(name, x64)(x, jnp.asarray([0, -100, 0]))
    assert_derivative(found[0], relative([-(p[1] + p[2] + p[3]), *p[1:]]))


@every_loss
def test_samples_that_do_not_count_have_a_gradient_of_0_whatever_they_hold(name, only_x64):
    _, expected = loss_at(name, "labels", True)
    assert not expected[1].any()
    for junk in JUNK:
        x = X.copy()
        x[1] = junk
        np.testing.assert_array_equal(loss_at(name, "labels", True, x)[1], expected)


@some_losses
def test_forward_mode_keeps_the_digits_of_the_gradient(name, only_x64):
    found = jax.jit(jax.jacfwd(lambda x: LOSSES[name](x, jnp.asarray(LABELS), reduction="sum")))(array(X))
    assert_derivative(found, absolute(loss_at(name, "labels", True)[1]))


def test_derivatives_by_logits_and_target_are_the_numerical_ones(only_x64):
    f = jax.jit(lambda x, y: entmax_loss(x, softmax(y)))
    check_grads(f, (array(X[:1]), array(G[:1])), order=2, modes=("rev",))


@some_losses
def test_vmap_over_labels_gives_the_loss_per_sample(name, only_x64):
    x, labels = array(X), jnp.asarray([0, 3, 1])
    mapped = jax.jit(jax.vmap(LOSSES[name]))(x, labels)
    assert_derivative(mapped, absolute(compiled_loss(name, True)(x, labels)[0]))


@some_losses
def test_the_hessian_of_a_loss_is_the_jacobian_of_its_prediction(name, only_x64):
    f = lambda x: LOSSES[name](x, jnp.asarray(0))  # noqa: E731
    hessian, jacobian = jax.jit(lambda x: (jax.hessian(f)(x), jax.jacrev(prediction(name))(x)))(array(X[0]))
    assert_derivative(hessian, absolute(jacobian))


def test_losses_may_be_differentiated_at_an_array_of_numpy(only_x64):
    # stop_gradient of a NumPy array is no jax.Array.
    found = jax.grad(lambda x: entmax_loss(x, jnp.asarray(LABELS), reduction="sum"))(X)
    assert_derivative(found, absolute(loss_at("entmax_loss", "labels", True)[1]))


@pytest.mark.parametrize("name", [n for n in MAPS if n in ALPHAS])
def test_analytic_gradients_are_those_of_autodiff(name, x64):
    p, expected = at_points(name, x64)
    found = jax.jit(partial(derivatives.entmax_vjp, alpha=ALPHAS[name]))(p, array(G))
    assert_derivative(found, absolute(expected, 2.0))
    if name == "sparsemax":
        np.testing.assert_array_equal(derivatives.sparsemax_vjp(p, array(G)), found)


def test_analytic_gradients_take_a_traced_alpha(x64):
    alpha = array([[1.25], [2.0], [np.inf]])
    p = entmax(array(X), alpha=alpha)
    found = jax.jit(lambda p, g, a: derivatives.entmax_vjp(p, g, alpha=a))(p, array(G), alpha)
    for k, a in enumerate((1.25, 2.0, np.inf)):
        assert_derivative(found[k], absolute(derivatives.entmax_vjp(p[k], array(G[k]), alpha=a), 2.0))


@pytest.mark.parametrize("name", ["sparsemax", "k_subset k=1.75"])
def test_the_generic_engine_gives_the_same_values(name, only_x32):
    with use_engine("generic"):
        assert_derivative(MAPS[name](array(X)), absolute(at_points(name, False)[0]))
