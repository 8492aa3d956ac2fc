"""Class weights and logit offsets for classes that are not equally frequent, on every library."""

from __future__ import annotations

import numpy as np
import pytest

from softmax_xp.losses import balanced_class_weights, logit_adjustment

from .reference import X, assert_near, inf, integer_dtypes

# The definitions, by every option: on JAX and Dask, where each call takes long, the calls of the records tell.
pytestmark = pytest.mark.thorough

LABELS = np.asarray([0, 2, 2, 0, 0, 4, 2, 0])


def test_class_weights_give_what_the_definition_does(backend, call):
    result = call("balanced_class_weights", backend.array(LABELS, "int32"), 5)
    assert_near(result, [8 / 20, 0.0, 8 / 15, 0.0, 8 / 5], "float32")


def test_labels_of_class_weights_may_have_any_integer_dtype_and_shape(backend, call):
    expected = call("balanced_class_weights", backend.array(LABELS, "int32"), 5)
    for kind in integer_dtypes(backend):
        labels = backend.array(LABELS.reshape(2, 2, 2), kind)
        np.testing.assert_array_equal(call("balanced_class_weights", labels, 5), expected)


def test_labels_out_of_range_are_not_counted(backend, call):
    labels = backend.array([*LABELS, 5, -1, -100, 2**20], "int32")
    expected = call("balanced_class_weights", backend.array(LABELS, "int32"), 5)
    np.testing.assert_array_equal(call("balanced_class_weights", labels, 5), expected)


@pytest.mark.parametrize("shape", [(0,), ()])
def test_class_weights_of_few_labels(backend, call, shape):
    result = call("balanced_class_weights", backend.array(np.zeros(shape), "int32"), 2)
    np.testing.assert_array_equal(result, [0.5, 0.0] if shape == () else [0.0, 0.0])


def test_class_weights_without_classes_are_empty(backend, call):
    assert call("balanced_class_weights", backend.array(LABELS, "int32"), 0).shape == (0,)


def test_class_weights_have_the_dtype_asked_for(backend, dtype, call):
    labels = backend.array([0, 0, 0, 1], "int32")
    result = call("balanced_class_weights", labels, 2, dtype=backend.dtype(dtype))
    assert_near(result, [4 / 6, 2.0], dtype)


def test_class_weights_count_more_labels_than_a_half_type_holds(backend, dtype):
    labels = np.zeros(10_000)
    labels[:100] = 1
    result = balanced_class_weights(backend.array(labels, "int32"), 2, dtype=backend.dtype(dtype))
    assert_near(backend.numpy(result).astype(np.float64), [10_000 / 19_800, 50.0], dtype)


def test_class_weights_make_classes_count_the_same(backend, call):
    labels = backend.array(LABELS, "int32")
    weight = call("balanced_class_weights", labels, 5)
    counts = np.bincount(LABELS, minlength=5)
    assert_near((weight * counts)[[0, 2, 4]], np.full(3, 8 / 5), "float32")


def test_class_weights_are_those_of_scikit_learn():
    reference = pytest.importorskip("sklearn.utils.class_weight").compute_class_weight
    labels = np.random.default_rng(0).integers(0, 7, size=500)
    expected = reference("balanced", classes=np.arange(7), y=labels)
    assert_near(balanced_class_weights(labels, 7), expected, "float64")


@pytest.mark.parametrize("tau", [1.0, 0.5, -1])
def test_logit_adjustment_gives_what_the_definition_does(backend, dtype, call, tau):
    counts = np.asarray([1.0, 4.0, 3.0])
    result = call("logit_adjustment", backend.array(X, dtype), backend.array(counts, dtype), tau=tau)
    assert_near(result, X + tau * np.log(counts / 8), dtype, scale=4.0)


def test_logit_adjustment_takes_integer_counts_and_any_axis(backend, call):
    dtype = backend.dtypes[0]
    counts = backend.array([1, 4, 3], "int32")
    result = call("logit_adjustment", backend.array(X.T, dtype), counts, axis=0)
    assert_near(result, X.T + np.log(np.asarray([[1], [4], [3]]) / 8), dtype, scale=4.0)


def test_logit_adjustment_takes_shares_as_it_takes_counts(backend, call):
    dtype = backend.dtypes[0]
    x = backend.array(X, dtype)
    by_counts, by_shares = (
        call("logit_adjustment", x, backend.array(c, dtype)) for c in ([1.0, 4.0, 3.0], [0.125, 0.5, 0.375])
    )
    assert_near(by_shares, by_counts, dtype, scale=4.0)


@pytest.mark.parametrize(("tau", "expected"), [(1.0, -inf), (-1.0, inf), (0.0, 0.5)])
def test_a_class_that_does_not_occur_is_out_of_reach(backend, call, tau, expected):
    dtype = backend.dtypes[0]
    result = call("logit_adjustment", backend.array([0.5, 0.5], dtype), backend.array([0, 4], "int32"), tau=tau)
    np.testing.assert_array_equal(result, [expected, 0.5])


def test_logit_adjustment_counts_more_than_a_half_type_holds(backend, dtype):
    counts = backend.array([10_000_000, 30_000_000], "int32")
    result = logit_adjustment(backend.array([0.0, 0.0], dtype), counts)
    assert_near(backend.numpy(result).astype(np.float64), np.log([0.25, 0.75]), dtype)
