"""Losses of sparse maps: the gradient is the prediction less the target, in every type and mode."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from softmax_xp import cross_entropy, softmax  # noqa: E402
from softmax_xp.sparse import entmax, entmax_loss, fenchel_young_loss  # noqa: E402
from softmax_xp.testing import assert_derivative, contract, exact_fenchel_young  # noqa: E402

from ...contract.sparse.points import JUNK, absolute, relative  # noqa: E402
from .sparse_calls import (  # noqa: E402
    F64,
    LABELS,
    LOSSES,
    SHARES,
    TARGETS,
    WEIGHT,
    G,
    X,
    double_backward,
    gradient,
    one_hot,
    prediction,
)

inf = torch.inf
every_loss = pytest.mark.parametrize("name", LOSSES)
targets = pytest.mark.parametrize("kind", TARGETS)
dtypes = pytest.mark.parametrize("dtype", contract.FLOATS)
junks = pytest.mark.parametrize("junk", JUNK)


@every_loss
@targets
def test_gradcheck_accepts_losses_and_their_sample_weights_to_second_order(name, kind):
    given = [v.clone().requires_grad_() for v in (X, WEIGHT)]
    f = lambda x, w: LOSSES[name](x, TARGETS[kind], sample_weight=w, reduction="none")  # noqa: E731
    assert torch.autograd.gradcheck(f, given, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(f, given)


@every_loss
def test_gradcheck_accepts_logits_of_the_target_to_second_order(name):
    given = [v.clone().requires_grad_() for v in (X[:1], G[:1])]
    f = lambda x, y: LOSSES[name](x, softmax(y))  # noqa: E731
    assert torch.autograd.gradcheck(f, given)
    assert torch.autograd.gradgradcheck(f, given)


def by_target(name, t):
    """Return the gradient of the regularizer, the entropy without what it has at 1 alike for all classes."""
    p_of = prediction(name)
    power = p_of.keywords["alpha"] - 1.0
    if p_of.func is entmax:
        return t**power / power
    return t**power / (t ** (power + 1.0)).sum() ** (power / (power + 1.0))


@pytest.mark.parametrize("name", [n for n in LOSSES if "shannon" not in n])
def test_the_gradient_by_probabilities_is_that_of_the_regularizer_less_the_logits(name):
    # Some of 0, with and without a share of the prediction; up to a number common to all classes, as they sum to 1.
    x = torch.tensor([0.5, -0.25, 0.8125, -3.0, 0.625], dtype=F64)
    t = torch.tensor([0.5, 0.25, 0.25, 0.0, 0.0], dtype=F64)
    found = gradient(lambda t: LOSSES[name](x, t), t)
    expected = by_target(name, t) - x
    assert_derivative(found - found[0], absolute(expected - expected[0]))
    forward = torch.func.jacfwd(lambda t: LOSSES[name](x, t))(t)
    assert_derivative(forward, absolute(found))


@every_loss
@targets
def test_the_gradient_of_a_loss_is_the_prediction_less_the_target(name, kind):
    found = gradient(lambda x: LOSSES[name](x, TARGETS[kind], reduction="sum"), X)
    p = prediction(name)(X)
    expected = (p - SHARES) if kind == "probabilities" else torch.where(LABELS[:, None] < 0, 0.0, p - one_hot(LABELS))
    assert_derivative(found, absolute(expected))


@every_loss
def test_probabilities_of_one_class_and_labels_give_the_same_gradient(name):
    labels = torch.tensor([0, 3, 1])
    by_labels, by_shares = (gradient(lambda x, t=t: LOSSES[name](x, t), X) for t in (labels, one_hot(labels)))
    assert_derivative(by_labels, absolute(by_shares))


@pytest.mark.parametrize("options", contract.LOSS_CASES, ids=str)
@targets
@dtypes
def test_gradients_of_losses_are_the_exact_ones_in_every_type(options, kind, dtype):
    x = X.to(getattr(torch, dtype))
    target = TARGETS[kind] if kind == "labels" else SHARES.to(x.dtype)
    found = gradient(lambda x: fenchel_young_loss(x, target, reduction="sum", **options), x)
    assert found.dtype == x.dtype
    counts = LABELS >= 0 if kind == "labels" else torch.ones(3, dtype=torch.bool)
    goal = one_hot(LABELS) if kind == "labels" else SHARES
    _, exact = exact_fenchel_young(x.double()[counts], goal[counts], **options)
    assert_derivative(found[counts], exact, dtype=dtype)
    assert not found[~counts].any()


WAYS = {
    "torch.func.hessian": torch.func.hessian,
    "reverse over reverse": lambda f: torch.func.jacrev(torch.func.jacrev(f)),
    "reverse over forward": lambda f: torch.func.jacrev(torch.func.jacfwd(f)),
    "double backward": double_backward,
}
SURE = {
    name: 0.999 / (prediction(name).keywords["alpha"] - 1.0)
    for name in LOSSES
    if "norm" not in name and prediction(name).keywords["alpha"] > 1.0
} | {name: 0.999 for name in LOSSES if "norm" in name}
"""By how much a label is ahead so that the others have almost no share, but one."""


@pytest.mark.parametrize("name", SURE)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("loss_of", ["reverse", "forward", "vmap"])
def test_the_gradient_at_a_confident_label_is_minus_the_sum_of_the_other_shares(name, dtype, loss_of):
    x = torch.tensor([SURE[name], 0.0, 0.0], dtype=getattr(torch, dtype))
    f = lambda x: LOSSES[name](x, torch.tensor(0))  # noqa: E731
    found = {
        "reverse": lambda: gradient(f, x),
        "forward": lambda: torch.func.jacfwd(f)(x),
        "vmap": lambda: torch.func.vmap(torch.func.grad(f))(x[None])[0],
    }[loss_of]()
    p = prediction(name)(x)
    assert 0.0 < p[1] < 0.1
    others = p[1:].double()
    assert_derivative(found, relative([-others.sum(), *others]), dtype=dtype)


def test_float32_at_a_confident_label_keeps_digits_that_1_less_the_share_has_lost():
    x = torch.tensor([1.998, 0.0, 0.0])
    found = gradient(lambda x: entmax_loss(x, torch.tensor(0)), x)
    # The other shares are 2.5e-7 each; what a share is short of 1 is a multiple of 6e-8.
    naive = float(entmax(x)[0]) - 1.0
    exact = exact_entmax_gradient(x)
    assert abs(naive / exact - 1.0) > 0.01
    assert abs(float(found[0]) / exact - 1.0) < 1e-3


def exact_entmax_gradient(x):
    """Return the exact gradient of the loss of label 0 at this label."""
    _, found = exact_fenchel_young(x.double()[None], [[1.0, 0.0, 0.0]], regularizer="tsallis")
    return found.exact.hi[0, 0]


@pytest.mark.parametrize("name", [n for n in LOSSES if "shannon" not in n])
def test_a_label_that_is_far_enough_ahead_has_a_gradient_of_exactly_0(name):
    assert not gradient(lambda x: LOSSES[name](x, torch.tensor(0)), torch.tensor([9.0, 0.0, 0.0])).any()


@every_loss
@junks
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_sample_that_does_not_count_has_a_gradient_of_0_whatever_it_holds(name, junk, reduction):
    x = torch.cat([X[:1], torch.full((1, 4), junk, dtype=F64), X[2:]])
    others = gradient(lambda x: LOSSES[name](x, torch.tensor([0, 1]), reduction=reduction), X[[0, 2]])
    ignored = gradient(lambda x: LOSSES[name](x, LABELS, reduction=reduction), x)
    zero = torch.tensor([1.0, 0.0, 1.0], dtype=F64)
    weightless = gradient(
        lambda x: LOSSES[name](x, torch.tensor([0, 2, 1]), sample_weight=zero, reduction=reduction), x
    )
    for found in (ignored, weightless):
        assert torch.equal(found[[0, 2]], others)
        assert torch.equal(found[1], torch.zeros(4, dtype=F64))


@every_loss
@targets
@junks
def test_what_a_masked_class_holds_does_not_reach_the_gradient_of_a_loss(name, kind, junk):
    where = torch.tensor([True, True, False, True])
    target = torch.tensor([0, 3, 1]) if kind == "labels" else SHARES[[0, 0, 0]][:, [0, 2, 1, 3]]
    fewer = torch.tensor([0, 2, 1]) if kind == "labels" else target[:, where]
    found = gradient(lambda x: LOSSES[name](x, target, where=where), torch.where(where, X, junk))
    alone = gradient(lambda x: LOSSES[name](x, fewer), X[:, where])
    assert_derivative(found[:, where], absolute(alone))
    assert not found[:, ~where].any()


@pytest.mark.parametrize("name", [n for n in LOSSES if "shannon" not in n])
def test_a_label_on_a_logit_of_minus_inf_has_an_infinite_loss_and_no_gradient_there(name):
    x = torch.tensor([-inf, 0.5, 0.0], dtype=F64, requires_grad=True)
    loss = LOSSES[name](x, torch.tensor(0))
    loss.backward()
    assert loss == inf
    assert_derivative(x.grad, absolute([0.0, *prediction(name)(x.detach())[1:]]))


@every_loss
def test_a_label_out_of_range_leaves_the_gradients_of_other_samples_alone(name):
    f = lambda x: LOSSES[name](x, torch.tensor([0, 4, 1]), reduction="none")[[0, 2]]  # noqa: E731
    others = gradient(lambda x: LOSSES[name](x, torch.tensor([0, 1]), reduction="sum"), X[[0, 2]])
    assert torch.equal(gradient(f, X)[[0, 2]], others)


def test_the_loss_of_alpha_1_has_the_gradient_of_cross_entropy():
    found, expected = (
        gradient(f, X) for f in (lambda x: entmax_loss(x, LABELS, alpha=1.0), lambda x: cross_entropy(x, LABELS))
    )
    assert torch.equal(found, expected)


@every_loss
@targets
@pytest.mark.usefixtures("formula")
def test_vmap_of_losses_is_the_loss_per_sample(name, kind):
    target = torch.tensor([0, 3, 1]) if kind == "labels" else SHARES
    mapped = torch.func.vmap(LOSSES[name])(X, target)
    assert torch.equal(mapped, LOSSES[name](X, target, reduction="none"))


@every_loss
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_hessian_of_a_loss_is_the_jacobian_of_its_prediction(name, way):
    hessian = way(lambda x: LOSSES[name](x, LABELS[0]))(X[0])
    jacobian = torch.func.jacrev(prediction(name))(X[0])
    assert_derivative(hessian, absolute(jacobian))
