"""Second and third derivatives of the losses, in closed form and by finite differences."""

from __future__ import annotations

from functools import cache

import pytest

jax = pytest.importorskip("jax", reason="jax is not installed")

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jax.test_util import check_grads  # noqa: E402

import softmax_xp as sx  # noqa: E402
from softmax_xp import losses  # noqa: E402

from .. import analytic  # noqa: E402
from .arrays import array, eps  # noqa: E402
from .closed_forms import CASES, N, cumulants, samples  # noqa: E402

pytestmark = pytest.mark.usefixtures("quick_compilation")

# Which transformation is asked for has nothing to do with the precision: one of them is tested in both.
x64 = pytest.mark.usefixtures("x64")
only_x64 = pytest.mark.usefixtures("only_x64")

TRANSFORMS = {
    "hessian": jax.hessian,
    "reverse over reverse": lambda f: jax.jacrev(jax.jacrev(f)),
    "forward over forward": lambda f: jax.jacfwd(jax.jacfwd(f)),
}
DIRECTION = np.asarray([1.0, -0.5, 0.25, 0.5])
cases = pytest.mark.parametrize("name", CASES)
transforms = pytest.mark.parametrize("transform", TRANSFORMS)


@cache
def _second(name, transform, x64):
    return jax.jit(jax.vmap(TRANSFORMS[transform](CASES[name].loss)))


@x64
@cases
def test_hessian_is_the_closed_form(name):
    assert_hessian(name, "hessian")


@pytest.mark.thorough
@only_x64
@cases
@pytest.mark.parametrize("transform", [t for t in TRANSFORMS if t != "hessian"])
def test_hessian_by_one_mode_twice_is_the_closed_form(name, transform):
    assert_hessian(name, transform)


def assert_hessian(name, transform):
    case = CASES[name]
    x, y = samples(case)
    found = _second(name, transform, jax.config.jax_enable_x64)(array(x), jnp.asarray(y))
    for actual, row, k in zip(np.asarray(found), x, y, strict=True):
        jet = case.jet(row, k)
        analytic.assert_derivative(actual, jet.hessian, g=jet.scale, eps=eps())


@x64
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@transforms
def test_hessian_of_a_formula_with_a_rule_is_the_analytic_one(name, transform):
    exact = {"softmax": analytic.softmax_hessian, "log_softmax": analytic.log_softmax_hessian}[name]
    f = jax.jit(TRANSFORMS[transform](getattr(sx, name)))
    for row in ((1.0, 1.0, 0.0, 1.0), (40.0, 0.0, 40.0, -40.0), (0.5, -1.25, 2.0, 0.0)):
        hessian = f(array(row))
        analytic.assert_derivative(hessian, exact(analytic.softmax(row)), eps=eps())


def thrice(f):
    return jax.grad(jax.grad(jax.grad(f)))


@cache
def _third(name, x64):
    return jax.jit(jax.vmap(lambda x, v, y: thrice(lambda s: CASES[name].loss(x + s * v, y))(array(0.0)), (0, None, 0)))


@pytest.mark.thorough
@only_x64
@pytest.mark.parametrize("name", [k for k in CASES if CASES[k].jet(np.arange(4.0), 0).third is not None])
def test_third_derivative_along_a_line_is_the_closed_form(name):
    case = CASES[name]
    x, y = (v[np.all(np.isfinite(samples(case)[0]), axis=1)] for v in samples(case))
    found = _third(name, jax.config.jax_enable_x64)(array(x), array(DIRECTION), jnp.asarray(y))
    for actual, row, k in zip(np.asarray(found), x, y, strict=True):
        jet = case.jet(row, k)
        exact = np.einsum("ijk,i,j,k->", jet.third, DIRECTION, DIRECTION, DIRECTION)
        # The terms of the chain rule are 1, 3 and 1 times products of three entries of the direction.
        analytic.assert_derivative(actual, exact, g=jet.scale * np.sum(np.abs(DIRECTION)) ** 3, eps=eps())


@x64
@pytest.mark.parametrize("row", [(1.0, 1.0, 0.0, 1.0), (0.5, -1.25, 2.0, 0.0)], ids=["tied", "distinct"])
def test_third_derivative_of_log_softmax_is_minus_that_of_logsumexp(row):
    g = jax.jit(thrice(lambda s: sx.log_softmax(array(row) + s * array(DIRECTION))[0]))(array(0.0))
    third = cumulants(analytic.softmax(row)).third
    exact = -np.einsum("ijk,i,j,k->", third, DIRECTION, DIRECTION, DIRECTION)
    analytic.assert_derivative(g, exact, g=np.sum(np.abs(DIRECTION)) ** 3, eps=eps())


@x64
def test_second_derivative_of_a_confident_prediction_keeps_its_digits():
    hessian = np.asarray(jax.jit(jax.hessian(losses.cross_entropy))(array([20.0, 0.0, 0.0]), jnp.asarray(0)))
    small = np.exp(-20.0) / (1 + 2 * np.exp(-20.0))
    exact = small * np.asarray([[2 * (1 - 2 * small), 2 * small - 1, 2 * small - 1]])
    analytic.assert_derivative(hessian[:1], exact, g=small, eps=eps())


@only_x64
@pytest.mark.parametrize("target", [jnp.asarray, lambda y: array(np.eye(N)[np.asarray(y)])], ids=["labels", "probs"])
@transforms
def test_hessian_is_zero_at_masked_classes_and_ignored_rows(target, transform):
    keep, s = jnp.asarray([True, False, True, True]), array([1.0, 0.0])
    x = array([[1.0, np.nan, 1.0, 0.25], [np.nan, 0.0, np.inf, 1.0]])
    f = lambda x: losses.cross_entropy(x, target([0, 2]), where=keep, sample_weight=s)  # noqa: E731
    hessian = np.asarray(jax.jit(TRANSFORMS[transform](f))(x))
    assert np.all(np.isfinite(hessian))
    assert np.all(hessian[1] == 0)
    assert np.all(hessian[0, 1] == 0)


X = [[0.5, -1.25, 2.0, 0.0], [1.0, 0.25, 1.0, 1.0]]
P = [[0.5, 0.25, 0.125, 0.125], [0.25, 0.125, 0.25, 0.5]]
W, S = [0.5, 2.0, 1.0, 0.25], [1.5, 0.5]
LABELS = np.asarray([2, 0])


def numerical_calls():
    for name in ("cross_entropy", "focal_loss", "poly_cross_entropy", "generalized_cross_entropy", "nll_loss"):
        f = getattr(losses, name)
        yield f"{name} of probabilities", lambda x, p, w, s, f=f: f(x, p, weight=w, sample_weight=s), (X, P, W, S)
    for name in ("cross_entropy", "focal_loss"):
        f = getattr(losses, name)
        yield f"{name} of labels", lambda x, w, s, f=f: f(x, jnp.asarray(LABELS), weight=w, sample_weight=s), (X, W, S)
    extra = {"label_smoothing": 0.25, "z_loss": 0.125, "softcap": 4.0}
    yield (
        "cross_entropy with options",
        lambda x, w: losses.cross_entropy(x, jnp.asarray(LABELS), weight=w, **extra),
        (X, W),
    )
    yield (
        "partial_label_cross_entropy",
        lambda x, s: losses.partial_label_cross_entropy(x, array(P) > 0.2, sample_weight=s),
        (X, S),
    )
    for name in ("binary_cross_entropy_with_logits", "binary_focal_loss"):
        yield name, lambda x, p, w, f=getattr(losses, name): f(x, p, weight=w), ([0.5, -1.25, 2.0, 0.25], P[0], W)
    g = losses.binary_cross_entropy_with_logits
    yield "binary with pos_weight", lambda x, v: g(x, array(P[0]), pos_weight=v), (X[0], W)
    for name in ("kl_divergence", "js_divergence"):
        f = getattr(losses, name)
        yield name, f, (P[0], P[1])
        yield f"{name} of logits", lambda x, y, f=f: f(x, y, p_kind="logits", q_kind="logits"), (X[0], X[1])
    yield "logit_adjustment", losses.logit_adjustment, (X, W)


SOME = (
    "cross_entropy of probabilities",
    "cross_entropy with options",
    "focal_loss of labels",
    "kl_divergence of logits",
)


@only_x64
@pytest.mark.parametrize("mode", ["rev", pytest.param("fwd", marks=pytest.mark.thorough)])
@pytest.mark.parametrize(
    ("f", "inputs"),
    [pytest.param(f, v, id=k, marks=() if k in SOME else pytest.mark.thorough) for k, f, v in numerical_calls()],
)
def test_numerical_derivatives_agree_to_second_order(f, inputs, mode):
    check_grads(jax.jit(f), tuple(array(v) for v in inputs), order=2, modes=[mode])
