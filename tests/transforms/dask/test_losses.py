"""Dask: chunks and graphs of losses and derivatives, and labels beside logits."""

from __future__ import annotations

import pytest

dask = pytest.importorskip("dask", reason="dask is not installed")
da = pytest.importorskip("dask.array", reason="dask.array needs numpy")

import numpy as np  # noqa: E402

from softmax_xp import derivatives, losses  # noqa: E402
from softmax_xp.testing.records import RECORDS, calls, examples, fullest  # noqa: E402

from ...matrix_calls import unreduced  # noqa: E402
from .lazy import NUMPY, C, assert_close, lazy  # noqa: E402

OPTIONS = {"label_smoothing": 0.1, "z_loss": 0.01, "softcap": 8.0}


def test_a_weight_in_many_chunks_brings_no_warning_of_dask():
    x, labels = da.zeros((100, 200), chunks=10), da.zeros(100, chunks=10, dtype=np.int64)
    losses.cross_entropy(x, labels, weight=da.ones(200, chunks=10))


@pytest.mark.parametrize("name", ["cross_entropy_and_grad", "softmax_vjp"])
def test_a_gradient_keeps_the_chunks_of_the_logits(name):
    given = lazy()
    assert fullest(name).results(given)[-1].chunks == given["logits"].chunks


@pytest.mark.parametrize("name", [n for n, record in RECORDS.items() if "sample_weight" in record.options])
def test_a_loss_per_sample_keeps_the_chunks_of_the_batch(name):
    given = lazy()
    assert unreduced(examples(name)[name]).results(given)[0].chunks == given["logits"].chunks[:1]


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
    labels = NUMPY["labels"].copy()
    labels[[0, 4]] = -1, C
    labels[7] = 0
    loss = losses.cross_entropy(lazy()["logits"], da.from_array(labels, chunks=5), reduction="none").compute()
    assert np.flatnonzero(np.isnan(loss)).tolist() == [0, 4]


def test_labels_chunked_unlike_the_logits_give_the_same_answer():
    labels = da.from_array(NUMPY["labels"], chunks=7)
    assert_close(losses.cross_entropy(lazy()["logits"], labels), losses.cross_entropy(NUMPY["logits"], NUMPY["labels"]))


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
    ("name", "text"),
    [
        ("cross_entropy", "cross_entropy"),
        ("cross_entropy", "cross_entropy target=shares axis=0"),
        ("cross_entropy_and_grad", "cross_entropy_and_grad"),
    ],
)
def test_the_graph_grows_as_the_number_of_chunks(name, text):
    def tasks(rows: int, columns: int) -> int:
        return len(calls(name)[text].results(lazy((rows, columns)))[-1].__dask_graph__())

    assert tasks(3, 2) <= 5 * tasks(6, 5)


def test_a_mean_over_8_by_8_chunks_takes_fewer_than_a_dozen_tasks_a_chunk_when_optimized():
    x = da.random.default_rng(0).normal(size=(64, 64), chunks=8)
    (loss,) = dask.optimize(losses.cross_entropy(x, da.arange(64, chunks=8)))
    assert len(loss.__dask_graph__()) < 12 * 64


def test_numpy_labels_beside_dask_logits_are_refused():
    with pytest.raises(TypeError, match=r"dask.*numpy"):
        losses.cross_entropy(lazy()["logits"], NUMPY["labels"])


def test_errors_come_before_anything_is_computed(refused):
    with pytest.raises(ValueError, match="without axis 1"):
        losses.cross_entropy(lazy()["logits"], lazy()["labels"][:3])
