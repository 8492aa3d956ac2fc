"""Every option of cross_entropy against the definition, on every library."""

from __future__ import annotations

import numpy as np
import pytest

from softmax_xp.derivatives import cross_entropy_and_grad

from .reference import (
    HALF,
    LABELS,
    ONE_HOT,
    PROBS,
    SAMPLE_WEIGHT,
    WEIGHT,
    WHERE,
    X,
    arrays,
    assert_near,
    cross_entropy64,
    inf,
    nan,
)

# The definitions, by every option: on JAX and Dask, where each call takes long, the calls of the records tell.
pytestmark = pytest.mark.thorough

OPTIONS = {
    "weight": {"weight": WEIGHT},
    "sample weight": {"sample_weight": SAMPLE_WEIGHT},
    "both weights": {"weight": WEIGHT, "sample_weight": SAMPLE_WEIGHT},
    "mask": {"where": WHERE},
    "mask of classes": {"where": np.asarray([True, False, True])},
    "mask of samples": {"where": np.asarray([[True], [False], [True], [True]])},
    "smoothing": {"label_smoothing": 0.25},
    "all smoothed": {"label_smoothing": 1.0},
    "smoothing and mask": {"label_smoothing": 0.25, "where": WHERE},
    "smoothing and weight": {"label_smoothing": 0.25, "weight": WEIGHT},
    "z-loss": {"z_loss": 1.0},
    "z-loss and weights": {"z_loss": 0.125, "weight": WEIGHT, "sample_weight": SAMPLE_WEIGHT},
    "cap": {"softcap": 2.0},
    "cap and mask": {"softcap": 2.0, "where": WHERE},
    "normalizer": {"normalizer": 8.0},
    "everything": {
        "weight": WEIGHT,
        "sample_weight": SAMPLE_WEIGHT,
        "where": WHERE,
        "label_smoothing": 0.25,
        "z_loss": 0.125,
        "softcap": 2.0,
    },
}
options = pytest.mark.parametrize("given", OPTIONS.values(), ids=OPTIONS)


def targets(backend, dtype):
    """Return labels one of which is ignored, and probabilities, beside what the definition takes."""
    labels = np.asarray([2, 1, -100, 0])
    return [(labels, backend.array(labels, "int32")), (PROBS, backend.array(PROBS, dtype))]


@options
def test_options_give_what_the_definition_does(backend, call, given):
    dtype = backend.dtypes[0]
    for plain, target in targets(backend, dtype):
        loss = call("cross_entropy", backend.array(X, dtype), target, **arrays(backend, dtype, given))
        assert_near(loss, cross_entropy64(X, plain, **given), dtype, scale=16.0)


@pytest.mark.parametrize("name", ["mask", "both weights", "smoothing and mask", "z-loss and weights", "cap"])
def test_options_give_each_sample_its_loss(backend, call, name):
    dtype = backend.dtypes[0]
    for plain, target in targets(backend, dtype):
        given = arrays(backend, dtype, OPTIONS[name])
        loss = call("cross_entropy", backend.array(X, dtype), target, reduction="none", **given)
        assert_near(loss, cross_entropy64(X, plain, reduction="none", **OPTIONS[name]), dtype, scale=16.0)


def test_all_options_together_give_what_the_definition_does(backend, dtype, call):
    given = OPTIONS["everything"]
    for plain, target in targets(backend, dtype):
        loss = call("cross_entropy", backend.array(X, dtype), target, reduction="none", **arrays(backend, dtype, given))
        assert_near(loss, cross_entropy64(X, plain, reduction="none", **given), dtype, scale=16.0)


@pytest.mark.parametrize("name", ["both weights", "everything"])
def test_weighted_means_agree_between_labels_and_one_hot_probabilities(backend, dtype, call, name):
    x, given = backend.array(X, dtype), arrays(backend, dtype, OPTIONS[name])
    of_labels = call("cross_entropy", x, backend.array(LABELS, "int32"), **given)
    assert_near(call("cross_entropy", x, backend.array(ONE_HOT, dtype), **given), of_labels, dtype, scale=16.0)


@pytest.mark.parametrize("bad", [nan, inf])
def test_a_sample_weight_of_0_removes_its_sample_whatever_it_holds(backend, dtype, call, bad):
    x, weights = X.copy(), np.asarray([1.0, 0.0, 1.0, 2.0])
    x[1] = bad
    for plain, target in targets(backend, dtype):
        loss = call("cross_entropy", backend.array(x, dtype), target, sample_weight=backend.array(weights, dtype))
        assert_near(loss, cross_entropy64(X, plain, sample_weight=weights), dtype, scale=8.0)


def test_an_ignored_sample_may_hold_nan(backend, call):
    dtype = backend.dtypes[0]
    x = X.copy()
    x[2] = nan
    labels = backend.array([2, 1, -100, 0], "int32")
    for extra in ({}, {"label_smoothing": 0.25}, {"z_loss": 0.125}):
        loss = call("cross_entropy", backend.array(x, dtype), labels, **extra)
        assert_near(loss, cross_entropy64(X, np.asarray([2, 1, -100, 0]), **extra), dtype, scale=8.0)


def test_a_class_weight_of_0_removes_a_loss_that_is_infinite(backend, call):
    dtype = backend.dtypes[0]
    x = backend.array([[0.0, -inf, 0.0]], dtype)
    weight = backend.array([1.0, 0.0, 1.0], dtype)
    assert call("cross_entropy", x, backend.array([1], "int32"), weight=weight, reduction="sum") == 0
    target = backend.array([[0.5, 0.5, 0.0]], dtype)
    assert_near(call("cross_entropy", x, target, weight=weight), np.log(2), dtype)


@pytest.mark.parametrize("shape", [(), (1,), (4,)])
def test_sample_weights_broadcast_to_the_samples(backend, call, shape):
    dtype = backend.dtypes[0]
    weights = np.full(shape, 0.5)
    x, labels = backend.array(X, dtype), backend.array(LABELS, "int32")
    loss = call("cross_entropy", x, labels, sample_weight=backend.array(weights, dtype), reduction="sum")
    assert_near(loss, cross_entropy64(X, LABELS, reduction="sum") / 2, dtype, scale=8.0)


def test_weights_may_be_integers(backend, call):
    dtype = backend.dtypes[0]
    weight, each = np.asarray([1, 3, 2]), np.asarray([1, 0, 2, 1])
    loss = call(
        "cross_entropy",
        backend.array(X, dtype),
        backend.array(LABELS, "int32"),
        weight=backend.array(weight, "int32"),
        sample_weight=backend.array(each, "int32"),
    )
    assert_near(loss, cross_entropy64(X, LABELS, weight=weight, sample_weight=each), dtype, scale=8.0)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_integer_sample_weights_count_as_repeated_samples(backend, call, reduction):
    dtype = backend.dtypes[0]
    # Four samples again: a library that compiles has seen this shape.
    repeats = np.asarray([1, 0, 1, 2])
    for plain, target in targets(backend, dtype):
        weighted = call(
            "cross_entropy",
            backend.array(X, dtype),
            target,
            sample_weight=backend.array(repeats, dtype),
            weight=backend.array(WEIGHT, dtype),
            reduction=reduction,
        )
        kind = "int32" if plain.dtype.kind == "i" else dtype
        repeated = call(
            "cross_entropy",
            backend.array(np.repeat(X, repeats, axis=0), dtype),
            backend.array(np.repeat(plain, repeats, axis=0), kind),
            weight=backend.array(WEIGHT, dtype),
            reduction=reduction,
        )
        assert_near(weighted, repeated, dtype, scale=32.0)


# Masks


def test_a_target_on_a_masked_class_costs_infinity(backend, call):
    dtype = backend.dtypes[0]
    x, where = backend.array(X, dtype), backend.array([True, True, False], "bool")
    loss = call("cross_entropy", x, backend.array(LABELS, "int32"), where=where, reduction="none")
    np.testing.assert_array_equal(np.isinf(loss), [True, False, False, False])
    smoothed = call(
        "cross_entropy", x, backend.array(LABELS, "int32"), where=where, reduction="none", label_smoothing=0.5
    )
    np.testing.assert_array_equal(np.isinf(smoothed), [True, False, False, False])


@pytest.mark.parametrize("extra", [{}, {"label_smoothing": 0.25, "z_loss": 0.125}, {"softcap": 2.0}])
@pytest.mark.parametrize("bad", [nan, inf, 6e4])
def test_what_a_masked_class_holds_has_no_influence(backend, call, bad, extra):
    dtype = backend.dtypes[0]
    labels, where = backend.array([0, 1, 0, 0], "int32"), backend.array(WHERE, "bool")
    clean = call("cross_entropy", backend.array(X, dtype), labels, where=where, reduction="none", **extra)
    x = backend.array(np.where(WHERE, X, bad), dtype)
    np.testing.assert_array_equal(call("cross_entropy", x, labels, where=where, reduction="none", **extra), clean)


def test_label_smoothing_spreads_over_kept_classes_and_keeps_the_mass(backend, call):
    dtype = backend.dtypes[0]
    x = backend.array(np.zeros((2, 3)), dtype)
    where = backend.array([[True, True, False], [True, True, True]], "bool")
    loss = call("cross_entropy", x, backend.array([0, 0], "int32"), where=where, label_smoothing=0.25, reduction="none")
    assert_near(loss, np.log([2.0, 3.0]), dtype)


def test_full_smoothing_forgets_the_label(backend, call):
    dtype = backend.dtypes[0]
    x = backend.array(X, dtype)
    losses = [
        call("cross_entropy", x, backend.array([label] * 4, "int32"), label_smoothing=1, reduction="none")
        for label in range(3)
    ]
    np.testing.assert_array_equal(losses[0], losses[1])
    np.testing.assert_array_equal(losses[0], losses[2])


def test_z_loss_adds_the_squared_logsumexp_of_counted_samples(backend, call):
    dtype = backend.dtypes[0]
    x, labels = backend.array(X, dtype), backend.array([2, 1, -100, 0], "int32")
    plain, more = (call("cross_entropy", x, labels, z_loss=z, reduction="none") for z in (0.0, 0.5))
    np.testing.assert_array_equal(more > plain, [True, True, False, True])


def test_a_cap_bounds_the_loss(backend, call):
    dtype = backend.dtypes[0]
    x = backend.array([[6e4, -6e4, 0.0]], dtype)
    loss = call("cross_entropy", x, backend.array([1], "int32"), softcap=1.0)
    assert_near(loss, np.log(np.e + 1 / np.e + 1) + 1, dtype)


# What is ignored


def test_ignore_index_none_ignores_no_label(backend, call):
    x, labels = backend.array(X, backend.dtypes[0]), backend.array([2, 1, -100, 0], "int32")
    loss = call("cross_entropy", x, labels, ignore_index=None, reduction="none")
    np.testing.assert_array_equal(np.isnan(loss), [False, False, True, False])


def test_a_class_may_be_ignored(backend, call):
    dtype = backend.dtypes[0]
    x, labels = backend.array(X, dtype), backend.array(LABELS, "int32")
    loss = call("cross_entropy", x, labels, ignore_index=0, reduction="none")
    expected = cross_entropy64(X, LABELS, ignore_index=0, reduction="none")
    assert_near(loss, expected, dtype, scale=8.0)
    assert_near(
        call("cross_entropy", x, labels, ignore_index=0), cross_entropy64(X, LABELS, ignore_index=0), dtype, scale=8.0
    )


def test_ignore_index_has_no_meaning_for_probabilities(backend, call):
    dtype = backend.dtypes[0]
    x, target = backend.array(X, dtype), backend.array(PROBS, dtype)
    assert call("cross_entropy", x, target, ignore_index=0) == call("cross_entropy", x, target)


# The divisor


@pytest.mark.parametrize("shape", [(), (1,)])
def test_a_normalizer_may_be_an_array_of_one_element(backend, call, shape):
    dtype = backend.dtypes[0]
    x, labels = backend.array(X, dtype), backend.array(LABELS, "int32")
    by_array = call("cross_entropy", x, labels, normalizer=backend.array(np.full(shape, 8.0), dtype))
    assert by_array == call("cross_entropy", x, labels, normalizer=8)
    assert_near(by_array, cross_entropy64(X, LABELS, normalizer=8.0), dtype, scale=8.0)


def test_a_normalizer_may_be_an_array_of_integers(backend, call):
    x, labels = backend.array(X, backend.dtypes[0]), backend.array(LABELS, "int32")
    loss = call("cross_entropy", x, labels, normalizer=backend.array(8, "int32"))
    assert loss == call("cross_entropy", x, labels, normalizer=8.0)


def test_an_array_normalizer_of_0_gives_nan(backend, call):
    dtype = backend.dtypes[0]
    x, labels = backend.array(X, dtype), backend.array(LABELS, "int32")
    assert np.isnan(call("cross_entropy", x, labels, normalizer=backend.array(0.0, dtype)))


BATCHES = (slice(0, 1), slice(1, 4))
SHARED = {"weight": WEIGHT, "label_smoothing": 0.25, "z_loss": 0.125}


def test_losses_of_uneven_batches_with_one_normalizer_add_up_to_that_of_all(backend, call):
    dtype = backend.dtypes[0]
    for plain, target in targets(backend, dtype):
        given = arrays(backend, dtype, SHARED)
        whole = dict(given)
        one_hot = np.where(plain[:, None] == np.arange(3), 1.0, 0.0) if plain.ndim == 1 else plain
        given["normalizer"] = total = float(np.sum(one_hot * WEIGHT))
        kind = "int32" if plain.ndim == 1 else dtype
        parts = [
            call("cross_entropy", backend.array(X[b], dtype), backend.array(plain[b], kind), **given) for b in BATCHES
        ]
        for part, b in zip(parts, BATCHES, strict=True):
            assert_near(part, cross_entropy64(X[b], plain[b], normalizer=total, **SHARED), dtype, scale=16.0)
        if dtype not in HALF:
            # The parts of half types are rounded one by one.
            assert_near(sum(parts), call("cross_entropy", backend.array(X, dtype), target, **whole), dtype, scale=16.0)


def test_gradients_of_uneven_batches_with_one_normalizer_are_those_of_all(backend):
    dtype = backend.dtypes[0]
    for plain, target in targets(backend, dtype):
        given = arrays(backend, dtype, SHARED)
        kind = "int32" if plain.ndim == 1 else dtype
        _, whole = cross_entropy_and_grad(backend.array(X, dtype), target, normalizer=4.0, **given)
        parts = [
            cross_entropy_and_grad(backend.array(X[b], dtype), backend.array(plain[b], kind), normalizer=4.0, **given)[
                1
            ]
            for b in BATCHES
        ]
        together = np.concatenate([backend.numpy(p).astype(np.float64) for p in parts])
        assert_near(together, backend.numpy(whole).astype(np.float64), dtype)


def test_a_capped_loss_of_a_confident_prediction_is_never_negative(backend, dtype, call):
    """The product of the cap is rounded once, and not contracted with the subtraction of the maximum."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(64, 3)).round(1) + np.asarray([40.0, 0.0, 0.0])
    target = np.broadcast_to([1.0, 0.0, 0.0], x.shape)
    loss = call("cross_entropy", backend.array(x, dtype), backend.array(target, dtype), softcap=30.0, reduction="none")
    assert (loss >= 0).all()
