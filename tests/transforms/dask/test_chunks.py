"""Dask: the arrays of a call need not be in the same chunks, and those of length 1 stand for every row or class."""

from __future__ import annotations

from typing import Any

import pytest

dask = pytest.importorskip("dask", reason="dask is not installed")
da = pytest.importorskip("dask.array", reason="dask.array needs numpy")

import numpy as np  # noqa: E402

import softmax_xp as sx  # noqa: E402
from softmax_xp import sampling, sparse  # noqa: E402

from . import test_lazy  # noqa: E402
from .lazy import assert_close  # noqa: E402

SIZES = (5, 3, 12, 4, 7, 2, 6)
"""Of the chunks of each array of a call, along all of its axes."""


def in_chunks_of_its_own(values: Any, size: int) -> Any:
    return da.from_array(values, chunks=tuple(min(size, n) for n in values.shape))


MASKS = {
    "one for all rows": test_lazy.KEEP[:1],
    "one for all classes": test_lazy.KEEP[:, 1:2],
    "of fewer dimensions": test_lazy.KEEP[2],
    "without dimensions": np.asarray(True),
}
WITH_A_MASK = {
    "softmax": lambda x, labels, keep, number: sx.softmax(x, where=keep, temperature=number),
    "logsumexp": lambda x, labels, keep, number: sx.logsumexp(x, where=keep, b=number),
    "hardmax": lambda x, labels, keep, number: sx.hardmax(x, where=keep),
    "cross_entropy": lambda x, labels, keep, number: sx.cross_entropy(x, labels, where=keep, normalizer=number),
    "sparsemax": lambda x, labels, keep, number: sparse.sparsemax(x, where=keep),
    "entmax": lambda x, labels, keep, number: sparse.entmax(x, where=keep, alpha=number),
    "project_simplex": lambda x, labels, keep, number: sparse.project_simplex(x, where=keep, scale=number),
    "entmax_loss": lambda x, labels, keep, number: sparse.entmax_loss(x, labels, where=keep, normalizer=number),
    "top_k_logits": lambda x, labels, keep, number: sampling.top_k_logits(x, 3, where=keep),
    "top_p_logits": lambda x, labels, keep, number: sampling.top_p_logits(x, number / 2, where=keep),
    "sample_categorical": lambda x, labels, keep, number: (
        1.0 * sampling.sample_categorical(x, noise=x[:, ::-1], where=keep)
    ),
}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", WITH_A_MASK)
def test_what_has_length_1_or_fewer_dimensions_stands_for_all_chunks(name, mask):
    plain = [test_lazy.X, test_lazy.LABELS, MASKS[mask], np.asarray(1.25)]
    lazy = [in_chunks_of_its_own(v, size) for v, size in zip(plain, SIZES, strict=False)]
    assert_close(WITH_A_MASK[name](*lazy), WITH_A_MASK[name](*plain))


@pytest.mark.parametrize("name", WITH_A_MASK)
def test_a_mask_of_known_length_goes_with_rows_of_unknown_length(name):
    chosen = test_lazy.X[:, 0] > 0
    plain = [test_lazy.X[chosen], test_lazy.LABELS[chosen], test_lazy.KEEP[:1], np.asarray(1.25)]
    x, labels = (da.from_array(v, chunks=5) for v in (test_lazy.X, test_lazy.LABELS))
    lazy = [v[x[:, 0] > 0] for v in (x, labels)] + [da.from_array(v) for v in plain[2:]]
    assert_close(WITH_A_MASK[name](*lazy), WITH_A_MASK[name](*plain))


@pytest.mark.parametrize("chunks", [((0, 4), (3,)), ((2, 0, 2), (3,)), ((4,), (2, 0, 1)), ((4, 0), (0, 3))], ids=str)
def test_first_largest_entries_are_found_beside_empty_chunks(chunks):
    values = np.asarray([[1.0, 3.0, 3.0], [2.0, 0.0, 1.0], [5.0, 5.0, 5.0], [0.0, 1.0, 2.0]])
    x = da.from_array(values, chunks=chunks)
    np.testing.assert_array_equal(sx.hardmax(x).compute(), sx.hardmax(values))
    np.testing.assert_array_equal(sampling.sample_categorical(x, noise=0 * x).compute(), values.argmax(axis=-1))
