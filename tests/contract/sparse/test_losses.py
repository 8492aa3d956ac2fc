"""The losses of the sparse maps, on every library."""

from __future__ import annotations

import numpy as np
import pytest

from softmax_xp.testing import contract, exact_fenchel_young
from softmax_xp.testing.check_activations import name_of
from softmax_xp.testing.check_sparse import loss_rows

from .numbers import assert_near

pytestmark = pytest.mark.formula

inf, nan = np.inf, np.nan
LOSSES = contract.LOSS_CASES
losses = pytest.mark.parametrize("options", LOSSES, ids=[name_of("", o).strip() for o in LOSSES])
SPARSE = [o for o in LOSSES if o["regularizer"] != "shannon"]


@losses
def test_values_are_as_near_to_the_exact_ones_as_promised(backend, dtype, call, options):
    for logits, goal, kind in loss_rows(dtype):
        x, target = backend.array(logits, dtype), backend.array(goal, kind)
        shares = np.eye(5)[goal] if kind == "int32" else backend.numpy(target)
        expected, _ = exact_fenchel_young(backend.numpy(x), shares, **options)
        assert_near(
            call("fenchel_young_loss", x, target, reduction="none", **options), expected, "fenchel_young_loss", dtype
        )


@pytest.mark.parametrize("alpha", [1.25, 1.75, 3.0])
def test_a_label_with_most_of_the_mass_keeps_the_digits_of_its_loss(backend, dtype, call, alpha):
    # Where the others have less than a quarter the loss is a series, as a difference would have no digits.
    x = backend.array(np.asarray([[0.9, 0.0, -0.1], [0.7, 0.1, -1.0]]) / (alpha - 1.0), dtype)
    options = {"regularizer": "tsallis", "alpha": alpha}
    found = call("fenchel_young_loss", x, backend.array([0, 0], "int32"), reduction="none", **options)
    expected, _ = exact_fenchel_young(backend.numpy(x), np.eye(3)[[0, 0]], **options)
    assert_near(found, expected, "fenchel_young_loss", dtype)


@pytest.mark.thorough
@losses
def test_a_label_and_its_indicator_have_one_loss(backend, dtype, call, options):
    logits, labels, _ = loss_rows(dtype)[0]
    x = backend.array(logits, dtype)
    indicators = backend.array(np.eye(5)[labels], dtype)
    expected, _ = exact_fenchel_young(backend.numpy(x), np.eye(5)[labels], **options)
    # That of probabilities is a difference: 1 more unit for it.
    expected = expected._replace(slack=expected.slack + 1.0)
    found = call("fenchel_young_loss", x, indicators, reduction="none", **options)
    assert_near(found, expected, "fenchel_young_loss", dtype)


@pytest.mark.thorough
@losses
def test_the_loss_of_the_prediction_itself_is_0(backend, call, options):
    dtype = backend.dtypes[0]
    if dtype == "bfloat16":
        return  # rounded shares do not sum to 1
    x = backend.array(loss_rows(dtype)[0][0], dtype)
    predict = {"shannon": ("softmax", {}), "gini": ("sparsemax", {}), "norm": ("normmax", {})}
    order = {k: v for k, v in options.items() if k == "alpha"}
    name, extra = predict.get(options["regularizer"], ("entmax", {}))
    p = call(name, x, **{**extra, **order})
    found = call("fenchel_young_loss", x, backend.array(p, dtype), reduction="none", **options)
    expected, _ = exact_fenchel_young(backend.numpy(x), p, **options)
    assert_near(found, expected, "fenchel_young_loss", dtype)


@pytest.mark.thorough
@pytest.mark.parametrize("options", SPARSE, ids=[name_of("", o).strip() for o in SPARSE])
def test_a_label_ahead_by_the_margin_has_no_loss(backend, dtype, call, options):
    alpha = {"gini": 2.0}.get(options["regularizer"], options.get("alpha", 1.5))
    margin = 1.0 if options["regularizer"] == "norm" else 1.0 / (alpha - 1.0)
    x = backend.array([[1.01 * margin, 0.0, -1.0]], dtype)
    assert call("fenchel_young_loss", x, backend.array([0], "int32"), **options) == 0.0


@pytest.mark.thorough
@losses
def test_special_rows_are_those_of_the_other_losses(backend, dtype, call, options):
    x = backend.array(
        [[0.0, 1.0], [nan, 1.0], [nan, 1.0], [0.0, -inf], [0.0, -inf], [inf, 0.0], [0.0, 1.0], [-inf, -inf]], dtype
    )
    labels = backend.array([-100, 0, -100, 1, 0, 0, 7, 0], "int32")
    found = call("fenchel_young_loss", x, labels, reduction="none", **options)
    np.testing.assert_array_equal(found, [0.0, nan, 0.0, inf, 0.0, nan, nan, nan])


@pytest.mark.thorough
@losses
def test_masked_classes_have_no_influence_and_as_labels_an_infinite_loss(backend, dtype, call, options):
    where = backend.array([True, False, True], "bool")
    x = backend.array([[0.5, nan, 1.0], [0.5, inf, 1.0]], dtype)
    found = call("fenchel_young_loss", x, backend.array([0, 1], "int32"), where=where, reduction="none", **options)
    alone = backend.array([[0.5, 1.0]], dtype)
    expected = call("fenchel_young_loss", alone, backend.array([0], "int32"), reduction="none", **options)
    np.testing.assert_array_equal(found, [expected[0], inf])


@pytest.mark.thorough
def test_entmax_loss_is_that_of_the_tsallis_entropy(backend, dtype, call):
    logits, goal, kind = loss_rows(dtype)[0]
    x, labels = backend.array(logits, dtype), backend.array(goal, kind)
    for alpha in (1.0, 1.25, 1.5, 2.0):
        found = call("entmax_loss", x, labels, alpha=alpha, reduction="none")
        expected = call("fenchel_young_loss", x, labels, regularizer="tsallis", alpha=alpha, reduction="none")
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(
        call("entmax_loss", x, labels, alpha=1.0, reduction="none"), call("cross_entropy", x, labels, reduction="none")
    )


def test_samples_count_by_their_weights(backend, call):
    dtype = backend.dtypes[0]
    if dtype == "bfloat16":
        return  # the rows are rounded, what they sum to is not made of that
    logits, goal, _ = loss_rows(dtype)[0]
    x, labels = backend.array(logits, dtype), backend.array([*goal[:3], -100], "int32")
    weight = backend.array([1.0, 2.0, 0.0, 5.0], dtype)
    rows = call("entmax_loss", x, labels, reduction="none")
    weighted = rows * np.asarray([1.0, 2.0, 0.0, 5.0])
    for options, expected in (
        ({}, rows.sum() / 3),
        ({"reduction": "sum"}, rows.sum()),
        ({"sample_weight": weight}, weighted.sum() / 3),
        ({"sample_weight": weight, "reduction": "none"}, weighted),
        ({"sample_weight": weight, "normalizer": 8.0}, weighted.sum() / 8),
    ):
        np.testing.assert_array_max_ulp(
            np.asarray(call("entmax_loss", x, labels, **options), dtype=np.float32),
            np.asarray(expected, dtype=np.float32),
            maxulp=2,
        )


def test_classes_are_along_any_axis(backend, dtype, call):
    logits, goal, kind = loss_rows(dtype)[0]
    found = call("entmax_loss", backend.array(logits.T, dtype), backend.array(goal, kind), axis=0, reduction="none")
    expected = call("entmax_loss", backend.array(logits, dtype), backend.array(goal, kind), reduction="none")
    np.testing.assert_array_max_ulp(found.astype(np.float32), expected.astype(np.float32), maxulp=2)
