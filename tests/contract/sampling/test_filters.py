"""Filters of logits: what is kept, on every library."""

from __future__ import annotations

import numpy as np
import pytest

from softmax_xp.testing.contract import FORMATS

from .reference import BY_MASS, FILTERS, filtered

inf, nan = np.inf, np.nan
# Binary fractions, which every floating type holds.
X = np.asarray(
    [
        [0.5, 3.0, 3.0, -1.0, -inf, 2.0],
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        [-4.0, 0.25, 2.5, 2.5, 2.5, -0.5],
        [40.0, 0.0, -40.0, 39.0, 1.5, 0.0],
    ]
)
WHERE = np.asarray([True, True, False, True, True, True])
VALUES = {
    "top_k_logits": (1, 2, 3, 6, 9),
    "top_p_logits": (0.1, 0.3, 0.62, 0.99, 1.0),
    "min_p_logits": (0.0, 0.05, 0.3, 0.7, 1.0),
    "typical_logits": (0.1, 0.3, 0.62, 0.99, 1.0),
    "epsilon_logits": (0.0, 0.05, 0.22, 0.7, 1.0),
    "eta_logits": (0.0, 0.05, 0.2, 0.7),
}
every = pytest.mark.parametrize("name", FILTERS)
shares = pytest.mark.parametrize("name", FILTERS[1:])
cases = pytest.mark.parametrize(("name", "value"), [(name, v) for name in FILTERS for v in VALUES[name]])
pytestmark = [pytest.mark.usefixtures("indices"), pytest.mark.formula]


@cases
def test_a_filter_keeps_what_its_definition_does(backend, dtype, call, name, value):
    result = call(name, backend.array(X, dtype), value)
    np.testing.assert_array_equal(result, filtered(name, X, value))


@every
def test_masked_entries_are_removed_and_count_nowhere(backend, dtype, call, name):
    value = VALUES[name][2]
    expected = filtered(name, X, value, where=WHERE)
    for junk in (nan, inf, -inf, 1e4):
        x = backend.array(np.where(WHERE, X, junk), dtype)
        np.testing.assert_array_equal(call(name, x, value, where=backend.array(WHERE, "bool")), expected)


@every
def test_a_row_that_is_masked_altogether_is_removed(backend, call, name):
    x = backend.array([[1.0, nan], [3.0, 1.0]], backend.dtypes[0])
    where = backend.array([[False, False], [True, True]], "bool")
    result = call(name, x, VALUES[name][-1], where=where, fill=-7.0)
    np.testing.assert_array_equal(result[0], [-7.0, -7.0])


@pytest.mark.thorough
@every
@pytest.mark.parametrize("axis", [0, 1, 2, -2])
def test_a_filter_works_along_any_axis(backend, call, name, axis):
    x = np.moveaxis(np.stack([X, X[::-1]]), -1, axis)
    dtype = backend.dtypes[0]
    result = call(name, backend.array(x, dtype), VALUES[name][2], axis=axis)
    np.testing.assert_array_equal(result, filtered(name, x, VALUES[name][2], axis=axis))


@every
def test_an_option_may_have_one_value_per_row(backend, dtype, call, name):
    values = np.asarray([[VALUES[name][i]] for i in (1, 2, 3, 1)])
    given = backend.array(values, "int32" if name == "top_k_logits" else "float32")
    exact = backend.numpy(given).astype(np.float64)
    np.testing.assert_array_equal(call(name, backend.array(X, dtype), given), filtered(name, X, exact))


@every
def test_one_value_per_row_stands_beside_any_axis(backend, call, name):
    values = np.asarray([VALUES[name][i] for i in (1, 2, 3, 1)])
    given = backend.array(values, "int32" if name == "top_k_logits" else "float32")
    exact = backend.numpy(given).astype(np.float64)[None]
    x = backend.array(X.T, backend.dtypes[0])
    np.testing.assert_array_equal(call(name, x, given, axis=0), filtered(name, X.T, exact, axis=0))


@pytest.mark.parametrize(("name", "bad"), [(n, v) for n in FILTERS[1:] for v in (-0.5, 1.5, nan)])
def test_a_share_out_of_range_in_an_array_makes_its_row_nan(backend, call, name, bad):
    x = backend.array(X[2:], backend.dtypes[0])
    result = call(name, x, backend.array([[bad], [0.3]], "float32"), where=backend.array(WHERE, "bool"))
    np.testing.assert_array_equal(result[0], np.where(WHERE, nan, -inf))
    np.testing.assert_array_equal(result[1], call(name, x, 0.3, where=backend.array(WHERE, "bool"))[1])


@pytest.mark.parametrize("bad", [0, -1])
def test_a_k_below_1_in_an_array_makes_its_row_nan(backend, call, bad):
    result = call("top_k_logits", backend.array(X[2:], backend.dtypes[0]), backend.array([[bad], [1]], "int32"))
    np.testing.assert_array_equal(result, [[nan] * 6, [40.0, *[-inf] * 5]])


@pytest.mark.parametrize("name", BY_MASS)
def test_a_share_of_0_in_an_array_is_out_of_range_where_it_is_as_a_number(backend, call, name):
    result = call(name, backend.array(X[2:], backend.dtypes[0]), backend.array([[0.0], [1.0]], "float32"))
    np.testing.assert_array_equal(result, [[nan] * 6, X[3]])


@pytest.mark.thorough
@shares
@pytest.mark.parametrize("min_keep", [2, 4, 9])
def test_at_least_min_keep_entries_are_kept(backend, call, name, min_keep):
    value = VALUES[name][1] if name in BY_MASS else VALUES[name][3]
    result = call(name, backend.array(X, backend.dtypes[0]), value, min_keep=min_keep)
    np.testing.assert_array_equal(result, filtered(name, X, value, min_keep=min_keep))
    assert ((result[1:] > -inf).sum(axis=1) >= min(min_keep, 6)).all()


@pytest.mark.thorough
@every
@pytest.mark.parametrize("fill", [0.0, -100])
def test_what_is_removed_is_filled(backend, dtype, call, name, fill):
    result = call(name, backend.array(X[2:], dtype), VALUES[name][1], fill=fill)
    np.testing.assert_array_equal(result, filtered(name, X[2:], VALUES[name][1], fill=fill))


@every
def test_a_kept_nan_makes_its_row_nan_and_no_other(backend, dtype, call, name):
    x = X.copy()
    x[0, 0] = nan
    value = VALUES[name][2]
    result = call(name, backend.array(x, dtype), value, where=backend.array(WHERE, "bool"))
    np.testing.assert_array_equal(result[0], np.where(WHERE, nan, -inf))
    np.testing.assert_array_equal(result[1:], filtered(name, X[1:], value, where=WHERE))


@pytest.mark.thorough
@every
def test_infinity_is_the_largest_and_has_all_the_mass(backend, dtype, call, name):
    x = backend.array([[0.0, inf, 5.0, -inf, inf]], dtype)
    value = {"top_k_logits": 2}.get(name, 0.5 if name == "min_p_logits" else 0.4)
    one = {"top_p_logits": 1, "typical_logits": 1}.get(name)
    expected = [[-inf, inf, -inf, -inf, -inf if one else inf]]
    np.testing.assert_array_equal(call(name, x, value), expected)


@pytest.mark.thorough
@every
def test_a_row_of_minus_infinity_stays(backend, dtype, call, name):
    x = np.full((2, 3), -inf)
    np.testing.assert_array_equal(call(name, backend.array(x, dtype), VALUES[name][1]), x)


@pytest.mark.parametrize("name", [name for name in FILTERS if name.startswith(("min_p", "epsilon", "eta"))])
def test_in_a_row_of_minus_infinity_each_is_as_likely_as_the_largest(backend, call, name):
    x = np.full((2, 3), -inf)
    np.testing.assert_array_equal(call(name, backend.array(x, backend.dtypes[0]), 0.5, fill=0.0), x)


@pytest.mark.parametrize("ties", ["first", "all"])
@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_ties_for_the_last_place_are_kept_from_the_front_or_all(backend, dtype, call, ties, k):
    result = call("top_k_logits", backend.array(X, dtype), k, ties=ties)
    np.testing.assert_array_equal(result, filtered("top_k_logits", X, k, ties=ties))
    if ties == "first":
        assert ((result > -inf).sum(axis=1) == k).all()


def test_ties_may_be_kept_for_each_k_of_an_array(backend, call):
    k = np.asarray([[1], [2], [2], [3]])
    result = call("top_k_logits", backend.array(X, backend.dtypes[0]), backend.array(k, "int32"), ties="all")
    np.testing.assert_array_equal(result, filtered("top_k_logits", X, k, ties="all"))


def test_masked_entries_take_no_place_from_entries_of_minus_infinity(backend, call):
    x = backend.array([-inf, -inf, 1.0], backend.dtypes[0])
    result = call("top_k_logits", x, 2, where=backend.array([False, True, True], "bool"), fill=0.0)
    np.testing.assert_array_equal(result, [0.0, -inf, 1.0])


def test_two_zeros_of_different_sign_tie(backend, dtype, call):
    result = call("top_k_logits", backend.array([-0.0, 0.0, -1.0], dtype), 1)
    np.testing.assert_array_equal(result, [0.0, -inf, -inf])
    assert np.signbit(result[0])


@pytest.mark.parametrize("name", BY_MASS)
def test_p_of_1_keeps_what_the_sum_does_not_notice(backend, dtype, call, name):
    x = np.asarray([[0.0, -900.0, -inf, -50.0, -20.0]])
    np.testing.assert_array_equal(call(name, backend.array(x, dtype), 1.0), x)


@pytest.mark.parametrize("name", BY_MASS)
def test_the_entry_that_crosses_p_is_kept_and_one_that_only_follows_is_not(backend, dtype, call, name):
    x = backend.array([[0.0, 0.0, 0.0, 0.0]], dtype)
    for p, m in ((0.25, 1), (0.375, 2), (0.5, 2), (0.75, 3), (0.875, 4)):
        assert (call(name, x, p) > -inf).sum() == m


def test_epsilon_keeps_a_probability_that_it_equals(backend, dtype, call):
    x = backend.array([[1.0, 1.0, 1.0, 1.0]], dtype)
    np.testing.assert_array_equal(call("epsilon_logits", x, 0.25), np.ones((1, 4)))
    np.testing.assert_array_equal(call("epsilon_logits", x, 0.375), [[1.0, -inf, -inf, -inf]])


def test_half_types_do_not_lose_the_tail_of_a_wide_row(backend, dtype, call):
    x = np.zeros((1, 50_000))
    x[0, 7] = 4.0
    kept = (call("top_p_logits", backend.array(x, dtype), 0.75) > -inf).sum()
    exact = 1 + np.ceil(0.75 * (49_999 + np.exp(4.0)) - np.exp(4.0))
    # Without float64 a rounding of the running sum for each entry.
    assert abs(kept / exact - 1) <= (0.0 if "float64" in backend.dtypes else x.size * FORMATS["float32"].unit)


@every
def test_integers_are_promoted_first(backend, call, name):
    x = backend.array([[0, 2, 1, 127]], "uint8")
    expected = filtered(name, [[0, 2, 1, 127]], VALUES[name][1])
    np.testing.assert_array_equal(call(name, x, VALUES[name][1]), expected)


@every
def test_an_empty_batch_stays_empty(backend, call, name):
    assert call(name, backend.array(np.zeros((0, 3)), backend.dtypes[0]), VALUES[name][1]).shape == (0, 3)


def test_rows_of_no_classes_stay_empty(backend, call):
    x = backend.array(np.zeros((2, 0)), backend.dtypes[0])
    assert {call(name, x, VALUES[name][1]).shape for name in FILTERS} == {(2, 0)}


@every
def test_one_class_is_always_kept(backend, dtype, call, name):
    np.testing.assert_array_equal(call(name, backend.array([[3.0], [-5.0]], dtype), VALUES[name][1]), [[3.0], [-5.0]])
