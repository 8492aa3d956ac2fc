"""Draws with given noise: relaxed vectors and labels, on every library."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

from softmax_xp.sampling import sample_categorical
from softmax_xp.testing import assert_ulp

from .reference import drawn

pytestmark = pytest.mark.formula

inf, nan = np.inf, np.nan
# Binary fractions, as are their sums: each floating type holds them as they are.
X = np.asarray([[0.5, -1.25, 2.0, -inf, 0.0], [1.0, 1.0, 1.0, 1.0, 1.0], [-3.0, 2.5, 0.75, 0.0, -0.5]])
NOISE = np.asarray([[0.25, 3.0, -1.5, 9.0, 0.5], [0.0, 1.5, 1.5, -0.75, 1.0], [5.5, -1.25, 0.5, 0.0, 1.0]])
WHERE = np.asarray([True, False, True, True, True])
REPLACE = (2, 3)
NOISES = np.stack([np.roll(NOISE, k, axis=1) for k in range(6)]).reshape(*REPLACE, *NOISE.shape)


def softmax64(x):
    with np.errstate(invalid="ignore"):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def assert_softmax(actual, expected, dtype):
    assert_ulp(actual, expected, op="softmax", dtype=dtype)


# gumbel_softmax


@pytest.mark.parametrize("t", [0.5, 1.0, 4.0])
def test_a_relaxed_draw_is_the_softmax_of_logits_and_noise(backend, dtype, call, t):
    y = call("gumbel_softmax", backend.array(X, dtype), noise=backend.array(NOISE, dtype), temperature=t)
    assert_softmax(y, softmax64((X + NOISE) / t), dtype)


def test_a_relaxed_draw_may_have_a_temperature_per_row(backend, dtype, call):
    t = np.asarray([[0.5], [2.0], [1.0]])
    x, noise = backend.array(X, dtype), backend.array(NOISE, dtype)
    y = call("gumbel_softmax", x, noise=noise, temperature=backend.array(t, dtype))
    assert_softmax(y, softmax64((X + NOISE) / t), dtype)


@pytest.mark.parametrize("hard", [False, True])
def test_noise_of_half_logits_may_be_wide_and_is_not_rounded_to_them(backend, dtype, call, hard):
    noise = np.asarray([[10.0, 10.0 + 2.0**-12, 0.0]])
    x = backend.array([[1.0, 1.0, 1.0]], dtype)
    y = call("gumbel_softmax", x, noise=backend.array(noise, "float32"), temperature=2.0**-12, hard=hard)
    assert y[0, 1] > y[0, 0]


@pytest.mark.parametrize("axis", [0, 1, -3])
def test_a_relaxed_draw_works_along_any_axis(backend, call, axis):
    dtype = backend.dtypes[0]
    x, noise = (np.moveaxis(np.stack([v, v[::-1]]), -1, axis) for v in (X, NOISE))
    y = call("gumbel_softmax", backend.array(x, dtype), noise=backend.array(noise, dtype), axis=axis)
    assert_softmax(np.moveaxis(y, axis, -1), softmax64(np.moveaxis(x + noise, axis, -1)), dtype)


def test_a_hard_draw_is_exactly_0_or_1_at_the_first_largest(backend, dtype, call):
    y = call("gumbel_softmax", backend.array(X, dtype), noise=backend.array(NOISE, dtype), hard=True)
    np.testing.assert_array_equal(y, [[0, 1, 0, 0, 0], [0, 1, 0, 0, 0], [1, 0, 0, 0, 0]])


@pytest.mark.parametrize("t", [0.0, 0.125, 64.0])
def test_a_hard_draw_is_the_same_at_any_temperature(backend, call, t):
    dtype = backend.dtypes[0]
    y = call("gumbel_softmax", backend.array(X, dtype), noise=backend.array(NOISE, dtype), hard=True, temperature=t)
    np.testing.assert_array_equal(y.argmax(axis=1), [1, 1, 0])
    np.testing.assert_array_equal(y.sum(axis=1), np.ones(3))


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("loud", [inf, -inf, nan, 1e4])
def test_what_is_impossible_gets_0_whatever_its_noise_is(backend, dtype, call, hard, loud):
    x = backend.array([[1.0, -inf, 0.0], [1.0, 2.0, 0.0]], dtype)
    where = backend.array([[True, True, True], [True, False, True]], "bool")
    noise = backend.array([[0.0, loud, 0.0], [0.0, loud, 0.0]], "float32")
    y = call("gumbel_softmax", x, noise=noise, hard=hard, where=where)
    expected = [1.0, 0.0, 0.0] if hard else softmax64(np.asarray([1.0, -inf, 0.0]))
    assert_softmax(y, [expected, expected], dtype)


@pytest.mark.parametrize("hard", [False, True])
def test_special_rows_of_a_relaxed_draw_are_those_of_softmax(backend, dtype, call, hard):
    x = backend.array([[nan, 1.0, 2.0], [inf, 1.0, 2.0], [-inf, -inf, 7.0], [1.0, nan, 7.0]], dtype)
    where = backend.array([[True, True, False]] * 3 + [[False] * 3], "bool")
    y = call("gumbel_softmax", x, noise=backend.array(np.ones((4, 3)), dtype), where=where, hard=hard)
    np.testing.assert_array_equal(y, [[nan, nan, 0], [nan, nan, 0], [nan, nan, 0], [0, 0, 0]])


@pytest.mark.parametrize("shape", [(2, 0), (0, 3)])
@pytest.mark.parametrize("hard", [False, True])
def test_an_empty_relaxed_draw_is_empty(backend, call, shape, hard):
    x = backend.array(np.zeros(shape), backend.dtypes[0])
    assert call("gumbel_softmax", x, noise=x, hard=hard).shape == shape


# sample_categorical


def expected_labels(x, noises, where=None):
    """Return the first label of each row for each set of noises."""
    flat = noises.reshape(-1, *x.shape)
    first = [[(*drawn(r, n, where), -1)[0] for r, n in zip(x, noise, strict=True)] for noise in flat]
    return np.asarray(first).reshape(noises.shape[:-1])


def test_a_label_is_where_logits_and_noise_are_largest(backend, dtype, labels):
    x, noise = backend.array(X, dtype), backend.array(NOISE, dtype)
    np.testing.assert_array_equal(labels(x, noise=noise), expected_labels(X, NOISE))


def test_labels_with_replacement_stand_in_front(backend, dtype, labels):
    x, noise = backend.array(X, dtype), backend.array(NOISES, dtype)
    found = labels(x, noise=noise, shape=REPLACE)
    np.testing.assert_array_equal(found, expected_labels(X, NOISES))


def test_the_number_of_draws_may_be_an_integer(backend, labels):
    x, noise = backend.array(X, backend.dtypes[0]), backend.array(NOISES[0], backend.dtypes[0])
    np.testing.assert_array_equal(labels(x, noise=noise, shape=3), expected_labels(X, NOISES[0]))


def test_labels_are_drawn_along_any_axis(backend, labels):
    dtype = backend.dtypes[0]
    x, noise = backend.array(X.T, dtype), backend.array(np.swapaxes(NOISES, -1, -2), dtype)
    np.testing.assert_array_equal(labels(x, noise=noise, shape=REPLACE, axis=0), expected_labels(X, NOISES))


def test_labels_without_replacement_are_drawn_along_any_axis(backend, labels):
    dtype = backend.dtypes[0]
    rows = labels(backend.array(X, dtype), noise=backend.array(NOISE, dtype), shape=3, replace=False)
    columns = labels(backend.array(X.T, dtype), noise=backend.array(NOISE.T, dtype), shape=3, replace=False, axis=0)
    np.testing.assert_array_equal(columns, rows)


@pytest.mark.parametrize("shape", [(), 1, 2, (4,), (2, 2), (1, 3), (0,)])
def test_labels_without_replacement_stand_in_the_order_drawn(backend, labels, shape):
    x, noise = backend.array(X, backend.dtypes[0]), backend.array(NOISE, backend.dtypes[0])
    lengths = shape if isinstance(shape, tuple) else (shape,)
    m = prod(lengths)
    expected = np.asarray([(drawn(r, n) + [-1] * m)[:m] for r, n in zip(X, NOISE, strict=True)], dtype=int)
    found = labels(x, noise=noise, shape=shape, replace=False)
    np.testing.assert_array_equal(found, expected.T.reshape(*lengths, 3))


def test_all_classes_without_replacement_are_all_different(backend, dtype, labels):
    x, noise = backend.array(X, dtype), backend.array(NOISE, dtype)
    found = labels(x, noise=noise, shape=5, replace=False)
    np.testing.assert_array_equal(np.sort(found[:, 1:], axis=0), np.arange(5)[:, None] * np.ones((1, 2)))
    np.testing.assert_array_equal(np.sort(found[:, 0]), [-1, 0, 1, 2, 4])


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("loud", [inf, -inf, nan, 1e4])
def test_what_is_impossible_is_never_drawn_whatever_its_noise_is(backend, labels, replace, loud):
    dtype = backend.dtypes[-1]
    x = backend.array([[-30.0, -inf, -inf, 5.0]], dtype)
    where = backend.array([True, True, True, False], "bool")
    noise = np.asarray([[-3.0, loud, loud, loud]])
    shape = (2,)
    noises = np.stack([noise, noise]) if replace else noise
    found = labels(x, noise=backend.array(noises, "float32"), where=where, shape=shape, replace=replace)
    np.testing.assert_array_equal(found, [[0], [0 if replace else -1]])


@pytest.mark.parametrize("replace", [True, False])
def test_the_only_possible_class_is_drawn_even_with_a_noise_of_minus_infinity(backend, labels, replace):
    x = backend.array([[-inf, 2.0]], backend.dtypes[0])
    noise = backend.array([[1.0, -inf]], backend.dtypes[0])
    np.testing.assert_array_equal(labels(x, noise=noise, replace=replace), [1])


@pytest.mark.parametrize("replace", [True, False])
def test_there_is_no_label_where_nothing_can_be_drawn(backend, dtype, labels, replace):
    x = backend.array([[nan, 1.0], [inf, 1.0], [-inf, -inf], [1.0, nan], [0.0, 1.0], [1.0, inf]], dtype)
    where = backend.array([[True, True]] * 3 + [[True, False], [False, False], [True, False]], "bool")
    found = labels(x, noise=backend.array(np.zeros((6, 2)), dtype), where=where, replace=replace)
    np.testing.assert_array_equal(found, [-1, -1, -1, 0, -1, 0])


def test_nan_in_the_noise_of_a_draw_leaves_the_other_draws_alone(backend, labels):
    x = backend.array([[1.0, 0.0], [0.0, 1.0]], backend.dtypes[0])
    noise = np.zeros((2, 2, 2))
    noise[0, 1, 0] = nan
    found = labels(x, noise=backend.array(noise, backend.dtypes[0]), shape=2)
    np.testing.assert_array_equal(found, [[0, -1], [0, 1]])


def test_labels_beyond_what_a_half_type_counts_are_right(backend, dtype, labels):
    n = 5000
    x, noise = np.zeros((1, n)), np.zeros((1, n))
    noise[0, [4097, 3]] = 2.0, 1.0
    found = labels(backend.array(x, dtype), noise=backend.array(noise, dtype), shape=2, replace=False)
    np.testing.assert_array_equal(found, [[4097], [3]])


def test_half_logits_are_added_to_wide_noise_in_the_type_of_the_noise(backend, dtype, labels):
    x = backend.array([[16.0, 16.0]], dtype)
    noise = backend.array([[1.0, 1.0 + 2.0**-14]], "float32")
    np.testing.assert_array_equal(labels(x, noise=noise), [1])


@pytest.mark.parametrize("replace", [True, False])
def test_integer_logits_are_promoted_first(backend, labels, replace):
    x = backend.array([[0, 255, 254]], "uint8")
    noise = backend.array([[0.0, 0.0, 2.0]], "float32")
    np.testing.assert_array_equal(labels(x, noise=noise, replace=replace), [2])


@pytest.mark.parametrize(("x", "shape", "expected"), [((2, 0), (), (2,)), ((2, 0), 3, (3, 2)), ((0, 4), 3, (3, 0))])
def test_there_are_no_labels_of_no_classes(backend, call, x, shape, expected):
    draws = (shape,) if isinstance(shape, int) else shape
    noise = backend.array(np.zeros((*draws, *x)), backend.dtypes[0])
    if x[1] and backend.name == "strict-no_x64":
        pytest.skip("array-api-strict 2.6 gives int64 from argmax on a device that has none")
    found = backend.numpy(sample_categorical(backend.array(np.zeros(x), backend.dtypes[0]), noise=noise, shape=shape))
    np.testing.assert_array_equal(found, np.full(expected, -1))


def test_a_row_alone_gets_a_label_without_dimensions(backend, labels):
    x = backend.array([0.0, 1.0], backend.dtypes[0])
    assert labels(x, noise=x).shape == ()
    assert labels(x, noise=x) == 1
