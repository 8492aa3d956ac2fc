"""Dask: losses and derivatives stay lazy, and give what NumPy gives however the input is chunked."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

dask = pytest.importorskip("dask", reason="dask is not installed")
da = pytest.importorskip("dask.array", reason="dask.array needs numpy")

import numpy as np  # noqa: E402

from softmax_xp import derivatives, losses, softmax  # noqa: E402
from softmax_xp.testing import contract  # noqa: E402

from ..losses.public import PUBLIC  # noqa: E402

N, C = 12, 10


class Given(NamedTuple):
    """The arrays of a call: of NumPy, or of Dask."""

    x: Any
    other: Any
    probs: Any
    keep: Any
    labels: Any
    rows: Any  # one weight per sample
    classes: Any  # one weight per class
    counts: Any
    divisor: Any


def given() -> Given:
    rng = np.random.default_rng(0)
    x = rng.normal(scale=4.0, size=(N, C))
    x[3] = x[3, 0]
    labels = rng.integers(0, C, size=N)
    keep = x > -4
    keep[np.arange(N), labels] = True
    labels[1], labels[7] = -100, -100
    return Given(
        x,
        rng.normal(size=(N, C)),
        np.asarray(softmax(rng.normal(size=(N, C)))),
        keep,
        labels,
        np.where(np.arange(N) == 5, 0.0, rng.uniform(0.5, 2.0, size=N)),
        rng.uniform(0.5, 2.0, size=C),
        rng.integers(1, 9, size=C),
        np.asarray(7.5),
    )


NUMPY = given()
OPTIONS = {"label_smoothing": 0.1, "z_loss": 0.01, "softcap": 8.0}


def log_probs_first(x: Any, target: Any, **options: Any) -> Any:
    return losses.nll_loss(-abs(x), target, **options)


def calls():
    """Give each function, with the arrays it takes, under the name of the function and what is special."""
    for loss in ("cross_entropy", "focal_loss", "poly_cross_entropy", "generalized_cross_entropy", "nll_loss"):
        f = log_probs_first if loss == "nll_loss" else getattr(losses, loss)
        yield f"{loss} of labels", lambda g, f=f, **o: f(g.x, g.labels, **o)
        yield f"{loss} of probabilities", lambda g, f=f, **o: f(g.x, g.probs, **o)
        yield (
            f"{loss} with weights and a mask",
            lambda g, f=f, **o: f(g.x, g.labels, weight=g.classes, sample_weight=g.rows, where=g.keep, **o),
        )
    yield (
        "cross_entropy with all options",
        lambda g, **o: losses.cross_entropy(
            g.x, g.labels, weight=g.classes, sample_weight=g.rows, where=g.keep, **OPTIONS, **o
        ),
    )
    yield (
        "cross_entropy with all options and probabilities",
        lambda g, **o: losses.cross_entropy(
            g.x, g.probs, weight=g.classes, sample_weight=g.rows, where=g.keep, **OPTIONS, **o
        ),
    )
    yield (
        "partial_label_cross_entropy",
        lambda g, **o: losses.partial_label_cross_entropy(g.x, g.other > 0, sample_weight=g.rows, where=g.keep, **o),
    )
    yield (
        "binary_cross_entropy_with_logits",
        lambda g, **o: losses.binary_cross_entropy_with_logits(
            g.x, g.keep, weight=g.rows[:, None], pos_weight=g.classes, **o
        ),
    )
    yield "binary_focal_loss", lambda g, **o: losses.binary_focal_loss(g.x, g.probs, alpha=0.3, **o)
    for kind in ("probs", "logits"):
        yield (
            f"kl_divergence of {kind}",
            lambda g, kind=kind, **o: losses.kl_divergence(
                g.probs, g.probs if kind == "probs" else g.x, q_kind=kind, where=g.keep, **o
            ),
        )
    yield "js_divergence", lambda g, **o: losses.js_divergence(g.x, g.probs, p_kind="logits", **o)
    yield (
        "cross_entropy_and_grad of labels",
        lambda g, **o: derivatives.cross_entropy_and_grad(g.x, g.labels, weight=g.classes, where=g.keep, **o),
    )
    yield (
        "cross_entropy_and_grad of probabilities",
        lambda g, **o: derivatives.cross_entropy_and_grad(g.x, g.probs, **o),
    )
    yield (
        "cross_entropy_and_grad with all options",
        lambda g, **o: derivatives.cross_entropy_and_grad(
            g.x, g.labels, weight=g.classes, sample_weight=g.rows, where=g.keep, **OPTIONS, **o
        ),
    )


def unreduced():
    """Give the functions that have no reduction."""
    yield "balanced_class_weights", lambda g: losses.balanced_class_weights(g.labels, C)
    yield "logit_adjustment", lambda g: losses.logit_adjustment(g.x, g.counts, tau=0.5)
    yield "softmax_vjp", lambda g: derivatives.softmax_vjp(g.probs, g.other, where=g.keep)
    yield "softmax_jvp", lambda g: derivatives.softmax_jvp(g.probs, g.other)
    yield "softmax_hvp", lambda g: derivatives.softmax_hvp(g.probs, g.other, g.x)
    yield "softmax_jacobian", lambda g: derivatives.softmax_jacobian(g.probs)
    yield "log_softmax_vjp", lambda g: derivatives.log_softmax_vjp(-abs(g.x), g.other, where=g.keep)
    yield "logsumexp_vjp", lambda g: derivatives.logsumexp_vjp(g.x, g.rows, axis=1, where=g.keep)
    yield "logsumexp_vjp of all axes", lambda g: derivatives.logsumexp_vjp(g.x, g.divisor)


REDUCED = dict(calls())
CALLS = {
    **{f"{name}, {r}": lambda g, f=f, r=r: f(g, reduction=r) for name, f in REDUCED.items() for r in ("mean", "none")},
    "cross_entropy of labels, sum": lambda g: REDUCED["cross_entropy of labels"](g, reduction="sum"),
    "cross_entropy of labels, normalizer": lambda g: REDUCED["cross_entropy of labels"](g, normalizer=g.divisor),
    "cross_entropy_and_grad of labels, normalizer": lambda g: REDUCED["cross_entropy_and_grad of labels"](
        g, normalizer=g.divisor
    ),
    "kl_divergence of logits, batchmean": lambda g: REDUCED["kl_divergence of logits"](g, reduction="batchmean"),
    **dict(unreduced()),
}
NEEDS_LENGTH = [
    name
    for name in CALLS
    if name.startswith(("cross_entropy", "focal", "poly", "generalized", "nll", "softmax_jacobian"))
]
every_call = pytest.mark.parametrize("name", CALLS)
CHUNKS = {
    "one chunk": (N, C),
    "chunked batch": (5, C),
    "chunked axis": (N, 3),
    "chunked both": (5, 3),
    "single entries": (1, 1),
}


def lazy(chunks: tuple[int, int] = (5, 3)) -> Given:
    rows, columns = chunks
    sizes = {"labels": rows, "rows": rows, "classes": columns, "counts": columns, "divisor": ()}
    return Given(**{name: da.from_array(v, chunks=sizes.get(name, chunks)) for name, v in NUMPY._asdict().items()})


def chosen(g: Given, rows: Any) -> Given:
    """Return the arrays with some of their samples."""
    per_sample = ("x", "other", "probs", "keep", "labels", "rows")
    return g._replace(**{name: getattr(g, name)[rows] for name in per_sample})


def results(y: Any) -> tuple[Any, ...]:
    return y if isinstance(y, tuple) else (y,)


def assert_close(actual: Any, expected: Any) -> None:
    """Sums over chunks are added in another order: the contract's 8 roundings of the largest entry."""
    for a, b in zip(results(actual), results(expected), strict=True):
        a, b = np.asarray(a.compute()), np.asarray(b)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        finite = np.isfinite(b)
        np.testing.assert_array_equal(a[~finite], b[~finite])
        largest = np.max(np.abs(b[finite]), initial=0.0)
        assert np.all(np.abs(a[finite] - b[finite]) <= 16 * contract.FORMATS[b.dtype.name].unit * largest)


@pytest.mark.parametrize("public", PUBLIC)
def test_every_public_function_is_called_here(public):
    assert any(name.replace(",", "").split(" ")[0] == public for name in CALLS)


@every_call
def test_nothing_is_computed_while_the_graph_is_built(name, refused):
    for y in results(CALLS[name](lazy())):
        assert isinstance(y, da.Array)


@every_call
@pytest.mark.filterwarnings("ignore:Increasing number of chunks:dask.array.PerformanceWarning")
@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS)
def test_values_are_those_of_numpy_however_chunked(name, chunks):
    assert_close(CALLS[name](lazy(chunks)), CALLS[name](NUMPY))


def test_a_weight_in_many_chunks_brings_no_warning_of_dask():
    x, labels = da.zeros((100, 200), chunks=10), da.zeros(100, chunks=10, dtype=np.int64)
    losses.cross_entropy(x, labels, weight=da.ones(200, chunks=10))


@every_call
def test_dtype_and_meta_are_those_of_numpy_before_computing(name):
    for y, expected in zip(results(CALLS[name](lazy())), results(CALLS[name](NUMPY)), strict=True):
        assert y.dtype == y._meta.dtype == expected.dtype
        assert isinstance(y._meta, np.ndarray | np.generic)
        assert y.shape == np.shape(expected)


@pytest.mark.parametrize("kind", ["float32", "float16"])
@pytest.mark.parametrize("loss", ["cross_entropy", "cross_entropy_and_grad", "focal_loss"])
def test_floating_dtype_is_kept(loss, kind):
    f = getattr(losses, loss, None) or getattr(derivatives, loss)
    for y in results(f(lazy().x.astype(kind), lazy().labels)):
        assert y.dtype == y._meta.dtype == y.compute().dtype == kind


@pytest.mark.parametrize("name", [n for n in CALLS if n.startswith("cross_entropy_and_grad")])
def test_a_gradient_keeps_the_chunks_of_the_logits(name):
    g = lazy()
    assert CALLS[name](g)[1].chunks == g.x.chunks


@pytest.mark.parametrize("name", [n for n in CALLS if n.endswith(", none") and not n.startswith("binary")])
def test_a_loss_per_sample_keeps_the_chunks_of_the_batch(name):
    g = lazy()
    assert results(CALLS[name](g))[0].chunks == g.x.chunks[:1]


@every_call
def test_samples_chosen_by_value_have_unknown_chunks_and_the_right_answer(name):
    g = lazy((5, 3))
    rows = NUMPY.x[:, 0] > 0
    some = chosen(g, g.x[:, 0] > 0)
    assert np.isnan(some.x.shape[0])
    assert np.isnan(some.labels.shape[0])
    assert_close(CALLS[name](some), CALLS[name](chosen(NUMPY, rows)))


@every_call
def test_unknown_chunks_are_not_computed_while_the_graph_is_built(name, refused):
    g = lazy()
    CALLS[name](chosen(g, g.x[:, 0] > 0))


@every_call
def test_an_unknown_chunk_that_turns_out_empty_changes_nothing(name):
    g = lazy((5, 3))
    rows = np.arange(N) >= 5
    assert_close(CALLS[name](chosen(g, da.from_array(rows, chunks=5))), CALLS[name](chosen(NUMPY, rows)))


def classes_chosen(g: Given, columns: Any) -> Given:
    """Return the arrays with some of their classes."""
    per_entry = ("x", "other", "probs", "keep")
    fewer = {name: getattr(g, name)[:, columns] for name in per_entry}
    return g._replace(**fewer, classes=g.classes[columns], counts=g.counts[columns])


@pytest.mark.parametrize("name", NEEDS_LENGTH)
def test_classes_of_unknown_number_are_refused_with_what_to_do(name, refused):
    g = lazy()
    with pytest.raises(ValueError, match=r"length of axis 1 of \w+ is unknown; .* \w+\.compute_chunk_sizes\(\)"):
        CALLS[name](classes_chosen(g, g.x[0] > 0))


@pytest.mark.parametrize(
    "name", [n for n in CALLS if n not in NEEDS_LENGTH and not n.startswith(("balanced", "binary_cross"))]
)
def test_formulas_without_positions_take_classes_of_unknown_number(name):
    g = lazy()
    few = classes_chosen(g, g.x[0] > 0)
    assert_close(CALLS[name](few), CALLS[name](classes_chosen(NUMPY, NUMPY.x[0] > 0)))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_any_axis_of_a_batch_of_pictures_may_hold_the_classes(axis, reduction):
    rng = np.random.default_rng(1)
    x = np.moveaxis(rng.normal(scale=3.0, size=(4, 6, 5)), -1, axis)
    labels = rng.integers(0, 5, size=(4, 6))
    options = {"axis": axis, "reduction": reduction}
    for f in (losses.cross_entropy, derivatives.cross_entropy_and_grad):
        found = f(da.from_array(x, chunks=2), da.from_array(labels, chunks=(3, 2)), **options)
        assert_close(found, f(x, labels, **options))


def test_a_label_outside_the_range_makes_its_own_sample_nan():
    labels = NUMPY.labels.copy()
    labels[[0, 4]] = -1, C
    loss = losses.cross_entropy(lazy().x, da.from_array(labels, chunks=5), reduction="none").compute()
    assert np.flatnonzero(np.isnan(loss)).tolist() == [0, 4]


def test_labels_chunked_unlike_the_logits_give_the_same_answer():
    labels = da.from_array(NUMPY.labels, chunks=7)
    assert_close(losses.cross_entropy(lazy().x, labels), losses.cross_entropy(NUMPY.x, NUMPY.labels))


class Sizes(dask.callbacks.Callback):
    """Note the number of entries of the largest array that a task returns."""

    largest = 0

    def _posttask(self, key, result, dsk, state, worker_id):
        if isinstance(result, np.ndarray):
            self.largest = max(self.largest, result.size)


BLOCKS = {
    "cross_entropy of labels": lambda x, labels, p: losses.cross_entropy(x, labels),
    "cross_entropy of probabilities": lambda x, labels, p: losses.cross_entropy(x, p),
    "cross_entropy with options": lambda x, labels, p: losses.cross_entropy(x, labels, **OPTIONS),
    "cross_entropy_and_grad": lambda x, labels, p: derivatives.cross_entropy_and_grad(x, labels)[1],
    "kl_divergence": lambda x, labels, p: losses.kl_divergence(p, x, q_kind="logits"),
    "partial_label_cross_entropy": lambda x, labels, p: losses.partial_label_cross_entropy(x, p > 0.5),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_no_block_of_the_graph_is_larger_than_a_chunk_of_the_logits(name):
    x = da.zeros((64, 64), chunks=16).map_blocks(lambda b: b + np.arange(b.shape[1]), dtype=np.float64)
    sizes = Sizes()
    with dask.config.set({"optimization.fuse.active": False}), sizes:
        # The sum of a gradient, which itself would be put together to one array.
        BLOCKS[name](x, da.arange(64, chunks=16), da.ones_like(x) / 64).sum().compute(optimize_graph=False)
    assert sizes.largest <= 16 * 16


@pytest.mark.parametrize(
    "name",
    ["cross_entropy of labels, mean", "cross_entropy of probabilities, mean", "cross_entropy_and_grad of labels, mean"],
)
def test_the_graph_grows_as_the_number_of_chunks(name):
    def tasks(rows: int, columns: int) -> int:
        return len(results(CALLS[name](lazy((rows, columns))))[-1].__dask_graph__())

    assert tasks(3, 2) <= 5 * tasks(6, 5)


def test_a_mean_over_8_by_8_chunks_takes_fewer_than_a_dozen_tasks_a_chunk_when_optimized():
    x = da.random.default_rng(0).normal(size=(64, 64), chunks=8)
    (loss,) = dask.optimize(losses.cross_entropy(x, da.arange(64, chunks=8)))
    assert len(loss.__dask_graph__()) < 12 * 64


def test_numpy_labels_beside_dask_logits_are_refused():
    with pytest.raises(TypeError, match=r"dask.*numpy"):
        losses.cross_entropy(lazy().x, NUMPY.labels)


def test_errors_come_before_anything_is_computed(refused):
    with pytest.raises(ValueError, match="without axis 1"):
        losses.cross_entropy(lazy().x, lazy().labels[:3])
