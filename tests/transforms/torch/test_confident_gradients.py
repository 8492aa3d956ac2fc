"""Gradients of confident predictions keep their digits, and those of focal losses stay finite."""

from __future__ import annotations

from functools import partial

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import softmax_xp as sx  # noqa: E402
from softmax_xp import derivatives, losses  # noqa: E402

from .. import analytic  # noqa: E402
from . import exact  # noqa: E402
from .test_loss_gradients import EPS, gradient  # noqa: E402

pytestmark = pytest.mark.kernel

GAPS = (17.0, 20.0, 60.0)
gaps = pytest.mark.parametrize("gap", GAPS)
dtypes = pytest.mark.parametrize("dtype", EPS, ids=str)

HIT = torch.tensor([1.0, 0.0, 0.0])
LABEL = torch.tensor(0)
WAYS = {
    "label": lambda x: losses.cross_entropy(x, LABEL),
    "one-hot target": lambda x: losses.cross_entropy(x, HIT),
    "smoothing of almost nothing": lambda x: losses.cross_entropy(x, HIT, label_smoothing=1e-300),
    "nll of log_softmax": lambda x: losses.nll_loss(sx.log_softmax(x), LABEL),
    "nll of log_softmax and one-hot target": lambda x: losses.nll_loss(sx.log_softmax(x), HIT),
    "candidates": lambda x: losses.partial_label_cross_entropy(x, HIT > 0),
    "focal of gamma 0": lambda x: losses.focal_loss(x, LABEL, gamma=0.0),
    "poly of epsilon 0": lambda x: losses.poly_cross_entropy(x, LABEL, epsilon=0.0),
    "generalized of q 0": lambda x: losses.generalized_cross_entropy(x, LABEL, q=0.0),
    "kl from a one-hot target": lambda x: losses.kl_divergence(HIT.to(x.dtype), x, q_kind="logits"),
    "sample weights": lambda x: losses.cross_entropy(x[None], LABEL[None], sample_weight=HIT[:1]),
    "vmap": lambda x: torch.func.vmap(losses.cross_entropy)(x[None], LABEL[None]).sum(),
    "vmap of log_softmax": lambda x: -torch.func.vmap(sx.log_softmax)(x[None])[0, 0],
}
ways = pytest.mark.parametrize("way", WAYS)


def truth_of(gap, **options):
    return exact.gradient(partial(exact.class_loss, t=[1.0, 0.0, 0.0], **options), [gap, 0.0, 0.0])


def assert_digits(actual, exact_gradient, eps):
    """Raise unless every entry is right beside the largest one of the gradient, however small that is."""
    analytic.assert_derivative(actual, exact_gradient, g=exact_gradient, eps=eps)


@ways
@gaps
@dtypes
def test_gradient_at_a_confident_target_keeps_its_digits(way, gap, dtype):
    assert_digits(gradient(WAYS[way], [gap, 0.0, 0.0], dtype), truth_of(gap), EPS[dtype])


@ways
@gaps
@dtypes
def test_gradient_at_a_confident_target_is_minus_the_sum_of_the_others(way, gap, dtype):
    grad = gradient(WAYS[way], [gap, 0.0, 0.0], dtype)
    assert_digits(grad[:1], -grad[1:].double().sum().reshape(1).numpy(), EPS[dtype])


@pytest.mark.parametrize("way", [w for w in WAYS if "vmap" not in w])
@gaps
@dtypes
def test_functional_gradient_at_a_confident_target_keeps_its_digits(way, gap, dtype):
    grad = torch.func.grad(WAYS[way])(torch.tensor([gap, 0.0, 0.0], dtype=dtype))
    assert_digits(grad, truth_of(gap), EPS[dtype])


@pytest.mark.parametrize("transform", ["grad of vmap", "vmap of grad", "jacrev", "jacfwd"])
@gaps
@pytest.mark.parametrize("way", ["label", "one-hot target", "nll of log_softmax"])
def test_every_transform_keeps_the_digits_of_a_confident_target(transform, gap, way):
    f, x = WAYS[way], torch.tensor([gap, 0.0, 0.0])
    grad = {
        "grad of vmap": lambda: torch.func.grad(lambda x: torch.func.vmap(f)(x[None]).sum())(x),
        "vmap of grad": lambda: torch.func.vmap(torch.func.grad(f))(x[None])[0],
        "jacrev": lambda: torch.func.jacrev(f)(x),
        "jacfwd": lambda: torch.func.jacfwd(f)(x),
    }[transform]()
    assert_digits(grad, truth_of(gap), EPS[torch.float32])


@pytest.mark.parametrize("target", [0, 1])
@gaps
@dtypes
def test_binary_gradient_of_a_confident_decision_keeps_its_digits(target, gap, dtype):
    x = [gap if target else -gap]
    truth = exact.gradient(partial(exact.binary_loss, t=[target]), x)
    grad = gradient(lambda x: losses.binary_cross_entropy_with_logits(x, torch.tensor([target])), x, dtype)
    assert_digits(grad, truth, EPS[dtype])


@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("gap", GAPS[:2])
@pytest.mark.parametrize("gamma", [0.5, 2.0])
@dtypes
def test_binary_focal_gradient_of_a_confident_decision_keeps_its_digits(target, gap, gamma, dtype):
    x = [gap if target else -gap]
    truth = exact.gradient(partial(exact.binary_loss, t=[target], gamma=gamma), x)
    grad = gradient(lambda x: losses.binary_focal_loss(x, torch.tensor([target]), gamma=gamma), x, dtype)
    # exp rounds by the size of its argument, which is gamma * gap.
    analytic.assert_derivative(grad, truth, g=truth * (1 + gamma * gap), eps=EPS[dtype])


@gaps
@dtypes
def test_analytic_gradient_at_a_confident_target_keeps_its_digits(gap, dtype):
    _, grad = derivatives.cross_entropy_and_grad(torch.tensor([gap, 0.0, 0.0], dtype=dtype), LABEL)
    assert_digits(grad, truth_of(gap), EPS[dtype])


@pytest.mark.parametrize("way", ["label", "one-hot target"])
@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("logit", [5.7, 9.0])
def test_half_gradient_at_a_confident_target_is_the_exact_one_rounded_once(way, precision, logit):
    x = torch.tensor([logit, 0.0, 0.0], dtype=precision)
    grad = gradient(WAYS[way], x.tolist(), precision)
    truth = torch.tensor(truth_of(float(x[0])))
    assert bool((truth[0] < 0) & (grad[0] < 0))
    assert torch.equal(grad, truth.to(precision))


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16], ids=str)
def test_half_gradient_through_a_rounded_log_softmax_is_not_zero(precision):
    grad = gradient(WAYS["nll of log_softmax"], [5.7, 0.0, 0.0], precision)
    truth = truth_of(float(torch.tensor(5.7, dtype=precision)))
    analytic.assert_derivative(grad.float(), truth, g=truth, eps=torch.finfo(precision).eps)


def test_offset_of_a_million_leaves_the_gradient_of_a_confident_target_alone():
    grad = gradient(WAYS["label"], [1e6 + 20, 1e6, 1e6], torch.float32)
    assert_digits(grad, truth_of(20.0), EPS[torch.float32])


GAMMAS = (0, 0.1, 0.5, 1, 2, 5)
LOGITS = (0.0, 1.0, 20.0, 40.0, 60.0, 88.0, 104.0, 745.0, 1e4)


# Below 1, a second derivative takes (1 - p)**(gamma - 2), which overflows where 1 - p is small enough.
ORDERS = [(gamma, order) for gamma in GAMMAS for order in ("first", "second") if order == "first" or not 0 < gamma < 1]


@pytest.mark.parametrize(("gamma", "order"), ORDERS)
@pytest.mark.parametrize("logit", LOGITS)
@pytest.mark.parametrize("dtype", EPS, ids=str)
def test_focal_derivatives_are_finite_as_p_goes_to_one(gamma, logit, dtype, order):
    f = partial(losses.focal_loss, gamma=gamma)
    assert_finite(lambda x: f(x, torch.tensor(0)), [logit, 0.0, 0.0], dtype, order)
    assert_finite(lambda x: f(x, torch.tensor(0)), [-logit, 0.0, 0.0], dtype, order)


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("logit", LOGITS)
@pytest.mark.parametrize("dtype", EPS, ids=str)
@pytest.mark.parametrize("order", ["first", "second"])
def test_binary_focal_derivatives_are_finite_as_p_goes_to_one(gamma, logit, dtype, order):
    f = partial(losses.binary_focal_loss, gamma=gamma, reduction="sum")
    assert_finite(lambda x: f(x, torch.tensor([1, 0, 1, 0])), [logit, logit, -logit, -logit], dtype, order)


def assert_finite(f, values, dtype, order):
    x = torch.tensor(values, dtype=dtype, requires_grad=True)
    (g,) = torch.autograd.grad(f(x), x, create_graph=True)
    if order == "second":
        (g,) = torch.autograd.grad(g.sum(), x)
    assert bool(torch.isfinite(g).all()), g


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("logit", [1.0, 20.0, 60.0])
def test_focal_gradient_keeps_its_digits_as_p_goes_to_one(gamma, logit):
    truth = exact.gradient(
        partial(exact.class_loss, t=[1.0, 0.0, 0.0], change=partial(exact.focal, gamma=gamma)), [logit, 0.0, 0.0]
    )
    grad = gradient(lambda x: losses.focal_loss(x, torch.tensor(0), gamma=gamma), [logit, 0.0, 0.0])
    # The power itself rounds by its exponent.
    analytic.assert_derivative(grad, truth, g=truth * max(1, gamma), eps=EPS[torch.float64])
