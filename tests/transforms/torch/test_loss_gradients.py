"""Gradients of the losses by torch.autograd: ties, offsets, masks, what does not count."""

from __future__ import annotations

from functools import partial
from math import fsum

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import numpy as np  # noqa: E402

from softmax_xp import losses  # noqa: E402

from .. import analytic  # noqa: E402
from . import exact  # noqa: E402
from .loss_calls import CALLS, CLASS_LOSSES, KEEP, LABEL, OTHER, SHARES, WEIGHT  # noqa: E402

pytestmark = pytest.mark.kernel

EPS = {d: torch.finfo(d).eps for d in (torch.float64, torch.float32)}
SHIFTED_ALIKE = {k: v for k, v in CALLS.items() if not v.shifts}
JUNK = (np.nan, np.inf, -np.inf, 1e30)
BATCH = [[0.5, -1.25, 2.0, 0.0], [1.0, 0.25, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]

class_names = pytest.mark.parametrize("name", CLASS_LOSSES)
junks = pytest.mark.parametrize("junk", JUNK)


def gradient(f, values, dtype=torch.float64):
    x = torch.tensor(values, dtype=dtype, requires_grad=True)
    f(x).backward()
    return x.grad


def pairs(calls):
    """Return every loss with every row; smoothing gives a class of -inf a share, and the loss is inf then."""
    found = [
        pytest.param(name, row, id=f"{name}-{label}")
        for name in calls
        for label, row in analytic.ROWS.items()
        if np.all(np.isfinite(row)) or "smoothed" not in name
    ]
    return pytest.mark.parametrize(("name", "row"), found)


@pairs(CALLS)
@pytest.mark.parametrize("dtype", EPS, ids=str)
def test_gradient_is_the_exact_one(name, row, dtype):
    call = CALLS[name]
    truth = exact.gradient(call.exact, row)
    analytic.assert_derivative(gradient(call.loss, row, dtype), truth, g=call.scale, eps=EPS[dtype])


@pytest.mark.usefixtures("formula")
@pairs(SHIFTED_ALIKE)
@pytest.mark.parametrize("offset", analytic.OFFSETS[1:])
def test_a_common_offset_does_not_change_the_gradient(name, row, offset):
    f = CALLS[name].loss
    assert torch.equal(gradient(f, np.asarray(row) + offset), gradient(f, row))


@pairs(SHIFTED_ALIKE)
@pytest.mark.parametrize("dtype", EPS, ids=str)
def test_rows_of_the_gradient_sum_to_zero(name, row, dtype):
    call = CALLS[name]
    total = fsum(gradient(call.loss, row, dtype).tolist())
    assert abs(total) <= analytic.tolerance(call.scale, EPS[dtype]) / 2


@class_names
@junks
def test_what_a_masked_class_holds_does_not_reach_the_gradient(name, junk):
    call = CLASS_LOSSES[name]
    truth = exact.gradient(partial(call.exact, keep=KEEP), [1.0, 0.0, 1.0, 0.25])
    grad = gradient(partial(call.loss, where=torch.tensor(KEEP)), [1.0, junk, 1.0, 0.25])
    analytic.assert_derivative(grad, truth, g=call.scale, eps=EPS[torch.float64])


@class_names
@junks
def test_gradient_at_a_masked_class_is_exactly_zero(name, junk):
    grad = gradient(partial(CLASS_LOSSES[name].loss, where=torch.tensor(KEEP)), [1.0, junk, 1.0, 0.25])
    assert grad[1] == 0


LABELLED = {
    "cross_entropy": losses.cross_entropy,
    "cross_entropy smoothed": partial(losses.cross_entropy, label_smoothing=0.25),
    "cross_entropy with z_loss": partial(losses.cross_entropy, z_loss=0.125),
    "cross_entropy capped": partial(losses.cross_entropy, softcap=4.0),
    "nll_loss": losses.nll_loss,
    "focal_loss": losses.focal_loss,
    "focal_loss gamma=0.5": partial(losses.focal_loss, gamma=0.5),
    "poly_cross_entropy": losses.poly_cross_entropy,
    "generalized_cross_entropy": losses.generalized_cross_entropy,
}
labelled = pytest.mark.parametrize("name", LABELLED)


def batch_gradient(f, values, target, **options):
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    f(x, target, **options).backward()
    return x.grad


def with_row(junk):
    """Return the batch with junk in its second row."""
    return [BATCH[0], [junk, 0.0, 1.0, junk], BATCH[2]]


def assert_only_others(grad, others):
    """Raise unless the second row got nothing and the others what they get without it."""
    assert torch.equal(grad[1], torch.zeros(4, dtype=torch.float64))
    assert torch.equal(grad[[0, 2]], others)


@labelled
@junks
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_an_ignored_sample_has_gradient_zero_whatever_it_holds(name, junk, reduction):
    f = partial(LABELLED[name], reduction=reduction)
    others = batch_gradient(f, [BATCH[0], BATCH[2]], torch.tensor([0, 3]))
    assert_only_others(batch_gradient(f, with_row(junk), torch.tensor([0, -100, 3])), others)


@labelled
@junks
@pytest.mark.parametrize("kind", ["labels", "probabilities"])
def test_a_sample_of_weight_zero_has_gradient_zero_whatever_it_holds(name, junk, kind):
    target = torch.tensor([0, 1, 3])
    target = target if kind == "labels" else torch.eye(4, dtype=torch.float64)[target]
    weight = torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64)
    others = batch_gradient(LABELLED[name], [BATCH[0], BATCH[2]], target[[0, 2]], sample_weight=weight[[0, 2]])
    assert_only_others(batch_gradient(LABELLED[name], with_row(junk), target, sample_weight=weight), others)


# Smoothing gives a share to classes of other weights.
@pytest.mark.parametrize("name", [n for n in LABELLED if "smoothed" not in n])
@junks
def test_a_label_of_weight_zero_has_gradient_zero_whatever_it_holds(name, junk):
    weight = torch.tensor([1.0, 0.0, 1.0, 2.0], dtype=torch.float64)
    others = batch_gradient(LABELLED[name], [BATCH[0], BATCH[2]], torch.tensor([0, 3]), weight=weight)
    grad = batch_gradient(LABELLED[name], with_row(junk), torch.tensor([0, 1, 3]), weight=weight)
    assert_only_others(grad, others)


@labelled
def test_a_label_out_of_range_leaves_the_gradients_of_other_samples_alone(name):
    f = partial(LABELLED[name], reduction="none")
    x = torch.tensor(BATCH, dtype=torch.float64, requires_grad=True)
    f(x, torch.tensor([0, 4, 3]))[[0, 2]].sum().backward()
    others = batch_gradient(partial(LABELLED[name], reduction="sum"), [BATCH[0], BATCH[2]], torch.tensor([0, 3]))
    assert torch.equal(x.grad[[0, 2]], others)


@junks
def test_a_decision_of_weight_zero_has_gradient_zero_whatever_it_holds(junk):
    weight = torch.tensor([1.0, 0.0, 2.0])
    grad = gradient(
        lambda x: losses.binary_cross_entropy_with_logits(x, torch.tensor([1, 1, 0]), weight=weight), [0.5, junk, 2.0]
    )
    assert grad[1] == 0
    assert bool(torch.isfinite(grad).all())


@pytest.mark.parametrize("name", ["binary_cross_entropy_with_logits", "binary_focal_loss"])
@pytest.mark.parametrize(("logit", "target"), [(np.inf, 1), (-np.inf, 0)])
def test_binary_gradient_of_a_certain_and_right_decision_is_zero(name, logit, target):
    f = getattr(losses, name)
    assert gradient(lambda x: f(x, torch.tensor([target])), [logit]) == 0


@pytest.mark.parametrize("labels", [True, False], ids=["labels", "probabilities"])
def test_nll_gradient_is_minus_the_weighted_target(labels):
    target = torch.tensor(LABEL) if labels else torch.tensor(SHARES)
    grad = gradient(
        lambda x: losses.nll_loss(x, target, weight=torch.tensor(WEIGHT), reduction="sum"), [-0.5, -1.0, -np.inf, -2.0]
    )
    assert np.array_equal(grad.numpy(), -WEIGHT * (np.eye(4)[LABEL] if labels else SHARES))


KINDS = ("probs", "log_probs")


@pytest.mark.parametrize("name", ["kl_divergence", "js_divergence"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("second", [False, True], ids=["by p", "by q"])
def test_gradient_of_a_divergence_by_shares_is_the_exact_one(name, kind, second):
    values = np.asarray([0.5, 0.0625, 0.25, 0.1875])
    values = np.log(values) if kind == "log_probs" else values
    f, truth_of = getattr(losses, name), {"kl_divergence": exact.kl, "js_divergence": exact.js}[name]
    if second:
        grad = gradient(lambda x: f(torch.tensor(OTHER), x, q_kind=kind), values)
        truth = exact.gradient(lambda x: truth_of(OTHER, x, "probs", kind), values)
    else:
        grad = gradient(lambda x: f(x, torch.tensor(OTHER), p_kind=kind), values)
        truth = exact.gradient(lambda x: truth_of(x, OTHER, kind), values)
    analytic.assert_derivative(grad, truth, g=np.maximum(1.0, np.abs(truth)), eps=EPS[torch.float64])


def test_kl_term_of_probability_zero_has_gradient_zero_by_q():
    grad = gradient(lambda x: losses.kl_divergence(torch.tensor(SHARES), x), OTHER)
    assert grad[1] == 0


@pytest.mark.parametrize("name", ["kl_divergence", "js_divergence"])
def test_divergence_of_equal_logits_has_gradient_zero(name):
    f = getattr(losses, name)
    y = torch.tensor([1.0, 1.0, -0.5], dtype=torch.float64)
    grad = gradient(lambda x: f(x, y, p_kind="logits", q_kind="logits"), y.tolist())
    analytic.assert_derivative(grad, np.zeros(3), eps=EPS[torch.float64])


@pytest.mark.parametrize("name", ["kl_divergence", "js_divergence"])
@junks
def test_masked_classes_do_not_reach_the_gradient_of_a_divergence(name, junk):
    f, kept = getattr(losses, name), torch.tensor(KEEP)
    y = torch.tensor(OTHER)
    grad = gradient(lambda x: f(x, y, p_kind="logits", q_kind="logits", where=kept), [1.0, junk, 1.0, 0.25])
    alone = gradient(lambda x: f(x, y[kept], p_kind="logits", q_kind="logits"), [1.0, 1.0, 0.25])
    analytic.assert_derivative(grad[kept], alone.numpy(), g=4.0, eps=EPS[torch.float64])
    assert grad[1] == 0


def test_gradient_of_adjusted_logits_is_the_cotangent():
    g = torch.tensor(WEIGHT)
    counts = torch.tensor([3, 0, 2, 1])
    grad = gradient(
        lambda x: (losses.logit_adjustment(x, counts, tau=0.5)[counts > 0] * g[counts > 0]).sum(), [0.5] * 4
    )
    assert torch.equal(grad, torch.where(counts > 0, g, 0.0))


def test_gradient_of_adjusted_logits_by_the_counts_is_the_exact_one():
    counts = np.asarray([3.0, 4.0, 2.0, 1.0])
    grad = gradient(
        lambda n: (losses.logit_adjustment(torch.zeros(4).double(), n) * torch.tensor(WEIGHT)).sum(), counts
    )
    analytic.assert_derivative(grad, WEIGHT / counts - WEIGHT.sum() / counts.sum(), eps=EPS[torch.float64])


def test_class_weights_take_no_gradient():
    assert not losses.balanced_class_weights(torch.tensor([0, 0, 1]), 2).requires_grad


def test_micro_batches_of_uneven_size_add_up_to_the_gradient_of_the_whole():
    x = torch.tensor(BATCH, dtype=torch.float64, requires_grad=True)
    y, weight = torch.tensor([0, 2, 3]), torch.tensor(WEIGHT)
    losses.cross_entropy(x, y, weight=weight).backward()
    whole, x.grad = x.grad, None
    for part in (slice(0, 1), slice(1, 3)):
        losses.cross_entropy(x[part], y[part], weight=weight, normalizer=weight[y].sum()).backward()
    analytic.assert_derivative(x.grad, whole.numpy(), eps=EPS[torch.float64])


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", [n for n in CALLS if n != "z_loss"])
def test_gradients_of_half_types_are_computed_in_float32_and_rounded_once(name, precision):
    f, row = CALLS[name].loss, [1.0, 0.5, -0.5, 0.25]
    half = torch.tensor(row, dtype=precision, requires_grad=True)
    wide = torch.tensor(row, requires_grad=True)
    # The loss is rounded last; its cotangent of 1 is exact in every type.
    f(half).backward()
    f(wide).backward()
    assert torch.equal(half.grad, wide.grad.to(precision))
