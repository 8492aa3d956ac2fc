"""The kin of cross-entropy against their definitions, on every library."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from softmax_xp.testing import assert_ulp

from .reference import (
    LABELS,
    ONE_HOT,
    PROBS,
    SAMPLE_WEIGHT,
    WEIGHT,
    WHERE,
    X,
    assert_near,
    cross_entropy64,
    inf,
    log_softmax64,
    nan,
)

# The definitions, by every option: on JAX and Dask, where each call takes long, the calls of the records tell.
pytestmark = pytest.mark.thorough

# Logits and targets of yes-or-no decisions.
Z = np.asarray([[0.5, -1.25, 2.0], [0.0, 3.0, -2.0]])
T = np.asarray([[1.0, 0.0, 0.25], [0.5, 1.0, 0.0]])
YES = np.asarray([[1, 0, 0], [0, 1, 1]])


def exact(function):
    """Return one number from mpmath, rounded once."""
    with mpmath.workprec(200):
        return float(function())


# nll_loss


def test_nll_loss_of_log_softmax_is_cross_entropy(backend, dtype, call):
    x, labels = backend.array(X, dtype), backend.array(LABELS, "int32")
    log_p = backend.array(log_softmax64(X), dtype)
    given = {"weight": backend.array(WEIGHT, dtype), "sample_weight": backend.array(SAMPLE_WEIGHT, dtype)}
    # A half type rounds the log-probabilities before they are averaged.
    rounded = backend.numpy(log_p).astype(np.float64)
    expected = -np.sum((ONE_HOT * WEIGHT * rounded).sum(axis=1) * SAMPLE_WEIGHT)
    assert_near(call("nll_loss", log_p, labels, reduction="sum", **given), expected, dtype, scale=16.0)
    if dtype in ("float64", "float32"):
        assert_near(call("nll_loss", log_p, labels, **given), call("cross_entropy", x, labels, **given), dtype, scale=8)


def test_nll_loss_of_labels_picks_exactly(backend, dtype, call):
    log_p = backend.array(-np.abs(X), dtype)
    loss = call("nll_loss", log_p, backend.array([2, 3, -100, 0], "int32"), reduction="none")
    np.testing.assert_array_equal(loss, [2.0, nan, 0.0, 4.0])


def test_nll_loss_of_probabilities_counts_0_times_infinity_as_0(backend, call):
    dtype = backend.dtypes[0]
    log_p = backend.array([[-0.5, -inf, -1.0], [-0.5, -inf, -1.0]], dtype)
    target = backend.array([[0.5, 0.0, 0.5], [0.5, 0.25, 0.25]], dtype)
    np.testing.assert_array_equal(call("nll_loss", log_p, target, reduction="none"), [0.75, inf])


def test_nll_loss_of_a_masked_class_is_infinite(backend, call):
    log_p, where = backend.array(-np.abs(X), backend.dtypes[0]), backend.array(WHERE, "bool")
    loss = call("nll_loss", log_p, backend.array([0, 1, 2, 0], "int32"), where=where, reduction="none")
    np.testing.assert_array_equal(loss, [0.5, 3.0, inf, 4.0])


# Binary cross-entropy


def binary64(x, t, *, gamma=0.0, alpha=None, pos_weight=1.0):
    """Return the binary focal loss of each element by its definition."""
    a, b = (1.0, 1.0) if alpha is None else (alpha, 1 - alpha)
    log_p, log_q = -np.log1p(np.exp(-x)), -np.log1p(np.exp(x))
    yes = a * pos_weight * t * np.exp(gamma * log_q) * log_p
    return -(yes + b * (1 - t) * np.exp(gamma * log_p) * log_q)


def test_binary_cross_entropy_gives_what_the_definition_does(backend, dtype, call):
    loss = call("binary_cross_entropy_with_logits", backend.array(Z, dtype), backend.array(T, dtype), reduction="none")
    assert_near(loss, binary64(Z, T), dtype)


def test_binary_cross_entropy_is_cross_entropy_of_two_classes(backend, dtype, call):
    two = np.stack([np.zeros(6), Z.ravel()], axis=1)
    binary = call(
        "binary_cross_entropy_with_logits", backend.array(Z, dtype), backend.array(YES, "int32"), pos_weight=2.0
    )
    classes = cross_entropy64(two, YES.ravel(), weight=np.asarray([1.0, 2.0]))
    assert_near(binary, classes, dtype)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_weights_of_binary_cross_entropy_count_in_the_divisor(backend, call, reduction):
    dtype = backend.dtypes[0]
    weight, pos_weight = np.asarray([[0.5], [2.0]]), np.asarray([1.0, 4.0, 0.5])
    loss = call(
        "binary_cross_entropy_with_logits",
        backend.array(Z, dtype),
        backend.array(T, dtype),
        weight=backend.array(weight, dtype),
        pos_weight=backend.array(pos_weight, dtype),
        reduction=reduction,
    )
    each = weight * binary64(Z, T, pos_weight=pos_weight)
    mass = np.sum(weight * (pos_weight * T + 1 - T))
    expected = {"mean": each.sum() / mass, "sum": each.sum(), "none": each}[reduction]
    assert_near(loss, expected, dtype, scale=16.0)


@pytest.mark.parametrize("kind", ["bool", "int32", "uint8", "float"])
def test_targets_of_binary_cross_entropy_may_have_any_dtype(backend, call, kind):
    dtype = backend.dtypes[0]
    target = backend.array(YES, dtype if kind == "float" else kind)
    loss = call("binary_cross_entropy_with_logits", backend.array(Z, dtype), target)
    assert_near(loss, binary64(Z, YES).mean(), dtype)


def test_infinite_binary_logits_give_0_or_infinity(backend, dtype, call):
    x = backend.array([inf, -inf, inf, -inf], dtype)
    for target in (backend.array([1, 0, 0, 1], "int32"), backend.array([1.0, 0.0, 0.0, 1.0], dtype)):
        for name in ("binary_cross_entropy_with_logits", "binary_focal_loss"):
            np.testing.assert_array_equal(call(name, x, target, reduction="none"), [0.0, 0.0, inf, inf])


@pytest.mark.parametrize("name", ["binary_cross_entropy_with_logits", "binary_focal_loss"])
def test_an_integer_target_other_than_0_and_1_is_nan(backend, call, name):
    dtype = backend.dtypes[0]
    x, target = backend.array(np.zeros(4), dtype), backend.array([2, 0, 1, -1], "int32")
    loss = call(name, x, target, reduction="none")
    np.testing.assert_array_equal(np.isnan(loss), [True, False, False, True])


@pytest.mark.parametrize("gap", [17.0, 40.0, 80.0])
def test_binary_losses_keep_the_digits_of_a_confident_prediction(backend, dtype, call, gap):
    x, target = backend.array([gap, -gap], dtype), backend.array([1, 0], "int32")
    loss = call("binary_cross_entropy_with_logits", x, target, reduction="none")
    assert_ulp(loss, [np.log1p(np.exp(-gap))] * 2, op="log_softmax", dtype=dtype)


def test_a_weight_of_0_removes_an_element_whatever_it_holds(backend, call):
    dtype = backend.dtypes[0]
    x, weight = backend.array([nan, 0.0], dtype), backend.array([0.0, 2.0], dtype)
    for name in ("binary_cross_entropy_with_logits", "binary_focal_loss"):
        assert np.isfinite(call(name, x, backend.array([1, 1], "int32"), weight=weight))


def test_binary_losses_of_an_empty_batch(backend, call):
    x = backend.array(np.zeros((0, 3)), backend.dtypes[0])
    for name in ("binary_cross_entropy_with_logits", "binary_focal_loss"):
        assert np.isnan(call(name, x, x))
        assert call(name, x, x, reduction="sum") == 0
        assert call(name, x, x, reduction="none").shape == (0, 3)


def test_binary_losses_take_an_array_without_dimensions(backend, call):
    dtype = backend.dtypes[0]
    loss = call("binary_cross_entropy_with_logits", backend.array(0.0, dtype), backend.array(True, "bool"))
    assert_near(loss, np.log(2), dtype)


@pytest.mark.parametrize(("gamma", "alpha"), [(0.0, None), (2.0, None), (0.5, 0.25), (2, 1.0)])
def test_binary_focal_loss_gives_what_the_definition_does(backend, call, gamma, alpha):
    dtype = backend.dtypes[0]
    x, target = backend.array(Z, dtype), backend.array(T, dtype)
    loss = call("binary_focal_loss", x, target, gamma=gamma, alpha=alpha, reduction="none")
    assert_near(loss, binary64(Z, T, gamma=gamma, alpha=alpha), dtype)
    mean = call("binary_focal_loss", x, target, gamma=gamma, alpha=alpha, normalizer=4.0)
    assert_near(mean, binary64(Z, T, gamma=gamma, alpha=alpha).sum() / 4, dtype, scale=4.0)


# Focal, poly, generalized


def changed64(change, plain):
    """Return a loss that is a function of -log p at the target class, summed by the target."""
    nll = -log_softmax64(X)
    target = ONE_HOT if plain.ndim == 1 else plain
    return np.sum(target * change(nll), axis=1)


CHANGES = {
    "focal_loss": [
        ({"gamma": 2.0}, lambda v: (1 - np.exp(-v)) ** 2 * v),
        ({"gamma": 0.5, "alpha": 0.25}, lambda v: 0.25 * (1 - np.exp(-v)) ** 0.5 * v),
    ],
    "poly_cross_entropy": [
        ({}, lambda v: v + 2 * (1 - np.exp(-v))),
        ({"epsilon": -1}, lambda v: v - (1 - np.exp(-v))),
    ],
    "generalized_cross_entropy": [
        ({}, lambda v: (1 - np.exp(-0.7 * v)) / 0.7),
        ({"q": 0.25}, lambda v: (1 - np.exp(-0.25 * v)) / 0.25),
        ({"q": 1}, lambda v: 1 - np.exp(-v)),
    ],
}
CASES = [(name, given, change) for name, cases in CHANGES.items() for given, change in cases]


@pytest.mark.parametrize(("name", "given", "change"), CASES)
def test_changed_losses_give_what_their_definition_does(backend, call, name, given, change):
    dtype = backend.dtypes[0]
    x = backend.array(X, dtype)
    for plain, target in ((LABELS, backend.array(LABELS, "int32")), (PROBS, backend.array(PROBS, dtype))):
        loss = call(name, x, target, reduction="none", **given)
        assert_near(loss, changed64(change, plain), dtype, scale=16.0)


@pytest.mark.parametrize("name", CHANGES)
def test_changed_losses_are_computed_in_float32_for_half_types(backend, dtype, call, name):
    given, change = CHANGES[name][0]
    loss = call(name, backend.array(X, dtype), backend.array(LABELS, "int32"), **given)
    assert_near(loss, changed64(change, LABELS).mean(), dtype, scale=16.0)


@pytest.mark.parametrize(
    ("name", "limit"),
    [("focal_loss", {"gamma": 0}), ("poly_cross_entropy", {"epsilon": 0}), ("generalized_cross_entropy", {"q": 0})],
)
def test_changed_losses_have_cross_entropy_as_their_limit(backend, call, name, limit):
    dtype = backend.dtypes[0]
    x, where = backend.array(X, dtype), backend.array(WHERE, "bool")
    weights = {"weight": backend.array(WEIGHT, dtype), "sample_weight": backend.array(SAMPLE_WEIGHT, dtype)}
    labels = backend.array([2, 1, -100, 0], "int32")
    for target in (labels, backend.array(PROBS, dtype)):
        expected = call("cross_entropy", x, target, where=where, **weights)
        assert_near(call(name, x, target, where=where, **weights, **limit), expected, dtype, scale=8.0)


@pytest.mark.parametrize("name", CHANGES)
def test_changed_losses_take_any_axis_and_every_reduction(backend, call, name):
    dtype = backend.dtypes[0]
    x, across = backend.array(X, dtype), backend.array(X.T, dtype)
    labels = backend.array([2, 1, -100, 0], "int32")
    each = call(name, across, labels, axis=0, reduction="none")
    np.testing.assert_array_equal(each[2], 0.0)
    assert_near(call(name, x, labels, reduction="sum"), each.sum(), dtype, scale=16.0)
    assert_near(call(name, x, labels), each.sum() / 3, dtype, scale=16.0)
    assert_near(call(name, x, labels, normalizer=8), each.sum() / 8, dtype, scale=16.0)


def test_alpha_of_focal_loss_may_be_one_factor_per_class(backend, call):
    dtype = backend.dtypes[0]
    alpha, x = np.asarray([0.25, 1.0, 0.5]), backend.array(X, dtype)
    nll = -log_softmax64(X)
    focal = alpha * (1 - np.exp(-nll)) ** 2 * nll
    for plain, target in ((ONE_HOT, backend.array(LABELS, "int32")), (PROBS, backend.array(PROBS, dtype))):
        loss = call("focal_loss", x, target, alpha=backend.array(alpha, dtype))
        assert_near(loss, np.sum(plain * focal) / plain.sum(), dtype, scale=16.0)


def test_alpha_does_not_count_in_the_divisor(backend, call):
    dtype = backend.dtypes[0]
    x, labels = backend.array(X, dtype), backend.array(LABELS, "int32")
    plain, halved = (call("focal_loss", x, labels, alpha=alpha) for alpha in (None, 0.5))
    assert halved == plain / 2


@pytest.mark.parametrize("gap", [20.0, 40.0])
def test_changed_losses_keep_the_digits_of_a_confident_prediction(backend, call, gap):
    # bfloat16 comes alone; the others begin with a type that holds the square of exp(-40).
    dtype = backend.dtypes[0]
    x, label = backend.array([gap, 0.0, 0.0], dtype), backend.array(0, "int32")
    rest = 2 * mpmath.exp(-gap) / (1 + 2 * mpmath.exp(-gap))
    nll = mpmath.log1p(2 * mpmath.exp(-gap))
    expected = {
        "focal_loss": exact(lambda: mpmath.sqrt(rest) * nll),
        "poly_cross_entropy": exact(lambda: nll + 2 * rest),
        "generalized_cross_entropy": exact(lambda: rest),
    }
    given = {"focal_loss": {"gamma": 0.5}, "generalized_cross_entropy": {"q": 1.0}}
    for name, value in expected.items():
        assert_near(call(name, x, label, **given.get(name, {})) / value, 1.0, dtype)


def test_a_certain_prediction_has_no_focal_loss(backend, call):
    x, label = backend.array([300.0, -inf, -600.0], backend.dtypes[0]), backend.array(0, "int32")
    assert call("focal_loss", x, label, gamma=0.5) == 0 or backend.dtypes[0] == "float64"
    assert call("focal_loss", backend.array([0.0, -inf], backend.dtypes[0]), label, gamma=0.5) == 0


# Candidate sets


def test_one_candidate_gives_cross_entropy(backend, dtype, call):
    x, where = backend.array(X, dtype), backend.array(WHERE, "bool")
    given = {"sample_weight": backend.array(SAMPLE_WEIGHT, dtype), "where": where}
    labels = np.asarray([2, 1, 0, 0])
    candidates = backend.array(np.eye(3)[labels] == 1, "bool")
    loss = call("partial_label_cross_entropy", x, candidates, **given)
    assert_near(loss, cross_entropy64(X, labels, sample_weight=SAMPLE_WEIGHT, where=WHERE), dtype, scale=8.0)


def test_all_candidates_give_0_and_none_gives_infinity(backend, call):
    x = backend.array(X, backend.dtypes[0])
    loss = call("partial_label_cross_entropy", x, backend.array([True] * 3, "bool"), reduction="none")
    np.testing.assert_array_equal(loss, np.zeros(4))
    loss = call("partial_label_cross_entropy", x, backend.array([False] * 3, "bool"), reduction="none")
    np.testing.assert_array_equal(loss, np.full(4, inf))


def test_masked_candidates_do_not_count(backend, call):
    dtype = backend.dtypes[0]
    x = np.where(WHERE, X, nan)
    candidates = np.asarray([False, True, True])
    loss = call(
        "partial_label_cross_entropy",
        backend.array(x, dtype),
        backend.array(candidates, "bool"),
        where=backend.array(WHERE, "bool"),
        reduction="none",
    )
    kept = np.where(WHERE, np.exp(X), 0.0)
    mass = np.sum(kept * candidates, axis=1) / kept.sum(axis=1)
    assert_near(loss, [-np.log(m) if m else inf for m in mass], dtype, scale=8.0)


def test_candidates_may_lie_along_any_axis(backend, call):
    dtype = backend.dtypes[0]
    candidates = np.asarray([[True], [False], [True]])
    loss = call("partial_label_cross_entropy", backend.array(X.T, dtype), backend.array(candidates, "bool"), axis=0)
    p = np.exp(log_softmax64(X))
    assert_near(loss, np.mean(-np.log(p[:, 0] + p[:, 2])), dtype, scale=8.0)


@pytest.mark.parametrize("gap", [39.0, 41.0, 1000.0])
def test_candidates_far_below_have_the_right_loss(backend, dtype, call, gap):
    x = backend.array([gap, -1.0, 0.0, 0.0], dtype)
    high, low, *_ = backend.numpy(x).astype(np.float64)
    loss = call("partial_label_cross_entropy", x, backend.array([False, False, True, True], "bool"))
    expected = exact(
        lambda: mpmath.log((mpmath.exp(high) + mpmath.exp(low) + 2) / 2),
    )
    assert_ulp(loss, expected, op="log_softmax", dtype=dtype)


@pytest.mark.parametrize("gap", [17.0, 40.0, 80.0])
def test_candidates_with_nearly_all_the_mass_keep_the_digits_of_their_loss(backend, dtype, call, gap):
    x = backend.array([0.0, 0.0, -gap], dtype)
    loss = call("partial_label_cross_entropy", x, backend.array([True, True, False], "bool"))
    expected = exact(lambda: mpmath.log1p(mpmath.exp(-gap) / 2))
    assert_ulp(loss, expected, op="log_softmax", dtype=dtype)


@pytest.mark.parametrize(
    ("row", "expected"),
    [([nan, 0.0, 0.0], nan), ([0.0, 0.0, nan], nan), ([inf, 0.0, 0.0], nan), ([-inf] * 3, nan), ([0.0, -inf, 0], None)],
)
def test_logits_without_a_softmax_make_the_loss_of_candidates_nan(backend, call, row, expected):
    x, candidates = backend.array([row], backend.dtypes[0]), backend.array([True, True, False], "bool")
    for weight in (None, backend.array([2.0], backend.dtypes[0])):
        loss = call("partial_label_cross_entropy", x, candidates, sample_weight=weight)
        assert_near(loss, np.log(2) if expected is None else expected, backend.dtypes[0])


def test_a_sample_weight_of_0_removes_a_set_of_candidates(backend, call):
    dtype = backend.dtypes[0]
    x, weights = X.copy(), np.asarray([1.0, 0.0, 1.0, 2.0])
    x[1] = nan
    candidates = backend.array([True, True, False], "bool")
    loss = call(
        "partial_label_cross_entropy", backend.array(x, dtype), candidates, sample_weight=backend.array(weights, dtype)
    )
    each = -np.log(np.exp(log_softmax64(X))[:, :2].sum(axis=1))
    assert_near(loss, np.sum(weights * each) / 4, dtype, scale=8.0)


def test_an_alpha_of_0_removes_an_infinite_loss_as_a_class_weight_does(backend, call):
    x, labels = backend.array([[-np.inf, 0.0]], backend.dtypes[0]), backend.array([0], "int32")
    for gamma in (0.0, 2.0):
        np.testing.assert_array_equal(call("focal_loss", x, labels, gamma=gamma, alpha=0.0, reduction="none"), [0.0])
