"""Dask: nothing is computed while the graph is built, and chunks stay chunks."""

from __future__ import annotations

import pytest

dask = pytest.importorskip("dask", reason="dask is not installed")
da = pytest.importorskip("dask.array", reason="dask.array needs numpy")

import numpy as np  # noqa: E402

import softmax_xp as sx  # noqa: E402

from .lazy import assert_close  # noqa: E402

X = np.random.default_rng(0).normal(scale=4.0, size=(12, 10))
X[3] = X[3, 0]
KEEP = X > -5
ROW = np.linspace(0.5, 2.0, 12)[:, None]
LABELS = np.arange(12) % 5 - 1


def inputs(chunks=(5, 3)):
    rows = chunks[0]
    return (
        da.from_array(X, chunks=chunks),
        da.from_array(KEEP, chunks=chunks),
        da.from_array(ROW, chunks=(rows, 1)),
        da.from_array(LABELS, chunks=rows),
    )


def test_the_refusing_scheduler_refuses(refused):
    with pytest.raises(AssertionError, match="something was computed"):
        da.zeros(3).compute()


@pytest.mark.parametrize("name", ["logsumexp", "logmeanexp"])
def test_sums_keep_the_chunks_of_the_batch(name):
    assert getattr(sx, name)(inputs()[0], axis=1).chunks == inputs()[0].chunks[:1]


def test_one_hot_keeps_the_chunks_of_the_labels():
    y = sx.one_hot(inputs()[3], 4)
    assert y.chunks[0] == inputs()[3].chunks[0]


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_integers_become_the_default_float(name):
    y = getattr(sx, name)(inputs()[3], axis=0)
    assert y.dtype == y.compute().dtype == np.float64


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin", "logsumexp", "logmeanexp"])
@pytest.mark.parametrize("axis", [0, 1, None])
@pytest.mark.parametrize("chunks", [(5, 10), (5, 3)], ids=["batch", "both"])
def test_rows_chosen_by_value_have_unknown_chunks_and_the_right_answer(name, axis, chunks):
    x = inputs(chunks)[0]
    x = x[x[:, 0] > 0]
    assert np.isnan(x.shape[0])
    assert_close(getattr(sx, name)(x, axis=axis), getattr(sx, name)(X[X[:, 0] > 0], axis=axis))


@pytest.mark.parametrize("axis", [0, 1, (0, 2), (1, 2), None])
def test_hardmax_of_what_is_chosen_by_value_has_the_right_answer(axis):
    values = np.random.default_rng(2).integers(0, 3, size=(6, 7, 2)).astype(np.float64)
    # The second chunk is empty.
    chosen = np.asarray([True, False, False, False, True, True, True])
    x = da.from_array(values, chunks=(4, 2, 1))[:, da.from_array(chosen, chunks=2)]
    assert np.isnan(x.shape[1])
    assert_close(sx.hardmax(x, axis=axis), sx.hardmax(values[:, chosen], axis=axis))


@pytest.mark.parametrize("name", ["softmax", "logsumexp"])
def test_columns_chosen_by_value_have_unknown_chunks_and_the_right_answer(name):
    x = inputs()[0]
    x = x[:, x[0] > 0]
    assert_close(getattr(sx, name)(x, axis=1), getattr(sx, name)(X[:, X[0] > 0], axis=1))


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
@pytest.mark.parametrize("axis", [0, 1])
def test_an_unknown_chunk_that_turns_out_empty_changes_nothing(name, axis):
    values = np.asarray([[-1.0, 2.0], [-2.0, 1.0], [3.0, 0.5], [1.0, 4.0]])
    x = da.from_array(values, chunks=(2, 2))
    x = x[x[:, 0] > 0]
    assert_close(getattr(sx, name)(x, axis=axis), getattr(sx, name)(values[2:], axis=axis))


def test_unknown_chunks_go_with_a_mask_of_the_same_rows():
    x, keep, row, _ = inputs((5, 10))
    rows = x[:, 0] > 0
    chosen = X[:, 0] > 0
    y = sx.softmax(x[rows], where=keep[rows], temperature=row[rows], sink=0.0)
    assert_close(y, sx.softmax(X[chosen], where=KEEP[chosen], temperature=ROW[chosen], sink=0.0))


def test_one_hot_of_labels_of_unknown_number_has_the_right_answer():
    labels = inputs()[3]
    assert_close(sx.one_hot(labels[labels > 0], 4), sx.one_hot(LABELS[LABELS > 0], 4))


def test_no_block_of_the_graph_is_larger_than_a_chunk_of_the_input():
    sizes = []
    x = da.zeros((64, 64), chunks=(16, 16))
    x = x.map_blocks(lambda b: b + np.arange(b.shape[1]), dtype=x.dtype)
    with dask.config.set({"optimization.fuse.active": False}), Sizes(sizes):
        sx.softmax(x, axis=1).max().compute(optimize_graph=False)
    assert max(sizes) <= 16 * 16


class Sizes(dask.callbacks.Callback):
    """Note the number of entries of every array that a task returns."""

    def __init__(self, sizes):
        super().__init__()
        self.sizes = sizes

    def _posttask(self, key, result, dsk, state, worker_id):
        if isinstance(result, np.ndarray):
            self.sizes.append(result.size)


def test_a_graph_may_be_computed_in_threads():
    x = inputs()[0]
    y = sx.softmax(x, axis=1)
    np.testing.assert_array_equal(y.compute(scheduler="threads"), y.compute(scheduler="synchronous"))


def test_numpy_beside_dask_is_refused():
    with pytest.raises(TypeError, match=r"dask.*numpy"):
        sx.softmax(inputs()[0], where=KEEP)


def test_errors_come_before_anything_is_computed(refused):
    with pytest.raises(ValueError, match="does not broadcast"):
        sx.softmax(inputs()[0], where=inputs()[1][:3])
