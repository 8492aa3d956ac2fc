"""What is particular to torch tensors: meta, half types, default dtype, subclasses, export."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import softmax_xp as sx  # noqa: E402

pytestmark = pytest.mark.kernel

ROWWISE = ("softmax", "log_softmax", "softmin", "hardmax")
SUMS = ("logsumexp", "logmeanexp")
PRECISIONS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@pytest.fixture(params=[torch.float32, torch.float64], ids=str)
def default(request: pytest.FixtureRequest) -> Iterator[torch.dtype]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(request.param)
    yield request.param
    torch.set_default_dtype(before)


@pytest.mark.parametrize("name", (*ROWWISE, *SUMS))
def test_integers_take_the_default_dtype_of_the_moment(name, default):
    assert getattr(sx, name)(torch.tensor([1, 2, 3])).dtype == default


def test_one_hot_takes_the_default_dtype_of_the_moment(default):
    assert sx.one_hot(torch.tensor([1, 2]), 3).dtype == default


def test_integers_take_the_default_dtype_under_compile(default):
    torch._dynamo.reset()
    f = torch.compile(sx.softmax, fullgraph=True, backend="aot_eager")
    assert f(torch.tensor([1, 2, 3])).dtype == default


@pytest.mark.parametrize("name", (*ROWWISE, *SUMS))
@pytest.mark.parametrize("precision", PRECISIONS[:2], ids=str)
def test_half_types_are_computed_in_float32_and_rounded_once(name, precision):
    x = torch.linspace(-4, 4, 37).to(precision)
    assert torch.equal(getattr(sx, name)(x), getattr(sx, name)(x.float()).to(precision))


@pytest.mark.parametrize("precision", PRECISIONS[:2], ids=str)
def test_half_types_normalize_long_rows(precision):
    p = sx.softmax(torch.zeros(100_000, dtype=precision))
    assert torch.equal(p, torch.full_like(p, 1e-5))


def test_float8_is_refused():
    with pytest.raises(TypeError, match="float8_e4m3fn"):
        sx.softmax(torch.zeros(3).to(torch.float8_e4m3fn))


def test_another_device_is_refused_and_named():
    with pytest.raises(ValueError, match="meta"):
        sx.softmax(torch.zeros(3), where=torch.ones(3, dtype=torch.bool, device="meta"))


def test_a_parameter_is_a_tensor():
    p = sx.softmax(torch.nn.Parameter(torch.tensor([0.0, 0.0])))
    assert torch.equal(p, torch.tensor([0.5, 0.5]))


def test_inference_mode_gives_the_same_values():
    x = torch.tensor([0.5, -1.25, 2.0])
    with torch.inference_mode():
        p = sx.softmax(x)
    assert torch.equal(p, sx.softmax(x))


def test_export_keeps_a_dynamic_batch_axis():
    class Head(torch.nn.Module):
        def forward(self, x, keep):
            return sx.log_softmax(x, where=keep, temperature=0.5, sink=0.0)

    x = torch.tensor([[0.5, -1.25, 2.0], [1.0, 1.0, 1.0]])
    batch = torch.export.Dim("batch", min=2, max=64)
    exported = torch.export.export(Head(), (x, x > -1), dynamic_shapes={"x": {0: batch}, "keep": {0: batch}})
    more = torch.cat([x, x + 1, x - 1])
    assert torch.equal(exported.module()(more, more > -1), Head()(more, more > -1))
