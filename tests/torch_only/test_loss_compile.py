"""torch.compile(fullgraph=True): losses and derivatives, forward and backward."""

from __future__ import annotations

from functools import partial

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import softmax_xp as sx  # noqa: E402
from softmax_xp import derivatives, losses  # noqa: E402

from ..losses.public import PUBLIC  # noqa: E402
from . import analytic, exact  # noqa: E402
from .compiling import assert_same, compiled, results, with_gradient  # noqa: E402

pytestmark = pytest.mark.usefixtures("no_compiled_code")

X = torch.tensor([[0.5, -1.25, 2.0, 0.0], [1.0, 0.25, 1.0, 1.0], [40.0, 0.0, -40.0, 40.0]], dtype=torch.float64)
SHARES = torch.tensor([[0.5, 0.0, 0.25, 0.25], [0.0, 0.0, 0.0, 1.0], [0.25] * 4], dtype=torch.float64)
OTHER = torch.tensor([[0.25, 0.125, 0.5, 0.125], [0.25] * 4, [0.5, 0.0, 0.0, 0.5]], dtype=torch.float64)
KEEP = torch.tensor([[True, False, True, True], [True, True, True, True], [True, True, True, True]])
LABELS = torch.tensor([2, -100, 0])
CLASS = torch.tensor([0.5, 2.0, 1.0, 0.25], dtype=torch.float64)
ROW = torch.tensor([1.0, 0.5, 2.0], dtype=torch.float64)
OPTIONS = {"weight": CLASS, "sample_weight": ROW, "where": KEEP}

CALLS = {
    "cross_entropy": lambda x: losses.cross_entropy(x, LABELS),
    "cross_entropy with all options": lambda x: losses.cross_entropy(
        x, LABELS, z_loss=0.125, softcap=4.0, normalizer=ROW.sum(), **OPTIONS
    ),
    "cross_entropy of probabilities": lambda x: losses.cross_entropy(
        x, SHARES, label_smoothing=0.25, reduction="none", **OPTIONS
    ),
    "nll_loss": lambda x: losses.nll_loss(x, LABELS, **OPTIONS),
    "focal_loss": lambda x: losses.focal_loss(x, LABELS, alpha=CLASS, **OPTIONS),
    "poly_cross_entropy": lambda x: losses.poly_cross_entropy(x, LABELS, **OPTIONS),
    "generalized_cross_entropy": lambda x: losses.generalized_cross_entropy(x, SHARES, **OPTIONS),
    "partial_label_cross_entropy": lambda x: losses.partial_label_cross_entropy(x, SHARES > 0.25, sample_weight=ROW),
    "binary_cross_entropy_with_logits": lambda x: losses.binary_cross_entropy_with_logits(
        x, SHARES, weight=CLASS, pos_weight=3.0
    ),
    "binary_focal_loss": lambda x: losses.binary_focal_loss(x, SHARES > 0, gamma=0.5, alpha=0.25, weight=CLASS),
    "kl_divergence": lambda x: losses.kl_divergence(SHARES, x, q_kind="logits", where=KEEP, reduction="batchmean"),
    "js_divergence": lambda x: losses.js_divergence(x, OTHER, p_kind="logits"),
    "logit_adjustment": lambda x: losses.logit_adjustment(x, CLASS, tau=0.5),
    "softmax_vjp": lambda x: derivatives.softmax_vjp(SHARES, x, where=KEEP),
    "softmax_jvp": lambda x: derivatives.softmax_jvp(SHARES, x),
    "softmax_hvp": lambda x: derivatives.softmax_hvp(SHARES, x, OTHER),
    "softmax_jacobian": derivatives.softmax_jacobian,
    "log_softmax_vjp": lambda x: derivatives.log_softmax_vjp(SHARES.log(), x, where=KEEP),
    "logsumexp_vjp": lambda x: derivatives.logsumexp_vjp(x, ROW, axis=1, where=KEEP),
    "cross_entropy_and_grad": lambda x: derivatives.cross_entropy_and_grad(x, LABELS, z_loss=0.125, **OPTIONS),
    "cross_entropy_and_grad of probabilities": lambda x: derivatives.cross_entropy_and_grad(
        x, SHARES, label_smoothing=0.25, softcap=4.0, reduction="sum"
    ),
}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_function_is_compiled_here(name):
    assert any(call.split(" ")[0] == name for call in [*CALLS, "balanced_class_weights"])


@pytest.mark.usefixtures("formula_of_graphs")
@pytest.mark.parametrize("name", CALLS)
def test_compiled_values_and_gradients_are_the_eager_ones(name):
    f = CALLS[name]
    assert_same(with_gradient(compiled(f), X), with_gradient(f, X))


def test_compiled_class_weights_are_the_eager_ones():
    f = partial(losses.balanced_class_weights, LABELS, 4)
    assert_same(results(compiled(f)()), results(f()))


def test_compiled_half_loss_and_gradient_are_the_eager_ones():
    f = CALLS["cross_entropy"]
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
