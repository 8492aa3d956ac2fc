"""torch.compile(fullgraph=True): sparse maps and their losses, forward and backward."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from softmax_xp import derivatives, sparse  # noqa: E402
from softmax_xp.sparse import entmax, entmax_loss, fenchel_young_loss, k_subset, normmax, sparsemax  # noqa: E402

from .compiling import assert_same, compiled, with_gradient  # noqa: E402
from .sparse_calls import KEEP, LABELS, MAPS, ROWS, SHARES, WEIGHT, G, X, column, with_rows  # noqa: E402

pytestmark = pytest.mark.usefixtures("no_compiled_code")


CALLS = {
    "sparsemax": sparsemax,
    "sparsemax of all axes": lambda x: sparsemax(x, axis=None),
    "entmax": entmax,
    "entmax alpha=1.25": lambda x: entmax(x, alpha=1.25),
    "entmax alpha=2.5": lambda x: entmax(x, alpha=2.5),
    "entmax alpha=1.0": lambda x: entmax(x, alpha=1.0),
    "entmax of rows": lambda x: entmax(x, alpha=column(1.25, 1.75, 3.0), where=KEEP),
    "normmax": normmax,
    "k_subset": lambda x: k_subset(x, k=1.75, where=KEEP),
    "project_simplex": lambda x: sparse.project_simplex(x, scale=2.5),
    "entmax_loss": lambda x: entmax_loss(x, LABELS, sample_weight=WEIGHT, where=X > -2.0, normalizer=WEIGHT.sum()),
    "entmax_loss alpha=1.3": lambda x: entmax_loss(x, SHARES, alpha=1.3),
    "fenchel_young_loss shannon": lambda x: fenchel_young_loss(x, SHARES, regularizer="shannon"),
    "fenchel_young_loss norm": lambda x: fenchel_young_loss(x, LABELS, regularizer="norm", reduction="none"),
    "sparsemax_vjp": lambda x: derivatives.sparsemax_vjp(SHARES, x, where=KEEP),
    "entmax_vjp": lambda x: derivatives.entmax_vjp(SHARES, x, alpha=1.25),
    "entmax_vjp of rows": lambda x: derivatives.entmax_vjp(SHARES, x, alpha=column(1.25, 1.75, 3.0)),
}


@pytest.mark.parametrize("public", [*sparse.__all__, "sparsemax_vjp", "entmax_vjp"])
def test_every_public_function_is_compiled_here(public):
    assert any(name.split(" ")[0] == public for name in CALLS)


@pytest.mark.usefixtures("formula_of_graphs")
@pytest.mark.parametrize("name", CALLS)
def test_compiled_values_and_gradients_are_the_eager_ones(name):
    assert_same(with_gradient(compiled(CALLS[name]), X), with_gradient(CALLS[name], X))


@pytest.mark.usefixtures("formula_of_graphs")
@pytest.mark.parametrize("name", [n for n in ROWS if "corners" not in n])
def test_compiled_gradients_reach_numbers_of_rows(name):
    def gradients(f):
        x, v = (t.clone().requires_grad_() for t in (X, ROWS[name]))
        (f(x, v) * G).sum().backward()
        return [x.grad, v.grad]

    assert_same(gradients(compiled(with_rows(name))), gradients(with_rows(name)))


@pytest.mark.usefixtures("formula_of_graphs")
@pytest.mark.parametrize("name", ["sparsemax", "entmax alpha=1.25", "entmax_loss"])
def test_compiled_half_values_and_gradients_are_the_eager_ones(name):
    x = X.bfloat16()
    assert_same(with_gradient(compiled(CALLS[name]), x), with_gradient(CALLS[name], x))


@pytest.mark.parametrize("name", ["sparsemax", "entmax alpha=1.25", "normmax", "k_subset k=1.75", "entmax_loss"])
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
