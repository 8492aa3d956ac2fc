"""Activations: gradients over the whole range and at kinks, second derivatives, transforms, torch.compile."""

from __future__ import annotations

from functools import partial

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import mpmath  # noqa: E402
import numpy as np  # noqa: E402

from softmax_xp import activations  # noqa: E402
from softmax_xp._xp.compat import torch_namespace  # noqa: E402
from softmax_xp._xp.expm1 import own_expm1  # noqa: E402
from softmax_xp.testing import assert_derivative, contract, exact_slope  # noqa: E402
from softmax_xp.testing.check_activations import name_of  # noqa: E402
from softmax_xp.testing.compare import ulp  # noqa: E402

from ...contract.activations.numbers import CURVED, assert_near, cases, curved, edges, smooth_edges  # noqa: E402
from ...contract.activations.slopes import slope_numbers  # noqa: E402
from .compiling import assert_same, compiled, with_gradient  # noqa: E402

CASES = {name_of(*case): case for case in contract.ACTIVATION_CASES}
CALLS = {label: partial(getattr(activations, name), **options) for label, (name, options) in CASES.items()}
calls = pytest.mark.parametrize("call", CALLS)
dtypes = pytest.mark.parametrize("dtype", contract.FLOATS)
# Away from kinks; logit takes the last three.
X = torch.tensor([-3.0, -0.75, -0.375, 0.25, 0.4375, 0.875], dtype=torch.float64)


def points(call):
    return X[3:] if call == "logit" else X


def exact(call, x, order=1):
    name, options = CASES[call]
    return exact_slope(name, x.numpy(), order=order, **options)


def gradient(f, x):
    x = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(f(x).sum(), x)
    return g


def second(f, x):
    x = x.clone().requires_grad_()
    (first,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
    return torch.autograd.grad(first.sum(), x)[0]


@cases
@dtypes
def test_gradients_keep_their_digits_over_the_whole_range(name, options, dtype):
    x = torch.tensor(slope_numbers(name, dtype, **options)).to(getattr(torch, dtype))
    g = gradient(partial(getattr(activations, name), **options), x)
    assert g.dtype == x.dtype
    assert_derivative(g, exact_slope(name, x.double().numpy(), **options), dtype=dtype)


@curved
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_second_derivatives_keep_their_digits(name, options, dtype):
    x = torch.tensor(slope_numbers(name, dtype, order=2, **options)).to(getattr(torch, dtype))
    curve = second(partial(getattr(activations, name), **options), x)
    assert_derivative(curve, exact_slope(name, x.double().numpy(), order=2, **options), dtype=dtype)


@edges
@dtypes
def test_gradients_at_kinks_and_infinities_are_those_of_the_contract(edge, dtype):
    x = torch.tensor(edge.x[:-1], dtype=getattr(torch, dtype))
    g = gradient(partial(getattr(activations, edge.name), **edge.options), x)
    assert_near(g.double(), edge.slopes[:-1], edge.name, dtype, **edge.options)


@edges
def test_forward_mode_at_kinks_and_infinities_is_that_of_the_contract(edge):
    x = torch.tensor(edge.x[:-1], dtype=torch.float64)
    f = partial(getattr(activations, edge.name), **edge.options)
    _, t = torch.func.jvp(f, (x,), (torch.ones_like(x),))
    assert_near(t, edge.slopes[:-1], edge.name, "float64", **edge.options)


@smooth_edges
def test_second_derivatives_are_finite_at_infinities(edge):
    x = torch.tensor(edge.x[:-1], dtype=torch.float64)
    assert torch.isfinite(second(partial(getattr(activations, edge.name), **edge.options), x)).all()


@calls
def test_gradcheck_and_gradgradcheck_accept(call):
    x = points(call).clone().requires_grad_()
    assert torch.autograd.gradcheck(CALLS[call], x, check_forward_ad=True, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(CALLS[call], x)


@calls
@pytest.mark.usefixtures("formula")
def test_vmap_and_transforms_are_those_of_the_whole(call):
    f, x = CALLS[call], points(call)
    assert torch.equal(torch.func.vmap(f)(x), f(x))
    g = gradient(f, x)
    assert torch.equal(torch.func.vmap(torch.func.grad(f))(x), g)
    assert torch.equal(torch.func.jacrev(f)(x), torch.diag(g))
    assert_derivative(torch.func.jacfwd(f)(x).diagonal(), exact(call, x))


@calls
@pytest.mark.usefixtures("formula")
def test_every_way_to_the_second_derivative_gives_the_same(call):
    f, x = CALLS[call], points(call)
    total = lambda v: f(v).sum()  # noqa: E731
    if CASES[call] not in CURVED:
        assert not torch.func.hessian(total)(x).any()
        return
    for hessian in (
        torch.func.hessian(total),
        torch.func.jacrev(torch.func.jacrev(total)),
        torch.func.jacrev(torch.func.jacfwd(total)),
    ):
        assert_derivative(hessian(x).diagonal(), exact(call, x, order=2))


@calls
@pytest.mark.usefixtures("no_compiled_code", "formula_of_graphs")
def test_compiled_values_and_gradients_are_the_eager_ones(call):
    f, x = CALLS[call], points(call)
    assert_same(with_gradient(compiled(f, "eager"), x), with_gradient(f, x))


@pytest.mark.usefixtures("no_compiled_code", "formula_of_graphs")
def test_compiled_half_values_and_gradients_are_the_eager_ones():
    for call in ("gelu", "silu", "softcap cap=30.0"):
        x = X.bfloat16()
        assert_same(with_gradient(compiled(CALLS[call], "eager"), x), with_gradient(CALLS[call], x))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_expm1_of_a_compiled_graph_keeps_its_digits_and_so_do_its_derivatives(dtype):
    sizes = np.concatenate([np.geomspace(1e-30, 60.0, 300), np.linspace(0.3, 1.2, 300)])
    x = torch.tensor(np.concatenate([-sizes, sizes, [-np.inf]]), dtype=getattr(torch, dtype), requires_grad=True)
    y = own_expm1(x, torch_namespace())
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    value, slope = (np.array([float(f(v)) for v in x.tolist()]) for f in (mpmath.expm1, mpmath.exp))
    gate = contract.gate("elu", dtype, 1, contract.MAX_ELEMENTARY_ERROR)
    assert np.all(np.abs(y.detach().double().numpy() - value) <= gate.ulps * ulp(value, dtype))
    for derivative in (first.detach(), second):
        assert np.all(np.abs(derivative.double().numpy() - slope) <= contract.derivative_gate(dtype).scale * slope)


@pytest.mark.parametrize("name", ["elu", "gelu", "tanh"])
def test_only_the_argument_is_stored_for_a_rule(name):
    saved = []
    x = torch.ones(1000, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t) or t, lambda t: t):
        getattr(activations, name)(x).sum()
    assert [t.data_ptr() for t in saved if t.numel() == 1000] == [x.data_ptr()]


def test_a_step_has_a_gradient_of_0_for_training_loops():
    x = torch.tensor([-1.0, 0.0, torch.inf], requires_grad=True)
    activations.binary_step(x).sum().backward()
    assert torch.equal(x.grad, torch.zeros(3))


@pytest.mark.parametrize("name", sorted(activations.__all__))
def test_meta_tensors_have_a_shape_and_a_type(name):
    x = torch.empty(2, 3, device="meta", dtype=torch.bfloat16)
    y = getattr(activations, name)(x, **({"cap": 2.0} if name == "softcap" else {}))
    assert (y.shape, y.dtype, y.device.type) == (x.shape, x.dtype, "meta")


def test_gradients_of_numbers_far_from_0_do_not_vanish():
    x = torch.tensor([40.0, -40.0], dtype=torch.float64)
    tail = float(np.exp(-40.0))
    assert_near(gradient(activations.sigmoid, x), [tail, tail], "sigmoid", "float64")
    assert_near(gradient(activations.tanh, x / 2), [4 * tail, 4 * tail], "tanh", "float64")
    assert_near(gradient(activations.log_sigmoid, x), [tail, 1.0], "sigmoid", "float64")
