"""torch.compile(fullgraph=True): losses and derivatives, forward and backward."""

from __future__ import annotations

from functools import partial

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import softmax_xp as sx  # noqa: E402
from softmax_xp import derivatives, losses  # noqa: E402

from .. import analytic  # noqa: E402
from . import exact  # noqa: E402
from .compiling import assert_same, compiled, with_gradient  # noqa: E402

pytestmark = pytest.mark.usefixtures("no_compiled_code")

X = torch.tensor([[0.5, -1.25, 2.0, 0.0], [1.0, 0.25, 1.0, 1.0], [40.0, 0.0, -40.0, 40.0]], dtype=torch.float64)
SHARES = torch.tensor([[0.5, 0.0, 0.25, 0.25], [0.0, 0.0, 0.0, 1.0], [0.25] * 4], dtype=torch.float64)
LABELS = torch.tensor([2, -100, 0])
CLASS = torch.tensor([0.5, 2.0, 1.0, 0.25], dtype=torch.float64)
ROW = torch.tensor([1.0, 0.5, 2.0], dtype=torch.float64)


def test_compiled_half_loss_and_gradient_are_the_eager_ones():
    f = lambda x: losses.cross_entropy(x, LABELS)  # noqa: E731
    assert_same(with_gradient(compiled(f), X.bfloat16()), with_gradient(f, X.bfloat16()))


@pytest.mark.usefixtures("formula_of_graphs")
def test_compiled_gradients_reach_targets_and_weights():
    def gradients(f):
        t, w, s = (v.clone().requires_grad_() for v in (SHARES, CLASS, ROW))
        f(X, t, weight=w, sample_weight=s).backward()
        return [t.grad, w.grad, s.grad]

    assert_same(gradients(compiled(losses.cross_entropy)), gradients(losses.cross_entropy))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: losses.cross_entropy(x, torch.tensor(0)),
        lambda x: losses.cross_entropy(x, torch.tensor([1.0, 0.0, 0.0])),
        lambda x: -sx.log_softmax(x)[0],
    ],
    ids=["label", "one-hot target", "log_softmax"],
)
def test_the_gradient_at_a_confident_target_survives_compilation(f):
    _, grad = with_gradient(compiled(f), torch.tensor([20.0, 0.0, 0.0]))
    truth = exact.gradient(partial(exact.class_loss, t=[1.0, 0.0, 0.0]), [20.0, 0.0, 0.0])
    analytic.assert_derivative(grad, truth, g=truth, eps=torch.finfo(torch.float32).eps)


def test_a_compiled_ignored_sample_has_gradient_zero_whatever_it_holds():
    x = torch.where(LABELS[:, None] == -100, torch.nan, X)
    _, grad = with_gradient(compiled(lambda x: losses.cross_entropy(x, LABELS)), x)
    assert torch.equal(grad[1], torch.zeros(4, dtype=torch.float64))


@pytest.mark.parametrize("probabilities", [False, True], ids=["labels", "probabilities"])
def test_one_graph_serves_batches_of_any_size(probabilities):
    graphs = []

    def counting(graph, _):
        graphs.append(graph)
        return graph.forward

    f = torch.compile(losses.cross_entropy, fullgraph=True, dynamic=True, backend=counting)
    for n in (2, 3, 5):
        x = torch.zeros((n, 4))
        f(x, torch.softmax(x, 1) if probabilities else torch.zeros(n, dtype=torch.int64))
    assert len(graphs) == 1


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: losses.cross_entropy(x, LABELS[:2]), "target holds labels and has shape"),
        (lambda x: losses.cross_entropy(x, LABELS, label_smoothing=2.0), "label_smoothing=2.0 is not allowed"),
        (lambda x: derivatives.softmax_vjp(x, x[:2]), "g has shape"),
    ],
)
def test_errors_of_the_gate_surface_under_compile(call, text):
    with pytest.raises(Exception, match=text):
        compiled(call)(X)
