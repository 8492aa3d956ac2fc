"""Dask: nothing is computed while the graph is built, and chunks stay chunks."""

from __future__ import annotations

import pytest

dask = pytest.importorskip("dask", reason="dask is not installed")
da = pytest.importorskip("dask.array", reason="dask.array needs numpy")

import numpy as np  # noqa: E402

import softmax_xp as sx  # noqa: E402
from softmax_xp import logsums, normalizers  # noqa: E402

X = np.random.default_rng(0).normal(scale=4.0, size=(12, 10))
X[3] = X[3, 0]
KEEP = X > -5
ROW = np.linspace(0.5, 2.0, 12)[:, None]
LABELS = np.arange(12) % 5 - 1
CHUNKS = {
    "one chunk": (12, 10),
    "chunked batch": (5, 10),
    "chunked axis": (12, 3),
    "chunked both": (5, 3),
    "single entries": (1, 1),
}
ROWWISE = ("softmax", "log_softmax", "softmin", "softmax_and_logsumexp")


def calls():
    for name in ROWWISE:
        f = getattr(sx, name)
        yield name, lambda x, keep, row, labels, f=f: f(x)
        yield (
            f"{name} with all options",
            lambda x, keep, row, labels, f=f: f(x, where=keep, temperature=row, sink=row),
        )
        yield f"{name} of all axes", lambda x, keep, row, labels, f=f: f(x, axis=None, temperature=0.5, sink=0.0)
    yield "hardmax", lambda x, keep, row, labels: sx.hardmax(x, where=keep)
    yield "hardmax along axis 0", lambda x, keep, row, labels: sx.hardmax(x, axis=0)
    yield "hardmax of all axes", lambda x, keep, row, labels: sx.hardmax(x, axis=None)
    yield "one_hot", lambda x, keep, row, labels: sx.one_hot(labels, 4)
    yield "one_hot in front", lambda x, keep, row, labels: sx.one_hot(labels, 4, axis=0, dtype=labels.dtype)
    yield "logsumexp", lambda x, keep, row, labels: sx.logsumexp(x, axis=1, where=keep)
    yield "logsumexp of all axes", lambda x, keep, row, labels: sx.logsumexp(x)
    yield "logsumexp with weights", lambda x, keep, row, labels: sx.logsumexp(x, axis=1, b=row, keepdims=True)
    yield "signed logsumexp", lambda x, keep, row, labels: sx.logsumexp(x, axis=0, b=-row, return_sign=True)
    yield "logmeanexp", lambda x, keep, row, labels: sx.logmeanexp(x, axis=1, where=keep)
    yield "log1mexp", lambda x, keep, row, labels: sx.log1mexp(x)
    yield "logsubexp", lambda x, keep, row, labels: sx.logsubexp(x + 1, x)


CALLS = dict(calls())
every_call = pytest.mark.parametrize("name", CALLS)


def inputs(chunks=(5, 3)):
    rows = chunks[0]
    return (
        da.from_array(X, chunks=chunks),
        da.from_array(KEEP, chunks=chunks),
        da.from_array(ROW, chunks=(rows, 1)),
        da.from_array(LABELS, chunks=rows),
    )


def results(y):
    return y if isinstance(y, tuple) else (y,)


def assert_close(actual, expected):
    """Sums over chunks are added in another order: a few units in the last place of the largest."""
    for a, b in zip(results(actual), results(expected), strict=True):
        a, b = a.compute(), np.asarray(b)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        finite = np.isfinite(b)
        np.testing.assert_array_equal(a[~finite], b[~finite])
        slack = 8 * np.spacing(np.maximum(np.abs(b[finite]), 1 if (b[finite] > 1).any() else 0))
        assert np.all(np.abs(a[finite] - b[finite]) <= slack)


@pytest.mark.parametrize("public", [*normalizers.__all__, *logsums.__all__])
def test_every_public_function_is_called_here(public):
    assert any(public in call.split(" ") for call in CALLS)


def test_the_refusing_scheduler_refuses(refused):
    with pytest.raises(AssertionError, match="something was computed"):
        da.zeros(3).compute()


@every_call
def test_nothing_is_computed_while_the_graph_is_built(name, refused):
    with np.errstate(invalid="ignore"):
        for y in results(CALLS[name](*inputs())):
            assert isinstance(y, da.Array)


@every_call
@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS)
def test_values_are_those_of_numpy_however_chunked(name, chunks):
    assert_close(CALLS[name](*inputs(chunks)), CALLS[name](X, KEEP, ROW, LABELS))


@every_call
def test_dtype_is_known_before_computing(name):
    for y, expected in zip(results(CALLS[name](*inputs())), results(CALLS[name](X, KEEP, ROW, LABELS)), strict=True):
        assert y.dtype == expected.dtype


@every_call
def test_meta_is_a_numpy_array_of_the_result_dtype_without_data(name):
    for y in results(CALLS[name](*inputs())):
        assert type(y._meta) is np.ndarray
        assert (y._meta.dtype, y._meta.ndim) == (y.dtype, y.ndim)
        assert y._meta.size == 0 or y.ndim == 0


@pytest.mark.parametrize(
    "name", [n for n in CALLS if n.split(" ")[0] in (*ROWWISE, "hardmax", "log1mexp", "logsubexp")]
)
def test_elementwise_results_keep_the_chunks(name):
    x = inputs()[0]
    assert results(CALLS[name](*inputs()))[0].chunks == x.chunks


@pytest.mark.parametrize("name", ["logsumexp", "logmeanexp"])
def test_sums_keep_the_chunks_of_the_batch(name):
    assert CALLS[name](*inputs()).chunks == inputs()[0].chunks[:1]


def test_one_hot_keeps_the_chunks_of_the_labels():
    y = sx.one_hot(inputs()[3], 4)
    assert y.chunks[0] == inputs()[3].chunks[0]


@pytest.mark.parametrize("kind", ["float32", "float16"])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin", "hardmax", "logsumexp", "logmeanexp"])
def test_floating_dtype_is_kept(name, kind):
    y = getattr(sx, name)(inputs()[0].astype(kind), axis=1)
    assert y.dtype == y._meta.dtype == y.compute().dtype == kind


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


def test_unknown_chunks_are_not_computed_while_the_graph_is_built(refused):
    x = inputs()[0]
    sx.softmax(x[x[:, 0] > 0], axis=0)


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
