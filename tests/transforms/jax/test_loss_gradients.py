"""First derivatives of the losses: ties, masks, ignored labels, confident predictions, weights."""

from __future__ import annotations

from functools import cache

import pytest

jax = pytest.importorskip("jax", reason="jax is not installed")

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import softmax_xp as sx  # noqa: E402
from softmax_xp import losses  # noqa: E402

from .. import analytic  # noqa: E402
from .arrays import array, eps  # noqa: E402
from .closed_forms import CASES, N, Q, label, samples  # noqa: E402

pytestmark = pytest.mark.usefixtures("x64", "quick_compilation")

KEEP = np.asarray([True, False, True, True])
JUNK = (np.nan, np.inf, -np.inf, 1e30)
PLAIN = ("cross_entropy", "focal_loss", "generalized_cross_entropy", "nll_loss", "poly_cross_entropy")
cases = pytest.mark.parametrize("name", CASES)
plain = pytest.mark.parametrize("name", PLAIN)
gaps = pytest.mark.parametrize("gap", [17.0, 20.0, 60.0])


@cache
def _gradient(name, x64):
    return jax.jit(jax.grad(CASES[name].loss))


def gradient(name, x, y):
    """Return the gradient of a sum of losses; all rows share one compilation."""
    return np.asarray(_gradient(name, jax.config.jax_enable_x64)(array(x), jnp.asarray(y)), dtype=np.float64)


@cases
def test_gradient_is_the_closed_form(name):
    case = CASES[name]
    x, y = samples(case)
    for found, row, k in zip(gradient(name, x, y), x, y, strict=True):
        jet = case.jet(row, k)
        analytic.assert_derivative(found, jet.gradient, g=jet.scale, eps=eps())


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.shifts])
@pytest.mark.parametrize("offset", [o for o in analytic.OFFSETS if o])
def test_an_offset_of_the_logits_leaves_the_gradient(name, offset):
    case = CASES[name]
    x, y = samples(case)
    for found, row, k in zip(gradient(name, x + offset, y), x, y, strict=True):
        jet = case.jet(row, k)
        analytic.assert_derivative(found, jet.gradient, g=jet.scale, eps=eps())


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.shifts])
def test_rows_of_the_gradient_sum_to_zero(name):
    x, y = samples(CASES[name])
    g = gradient(name, x, y)
    scale = max(CASES[name].jet(row, k).scale for row, k in zip(x, y, strict=True))
    assert np.max(np.abs(np.sum(g, axis=-1))) <= analytic.tolerance(scale, eps()) / 2


@cases
def test_entries_of_minus_inf_get_exactly_zero(name):
    x, y = samples(CASES[name])
    assert np.all(gradient(name, x, y)[x == -np.inf] == 0)


def loss_of(name, x, y, **options):
    """Return a sum of losses of logits, which nll_loss takes as logarithms."""
    return getattr(losses, name)(x, y, **{"reduction": "sum", **options})


def hot(y):
    return array(np.eye(N)[np.asarray(y)])


@plain
@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("target", [jnp.asarray, hot], ids=["labels", "probabilities"])
def test_what_a_masked_class_holds_does_not_reach_the_gradient(name, junk, target):
    clean, dirty = ([[1.0, v, 1.0, 0.25], [0.5, v, 40.0, 0.0]] for v in (0.0, junk))
    f = jax.grad(lambda x: loss_of(name, x, target([0, 2]), where=jnp.asarray(KEEP)))
    assert np.array_equal(f(array(dirty)), f(array(clean)))


@plain
@pytest.mark.parametrize("target", [jnp.asarray, hot], ids=["labels", "probabilities"])
def test_gradient_at_a_masked_class_is_exactly_zero(name, target):
    x = array([[1.0, np.nan, 1.0, 0.25], [0.5, 1e30, 40.0, 0.0]])
    g = jax.grad(lambda x: loss_of(name, x, target([0, 2]), where=jnp.asarray(KEEP)))(x)
    assert np.all(np.asarray(g)[:, 1] == 0)


@pytest.mark.parametrize("target", [jnp.asarray, hot], ids=["labels", "probabilities"])
def test_gradient_with_a_mask_is_that_of_the_kept_classes(target):
    x = [1.0, np.nan, 1.0, 0.25]
    g = jax.jit(jax.grad(lambda x: loss_of("cross_entropy", x, target(2), where=jnp.asarray(KEEP))))(array(x))
    exact = analytic.softmax([1.0, 0.0, 1.0, 0.25], KEEP) - np.eye(N)[2]
    analytic.assert_derivative(g, exact, eps=eps())


@pytest.mark.parametrize("name", ["kl_divergence", "js_divergence"])
@pytest.mark.parametrize("kind", ["probs", "log_probs", "logits"])
def test_a_divergence_has_gradient_zero_at_masked_classes(name, kind):
    rows = [array([0.25, junk, 0.25, 0.5]) for junk in (np.nan, -1.0)]
    options = {"p_kind": kind, "q_kind": kind, "where": jnp.asarray(KEEP)}
    f = jax.grad(lambda p, q: getattr(losses, name)(p, q, **options), argnums=(0, 1))
    for g in f(*rows):
        assert np.all(np.isfinite(g))
        assert g[1] == 0


@plain
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("junk", [np.nan, np.inf, 1e30])
def test_an_ignored_row_gets_exactly_zero(name, reduction, junk):
    x = array([[1.0, 0.0, 1.0, 0.25], [junk, 0.0, junk, -np.inf]])
    g = jax.grad(lambda x: loss_of(name, x, jnp.asarray([0, -100]), reduction=reduction))(x)
    assert np.all(np.isfinite(g[0]))
    assert np.all(np.asarray(g[1]) == 0)


@plain
@pytest.mark.parametrize("target", [jnp.asarray, hot], ids=["labels", "probabilities"])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_a_row_of_weight_zero_gets_exactly_zero(name, target, reduction):
    x = array([[1.0, 0.0, 1.0, 0.25], [np.nan, 0.0, np.inf, -np.inf]])
    options = {"sample_weight": array([1.0, 0.0]), "reduction": reduction}
    g = jax.grad(lambda x: loss_of(name, x, target([0, 1]), **options))(x)
    assert np.all(np.isfinite(g[0]))
    assert np.all(np.asarray(g[1]) == 0)


@pytest.mark.parametrize("options", [{"label_smoothing": 0.25}, {"z_loss": 0.5}], ids=["smoothed", "with z_loss"])
def test_options_leave_an_ignored_row_at_exactly_zero(options):
    x = array([[1.0, 0.0, 1.0, 0.25], [np.nan, 0.0, np.inf, -np.inf]])
    g = jax.grad(lambda x: loss_of("cross_entropy", x, jnp.asarray([0, -100]), **options))(x)
    assert np.all(np.isfinite(g[0]))
    assert np.all(np.asarray(g[1]) == 0)


@plain
def test_a_label_that_is_no_class_leaves_the_gradients_of_other_rows(name):
    x = array([[1.0, 0.0, 1.0, 0.25]] * 2)
    alone = jax.grad(lambda x: loss_of(name, x, jnp.asarray([0, 1])))(x)
    beside = jax.grad(lambda x: loss_of(name, x, jnp.asarray([0, 7])))(x)
    analytic.assert_derivative(beside[0], alone[0], eps=eps())


def test_gradient_of_a_target_at_minus_inf_is_softmax_less_one_at_the_target():
    x = [0.5, -np.inf, 0.5, 0.0]
    g = jax.grad(lambda x: loss_of("cross_entropy", x, jnp.asarray(1)))(array(x))
    analytic.assert_derivative(g, analytic.softmax(x) - np.eye(N)[1], eps=eps())


CONFIDENT = {
    "labels": lambda x: losses.cross_entropy(x, jnp.asarray(0)),
    "probabilities": lambda x: losses.cross_entropy(x, jnp.asarray([1, 0, 0], dtype=x.dtype)),
    "nll_loss of log_softmax": lambda x: losses.nll_loss(sx.log_softmax(x), jnp.asarray(0)),
    "probabilities and nll_loss": lambda x: losses.nll_loss(sx.log_softmax(x), jnp.asarray([1, 0, 0], dtype=x.dtype)),
    "log_softmax": lambda x: -sx.log_softmax(x)[0],
    "one candidate": lambda x: losses.partial_label_cross_entropy(x, jnp.asarray([True, False, False])),
}
confident = pytest.mark.parametrize("f", CONFIDENT.values(), ids=CONFIDENT)


@confident
@gaps
@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
def test_gradient_at_a_confident_target_is_minus_the_sum_of_the_others(f, gap, kind):
    g = jax.grad(f)(jnp.asarray([gap, 0.0, 0.0], dtype=kind))
    assert g.dtype == kind
    exact = label(np.asarray([gap, 0.0, 0.0, -np.inf]), 0).gradient[:3]
    # The largest entry is the tiny one at the target: the tolerance is relative.
    analytic.assert_derivative(g.astype(jnp.float32), exact, g=exact, eps=float(jnp.finfo(kind).eps))


@confident
@gaps
def test_gradient_of_a_confident_prediction_sums_to_zero_relatively(f, gap):
    g = np.asarray(jax.grad(f)(jnp.asarray([gap, 0.0, 0.0], dtype=jnp.float32)), dtype=np.float64)
    assert abs(np.sum(g)) <= analytic.tolerance(g, float(jnp.finfo(jnp.float32).eps)) / 2


@pytest.mark.parametrize("name", ["focal_loss", "binary_focal_loss"])
@pytest.mark.parametrize("gamma", [0.0, 0.25, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("gap", [0.0, 20.0, 60.0, 1e4])
def test_focal_gradients_are_finite_for_any_confidence(name, gamma, gap):
    x = array([gap, -gap])
    target = jnp.asarray(0) if name == "focal_loss" else array([1.0, 0.0])
    assert np.all(np.isfinite(jax.grad(lambda x: getattr(losses, name)(x, target, gamma=gamma))(x)))


def test_infinite_binary_logits_have_finite_gradients():
    x, t = array([np.inf, -np.inf, np.inf, -np.inf]), array([1.0, 0.0, 0.0, 1.0])
    g = jax.grad(lambda x: losses.binary_cross_entropy_with_logits(x, t, reduction="sum"))(x)
    analytic.assert_derivative(g, np.asarray([0.0, 0.0, 1.0, -1.0]), eps=eps())


X = np.asarray([[0.5, -1.25, 2.0, 0.0], [1.0, 0.25, 1.0, 1.0], [0.0, 4.0, -4.0, 1.0]])
T = np.asarray([[0.5, 0.25, 0.25, 0.0], [0.25, 0.25, 0.25, 0.5], [0.0, 1.0, 0.0, 0.0]])
WEIGHT = np.asarray([0.5, 2.0, 1.0, 0.25])
SAMPLE_WEIGHT = np.asarray([1.0, 2.0, 0.5])


def log_p():
    return np.log(np.stack([analytic.softmax(row) for row in X]))


def target_loss(x, t, w, s, **options):
    return losses.cross_entropy(x, t, weight=w, sample_weight=s, **options)


@pytest.mark.parametrize("t", [np.full((3, N), 0.25), T], ids=["positive", "some zero"])
def test_gradient_of_probabilities_is_minus_the_weighted_logarithms(t):
    args = tuple(map(array, (X, t, WEIGHT, SAMPLE_WEIGHT)))
    g = jax.grad(lambda *a: target_loss(*a, reduction="sum"), argnums=1)(*args)
    exact = -log_p() * WEIGHT * SAMPLE_WEIGHT[:, None]
    analytic.assert_derivative(g, exact, g=exact, eps=eps())


def test_gradient_of_class_weights_is_the_loss_of_each_class():
    args = tuple(map(array, (X, T, WEIGHT, SAMPLE_WEIGHT)))
    g = jax.grad(lambda *a: target_loss(*a, reduction="sum"), argnums=2)(*args)
    exact = -np.sum(log_p() * T * SAMPLE_WEIGHT[:, None], axis=0)
    analytic.assert_derivative(g, exact, g=exact, eps=eps())


def test_gradient_of_sample_weights_is_the_loss_of_each_sample():
    args = tuple(map(array, (X, T, WEIGHT, SAMPLE_WEIGHT)))
    g = jax.grad(lambda *a: target_loss(*a, reduction="sum"), argnums=3)(*args)
    exact = -np.sum(log_p() * T * WEIGHT, axis=1)
    analytic.assert_derivative(g, exact, g=exact, eps=eps())


@pytest.mark.parametrize("argnum", [2, 3], ids=["weight", "sample_weight"])
def test_a_mean_differentiates_its_divisor(argnum):
    args = tuple(map(array, (X, T, WEIGHT, SAMPLE_WEIGHT)))
    g = jax.grad(target_loss, argnums=argnum)(*args)
    per_class, mass = -log_p() * T, T * WEIGHT * SAMPLE_WEIGHT[:, None]
    total, value = np.sum(mass), np.sum(-log_p() * mass) / np.sum(mass)
    inner = SAMPLE_WEIGHT[:, None] if argnum == 2 else WEIGHT
    exact = np.sum((per_class - value * T) * inner, axis=argnum - 2) / total
    analytic.assert_derivative(g, exact, g=per_class, eps=eps())


def test_a_normalizer_gets_its_gradient():
    f = lambda c: losses.cross_entropy(array(X), jnp.asarray([0, 1, 2]), normalizer=c)  # noqa: E731
    total = -np.sum(log_p()[np.arange(3), np.arange(3)])
    analytic.assert_derivative(jax.grad(f)(array(2.0)), -total / 4, g=total, eps=eps())


@pytest.mark.parametrize(("name", "argnum"), [("kl_divergence", 0), ("kl_divergence", 1), ("js_divergence", 0)])
def test_gradient_of_a_divergence_of_probabilities_is_the_closed_form(name, argnum):
    p = np.asarray([0.5, 0.125, 0.125, 0.25])
    g = jax.grad(getattr(losses, name), argnums=argnum)(array(p), array(Q))
    exact = {
        ("kl_divergence", 0): np.log(p / Q) + 1,
        ("kl_divergence", 1): -p / Q,
        ("js_divergence", 0): np.log(2 * p / (p + Q)) / 2,
    }[name, argnum]
    analytic.assert_derivative(g, exact, g=max(1.0, np.max(np.abs(exact))), eps=eps())


def test_gradient_of_logit_adjustment_is_that_of_the_logits():
    f = lambda x: jnp.sum(array(X) * losses.logit_adjustment(x, array([3.0, 1.0, 0.0, 4.0])))  # noqa: E731
    assert np.array_equal(jax.grad(f)(array(X)), array(X))


def test_logit_adjustment_differentiates_its_counts():
    counts = np.asarray([3.0, 1.0, 2.0, 4.0])
    g = jax.grad(lambda c: losses.logit_adjustment(array(X[0]), c, tau=2.0)[1])(array(counts))
    analytic.assert_derivative(g, 2 * (np.eye(N)[1] / counts - 1 / np.sum(counts)), g=2.0, eps=eps())


def test_gradient_of_a_bfloat16_loss_is_that_of_float32_rounded_once():
    x, y = jnp.asarray(X, dtype=jnp.bfloat16), jnp.asarray([2, 0, 1])
    f = jax.jit(jax.grad(losses.cross_entropy))
    assert np.array_equal(f(x, y), f(x.astype(jnp.float32), y).astype(jnp.bfloat16))
