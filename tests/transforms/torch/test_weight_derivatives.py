"""Losses are linear in their weights: the derivative at a weight of 0 is the loss, in torch."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from softmax_xp import logsumexp, losses, use_engine  # noqa: E402

from ...contract.losses.reference import X, assert_near  # noqa: E402
from ...contract.losses.weights import weighted_losses  # noqa: E402


def array(values, dtype=None):
    return torch.tensor(np.asarray(values), dtype=getattr(torch, dtype or "float64"))


CASES = weighted_losses(array)
cases = pytest.mark.parametrize("name", CASES)
engines = pytest.mark.parametrize("engine", ["auto", "generic"])


@cases
@engines
def test_a_weight_of_0_has_the_loss_for_its_derivative_and_its_gradient_for_the_next(name, engine):
    case = CASES[name]
    x = array(X).requires_grad_()
    w = torch.zeros(case.shape, dtype=x.dtype, requires_grad=True)
    units = torch.eye(w.numel(), dtype=x.dtype).reshape(w.numel(), *case.shape)
    with use_engine(engine):
        of_w, of_x = torch.autograd.grad(case.loss(x, w), (w, x), create_graph=True)
        parts = torch.stack([case.loss(x, unit) for unit in units])
        slopes = torch.stack([torch.autograd.grad(part, x, retain_graph=True)[0] for part in parts])
        mixed = torch.stack([torch.autograd.grad(v, x, retain_graph=True)[0] for v in of_w.reshape(-1)])
        back = torch.stack([torch.autograd.grad(v, w, retain_graph=True)[0] for v in of_x.reshape(-1)])
    assert not of_x.any()
    assert_near(of_w.detach().reshape(-1), parts.detach(), "float64", scale=8.0)
    assert_near(mixed, slopes, "float64", scale=8.0)
    assert_near(back.reshape(x.numel(), -1).T, slopes.reshape(-1, x.numel()), "float64", scale=8.0)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.removes])
@engines
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nothing_of_what_has_a_weight_of_0_reaches_a_derivative(name, engine, bad):
    case = CASES[name]
    x = array(X)
    x[0] = bad
    x[1, 2] = bad
    x.requires_grad_()
    w = torch.zeros(case.shape, dtype=x.dtype, requires_grad=True)
    with use_engine(engine):
        loss = case.loss(x, w)
        of_w, of_x = torch.autograd.grad(loss, (w, x))
    assert loss == 0
    assert torch.isfinite(of_w).all()
    assert not of_x.any()


def test_the_weights_of_a_sum_have_their_derivatives_also_at_0():
    x = array([[0.0, 0.0, 0.0], [np.nan, 1.0, 1.0], [np.inf, -np.inf, 0.0], [2.0, -3.0, 1.0]]).requires_grad_()
    b = array([[4.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0], [-1.0, 0.0, 0.5]]).requires_grad_()
    size, _ = logsumexp(x, b=b, axis=1, return_sign=True)
    of_x, of_b = torch.autograd.grad(size.sum(), (x, b), create_graph=True)
    e = np.exp([0.0, -5.0, -1.0])
    total = e[2] / 2 - e[0]
    near = "float64"
    assert_near(of_x[0].tolist(), [0.8, 0.0, 0.2], near)
    assert_near(of_b.detach(), [[0.2] * 3, [0.0, 0.5, 0.5], [0.0, 0.0, 1.0], e / total], near, scale=8.0)
    assert_near(of_x.detach()[1:], [[0.0, 0.5, 0.5], [0.0, 0.0, 1.0], [-e[0] / total, 0.0, e[2] / 2 / total]], near)
    (again,) = torch.autograd.grad(of_b[0, 1], b)
    assert_near(again[0], [-0.04] * 3, near)
    assert not again[1:].any()
    assert torch.autograd.gradgradcheck(
        lambda x, b: logsumexp(x, b=b, axis=0, return_sign=True)[0],
        (array([1.0, 2.0]).requires_grad_(), array([2.0, 0.0]).requires_grad_()),
    )


@pytest.mark.parametrize("dense", [False, True], ids=["label", "probabilities"])
def test_a_weight_of_0_has_the_derivative_of_a_loss_that_is_bounded_where_p_is_0(dense):
    x = torch.tensor([[-torch.inf, 0.0]], dtype=torch.float64)
    target = torch.tensor([[1.0, 0.0]], dtype=torch.float64) if dense else torch.tensor([0])
    w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    losses.generalized_cross_entropy(x, target, q=0.5, sample_weight=w, reduction="sum").backward()
    assert w.grad.tolist() == [2.0]
