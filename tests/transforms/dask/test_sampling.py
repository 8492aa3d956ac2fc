"""Draws of Dask arrays: axes of unknown length, and generators."""

from __future__ import annotations

import pytest

dask = pytest.importorskip("dask", reason="dask is not installed")
da = pytest.importorskip("dask.array", reason="dask.array needs numpy")

import numpy as np  # noqa: E402

from softmax_xp.sampling import gumbel_softmax, sample_categorical, top_k_logits  # noqa: E402

from .lazy import assert_close  # noqa: E402
from .test_lazy import KEEP, ROW, X  # noqa: E402

NOISE = np.random.default_rng(1).gumbel(size=X.shape)


def inputs(chunks=(5, 3)):
    wide = [da.from_array(v, chunks=chunks) for v in (X, NOISE, KEEP)]
    return (*wide, da.from_array(ROW, chunks=(chunks[0], 1)))


def test_labels_of_rows_of_unknown_number_are_drawn_without_replacement():
    x, noise, *_ = inputs()
    chosen = x[:, 0] > 0
    y = sample_categorical(x[chosen], noise=noise[chosen], shape=3, replace=False)
    rows = X[:, 0] > 0
    assert_close(y, sample_categorical(X[rows], noise=NOISE[rows], shape=3, replace=False))


def test_an_axis_of_unknown_length_that_is_sorted_says_what_to_do():
    given = inputs()
    x, noise, *_ = [v[given[0][:, 0] > 0] for v in given]
    said = r"length of axis 0 of (x|logits) is unknown; .*\.compute_chunk_sizes\(\)"
    with pytest.raises(ValueError, match=said):
        top_k_logits(x, 3, axis=0)
    with pytest.raises(ValueError, match=said):
        sample_categorical(x, noise=noise, axis=0, shape=2, replace=False)


def test_draws_along_classes_of_unknown_number_with_an_empty_chunk_are_right():
    chosen = np.arange(12) >= 5
    x, noise = (da.from_array(v, chunks=(5, 3))[da.from_array(chosen, chunks=5)] for v in (X, NOISE))
    drawn, soft = sample_categorical(x, noise=noise, axis=0), gumbel_softmax(x, noise=noise, axis=0, hard=True)
    assert_close(drawn, sample_categorical(X[chosen], noise=NOISE[chosen], axis=0))
    assert_close(soft, gumbel_softmax(X[chosen], noise=NOISE[chosen], axis=0, hard=True))


@pytest.mark.parametrize(
    "options", [{"rng": np.random.default_rng(0)}, {"noise": NOISE, "shape": (2, 2), "replace": 0}]
)
def test_what_needs_all_lengths_says_so(options):
    x, noise, *_ = inputs()
    chosen = x[:, 0] > 0
    options = {k: noise[chosen] if k == "noise" else v for k, v in options.items()}
    with pytest.raises(ValueError, match=r"length of axis 0 of logits is unknown; .* logits\.compute_chunk_sizes\(\)"):
        sample_categorical(x[chosen], **options)


@pytest.mark.parametrize("make", [np.random.default_rng, da.random.default_rng], ids=["numpy", "dask"])
def test_noise_of_a_generator_is_lazy_and_repeats_with_its_seed(make, refused):
    x = inputs()[0]
    one, two = (sample_categorical(x, rng=make(0), shape=4) for _ in range(2))
    with dask.config.set(scheduler="synchronous"):
        a, b = one.compute(), two.compute()
    assert a.shape == (4, 12)
    np.testing.assert_array_equal(a, b)
    assert len(np.unique(a, axis=0)) == 4


def test_chunks_do_not_repeat_the_noise_of_each_other():
    y = gumbel_softmax(da.zeros((8, 64), chunks=(1, 8)), rng=np.random.default_rng(0)).compute()
    assert len(np.unique(y)) == y.size
