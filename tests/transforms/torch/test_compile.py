"""torch.compile(fullgraph=True): half types, gradients by options, errors, engines, the first call of a process."""

from __future__ import annotations

import subprocess
import sys

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import softmax_xp as sx  # noqa: E402

from .compiling import assert_same, compiled, results  # noqa: E402

pytestmark = pytest.mark.usefixtures("no_compiled_code")

X = torch.tensor([[0.5, -1.25, 2.0, 0.0], [1.0, 0.25, 1.0, 1.0], [40.0, 0.0, -40.0, 40.0]], dtype=torch.float64)
ROW = torch.tensor([[0.5], [2.0], [1.0]], dtype=torch.float64)


@pytest.mark.parametrize("name", ["softmax", "logsumexp"])
def test_compiled_half_types_are_the_eager_ones(name):
    f = getattr(sx, name)
    assert_same(results(compiled(f)(X.bfloat16())), results(f(X.bfloat16())))


def test_compiled_gradient_reaches_temperature_and_sink():
    def gradients(f):
        t, s = ROW.clone().requires_grad_(), ROW.clone().requires_grad_()
        (f(X, temperature=t, sink=s) * X).sum().backward()
        return [t.grad, s.grad]

    assert_same(gradients(compiled(sx.softmax)), gradients(sx.softmax))


def test_one_graph_serves_batches_of_any_size():
    graphs = []

    def counting(graph, _):
        graphs.append(graph)
        return graph.forward

    f = torch.compile(sx.softmax, fullgraph=True, dynamic=True, backend=counting)
    for n in (2, 3, 5):
        f(torch.zeros((n, 4)))
    assert len(graphs) == 1


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: sx.softmax(x, axis=5), "axis=5 is out of range"),
        (lambda x: sx.softmax(x, temperature=-1.0), "temperature=-1.0 is not allowed"),
        (lambda x: sx.softmax(x, where=x), "where has dtype"),
        (lambda x: sx.softmax(x, sink=x), "sink has shape"),
        (lambda x: sx.softmax(x > 0, dtype=torch.int64), "is not a floating type"),
        (lambda x: sx.one_hot(x, 3), "labels have dtype"),
    ],
)
def test_errors_of_the_gate_surface_under_compile(call, text):
    with pytest.raises(Exception, match=text):
        compiled(call)(X)


def test_use_engine_around_a_compiled_call_is_ignored():
    f = compiled(sx.softmax)
    with sx.use_engine("generic"):
        inside = f(X)
    assert torch.equal(inside, f(X))


def test_use_engine_does_not_recompile():
    count = torch._dynamo.testing.CompileCounterWithBackend("aot_eager")
    f = torch.compile(sx.softmax, fullgraph=True, backend=count)
    f(X)
    with sx.use_engine("generic"):
        f(X)
    assert count.frame_count == 1


COLD = """
{imports}
x = torch.tensor([[0.5, -1.25, 2.0], [1.0, 1.0, 0.0]], requires_grad=True)
row = torch.tensor([[0.5], [2.0]])
f = lambda x: softmax_xp.{name}(x{options})
y = torch.compile(f, fullgraph=True, backend="aot_eager")(x)
y.sum().backward()
with softmax_xp.use_engine("generic"):
    assert torch.equal(y, f(x)), (y, f(x))
assert torch.isfinite(x.grad).all()
"""
ORDERS = {
    "softmax_xp before torch": "import softmax_xp\nimport torch",
    "torch before softmax_xp": "import torch\nimport softmax_xp",
}


FIRST = [("softmax", ", where=x > -1, temperature=row, sink=row"), ("logsumexp", "")]


# Each in a process of its own, of which torch takes seconds to start.
@pytest.mark.parametrize(
    ("imports", "name", "options"),
    [(imports, *call) for imports, call in zip(ORDERS.values(), FIRST, strict=True)],
    ids=[f"{order}, {name}" for order, (name, _) in zip(ORDERS, FIRST, strict=True)],
)
def test_the_first_call_of_a_process_may_be_compiled(imports, name, options):
    script = COLD.format(imports=imports, name=name, options=options)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr


def test_the_first_compiled_call_of_a_process_warns_of_nothing():
    script = COLD.format(imports=ORDERS["softmax_xp before torch"], name="softmax", options="")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
def test_logsubexp_of_two_dtypes_compiles(dtype):
    a, b = torch.tensor([1.0, 2.0]), torch.tensor([0.5, 1.0], dtype=dtype)
    assert torch.equal(compiled(sx.logsubexp)(a, b), sx.logsubexp(a, b))
