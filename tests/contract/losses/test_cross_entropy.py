"""Cross-entropy of labels and of probabilities: values, shapes, dtypes and edges, on every library."""

from __future__ import annotations

import numpy as np
import pytest

from softmax_xp.losses import cross_entropy
from softmax_xp.testing import assert_ulp, contract, exact_rows
from softmax_xp.testing.oracle import Exact

from .reference import LABELS, PROBS, X, assert_near, cross_entropy64, inf, integer_dtypes, log_softmax64, nan

reductions = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])


def test_labels_give_what_the_definition_does(backend, dtype, call):
    for reduction in ("mean", "sum", "none"):
        loss = call("cross_entropy", backend.array(X, dtype), backend.array(LABELS, "int32"), reduction=reduction)
        assert_near(loss, cross_entropy64(X, LABELS, reduction=reduction), dtype, scale=8.0)


def test_probabilities_give_what_the_definition_does(backend, dtype, call):
    for reduction in ("mean", "sum", "none"):
        loss = call("cross_entropy", backend.array(X, dtype), backend.array(PROBS, dtype), reduction=reduction)
        assert_near(loss, cross_entropy64(X, PROBS, reduction=reduction), dtype, scale=8.0)


def test_labels_may_have_any_integer_dtype(backend, call):
    dtype = backend.dtypes[0]
    expected = cross_entropy64(X, LABELS, reduction="none")
    for kind in integer_dtypes(backend):
        loss = call("cross_entropy", backend.array(X, dtype), backend.array(LABELS, kind), reduction="none")
        assert_near(loss, expected, dtype, scale=8.0)


def test_uint8_labels_with_300_classes_do_not_wrap_around(backend, call):
    dtype = backend.dtypes[0]
    x = (np.arange(900).reshape(3, 300) % 7) / 4
    loss = call("cross_entropy", backend.array(x, dtype), backend.array([255, 3, 128], "uint8"), reduction="none")
    assert_near(loss, cross_entropy64(x, np.asarray([255, 3, 128]), reduction="none"), dtype, scale=8.0)


def test_int8_labels_with_300_classes_and_a_negative_one_do_not_wrap_around(backend, call):
    dtype = backend.dtypes[0]
    x = (np.arange(900).reshape(3, 300) % 7) / 4
    loss = call("cross_entropy", backend.array(x, dtype), backend.array([127, -1, -100], "int8"), reduction="none")
    expected = cross_entropy64(x, np.asarray([127, 0, 0]), reduction="none")
    assert_near(loss, [expected[0], nan, 0.0], dtype, scale=8.0)


def test_ignore_index_255_fits_uint8_labels(backend, call):
    dtype = backend.dtypes[0]
    labels = backend.array([2, 255, 0, 255], "uint8")
    loss = call("cross_entropy", backend.array(X, dtype), labels, ignore_index=255)
    assert_near(loss, cross_entropy64(X[[0, 2]], np.asarray([2, 0])), dtype, scale=8.0)


@pytest.mark.parametrize(("kind", "label"), [("uint64", 2**64 - 100), ("uint32", 2**32 - 100), ("uint8", 156)])
def test_an_unsigned_label_is_never_the_negative_ignore_index(backend, call, kind, label):
    if kind not in integer_dtypes(backend):
        pytest.skip(f"the device has no {kind}")
    labels = backend.array(np.asarray([label, 1, 0, 0], dtype=kind), kind)
    loss = call("cross_entropy", backend.array(X, backend.dtypes[0]), labels, reduction="none")
    np.testing.assert_array_equal(np.isnan(loss), [True, False, False, False])


def test_an_ignore_index_beyond_every_label_ignores_none(backend, call):
    dtype = backend.dtypes[0]
    x, labels = backend.array(X, dtype), backend.array(LABELS, "int32")
    loss = call("cross_entropy", x, labels, ignore_index=-(2**70))
    assert_near(loss, cross_entropy64(X, LABELS), dtype, scale=8.0)


@pytest.mark.parametrize("axis", [0, 1, 2, -2])
def test_classes_may_lie_along_any_axis_of_any_batch(backend, call, axis):
    dtype = backend.dtypes[0]
    x = np.moveaxis(np.stack([X, -X]), 2, axis)
    labels = np.stack([LABELS, LABELS[::-1]])
    loss = call("cross_entropy", backend.array(x, dtype), backend.array(labels, "int32"), axis=axis, reduction="none")
    assert_near(loss, cross_entropy64(x, labels, axis=axis, reduction="none"), dtype, scale=8.0)


def test_probabilities_may_lie_along_any_axis(backend, call):
    dtype = backend.dtypes[0]
    x, target = backend.array(X.T, dtype), backend.array(PROBS.T, dtype)
    loss = call("cross_entropy", x, target, axis=0, reduction="none")
    assert_near(loss, cross_entropy64(X, PROBS, reduction="none"), dtype, scale=8.0)


@reductions
def test_one_sample_has_a_label_without_dimensions(backend, call, reduction):
    dtype = backend.dtypes[0]
    loss = call("cross_entropy", backend.array(X[0], dtype), backend.array(2, "int32"), reduction=reduction)
    assert_near(loss, -log_softmax64(X[0])[2], dtype, scale=8.0)


@pytest.mark.parametrize("kind", ["uint8", "int32", "bool"])
def test_logits_without_fractions_are_promoted_first(backend, call, kind):
    x = np.asarray([[0, 1, 1], [1, 0, 1]]) * (1 if kind == "bool" else 100)
    labels = np.asarray([1, 2])
    loss = call("cross_entropy", backend.array(x, kind), backend.array(labels, "int32"), reduction="none")
    assert_near(loss, -log_softmax64(x)[[0, 1], labels], "float32", scale=100.0)


def test_probabilities_of_another_floating_type_are_cast_to_that_of_the_logits(backend, call):
    dtype = backend.dtypes[0]
    loss = call("cross_entropy", backend.array(X, dtype), backend.array(PROBS, "float32"))
    assert_near(loss, cross_entropy64(X, PROBS), dtype, scale=8.0)


@pytest.mark.parametrize("kind", ["labels", "probabilities"])
def test_an_empty_batch_has_a_nan_mean_a_zero_sum_and_no_losses(backend, call, kind):
    dtype = backend.dtypes[0]
    x = backend.array(np.zeros((0, 3)), dtype)
    target = backend.array(np.zeros(0), "int32") if kind == "labels" else x
    assert np.isnan(call("cross_entropy", x, target))
    assert call("cross_entropy", x, target, reduction="sum") == 0
    assert call("cross_entropy", x, target, reduction="none").shape == (0,)
    assert call("cross_entropy", x, target, normalizer=4) == 0


def test_a_mean_over_ignored_samples_alone_is_nan(backend, call):
    dtype = backend.dtypes[0]
    x, labels = backend.array(X, dtype), backend.array([-100] * 4, "int32")
    assert np.isnan(call("cross_entropy", x, labels))
    assert call("cross_entropy", x, labels, reduction="sum") == 0
    assert call("cross_entropy", x, labels, normalizer=4) == 0


@pytest.mark.parametrize("label", [3, -1, 100])
def test_a_label_out_of_range_makes_its_sample_nan_and_no_other(backend, call, label):
    dtype = backend.dtypes[0]
    x, labels = backend.array(X, dtype), backend.array([2, label, 0, 0], "int32")
    expected = cross_entropy64(X, LABELS, reduction="none")
    expected[1] = nan
    assert_near(call("cross_entropy", x, labels, reduction="none"), expected, dtype, scale=8.0)
    assert np.isnan(call("cross_entropy", x, labels))


@pytest.mark.parametrize("extra", [{"label_smoothing": 0.25}, {"z_loss": 0.5}, {"softcap": 4.0}])
def test_a_label_out_of_range_stays_nan_with_other_options(backend, call, extra):
    x, labels = backend.array(X, backend.dtypes[0]), backend.array([2, 3, 0, -100], "int32")
    loss = call("cross_entropy", x, labels, reduction="none", **extra)
    np.testing.assert_array_equal(np.isnan(loss), [False, True, False, False])
    assert loss[3] == 0


@pytest.mark.parametrize("gap", [17.0, 20.0, 60.0])
def test_a_confident_prediction_keeps_the_digits_of_its_loss(backend, dtype, call, gap):
    x = backend.array([[gap, 0.0, 0.0]], dtype)
    expected = np.log1p(2 * np.exp(-gap))
    assert_ulp(call("cross_entropy", x, backend.array([0], "int32")), expected, op="log_softmax", dtype=dtype)
    target = backend.array([[1.0, 0.0, 0.0]], dtype)
    assert_ulp(call("cross_entropy", x, target), expected, op="log_softmax", dtype=dtype)


def test_a_common_offset_of_the_logits_changes_nothing(backend, call):
    x, labels = np.asarray([[17.0, 0.0, 0.0]]) + 1e6, backend.array([0], "int32")
    loss = call("cross_entropy", backend.array(x, "float32"), labels)
    assert_ulp(loss, np.log1p(2 * np.exp(-17.0)), op="log_softmax", dtype="float32")


def test_losses_of_labels_keep_the_gate_of_log_softmax(backend, dtype, call):
    values = np.asarray(
        [[0.0, -1.5, 40.0, 40.0], [88.0, 87.5, -88.0, 0.0], [2.0, 2.0, 2.0, 2.0], [10.0, 1.0, 0.0, 3.0]]
    )
    exact = exact_rows(values)["log_softmax"]
    for label in range(4):
        labels = backend.array([label] * 4, "int32")
        loss = call("cross_entropy", backend.array(values, dtype), labels, reduction="none")
        expected = Exact(-exact.hi[:, label], -exact.lo[:, label], exact.slack[:, label], exact.n)
        assert_ulp(loss, expected, op="log_softmax", dtype=dtype, elementary=contract.MAX_ELEMENTARY_ERROR)


def test_a_class_of_logit_minus_infinity_costs_infinity_and_nothing_if_not_wanted(backend, call):
    dtype = backend.dtypes[0]
    x = backend.array([[0.0, -inf, 0.0]] * 2, dtype)
    loss = call("cross_entropy", x, backend.array([1, 0], "int32"), reduction="none")
    assert_near(loss, [inf, np.log(2)], dtype)
    target = backend.array([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5]], dtype)
    assert_near(call("cross_entropy", x, target, reduction="none"), [inf, np.log(2)], dtype)


@pytest.mark.parametrize("bad", [[nan, 0.0, 1.0], [inf, 0.0, 1.0], [-inf, -inf, -inf]])
def test_logits_without_a_softmax_make_their_sample_nan_and_no_other(backend, call, bad):
    dtype = backend.dtypes[0]
    expected = cross_entropy64(X, LABELS, reduction="none")
    expected[1] = nan
    x = np.where([[False], [True], [False], [False]], bad, X)
    for target in (backend.array(LABELS, "int32"), backend.array(np.eye(3)[LABELS], dtype)):
        loss = call("cross_entropy", backend.array(x, dtype), target, reduction="none")
        assert_near(loss, expected, dtype, scale=8.0)


def test_half_types_do_not_saturate_on_100_000_classes(backend, dtype, call):
    x = backend.array(np.zeros((2, 100_000)), dtype)
    loss = call("cross_entropy", x, backend.array([0, 99_999], "int32"))
    assert_ulp(loss, np.log(1e5), op="log_softmax", dtype=dtype)


def test_a_single_class_has_no_loss(backend, call):
    dtype = backend.dtypes[0]
    loss = call("cross_entropy", backend.array([[3.0], [-2.0]], dtype), backend.array([0, 0], "int32"))
    assert loss == 0


@pytest.mark.parametrize("shape", [(40_000, 30), (3, 400_000)])
def test_numpy_in_blocks_gives_what_small_pieces_do(shape):
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=shape), rng.integers(-1, shape[1], size=shape[0])
    weight = rng.random(shape[1])
    whole = cross_entropy(x, labels, weight=weight, ignore_index=-1, reduction="none")
    some = slice(None, None, shape[0] // 3)
    part = cross_entropy(x[some], labels[some], weight=weight, ignore_index=-1, reduction="none")
    np.testing.assert_array_equal(whole[some], part)
    assert not np.any(np.isnan(whole))
