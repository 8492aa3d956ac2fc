"""Weights beside logits of another type, on every library: they are rounded only after they have been multiplied."""

from __future__ import annotations

import numpy as np
import pytest

from softmax_xp import sparse

from .reference import LABELS, PROBS, SAMPLE_WEIGHT, WEIGHT, X, arrays, assert_near, cross_entropy64

TINY = 2.0**-200  # 0 in float32
CANDIDATES = PROBS >= 0.25
POSITIVE = (PROBS > 0.25).astype(np.float64)
PLAIN = ("cross_entropy", "focal_loss", "poly_cross_entropy", "generalized_cross_entropy", "entmax_loss")


@pytest.fixture
def wide(backend):
    """The library, where it has weights that its logits do not hold."""
    if not {"float64", "float32"} <= set(backend.dtypes):
        pytest.skip("the device has one of float32 and float64")
    return backend


def scaled(call, backend, name, target, *, dtype, **given):
    """Return means with weights, and with weights times a number that drops out but that ``dtype`` does not hold."""
    x = backend.array(X, dtype)
    return tuple(
        call(name, x, target, **{k: backend.array(scale * v, "float64") for k, v in given.items()})
        for scale in (1.0, TINY)
    )


@pytest.mark.thorough
@pytest.mark.parametrize("dtype_of_logits", ["float32", "float16"])
@pytest.mark.parametrize("kind", ["labels", "probabilities"])
def test_a_mean_is_that_of_the_weights_given_also_where_the_logits_do_not_hold_them(wide, call, kind, dtype_of_logits):
    if dtype_of_logits not in wide.dtypes:
        pytest.skip("the library has no such type")
    target = wide.array(LABELS, "int32") if kind == "labels" else wide.array(PROBS, dtype_of_logits)
    for name in PLAIN:
        given = {"sample_weight": SAMPLE_WEIGHT}
        if name == "entmax_loss":
            given["normalizer"] = np.asarray(SAMPLE_WEIGHT.sum())
        one, other = scaled(call, wide, name, target, dtype=dtype_of_logits, **given)
        assert_near(other, one, dtype_of_logits)
        if name != "entmax_loss":
            one, other = scaled(call, wide, name, target, dtype=dtype_of_logits, weight=WEIGHT)
            assert_near(other, one, dtype_of_logits)


@pytest.mark.double
def test_other_losses_and_the_gradient_take_weights_as_they_are_given(wide, call):
    x, positive = wide.array(X, "float32"), wide.array(POSITIVE, "float32")
    candidates = wide.array(CANDIDATES, "bool")
    one, other = scaled(
        call, wide, "partial_label_cross_entropy", candidates, dtype="float32", sample_weight=SAMPLE_WEIGHT
    )
    assert_near(other, one, "float32")
    for option in ("weight", "pos_weight"):
        target = positive if option == "weight" else wide.array(np.ones((4, 3)), "float32")
        one, other = scaled(
            call, wide, "binary_cross_entropy_with_logits", target, dtype="float32", **{option: 1.0 + PROBS}
        )
        assert_near(other, one, "float32")
    all_positive = wide.array(np.ones((4, 3)), "float32")
    one, other = (call("binary_cross_entropy_with_logits", x, all_positive, pos_weight=v) for v in (1.0, TINY))
    assert_near(other, one, "float32")
    for target in (wide.array(LABELS, "int32"), wide.array(PROBS, "float32")):
        one, other = scaled(call, wide, "cross_entropy_and_grad", target, dtype="float32", weight=WEIGHT)
        assert_near(other[0], one[0], "float32")
        assert_near(other[1], one[1], "float32")


@pytest.mark.double
def test_losses_are_rounded_after_they_have_been_multiplied(wide, call):
    x = np.asarray([[200.0, 0.0], [0.0, 0.0]])
    labels, weights = wide.array([1, 0], "int32"), np.asarray([1e-40, 1e38])
    loss = call(
        "cross_entropy",
        wide.array(x, "float32"),
        labels,
        sample_weight=wide.array(weights * 1e-8, "float64"),
        weight=wide.array([1e8, 1e8], "float64"),
        reduction="none",
    )
    assert_near(loss[1] / 1e38, np.log(2), "float32")
    assert_near(loss[0] * 1e38, 2.0, "float32")


@pytest.mark.double
def test_probabilities_of_a_wider_type_count_as_they_are(wide, call):
    probs = np.asarray([[TINY, 3 * TINY, 0.0], [0.0, TINY, TINY], [TINY, 0.0, 0.0], [TINY, TINY, TINY]])
    loss = call("cross_entropy", wide.array(X, "float32"), wide.array(probs, "float64"))
    assert_near(loss, cross_entropy64(X, probs / TINY), "float32")


def test_boolean_weights_are_0_and_1(backend, call):
    dtype = backend.dtypes[0]
    x, labels = backend.array(X, dtype), backend.array(LABELS, "int32")
    keep, classes = np.asarray([True, False, True, True]), np.asarray([True, True, False])

    def both(name, target, **given):
        flags = {k: backend.array(v, "bool") for k, v in given.items()}
        numbers = arrays(backend, dtype, {k: v.astype(np.float64) for k, v in given.items()})
        np.testing.assert_array_equal(call(name, x, target, **flags), call(name, x, target, **numbers))

    both("cross_entropy", labels, sample_weight=keep, weight=classes)
    both("focal_loss", labels, alpha=classes)
    both("cross_entropy", backend.array(PROBS, dtype), sample_weight=keep)
    both("partial_label_cross_entropy", backend.array(CANDIDATES, "bool"), sample_weight=keep)
    both("binary_cross_entropy_with_logits", backend.array(POSITIVE, dtype), weight=PROBS > 0.25)
    both("binary_cross_entropy_with_logits", backend.array(POSITIVE, dtype), pos_weight=PROBS > 0.25)
    loss = sparse.entmax_loss(x, labels, sample_weight=backend.array(keep, "bool"))
    assert np.isfinite(backend.numpy(loss))
