"""torch.func: vmap, jvp, jacrev, jacfwd and their combinations."""

from __future__ import annotations

from functools import partial

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from torch.fx.experimental.proxy_tensor import make_fx  # noqa: E402

import softmax_xp as sx  # noqa: E402
from softmax_xp._engines import planned  # noqa: E402

from ...plans import forget  # noqa: E402
from .. import analytic  # noqa: E402

EPS = torch.finfo(torch.float64).eps
X = torch.tensor([[0.5, -1.25, 2.0, 0.0], [1.0, 0.25, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
JACOBIANS = {
    "softmax": analytic.softmax_jacobian,
    "log_softmax": analytic.log_softmax_jacobian,
    "logsumexp": lambda p: p,
}


def same(a, b):
    a, b = (r if isinstance(r, tuple) else (r,) for r in (a, b))
    return all(torch.equal(x.reshape(-1).nan_to_num(7), y.reshape(-1).nan_to_num(7)) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("option", ["temperature", "sink"])
def test_vmap_over_a_scalar_option_is_one_value_per_row(option):
    values = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    mapped = torch.func.vmap(lambda x, v: sx.softmax(x, **{option: v}))(X, values)
    assert same(mapped, sx.softmax(X, **{option: values[:, None]}))


def test_vmap_of_one_hot_is_the_batched_call():
    labels = torch.tensor([0, 2, -1])
    assert same(torch.func.vmap(lambda y: sx.one_hot(y, 3))(labels), sx.one_hot(labels, 3))


@pytest.mark.parametrize("name", JACOBIANS)
@pytest.mark.parametrize("transform", [torch.func.jacrev, torch.func.jacfwd])
@pytest.mark.parametrize("row", range(3))
@pytest.mark.parametrize("offset", analytic.OFFSETS)
def test_jacobian_is_the_analytic_one(name, transform, row, offset):
    exact = JACOBIANS[name](analytic.softmax(X[row].numpy()))
    analytic.assert_derivative(transform(getattr(sx, name))(X[row] + offset), exact, eps=EPS)


@pytest.mark.parametrize("name", JACOBIANS)
def test_jvp_is_the_jacobian_times_the_tangent(name):
    v = torch.tensor([1.0, -2.0, 0.5, 0.0], dtype=torch.float64)
    _, out = torch.func.jvp(getattr(sx, name), (X[1],), (v,))
    exact = JACOBIANS[name](analytic.softmax(X[1].numpy())) @ v.numpy()
    analytic.assert_derivative(out, exact, g=v.numpy(), eps=EPS)


@pytest.mark.parametrize("name", JACOBIANS)
@pytest.mark.parametrize("transform", [torch.func.jacrev, torch.func.jacfwd])
def test_jacobian_beside_masked_nan_is_zero_in_its_column(name, transform):
    x = torch.tensor([1.0, torch.nan, 1.0], dtype=torch.float64)
    keep = torch.tensor([True, False, True])
    jacobian = transform(partial(getattr(sx, name), where=keep))(x)
    assert torch.isfinite(jacobian).all()
    assert bool((jacobian[..., 1] == 0).all())


@pytest.mark.parametrize("name", JACOBIANS)
def test_vmap_of_grad_gives_the_gradient_of_each_row(name):
    f = lambda x: getattr(sx, name)(x)[..., 0] if name != "logsumexp" else sx.logsumexp(x)  # noqa: E731
    rows = torch.func.vmap(torch.func.grad(f))(X)
    for x, g in zip(X, rows, strict=True):
        exact = JACOBIANS[name](analytic.softmax(x.numpy()))
        analytic.assert_derivative(g, exact if name == "logsumexp" else exact[0], eps=EPS)


@pytest.mark.parametrize("lifted", [torch.func.functionalize, torch.func.grad])
def test_symbolic_lengths_are_traced(lifted):
    f = lifted(lambda x: (sx.softmax(x, temperature=0.5) * x).sum())
    torch.testing.assert_close(make_fx(f, tracing_mode="symbolic")(X)(X + 1), f(X + 1))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_no_plan_keeps_what_is_traced():
    forget()
    graph = torch.jit.trace(lambda x: sx.log_softmax(x) + sx.softmax(x, where=x > 0), (X,), check_trace=False)
    assert not any(planned._plans.values())
    torch.testing.assert_close(graph(-X), sx.log_softmax(-X) + sx.softmax(-X, where=X < 0))
