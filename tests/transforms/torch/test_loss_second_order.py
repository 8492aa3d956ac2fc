"""Second derivatives of the losses, and torch's own numerical checks in both modes."""

from __future__ import annotations

from functools import partial

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import numpy as np  # noqa: E402

import softmax_xp as sx  # noqa: E402
from softmax_xp import derivatives, losses  # noqa: E402

from ...contract.losses.public import PUBLIC  # noqa: E402
from .. import analytic  # noqa: E402
from . import exact  # noqa: E402
from .loss_calls import CALLS, CLASS_LOSSES, KEEP, LABEL  # noqa: E402

pytestmark = pytest.mark.kernel

EPS = torch.finfo(torch.float64).eps
FINITE = {k: v for k, v in analytic.ROWS.items() if np.all(np.isfinite(v))}
rows = pytest.mark.parametrize("row", FINITE.values(), ids=FINITE)
offsets = pytest.mark.parametrize("offset", analytic.OFFSETS)


def double(values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def double_backward(f):
    def hessian(x):
        x = x.clone().requires_grad_()
        (first,) = torch.autograd.grad(f(x), x, create_graph=True)
        return torch.stack([torch.autograd.grad(g, x, retain_graph=True)[0] for g in first])

    return hessian


WAYS = {
    "torch.func.hessian": torch.func.hessian,
    "reverse over reverse": lambda f: torch.func.jacrev(torch.func.jacrev(f)),
    "forward over reverse": lambda f: torch.func.jacfwd(torch.func.jacrev(f)),
    "reverse over forward": lambda f: torch.func.jacrev(torch.func.jacfwd(f)),
    "double backward": double_backward,
}
ways = pytest.mark.parametrize("way", WAYS)


@pytest.mark.parametrize("name", CALLS)
@rows
def test_hessian_is_the_exact_one(name, row):
    call = CALLS[name]
    hessian = torch.func.hessian(call.loss)(torch.tensor(row, dtype=torch.float64))
    analytic.assert_derivative(hessian, exact.hessian(call.exact, row), g=call.scale, eps=EPS)


HESSIANS = {
    "cross_entropy": (lambda x: losses.cross_entropy(x, torch.tensor(LABEL)), analytic.softmax_jacobian),
    "cross_entropy of a one-hot target": (
        lambda x: losses.cross_entropy(x, torch.eye(4, dtype=x.dtype)[LABEL]),
        analytic.softmax_jacobian,
    ),
    "nll of log_softmax": (
        lambda x: losses.nll_loss(sx.log_softmax(x), torch.tensor(LABEL)),
        analytic.softmax_jacobian,
    ),
    "softmax": (lambda x: sx.softmax(x)[LABEL], lambda p: analytic.softmax_hessian(p)[LABEL]),
    "log_softmax": (lambda x: sx.log_softmax(x)[LABEL], lambda p: analytic.log_softmax_hessian(p)[LABEL]),
    "logsumexp": (sx.logsumexp, analytic.softmax_jacobian),
}


@pytest.mark.parametrize("name", HESSIANS)
@ways
@rows
def test_every_way_to_the_hessian_gives_the_analytic_one(name, way, row):
    f, closed = HESSIANS[name]
    hessian = WAYS[way](f)(torch.tensor(row, dtype=torch.float64))
    analytic.assert_derivative(hessian, closed(analytic.softmax(row)), eps=EPS)


@pytest.mark.parametrize("name", HESSIANS)
@rows
@offsets
def test_a_common_offset_does_not_change_the_hessian(name, row, offset):
    f, closed = HESSIANS[name]
    hessian = torch.func.hessian(f)(torch.tensor(row, dtype=torch.float64) + offset)
    analytic.assert_derivative(hessian, closed(analytic.softmax(row)), eps=EPS)


@pytest.mark.parametrize("name", [n for n in HESSIANS if n not in ("softmax", "logsumexp")])
@ways
@pytest.mark.parametrize("gap", [17.0, 20.0, 60.0])
def test_float32_hessian_of_a_confident_target_keeps_its_digits(name, way, gap):
    f, _ = HESSIANS[name]
    x = torch.zeros(4)
    x[LABEL] = gap
    hessian = WAYS[way](f)(x)
    sign = -1 if name == "log_softmax" else 1
    truth = sign * exact.hessian(partial(exact.class_loss, t=np.eye(4)[LABEL]), x.double().numpy())
    analytic.assert_derivative(hessian, truth, g=truth, eps=torch.finfo(torch.float32).eps)


@pytest.mark.parametrize("name", CLASS_LOSSES)
@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf, 1e30])
def test_hessian_is_exactly_zero_at_a_masked_class(name, junk):
    f = partial(CLASS_LOSSES[name].loss, where=torch.tensor(KEEP))
    hessian = torch.func.hessian(f)(torch.tensor([1.0, junk, 1.0, 0.25], dtype=torch.float64))
    assert torch.equal(hessian[1], torch.zeros(4, dtype=torch.float64))
    assert torch.equal(hessian[:, 1], torch.zeros(4, dtype=torch.float64))


@pytest.mark.parametrize("name", CLASS_LOSSES)
def test_hessian_of_a_masked_row_is_the_exact_one(name):
    call = CLASS_LOSSES[name]
    f = partial(call.loss, where=torch.tensor(KEEP))
    hessian = torch.func.hessian(f)(torch.tensor([1.0, 7.0, 1.0, 0.25], dtype=torch.float64))
    truth = exact.hessian(partial(call.exact, keep=KEEP), [1.0, 0.0, 1.0, 0.25])
    analytic.assert_derivative(hessian, truth, g=call.scale, eps=EPS)


def test_second_derivatives_of_an_ignored_sample_are_exactly_zero():
    x = torch.tensor([[0.5, -1.25, 2.0], [torch.nan, torch.inf, 0.0]], dtype=torch.float64)
    hessian = torch.func.hessian(lambda x: losses.cross_entropy(x, torch.tensor([2, -100])))(x)
    assert bool((hessian[1] == 0).all() & (hessian[:, :, 1] == 0).all())


X = [[0.5, -1.25, 2.0], [1.0, 0.25, 1.0], [0.0, 0.0, 0.0]]
T = [[0.5, 0.25, 0.25], [0.125, 0.5, 0.375], [0.25, 0.25, 0.5]]
W, S = [0.5, 2.0, 1.0], [1.0, 0.5, 2.0]
Y = torch.tensor([2, 0, 1])
MASK = torch.tensor([[True, False, True], [True, True, True], [False, True, True]])


def checked_losses():
    """Yield a name, a function and the values of its differentiable arguments."""
    classes = {
        "cross_entropy": losses.cross_entropy,
        "cross_entropy with its own options": partial(
            losses.cross_entropy, label_smoothing=0.25, z_loss=0.125, softcap=4.0
        ),
        "focal_loss": losses.focal_loss,
        "focal_loss gamma=0.5": partial(losses.focal_loss, gamma=0.5),
        "poly_cross_entropy": losses.poly_cross_entropy,
        "generalized_cross_entropy": losses.generalized_cross_entropy,
    }
    for name, f in classes.items():
        yield (
            f"{name} of labels",
            lambda x, w, s, f=f: f(x, Y, weight=w, sample_weight=s, where=MASK),
            (X, W, S),
        )
        yield f"{name} of probabilities", lambda x, t, w, s, f=f: f(x, t, weight=w, sample_weight=s), (X, T, W, S)
    yield (
        "nll_loss of labels",
        lambda x, w, s: losses.nll_loss(x, Y, weight=w, sample_weight=s, reduction="none"),
        (X, W, S),
    )
    yield (
        "nll_loss of probabilities",
        lambda x, t, w, s: losses.nll_loss(x, t, weight=w, sample_weight=s),
        (X, T, W, S),
    )
    yield "focal_loss by alpha", lambda x, a: losses.focal_loss(x, Y, alpha=a), (X, W)
    yield "normalizer", lambda x, n: losses.cross_entropy(x, Y, normalizer=n), (X, 4.0)
    yield (
        "partial_label_cross_entropy",
        lambda x, s: losses.partial_label_cross_entropy(x, MASK, sample_weight=s),
        (X, S),
    )
    yield "logit_adjustment", lambda x, n: losses.logit_adjustment(x, n, tau=0.5), (X, W)
    yield from checked_decisions()
    yield from checked_divergences()
    yield from checked_derivatives()


def checked_decisions():
    for name, f in (
        ("binary_focal_loss", losses.binary_focal_loss),
        ("binary_focal_loss gamma=0.5", partial(losses.binary_focal_loss, gamma=0.5, alpha=0.25)),
    ):
        yield name, lambda x, t, w, f=f: f(x, t, weight=w), (X, T, W)
    bce = losses.binary_cross_entropy_with_logits
    yield "binary_cross_entropy_with_logits", lambda x, t, w, v: bce(x, t, weight=w, pos_weight=v), (X, T, W, W)


def checked_divergences():
    for f in (losses.kl_divergence, losses.js_divergence):
        yield f"{f.__name__} of probabilities", f, (T, T[::-1])
        yield f"{f.__name__} of logits", partial(f, p_kind="logits", q_kind="logits", where=MASK), (X, T)
        log_t = np.log(T).tolist()
        yield f"{f.__name__} of log-probabilities", partial(f, p_kind="log_probs", q_kind="log_probs"), (log_t, X)


def checked_derivatives():
    yield "softmax_vjp", derivatives.softmax_vjp, (T, X)
    yield "softmax_jvp", derivatives.softmax_jvp, (T, X)
    yield "softmax_hvp", derivatives.softmax_hvp, (T, X, X[::-1])
    yield "softmax_jacobian", derivatives.softmax_jacobian, (T,)
    yield "log_softmax_vjp", derivatives.log_softmax_vjp, (np.log(T).tolist(), X)
    yield "logsumexp_vjp", partial(derivatives.logsumexp_vjp, axis=1), (X, S)
    yield (
        "cross_entropy_and_grad",
        lambda x, t, w, s: derivatives.cross_entropy_and_grad(x, t, weight=w, sample_weight=s),
        (X, T, W, S),
    )
    yield "cross_entropy_and_grad of labels", lambda x: derivatives.cross_entropy_and_grad(x, Y, where=MASK), (X,)


checked = pytest.mark.parametrize(("f", "inputs"), [pytest.param(f, v, id=k) for k, f, v in checked_losses()])


@checked
def test_gradcheck_accepts_both_modes(f, inputs):
    assert torch.autograd.gradcheck(f, [double(v) for v in inputs], check_forward_ad=True)


@checked
def test_gradcheck_accepts_batched_gradients_of_both_modes(f, inputs):
    inputs = [double(v) for v in inputs]
    assert torch.autograd.gradcheck(
        f, inputs, check_forward_ad=True, check_batched_grad=True, check_batched_forward_grad=True, fast_mode=True
    )


@checked
def test_gradgradcheck_accepts_forward_over_reverse(f, inputs):
    assert torch.autograd.gradgradcheck(f, [double(v) for v in inputs], check_fwd_over_rev=True)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("masked", [False, True])
def test_checks_accept_both_modes_of_the_normalizers(name, masked):
    f = partial(getattr(sx, name), where=MASK) if masked else getattr(sx, name)
    kept = (lambda x: torch.where(MASK, f(x), 0.0)) if masked else f
    assert torch.autograd.gradcheck(kept, [double(X)], check_forward_ad=True)
    assert torch.autograd.gradgradcheck(kept, [double(X)], check_fwd_over_rev=True)


def test_every_public_function_with_a_gradient_is_checked_here():
    names = {k.split(" ")[0] for k, _, _ in checked_losses()}
    assert set(PUBLIC) - names == {"balanced_class_weights"}
