"""Losses and derivatives on libraries that the package does not name: each gives what NumPy gives."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from softmax_xp import derivatives, losses

from .libraries import Library, agree, only

RNG = np.random.default_rng(20261122)
X = RNG.normal(scale=3.0, size=(4, 5))
OTHER = RNG.normal(size=(4, 5))
LABELS = np.asarray([4, 0, 2, 1])
PROBS = RNG.dirichlet(np.ones(5), size=4)
KEEP = np.asarray([[True, True, False, True, True]] * 4)
KEEP[2, 2] = True
CLASSES, ROWS, COUNTS = RNG.uniform(0.5, 2.0, size=5), np.asarray([1.0, 0.5, 0.0, 2.0]), np.asarray([3, 1, 4, 1, 5])
OPTIONS = {"weight": CLASSES, "sample_weight": ROWS, "where": KEEP, "z_loss": 0.01}
SMOOTHED = {**OPTIONS, "label_smoothing": 0.1}

Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
LABELLED: dict[str, Call] = {
    "cross_entropy": (losses.cross_entropy, (X, LABELS), {}),
    "cross_entropy, one loss per sample": (losses.cross_entropy, (X, LABELS), {"reduction": "none"}),
    "cross_entropy, classes in front": (losses.cross_entropy, (X.T.copy(), LABELS), {"axis": 0}),
    "cross_entropy, options": (losses.cross_entropy, (X, LABELS), {**OPTIONS, "ignore_index": 1}),
    "cross_entropy, smoothed": (losses.cross_entropy, (X, LABELS), SMOOTHED),
    "cross_entropy, small integers": (losses.cross_entropy, (X, LABELS.astype(np.uint8)), {}),
    "cross_entropy_and_grad": (derivatives.cross_entropy_and_grad, (X, LABELS), {}),
    "cross_entropy_and_grad, options": (derivatives.cross_entropy_and_grad, (X, LABELS), OPTIONS),
    "cross_entropy_and_grad, smoothed": (derivatives.cross_entropy_and_grad, (X, LABELS), SMOOTHED),
    "nll_loss": (losses.nll_loss, (-abs(X), LABELS), {}),
    "focal_loss": (losses.focal_loss, (X, LABELS), {}),
    "poly_cross_entropy": (losses.poly_cross_entropy, (X, LABELS), {}),
    "generalized_cross_entropy": (losses.generalized_cross_entropy, (X, LABELS), {}),
    "balanced_class_weights": (losses.balanced_class_weights, (LABELS, 5), {}),
    "softmax_jacobian": (derivatives.softmax_jacobian, (PROBS,), {}),
}
DENSE: dict[str, Call] = {
    "cross_entropy": (losses.cross_entropy, (X, PROBS), {}),
    "cross_entropy, options": (losses.cross_entropy, (X, PROBS), SMOOTHED),
    "cross_entropy, capped": (losses.cross_entropy, (X, PROBS), {"softcap": 5.0, "reduction": "sum"}),
    "cross_entropy_and_grad": (derivatives.cross_entropy_and_grad, (X, PROBS), {}),
    "cross_entropy_and_grad, options": (derivatives.cross_entropy_and_grad, (X, PROBS), SMOOTHED),
    "nll_loss": (losses.nll_loss, (-abs(X), PROBS), {}),
    "focal_loss": (losses.focal_loss, (X, PROBS), {}),
    "partial_label_cross_entropy": (losses.partial_label_cross_entropy, (X, OTHER > 0), {"sample_weight": ROWS}),
    "binary_cross_entropy_with_logits": (
        losses.binary_cross_entropy_with_logits,
        (X, PROBS),
        {"weight": CLASSES, "pos_weight": 2.0},
    ),
    "binary_cross_entropy_with_logits, booleans": (losses.binary_cross_entropy_with_logits, (X, KEEP), {}),
    "binary_focal_loss": (losses.binary_focal_loss, (X, PROBS), {"alpha": 0.25}),
    "kl_divergence": (losses.kl_divergence, (PROBS, X), {"q_kind": "logits"}),
    "kl_divergence, masked": (losses.kl_divergence, (PROBS, PROBS[::-1].copy()), {"where": KEEP, "reduction": "mean"}),
    "js_divergence": (losses.js_divergence, (X, OTHER), {"p_kind": "logits", "q_kind": "logits"}),
    "logit_adjustment": (losses.logit_adjustment, (X, COUNTS), {}),
    "softmax_vjp": (derivatives.softmax_vjp, (PROBS, OTHER), {}),
    "softmax_jvp": (derivatives.softmax_jvp, (PROBS, OTHER), {"where": KEEP}),
    "softmax_hvp": (derivatives.softmax_hvp, (PROBS, OTHER, X), {}),
    "log_softmax_vjp": (derivatives.log_softmax_vjp, (-abs(X), OTHER), {"where": KEEP}),
    "logsumexp_vjp": (derivatives.logsumexp_vjp, (X, ROWS), {"axis": 1}),
}


def check(library: Library, call: Call, precision: str) -> None:
    """Compare a call on arrays of ``library`` with the same call on NumPy's, in units of the largest entry."""
    if precision not in library.floats:
        pytest.skip(f"{library.name}: {precision} is tested on its own")
    f, arrays, options = call
    arrays = tuple(narrow(a, precision) for a in arrays)
    options = {k: narrow(v, precision) for k, v in options.items()}
    if f is losses.balanced_class_weights:
        options["dtype"] = np.dtype(precision)
    expected = f(*arrays, **options)
    if f is losses.balanced_class_weights:
        options["dtype"] = getattr(library.xp, precision)
    given = tuple(own(library, a) for a in arrays)
    with warnings.catch_warnings():
        if library.name == "sparse":
            # It multiplies the fill values of two arrays with entries that the result does not have.
            warnings.filterwarnings("ignore", "invalid value encountered in multiply", RuntimeWarning)
        found = f(*given, **{k: own(library, v) for k, v in options.items()})
    pairs = zip(*((r if isinstance(r, tuple) else (r,)) for r in (found, expected)), strict=True)
    for got, want in pairs:
        assert type(got) is type(given[0])
        assert tuple(got.shape) == np.shape(want)
        assert str(got.dtype).rpartition(".")[2] == want.dtype.name
        agree(library.numpy(got), want, floor=float(np.max(np.abs(want), initial=0.0, where=np.isfinite(want))))


def narrow(value: Any, precision: str) -> Any:
    return value.astype(precision) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


def own(library: Library, value: Any) -> Any:
    return library.array(value) if isinstance(value, np.ndarray) else value


def _is_slow(library: Library, name: str, precision: str) -> None:
    if library.name == "cubed" and ("," in name or precision == "float64"):
        pytest.skip("cubed: a call takes seconds; the plain ones are tested in float32")


every_float = pytest.mark.parametrize("precision", ["float64", "float32"])


@every_float
@pytest.mark.parametrize("name", LABELLED)
def test_functions_of_labels_give_what_numpy_gives(library, name, precision, request):
    if library.name == "sparse":
        reason = "sparse: the namespace has no arange, so labels have nothing to be compared with"
        request.applymarker(pytest.mark.xfail(strict=True, raises=AttributeError, reason=reason))
    _is_slow(library, name, precision)
    check(library, LABELLED[name], precision)


@every_float
@pytest.mark.parametrize("name", DENSE)
def test_functions_without_labels_give_what_numpy_gives(library, name, precision):
    _is_slow(library, name, precision)
    check(library, DENSE[name], precision)


CONFIDENT = np.asarray([[20.0, 0.0, 0.0], [0.0, 60.0, 0.0], [-20.0, 0.0, 40.0]])


def test_a_confident_prediction_keeps_its_small_loss(library, request):
    if library.name == "mlx":
        reason = "mlx: exp of float32 on the CPU is wrong by up to 63 ulp"
        request.applymarker(pytest.mark.xfail(strict=True, raises=AssertionError, reason=reason))
    x = CONFIDENT.astype("float32")
    target = np.eye(3, dtype=np.float32)
    want = losses.cross_entropy(x, target, reduction="none")
    found = losses.cross_entropy(library.array(x), library.array(target), reduction="none")
    agree(library.numpy(found), want)


@pytest.mark.parametrize("where", [None, np.asarray([[True, False, True]])], ids=["all", "masked"])
def test_infinite_and_ignored_logits_give_the_values_of_the_contract(library, where, request):
    if library.name == "sparse":
        reason = "sparse: the namespace has no arange"
        request.applymarker(pytest.mark.xfail(strict=True, raises=AttributeError, reason=reason))
    inf, nan = np.inf, np.nan
    x = np.asarray([[0.0, -inf, 1.0], [nan, 0.0, inf], [0.0, 1.0, -inf], [0.0, 0.5, 1.0]], dtype="float32")
    labels = np.asarray([2, -100, 2, 5])
    want = losses.cross_entropy(x, labels, where=where, reduction="none")
    given = None if where is None else library.array(where)
    found = losses.cross_entropy(library.array(x), library.array(labels), where=given, reduction="none")
    agree(library.numpy(found), want)


def test_labels_of_two_libraries_are_refused(library):
    with pytest.raises(TypeError, match=r"and target is an array of numpy; convert one of them"):
        losses.cross_entropy(library.array(X.astype("float32")), LABELS)


@only("mlx")
def test_mlx_differentiates_the_loss_as_the_analytic_gradient(library):
    mx = library.xp
    x = mx.array(X.astype("float32"))
    labels = mx.array(LABELS)
    found = mx.grad(lambda z: losses.cross_entropy(z, labels))(x)
    _, want = derivatives.cross_entropy_and_grad(x, labels)
    agree(np.asarray(found), np.asarray(want), floor=1.0)


@only("ndonnx")
def test_onnx_model_of_a_loss_with_a_symbolic_batch(library, tmp_path):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    ndx = library.xp
    x, labels = ndx.argument(shape=("N", 5), dtype=ndx.float32), ndx.argument(shape=("N",), dtype=ndx.int64)
    loss, grad = derivatives.cross_entropy_and_grad(x, labels)
    path = tmp_path / "model.onnx"
    onnx.save(ndx.build({"x": x, "labels": labels}, {"loss": loss, "grad": grad}), path)
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for n in (1, 3, 8):
        values = np.random.default_rng(n).normal(size=(n, 5)).astype(np.float32)
        classes = np.arange(n) % 5
        found = session.run(None, {"x": values, "labels": classes})
        for got, want in zip(found, derivatives.cross_entropy_and_grad(values, classes), strict=True):
            agree(got, want, floor=1.0)


@only("cubed")
def test_cubed_stays_lazy(library):
    cubed = import_module("cubed")
    read: list[Any] = []

    def block(values: Any) -> Any:
        read.append(values.shape)
        return values

    x = cubed.map_blocks(block, library.array(X), dtype=np.dtype("float64"))
    labels = library.array(LABELS)
    loss, grad = derivatives.cross_entropy_and_grad(x, labels)
    again = losses.cross_entropy(x, library.array(PROBS))
    assert read == []
    want = derivatives.cross_entropy_and_grad(X, LABELS)
    agree(loss.compute(), want[0], floor=1.0)
    agree(grad.compute(), want[1], floor=1.0)
    agree(again.compute(), losses.cross_entropy(X, PROBS), floor=1.0)


@only("sparse")
@pytest.mark.parametrize("format", ["coo", "gcxs"])
def test_sparse_logits_keep_their_format(library, format):
    x = library.xp.random((6, 8), density=0.3, format=format, random_state=0)
    target = library.xp.full((6, 8), 0.125, format=format)
    loss, grad = derivatives.cross_entropy_and_grad(x, target, reduction="sum")
    assert isinstance(grad, type(x))
    want = derivatives.cross_entropy_and_grad(x.todense(), np.full((6, 8), 0.125), reduction="sum")
    agree(loss.todense() if hasattr(loss, "todense") else loss, want[0], floor=float(want[0]))
    agree(grad.todense(), want[1], floor=1.0)
