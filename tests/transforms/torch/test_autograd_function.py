"""The autograd function behind softmax and log_softmax: when it is used, what it keeps, what it works with."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import numpy as np  # noqa: E402
from torch.autograd import forward_ad  # noqa: E402

import softmax_xp as sx  # noqa: E402
from softmax_xp import losses  # noqa: E402

from .. import analytic  # noqa: E402

pytestmark = pytest.mark.usefixtures("formula")

EPS = torch.finfo(torch.float64).eps
ROW = (1.0, 1.0, 0.0, 0.5)
KEEP = torch.tensor([True, False, True, True])
JACOBIANS = {"softmax": analytic.softmax_jacobian, "log_softmax": analytic.log_softmax_jacobian}
names = pytest.mark.parametrize("name", JACOBIANS)


def row(requires_grad=True, dtype=torch.float64):
    return torch.tensor(ROW, dtype=dtype, requires_grad=requires_grad)


def jacobian(name):
    return JACOBIANS[name](analytic.softmax(ROW))


@names
@pytest.mark.parametrize("options", [{}, {"where": KEEP}, {"axis": None}, {"temperature": 1}], ids=str)
def test_a_plain_call_is_one_step_of_the_graph(name, options):
    x = row()
    y = getattr(sx, name)(x, **options)
    assert "BothModes" in y.grad_fn.name()
    assert y.grad_fn.next_functions[0][0].variable is x


@names
@pytest.mark.parametrize("options", [{"temperature": 2.0}, {"sink": 0.0}], ids=str)
def test_temperature_and_sink_take_the_plain_formula(name, options):
    assert "BothModes" not in getattr(sx, name)(row(), **options).grad_fn.name()


@names
def test_without_requires_grad_there_is_no_graph(name):
    assert getattr(sx, name)(row(requires_grad=False)).grad_fn is None


@names
def test_without_requires_grad_the_function_is_not_called(name, monkeypatch):
    from softmax_xp._autodiff import torch_

    def refuse(*_):
        raise AssertionError("called")

    monkeypatch.setattr(torch_.BothModes, "apply", refuse)
    getattr(sx, name)(row(requires_grad=False))


@names
@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_without_a_graph_the_result_needs_no_gradient(name, context):
    with context():
        y = getattr(sx, name)(row())
    assert not y.requires_grad


@names
def test_values_are_those_of_the_plain_formula(name):
    assert torch.equal(getattr(sx, name)(row()).detach(), getattr(sx, name)(row(requires_grad=False)))


def saved(f):
    """Return the result of f and the tensors that were stored for the backward pass."""
    kept = []

    def pack(t):
        kept.append(t)
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        y = f()
    return y, kept


@names
def test_only_the_result_is_stored(name):
    y, kept = saved(lambda: getattr(sx, name)(row()))
    assert [t.data_ptr() for t in kept] == [y.data_ptr()]


@names
def test_a_mask_is_stored_beside_the_result_and_nothing_else(name):
    y, kept = saved(lambda: getattr(sx, name)(row(), where=KEEP))
    assert {t.data_ptr() for t in kept} == {y.data_ptr(), KEEP.data_ptr()}


@names
def test_changing_the_result_in_place_is_refused_by_backward(name):
    y = getattr(sx, name)(row())
    y.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@names
def test_changing_the_input_in_place_does_no_harm(name):
    x = row()
    moved = x * 1
    y = getattr(sx, name)(moved)
    moved.mul_(2)
    (grad,) = torch.autograd.grad(y[0], x)
    analytic.assert_derivative(grad, jacobian(name)[0], eps=EPS)


@names
def test_backward_a_second_time_without_the_graph_is_refused(name):
    y = getattr(sx, name)(row()).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


@names
def test_backward_through_a_kept_graph_accumulates(name):
    x = row()
    y = getattr(sx, name)(x)[0]
    y.backward(retain_graph=True)
    once = x.grad.clone()
    y.backward()
    assert torch.equal(x.grad, once + once)


@names
def test_backward_of_an_expanded_cotangent_works(name):
    x = row()
    getattr(sx, name)(x).sum().backward()
    analytic.assert_derivative(x.grad, np.ones(4) @ jacobian(name), eps=EPS)


@names
def test_a_transposed_input_gets_its_gradient(name):
    x = torch.tensor([ROW, ROW[::-1]], dtype=torch.float64, requires_grad=True)
    getattr(sx, name)(x.T, axis=0)[0].sum().backward()
    analytic.assert_derivative(x.grad[0], jacobian(name)[0], eps=EPS)


@names
def test_hooks_on_the_result_run(name):
    seen = []
    y = getattr(sx, name)(row())
    y.register_hook(seen.append)
    y.sum().backward()
    assert torch.equal(seen[0], torch.ones(4, dtype=torch.float64))


@names
def test_checkpointing_gives_the_same_gradient(name):
    from torch.utils.checkpoint import checkpoint

    x, again = row(), row()
    getattr(sx, name)(x)[0].backward()
    checkpoint(getattr(sx, name), again, use_reentrant=False)[0].backward()
    assert torch.equal(x.grad, again.grad)


@names
def test_forward_mode_is_the_jacobian_times_the_tangent(name):
    t = torch.tensor([1.0, -2.0, 0.5, 0.0], dtype=torch.float64)
    with forward_ad.dual_level():
        out = forward_ad.unpack_dual(getattr(sx, name)(forward_ad.make_dual(row(requires_grad=False), t)))
    analytic.assert_derivative(out.tangent, jacobian(name) @ t.numpy(), g=t.numpy(), eps=EPS)


@names
def test_vjp_and_jvp_agree(name):
    f, x = getattr(sx, name), row(requires_grad=False)
    g, t = torch.tensor([0.5, -1.0, 2.0, 0.25]).double(), torch.tensor([1.0, -2.0, 0.5, 0.0]).double()
    _, pull = torch.func.vjp(f, x)
    _, pushed = torch.func.jvp(f, (x,), (t,))
    analytic.assert_derivative((pull(g)[0] * t).sum(), (g * pushed).sum().numpy(), g=2.0 * 2.0, eps=EPS)


@names
@pytest.mark.parametrize("in_dims", [0, 1])
def test_vmap_of_jacrev_is_the_jacobian_of_each_row(name, in_dims):
    x = torch.tensor([ROW, ROW[::-1]], dtype=torch.float64)
    found = torch.func.vmap(torch.func.jacrev(getattr(sx, name)), in_dims=in_dims)(x if in_dims == 0 else x.T)
    analytic.assert_derivative(found[0], jacobian(name), eps=EPS)


@names
def test_vmap_of_jacrev_over_masks_is_the_jacobian_for_each(name):
    masks = torch.stack([KEEP, ~KEEP, torch.ones(4, dtype=torch.bool)])
    x = row(requires_grad=False)
    f = lambda w: torch.func.jacrev(lambda x: getattr(sx, name)(x, where=w))(x)  # noqa: E731
    assert torch.equal(torch.func.vmap(f)(masks), torch.stack([f(w) for w in masks]))


@names
def test_backward_through_vmap_has_the_rule(name):
    x = torch.tensor([ROW], dtype=torch.float64, requires_grad=True)
    y = torch.func.vmap(getattr(sx, name))(x)
    assert any("BothModes" in step.name() for step in walk(y.grad_fn))


def walk(node):
    """Yield the steps of a graph."""
    yield node
    for following, _ in node.next_functions:
        if following is not None:
            yield from walk(following)


def test_functional_call_differentiates_by_the_parameters():
    layer = torch.nn.Linear(4, 3, bias=False, dtype=torch.float64)
    x, y = torch.eye(4, dtype=torch.float64), torch.tensor([0, 1, 2, 0])

    def loss(parameters):
        return losses.nll_loss(sx.log_softmax(torch.func.functional_call(layer, parameters, (x,))), y)

    grads = torch.func.grad(loss)({k: v.detach() for k, v in layer.named_parameters()})
    loss(dict(layer.named_parameters())).backward()
    assert torch.equal(grads["weight"], layer.weight.grad)


def test_per_sample_gradients_add_up_to_that_of_the_batch():
    layer = torch.nn.Linear(4, 3, dtype=torch.float64)
    x, y = torch.eye(4, dtype=torch.float64), torch.tensor([0, 1, 2, 0])
    parameters = {k: v.detach() for k, v in layer.named_parameters()}

    def loss(parameters, x, y):
        return losses.cross_entropy(torch.func.functional_call(layer, parameters, (x,)), y, reduction="sum")

    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(parameters, x, y)
    whole = torch.func.grad(loss)(parameters, x, y)
    for k, v in whole.items():
        analytic.assert_derivative(each[k].sum(dim=0), v.numpy(), g=len(y), eps=EPS)


@names
@pytest.mark.parametrize("option", ["temperature", "sink"])
def test_an_option_gets_its_gradient_beside_logits_that_need_none(name, option):
    value = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    y = getattr(sx, name)(row(requires_grad=False), **{option: value})
    (grad,) = torch.autograd.grad(y[0], value)
    assert bool(torch.isfinite(grad).all() & (grad != 0).all())


@names
def test_sink_of_minus_infinity_leaves_the_gradient_alone(name):
    x = row()
    getattr(sx, name)(x, sink=torch.tensor([-np.inf], dtype=torch.float64))[0].backward()
    analytic.assert_derivative(x.grad, jacobian(name)[0], eps=EPS)


@names
@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16], ids=str)
def test_half_types_have_the_rule_between_two_casts(name, precision):
    y = getattr(sx, name)(row(dtype=precision))
    assert "BothModes" in y.grad_fn.next_functions[0][0].name()


@names
def test_the_gradient_of_a_parameter_is_a_plain_tensor(name):
    x = torch.nn.Parameter(row(requires_grad=False))
    getattr(sx, name)(x)[0].backward()
    analytic.assert_derivative(x.grad, jacobian(name)[0], eps=EPS)
    assert type(x.grad) is torch.Tensor
