"""Second derivatives: Hessians at ties and offsets, and torch's own numerical checks."""

from __future__ import annotations

from functools import partial

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import numpy as np  # noqa: E402

import softmax_xp as sx  # noqa: E402

from .. import analytic  # noqa: E402

pytestmark = pytest.mark.kernel

EPS = torch.finfo(torch.float64).eps
FINITE = {k: v for k, v in analytic.ROWS.items() if np.all(np.isfinite(v))}
EXACT = {
    "softmax": analytic.softmax_hessian,
    "log_softmax": analytic.log_softmax_hessian,
    "logsumexp": analytic.softmax_jacobian,
}
rows = pytest.mark.parametrize("row", FINITE.values(), ids=FINITE)
names = pytest.mark.parametrize("name", EXACT)
offsets = pytest.mark.parametrize("offset", analytic.OFFSETS)


def double(values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


@names
@rows
@offsets
def test_functional_hessian_is_the_analytic_one(name, row, offset):
    x = torch.tensor(row, dtype=torch.float64) + offset
    hessian = torch.func.hessian(getattr(sx, name))(x)
    analytic.assert_derivative(hessian, EXACT[name](analytic.softmax(row)), eps=EPS)


@names
@rows
@offsets
def test_double_backward_is_the_analytic_hessian(name, row, offset):
    x = double(np.asarray(row) + offset)
    y = getattr(sx, name)(x)
    hessian = torch.stack([second_order(entry, x) for entry in y.reshape(-1)]).reshape(*y.shape, 4, 4)
    analytic.assert_derivative(hessian, EXACT[name](analytic.softmax(row)), eps=EPS)


def second_order(y, x):
    (first,) = torch.autograd.grad(y, x, create_graph=True)
    return torch.stack([torch.autograd.grad(g, x, retain_graph=True)[0] for g in first])


@names
@pytest.mark.parametrize("junk", [np.nan, np.inf, 1e30])
def test_hessian_of_a_masked_row_is_exactly_zero_at_masked_slots(name, junk):
    keep = torch.tensor([True, False, True, True])
    x = torch.tensor([1.0, junk, 1.0, 0.25], dtype=torch.float64)
    f = lambda x: torch.where(keep, getattr(sx, name)(x, axis=-1, where=keep), 0.0).sum()  # noqa: E731
    hessian = torch.func.hessian(f)(x)
    assert torch.equal(hessian[1], torch.zeros(4, dtype=torch.float64))
    assert torch.equal(hessian[:, 1], torch.zeros(4, dtype=torch.float64))


@names
def test_hessian_of_a_masked_row_is_that_of_the_kept_entries(name):
    keep = torch.tensor([True, False, True, True])
    x = torch.tensor([1.0, np.nan, 1.0, 0.25], dtype=torch.float64)
    lone = torch.func.hessian(getattr(sx, name))(x[keep])
    masked = torch.func.hessian(partial(getattr(sx, name), where=keep))(x)
    masked = masked[keep] if masked.ndim == 3 else masked
    analytic.assert_derivative(masked[..., keep, :][..., keep], lone.numpy(), eps=EPS)


@names
def test_hessian_of_a_fully_masked_row_is_zero(name):
    none = torch.zeros(3, dtype=torch.bool)
    hessian = torch.func.hessian(partial(getattr(sx, name), where=none))(torch.full((3,), torch.nan))
    assert torch.equal(hessian, torch.zeros_like(hessian))


def checked_calls():
    x = [[0.5, -1.25, 2.0], [1.0, 0.25, 1.0]]
    keep = torch.tensor([[True, False, True], [True, True, True]])
    t, sink = [[0.5], [2.0]], [[1.5], [-0.5]]
    for name in ("softmax", "log_softmax", "softmin", "softmax_and_logsumexp"):
        f = getattr(sx, name)
        yield f"{name} of ties", f, (x,)
        yield f"{name} with temperature", lambda x, t, f=f: f(x, temperature=t), (x, t)
        yield f"{name} with sink", lambda x, s, f=f: f(x, sink=s), (x, sink)
        yield f"{name} with sink and temperature", lambda x, s, t, f=f: f(x, sink=s, temperature=t), (x, sink, t)
        if name != "log_softmax":
            yield f"{name} with where", lambda x, f=f: f(x, where=keep), (x,)
    yield "log_softmax with where", lambda x: torch.where(keep, sx.log_softmax(x, where=keep), 0.0), (x,)
    yield "logsumexp", sx.logsumexp, (x,)
    yield "logsumexp with where", lambda x: sx.logsumexp(x, axis=1, where=keep), (x,)
    yield "logsumexp with weights", lambda x, b: sx.logsumexp(x, axis=1, b=b), (x, [[0.5, 2.0, 1.0]] * 2)
    signed = [[0.5, -2.0, -1.0]] * 2
    yield "signed logsumexp", lambda x, b: sx.logsumexp(x, axis=1, b=b, return_sign=True)[0], (x, signed)
    yield "logmeanexp", lambda x: sx.logmeanexp(x, axis=1, where=keep), (x,)
    yield "log1mexp", sx.log1mexp, ([0.1, 0.6, 0.8, 5.0],)
    yield "logsubexp", sx.logsubexp, ([1.0, 2.0, 3.0], [0.5, 1.5, -1.0])


calls = pytest.mark.parametrize(("f", "inputs"), [pytest.param(f, v, id=k) for k, f, v in checked_calls()])


@calls
def test_gradcheck_accepts(f, inputs):
    assert torch.autograd.gradcheck(f, [double(v) for v in inputs])


@calls
def test_gradgradcheck_accepts(f, inputs):
    assert torch.autograd.gradgradcheck(f, [double(v) for v in inputs])


def test_gradcheck_accepts_complex_logsumexp():
    x = torch.tensor([0.5 + 1j, -0.25 - 0.5j, 1.0], dtype=torch.complex128, requires_grad=True)
    assert torch.autograd.gradcheck(sx.logsumexp, [x])
