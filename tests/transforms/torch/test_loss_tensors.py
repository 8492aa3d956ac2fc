"""Losses of what is particular to torch tensors: meta, half types, default dtype, subclasses, per-row transforms."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from softmax_xp import losses  # noqa: E402

from .. import analytic  # noqa: E402

pytestmark = pytest.mark.kernel

EPS = torch.finfo(torch.float64).eps
PRECISIONS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
ROWS, CLASSES = 3, 5

LABELLED = ("cross_entropy", "nll_loss", "focal_loss", "poly_cross_entropy", "generalized_cross_entropy")
OF_CLASSES = {
    **{n: lambda x, y, f=getattr(losses, n), **o: f(x, y, **o) for n in LABELLED},
    "partial_label_cross_entropy": lambda x, y, **o: losses.partial_label_cross_entropy(x, x > 0, **o),
    "kl_divergence": lambda x, y, **o: losses.kl_divergence(x, x, p_kind="logits", q_kind="logits", **o),
    "js_divergence": lambda x, y, **o: losses.js_divergence(x, x, p_kind="logits", q_kind="logits", **o),
}
OF_ELEMENTS = ("binary_cross_entropy_with_logits", "binary_focal_loss")
losses_of_classes = pytest.mark.parametrize("name", OF_CLASSES)


@pytest.fixture(params=[torch.float32, torch.float64], ids=str)
def default(request: pytest.FixtureRequest) -> Iterator[torch.dtype]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(request.param)
    yield request.param
    torch.set_default_dtype(before)


def meta(*shape, dtype=torch.float32):
    return torch.empty(shape, dtype=dtype, device="meta")


def test_a_backward_pass_of_meta_tensors_gives_a_meta_gradient():
    x = meta(ROWS, CLASSES).requires_grad_()
    losses.cross_entropy(x, meta(ROWS, dtype=torch.int64)).backward()
    assert (x.grad.shape, x.grad.device.type) == (x.shape, "meta")


@losses_of_classes
def test_integer_logits_take_the_default_dtype_of_the_moment(name, default):
    x, labels = torch.tensor([[1, 2, 3], [3, 0, 0]]), torch.tensor([0, 2])
    assert OF_CLASSES[name](x, labels).dtype == default


def test_class_weights_take_the_default_dtype_of_the_moment(default):
    assert losses.balanced_class_weights(torch.tensor([0, 1]), 2).dtype == default


@losses_of_classes
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("precision", PRECISIONS[:2], ids=str)
def test_half_types_are_computed_in_float32_and_rounded_once(name, reduction, precision):
    x = torch.linspace(-4, 4, ROWS * CLASSES).reshape(ROWS, CLASSES).to(precision)
    labels = torch.tensor([0, 2, 4])
    half, wide = (OF_CLASSES[name](v, labels, reduction=reduction) for v in (x, x.float()))
    assert torch.equal(half, wide.to(precision))


@pytest.mark.parametrize("precision", PRECISIONS[:2], ids=str)
def test_half_loss_of_a_hundred_thousand_classes_is_right(precision):
    x = torch.zeros(100_000, dtype=precision)
    assert torch.equal(losses.cross_entropy(x, torch.tensor(7)), torch.tensor(100_000.0).log().to(precision))


def test_a_parameter_gets_a_plain_gradient():
    x = torch.nn.Parameter(torch.tensor([[0.0, 0.0]]))
    losses.cross_entropy(x, torch.tensor([0])).backward()
    assert type(x.grad) is torch.Tensor
    assert torch.equal(x.grad, torch.tensor([[-0.5, 0.5]]))


def test_inference_mode_gives_the_same_values():
    x, y = torch.tensor([[0.5, -1.25, 2.0]]), torch.tensor([1])
    with torch.inference_mode():
        loss = losses.cross_entropy(x, y)
    assert torch.equal(loss, losses.cross_entropy(x, y))


X = torch.tensor([[0.5, -1.25, 2.0, 0.0], [1.0, 0.25, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
Y = torch.tensor([2, -100, 3])


@losses_of_classes
def test_gradient_of_vmap_is_that_of_the_batched_call(name):
    f = OF_CLASSES[name]
    by_row = lambda x: torch.func.vmap(lambda x, y: f(x, y, reduction="sum"))(x, Y).sum()  # noqa: E731
    batched = torch.func.grad(lambda x: f(x, Y, reduction="sum"))(X)
    analytic.assert_derivative(torch.func.grad(by_row)(X), batched.numpy(), eps=EPS)


@losses_of_classes
def test_vmap_of_grad_gives_the_gradient_of_each_sample(name):
    f = OF_CLASSES[name]
    each = torch.func.vmap(torch.func.grad(lambda x, y: f(x, y, reduction="sum")))(X, Y)
    whole = torch.func.grad(lambda x: f(x, Y, reduction="sum"))(X)
    analytic.assert_derivative(each, whole.numpy(), eps=EPS)


@pytest.mark.parametrize("name", OF_ELEMENTS)
def test_vmap_of_grad_gives_the_gradient_of_each_decision(name):
    f, t = getattr(losses, name), (X > 0).double()
    each = torch.func.vmap(torch.func.vmap(torch.func.grad(f)))(X, t)
    whole = torch.func.grad(lambda x: f(x, t, reduction="sum"))(X)
    analytic.assert_derivative(each, whole.numpy(), eps=EPS)


@pytest.mark.usefixtures("formula")
def test_vmap_over_class_weights_is_one_call_for_each():
    weights = torch.tensor([[0.5, 2.0, 1.0, 0.25], [1.0, 1.0, 1.0, 2.0]], dtype=torch.float64)
    mapped = torch.func.vmap(lambda w: losses.cross_entropy(X, Y, weight=w))(weights)
    assert torch.equal(mapped, torch.stack([losses.cross_entropy(X, Y, weight=w) for w in weights]))


def test_export_keeps_a_dynamic_batch_axis():
    class Head(torch.nn.Module):
        def forward(self, x, y):
            return losses.cross_entropy(x, y, label_smoothing=0.25)

    batch = torch.export.Dim("batch", min=2, max=64)
    exported = torch.export.export(Head(), (X, Y), dynamic_shapes={"x": {0: batch}, "y": {0: batch}})
    more = (torch.cat([X, X + 1]), torch.cat([Y, Y]))
    assert torch.equal(exported.module()(*more), Head()(*more))
