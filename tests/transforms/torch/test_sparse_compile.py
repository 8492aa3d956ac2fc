"""torch.compile(fullgraph=True): sparse maps and their losses, forward and backward."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from softmax_xp.sparse import entmax, entmax_loss, fenchel_young_loss, k_subset, sparsemax  # noqa: E402

from .compiling import assert_same, compiled, with_gradient  # noqa: E402
from .sparse_calls import LABELS, MAPS, ROWS, G, X, with_rows  # noqa: E402

pytestmark = pytest.mark.usefixtures("no_compiled_code")


HALF = {
    "sparsemax": sparsemax,
    "entmax alpha=1.25": MAPS["entmax alpha=1.25"],
    "entmax_loss": lambda x: entmax_loss(x, LABELS),
}


@pytest.mark.usefixtures("formula_of_graphs")
@pytest.mark.parametrize("name", [n for n in ROWS if "corners" not in n])
def test_compiled_gradients_reach_numbers_of_rows(name):
    def gradients(f):
        x, v = (t.clone().requires_grad_() for t in (X, ROWS[name]))
        (f(x, v) * G).sum().backward()
        return [x.grad, v.grad]

    assert_same(gradients(compiled(with_rows(name), "eager")), gradients(with_rows(name)))


@pytest.mark.usefixtures("formula_of_graphs")
@pytest.mark.parametrize("name", HALF)
def test_compiled_half_values_and_gradients_are_the_eager_ones(name):
    x = X.bfloat16()
    assert_same(with_gradient(compiled(HALF[name], "eager"), x), with_gradient(HALF[name], x))


@pytest.mark.parametrize("name", ["sparsemax", "entmax alpha=1.25", "entmax_loss"])
def test_one_graph_serves_batches_of_any_size(name):
    graphs = []

    def counting(graph, _):
        graphs.append(graph)
        return graph.forward

    f = (lambda x, y: entmax_loss(x, y)) if "loss" in name else (lambda x, y: MAPS[name](x))
    f = torch.compile(f, fullgraph=True, dynamic=True, backend=counting)
    for n in (2, 3, 5):
        f(torch.zeros((n, 4)), torch.zeros(n, dtype=torch.int64))
    assert len(graphs) == 1


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: entmax(x, alpha=0.5), "alpha=0.5 is not allowed"),
        (lambda x: k_subset(x, k=5), "k=5 is not allowed"),
        (lambda x: fenchel_young_loss(x, LABELS, regularizer="l2"), "regularizer='l2' is not known"),
        (lambda x: entmax_loss(x, LABELS[:2]), "target holds labels and has shape"),
    ],
)
def test_errors_of_the_gate_surface_under_compile(call, text):
    with pytest.raises(Exception, match=text):
        compiled(call)(X)
