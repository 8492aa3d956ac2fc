"""Sparse maps: derivatives of every order and mode, by logits and by their numbers; special rows."""

from __future__ import annotations

from functools import partial

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from softmax_xp import derivatives, softmax, sparse, use_engine  # noqa: E402
from softmax_xp.sparse import entmax, sparsemax  # noqa: E402
from softmax_xp.testing import assert_derivative, contract, exact_entmax_vjp  # noqa: E402
from softmax_xp.testing.check_activations import name_of  # noqa: E402

from ...contract.sparse.points import ALPHAS, JUNK, absolute  # noqa: E402
from .compiling import with_gradient  # noqa: E402
from .sparse_calls import (  # noqa: E402
    F64,
    KEEP,
    LOSSES,
    MAPS,
    ROWS,
    G,
    X,
    column,
    double_backward,
    gradient,
    with_rows,
)

inf, nan = torch.inf, torch.nan
maps = pytest.mark.parametrize("name", MAPS)
rows = pytest.mark.parametrize("name", ROWS)
dtypes = pytest.mark.parametrize("dtype", contract.FLOATS)
junks = pytest.mark.parametrize("junk", JUNK)


def test_every_public_function_is_called_here():
    assert {n.split(" ")[0] for n in (*MAPS, *LOSSES)} == set(sparse.__all__)


@maps
def test_gradcheck_accepts_maps_to_second_order(name):
    x = X.clone().requires_grad_()
    assert torch.autograd.gradcheck(MAPS[name], x, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(MAPS[name], x)


@rows
def test_gradcheck_accepts_numbers_of_rows_to_second_order(name):
    given = [v.clone().requires_grad_() for v in (X, ROWS[name])]
    assert torch.autograd.gradcheck(with_rows(name), given, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(with_rows(name), given)


@pytest.mark.parametrize("alpha", [1.3, torch.tensor(1.3, dtype=F64), 2.6], ids=["number", "array", "steep"])
def test_the_third_derivative_is_the_slope_of_the_second(alpha):
    hessian = torch.func.hessian(lambda x: (entmax(x, alpha=alpha) * G[0]).sum())
    assert torch.autograd.gradcheck(hessian, X[0].clone().requires_grad_())


@pytest.mark.parametrize("name", ALPHAS)
@dtypes
def test_gradients_are_the_exact_ones_of_the_shares_in_every_type(name, dtype):
    kind = getattr(torch, dtype)
    x = X.to(kind)
    found = gradient(MAPS[name], x, G.to(kind))
    assert found.dtype == kind
    # A half type is computed in float32, and so are the shares that its gradient is made of.
    p = MAPS[name](x.float() if "16" in dtype else x).double()
    if ALPHAS[name] == inf:
        assert not found.any()
    else:
        assert_derivative(found, exact_entmax_vjp(p, G, alpha=ALPHAS[name]), dtype=dtype)


@pytest.mark.parametrize("alpha", [1.0, 1.001, 1.25, 1.5, 1.9, 2.0, 2.5])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_array_of_one_alpha_gives_the_gradient_of_the_number(alpha, dtype):
    x = X.to(getattr(torch, dtype))
    found = gradient(lambda x: entmax(x, alpha=torch.tensor(alpha, dtype=x.dtype)), x, G)
    alpha = float(torch.tensor(alpha, dtype=x.dtype))
    assert_derivative(found, exact_entmax_vjp(entmax(x, alpha=alpha).double(), G, alpha=alpha), dtype=dtype)


@pytest.mark.parametrize("name", [n for n in MAPS if n not in ALPHAS])
@dtypes
def test_gradients_of_the_other_maps_have_the_type_of_the_logits(name, dtype):
    x = X.to(getattr(torch, dtype))
    found = gradient(MAPS[name], x, G.to(x.dtype))
    assert found.dtype == x.dtype
    assert_derivative(found, absolute(gradient(MAPS[name], X, G), 2.0), dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@rows
def test_gradients_of_numbers_of_rows_have_their_type(name, dtype):
    x, v = (t.to(getattr(torch, dtype)).requires_grad_() for t in (X, ROWS[name]))
    (with_rows(name)(x, v) * G).sum().backward()
    assert (x.grad.dtype, v.grad.dtype) == (x.dtype, x.dtype)
    assert torch.isfinite(x.grad).all()
    assert torch.isfinite(v.grad).all()


def by_alpha(x, alpha):
    """Return the derivative of each share by alpha."""
    return torch.func.jacrev(lambda a: entmax(x, alpha=a))(torch.tensor(alpha, dtype=x.dtype))


@pytest.mark.parametrize("row", X, ids=range(3))
def test_at_alpha_1_the_derivative_by_alpha_is_its_limit(row):
    # With b = alpha - 1, log p is log1p(b u) / b = u - b u**2 / 2 + ..., and the shares sum to 1.
    p = softmax(row)
    half = p.log() ** 2 / 2
    limit = -p * (half - (p * half).sum())
    assert_derivative(by_alpha(row, 1.0), absolute(limit))


@pytest.mark.parametrize("row", X, ids=range(3))
def test_the_derivative_by_alpha_is_continuous_at_1(row):
    at = by_alpha(row, 1.0)
    assert_derivative(by_alpha(row, 1.0 + 2.0**-52), absolute(at))
    # Twice as far, twice the change.
    near, far = (by_alpha(row, 1.0 + h) - at for h in (2.0**-24, 2.0**-23))
    assert torch.allclose(far, 2 * near)


@pytest.mark.parametrize("row", X, ids=range(3))
def test_at_alpha_1_the_derivative_by_alpha_is_the_slope_from_above(row):
    f, h = lambda a: entmax(row, alpha=a), 1e-4
    slope = (-3 * f(1.0) + 4 * f(1.0 + h) - f(1.0 + 2 * h)) / (2 * h)
    assert torch.allclose(by_alpha(row, 1.0), slope, atol=1e-5)


def test_at_alpha_1_the_second_derivatives_are_those_just_above():
    second = torch.func.hessian(lambda x, a: (entmax(x, alpha=a) * G[0]).sum(), argnums=(0, 1))
    at, above = (second(X[0], torch.tensor(a, dtype=F64)) for a in (1.0, 1.0 + 1e-9))
    for a, b in zip((*at[0], *at[1]), (*above[0], *above[1]), strict=True):
        assert torch.allclose(a, b, atol=1e-7)


def test_at_an_infinite_alpha_the_derivatives_are_0():
    x, alpha = X.clone().requires_grad_(), column(inf, 1e300, 2.0**70).requires_grad_()
    (entmax(x, alpha=alpha) * G).sum().backward()
    assert not x.grad.any()
    assert not alpha.grad.any()


def test_an_alpha_below_1_leaves_the_gradients_of_other_rows_alone():
    alpha = column(1.25, 0.5, nan)
    x, a = X.clone().requires_grad_(), alpha.clone().requires_grad_()
    (entmax(x, alpha=a) * G)[0].sum().backward()
    y, b = X[:1].clone().requires_grad_(), alpha[:1].clone().requires_grad_()
    (entmax(y, alpha=b) * G[:1]).sum().backward()
    assert torch.equal(x.grad[0], y.grad[0])
    assert torch.equal(a.grad[0], b.grad[0])


SPECIAL = {**MAPS, **{name: partial(with_rows(name), v=v[:1]) for name, v in ROWS.items()}}
special = pytest.mark.parametrize("name", SPECIAL)


@special
@junks
def test_what_a_masked_slot_holds_does_not_reach_the_gradient(name, junk):
    x = torch.where(KEEP, X[:1], junk)
    found = gradient(partial(SPECIAL[name], where=KEEP), x, G[:1])
    alone = gradient(SPECIAL[name], X[:1, KEEP], G[:1, KEEP])
    assert torch.equal(found[:, ~KEEP], torch.zeros(1, 1, dtype=F64))
    assert torch.allclose(found[:, KEEP], alone, rtol=0, atol=8 * torch.finfo(F64).eps * float(G[:1].abs().max()))


@special
def test_logits_of_minus_inf_have_a_gradient_of_0(name):
    x = torch.where(KEEP, X[:1], -inf)
    found = gradient(SPECIAL[name], x, G[:1])
    assert torch.equal(found, gradient(partial(SPECIAL[name], where=KEEP), x, G[:1]))
    assert found[0, 2] == 0


@special
def test_a_row_that_is_masked_altogether_has_a_gradient_of_0(name):
    found = gradient(partial(SPECIAL[name], where=torch.zeros(4, dtype=torch.bool)), torch.full((1, 4), nan).double())
    assert torch.equal(found, torch.zeros(1, 4, dtype=F64))


@rows
def test_numbers_of_rows_have_a_gradient_of_0_where_all_is_masked(name):
    v = ROWS[name].clone().requires_grad_()
    where = torch.tensor([True, False, True])[:, None]
    f = with_rows(name)
    f(torch.where(where, X, nan), v, where=where).mul(G).sum().backward()
    assert v.grad[1] == 0
    w = ROWS[name][[0, 2]].clone().requires_grad_()
    f(X[[0, 2]], w).mul(G[[0, 2]]).sum().backward()
    assert torch.equal(v.grad[[0, 2]], w.grad)


@pytest.mark.parametrize("name", [*MAPS, *ROWS])
@pytest.mark.parametrize("bad", [nan, inf])
def test_a_row_that_is_nan_leaves_the_gradients_of_other_rows_alone(name, bad):
    f = MAPS.get(name) or (lambda x: with_rows(name)(x, ROWS[name][: len(x)]))
    x = X.clone()
    x[2, 1] = bad
    assert torch.equal(gradient(f, x, G)[:2], gradient(f, X, G)[:2])


VJPS = {
    "sparsemax_vjp": (derivatives.sparsemax_vjp, sparsemax),
    **{
        name_of("entmax_vjp", {"alpha": a}): (partial(derivatives.entmax_vjp, alpha=a), partial(entmax, alpha=a))
        for a in (1.0, 1.25, 1.5, 2.0, 2.5, inf)
    },
}
vjps = pytest.mark.parametrize("name", VJPS)


@vjps
@dtypes
@pytest.mark.usefixtures("formula")
def test_analytic_gradients_are_those_of_autograd(name, dtype):
    vjp, f = VJPS[name]
    x, g = X.to(getattr(torch, dtype)), G.to(getattr(torch, dtype))
    found = vjp(f(x), g)
    assert found.dtype == x.dtype
    # A half type is computed in float32, and so are the shares that the gradient is made of; here they are rounded.
    alpha = 2.0 if name == "sparsemax_vjp" else vjp.keywords["alpha"]
    if alpha != inf:
        assert_derivative(found, exact_entmax_vjp(f(x).double(), G, alpha=alpha), dtype=dtype)
    if "16" not in dtype and alpha != 1.0:
        assert torch.equal(found, gradient(f, x, g))


@vjps
def test_gradcheck_accepts_analytic_gradients_to_second_order(name):
    # All have a share here: at a share of 0 the gradient jumps.
    given = [v.clone().requires_grad_() for v in (softmax(X), G)]
    assert torch.autograd.gradcheck(VJPS[name][0], given, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(VJPS[name][0], given)


def test_analytic_gradients_of_an_array_of_alphas_are_those_of_each_number():
    alpha = column(1.25, 2.0, inf)
    p = entmax(X, alpha=alpha)
    found = derivatives.entmax_vjp(p, G, alpha=alpha)
    for k, a in enumerate((1.25, 2.0, inf)):
        assert_derivative(found[k], absolute(derivatives.entmax_vjp(p[k], G[k], alpha=a), 2.0))


@maps
@pytest.mark.usefixtures("formula")
def test_vmap_is_the_batched_call(name):
    f = MAPS[name]
    assert torch.equal(torch.func.vmap(f)(X), f(X))
    mapped = torch.func.vmap(lambda x, w: f(x, where=w))(X, X > -3.0)
    assert torch.equal(mapped, f(X, where=X > -3.0))


@rows
def test_vmap_over_a_number_is_one_number_per_row(name):
    f, v = with_rows(name), ROWS[name]
    assert torch.equal(torch.func.vmap(f)(X, v[:, 0]), f(X, v))


@maps
def test_jacobians_of_both_modes_are_those_of_the_gradients(name):
    f = MAPS[name]
    expected = torch.stack([gradient(f, X[0], row) for row in torch.eye(4, dtype=F64)])
    forward, reverse = torch.func.jacfwd(f)(X[0]), torch.func.jacrev(f)(X[0])
    assert torch.equal(reverse, expected)
    assert_derivative(forward, absolute(expected))


@maps
def test_every_way_to_the_second_derivative_gives_the_same(name):
    f = lambda x: (MAPS[name](x) * G[0]).sum()  # noqa: E731
    expected = absolute(double_backward(f)(X[0]), 2.0)
    for hessian in (
        torch.func.hessian(f),
        torch.func.jacrev(torch.func.jacrev(f)),
        torch.func.jacrev(torch.func.jacfwd(f)),
    ):
        assert_derivative(hessian(X[0]), expected)


@maps
def test_the_generic_engine_gives_the_same_values_and_gradients(name):
    found = with_gradient(MAPS[name], X)
    with use_engine("generic"):
        expected = with_gradient(MAPS[name], X)
    for a, b in zip(found, expected, strict=True):
        assert_derivative(a, absolute(b))


@pytest.mark.parametrize("name", ["sparsemax", "entmax", "entmax alpha=1.25", "entmax alpha=2.5"])
def test_only_the_result_is_stored_for_a_rule(name):
    saved = []
    x = torch.linspace(-1.0, 1.0, 1000).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        y = MAPS[name](x)
    assert [t.data_ptr() for t in saved if t.numel() == 1000] == [y.data_ptr()]


@pytest.mark.parametrize("name", [*MAPS, *ROWS])
def test_meta_tensors_have_a_shape_and_a_type(name):
    x = torch.empty(3, 4, device="meta", dtype=torch.bfloat16)
    y = MAPS[name](x) if name in MAPS else with_rows(name)(x, ROWS[name].to("meta"))
    assert (y.shape, y.dtype, y.device.type) == (x.shape, x.dtype, "meta")


def test_a_row_of_a_bad_alpha_has_a_gradient_of_nan():
    x = torch.tensor([[1.0, 0.5], [1.0, 0.5]], dtype=torch.float64, requires_grad=True)
    sparse.entmax(x, alpha=torch.tensor([[0.5], [1.25]], dtype=torch.float64))[:, 0].sum().backward()
    assert torch.isnan(x.grad[0]).all()
    assert torch.isfinite(x.grad[1]).all()
