"""Rows that are not ordinary: infinite, NaN, masked, empty."""

from math import inf, nan

import numpy as np
import pytest
from calls import call, label_nll, label_nll_grad, log_softmax, logsumexp, softmax

TYPES = (np.float16, np.float32, np.float64)
ROWS = [
    # x, keep, softmax, log_softmax, logsumexp
    ([1, -inf, 1], None, [0.5, 0, 0.5], [-np.log(2), -inf, -np.log(2)], 1 + np.log(2)),
    ([-inf, -inf], None, [nan, nan], [nan, nan], -inf),
    ([1, inf], None, [nan, nan], [nan, nan], inf),
    ([inf, -inf], None, [nan, nan], [nan, nan], inf),
    ([1, nan], None, [nan, nan], [nan, nan], nan),
    ([nan, inf], None, [nan, nan], [nan, nan], nan),
    ([inf, nan], None, [nan, nan], [nan, nan], nan),
    ([nan, -inf], None, [nan, nan], [nan, nan], nan),
    ([-inf, nan, -inf], None, [nan] * 3, [nan] * 3, nan),
    ([1, 2], [0, 0], [0, 0], [-inf, -inf], -inf),
    ([nan, inf], [0, 0], [0, 0], [-inf, -inf], -inf),
    ([0, nan, 0], [1, 0, 1], [0.5, 0, 0.5], [-np.log(2), -inf, -np.log(2)], np.log(2)),
    ([0, inf, 0], [1, 0, 1], [0.5, 0, 0.5], [-np.log(2), -inf, -np.log(2)], np.log(2)),
    ([0, 3e4, 0], [1, 0, 1], [0.5, 0, 0.5], [-np.log(2), -inf, -np.log(2)], np.log(2)),
    ([-inf, 5], [1, 0], [nan, 0], [nan, -inf], -inf),
    ([inf, 5, 1], [1, 0, 1], [nan, 0, nan], [nan, -inf, nan], inf),
    ([nan, 5, 1], [1, 0, 1], [nan, 0, nan], [nan, -inf, nan], nan),
    ([6e4, -6e4], None, [1, 0], [0, -12e4], 6e4),
]
# Paddings put the row at every place of vectors, blocks and tiles, and make it short and long.
PADDINGS = (0, 1, 7, 30, 100, 5000)
AXES = (0, 1)


def padded(x, keep, padding, dtype):
    """Return a row and its mask with -inf, which changes nothing, before and behind it."""
    side = np.full(padding, -inf)
    x = np.concatenate([side, x, side]).astype(dtype)
    if keep is not None:
        keep = np.concatenate([np.zeros(padding, bool), np.array(keep, bool), np.zeros(padding, bool)])
    return x, keep


def neighbours(row, axis, other=0.0):
    """Return the row among ordinary ones, which must stay as they are."""
    x = np.stack([np.full_like(row, other), row, np.full_like(row, other)])
    return np.ascontiguousarray(x.T) if axis == 0 else x


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(("x", "keep", "p", "y", "lse"), ROWS)
def test_rows_of_the_table(x, keep, p, y, lse, dtype, axis):
    for padding in PADDINGS:
        row, mask = padded(x, keep, padding, dtype)
        logits = neighbours(row, axis)
        where = None if mask is None else neighbours(mask, axis, True)
        here = (slice(padding, len(row) - padding), 1) if axis == 0 else (1, slice(padding, len(row) - padding))
        with np.errstate(over="ignore"):
            expected = [np.array(v, np.float64).astype(dtype) for v in (p, y)]
        tolerance = {"rtol": 2 * np.finfo(dtype).eps, "atol": 0, "equal_nan": True}
        for function, want in zip((softmax, log_softmax), expected, strict=True):
            out = function(logits, axis, where)
            np.testing.assert_allclose(out[here], want, **tolerance)
            assert np.isfinite(out[(slice(None), [0, 2]) if axis == 0 else [0, 2]]).all()
        out = logsumexp(logits, axis, where).ravel()
        np.testing.assert_allclose(out[1], np.array(lse).astype(dtype), **tolerance)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("dtype", TYPES)
def test_the_gradient_of_logsumexp_is_zero_where_nothing_is_above_minus_infinity(dtype, axis):
    rows = np.array([[-inf, -inf, -inf], [1, 1, -inf], [inf, 0, 0], [nan, 0, 0], [9, 9, 9]], dtype)
    keep = np.array([[1, 1, 1], [1, 1, 1], [1, 1, 0], [1, 0, 1], [0, 0, 0]], bool)
    want = np.array([[0, 0, 0], [1, 1, 0], [nan, nan, 0], [nan, 0, nan], [0, 0, 0]], dtype)
    g = np.full((5, 1), 2, dtype)
    inputs = [rows, g] if axis == 1 else [np.ascontiguousarray(rows.T), g.T.copy()]
    out = call("logsumexp_vjp", inputs, axis, keep if axis == 1 else np.ascontiguousarray(keep.T))[0]
    np.testing.assert_array_equal(out if axis == 1 else out.T, want)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", ["softmax_vjp", "log_softmax_vjp"])
def test_derivatives_are_zero_where_masked_whatever_is_there(name, dtype, axis):
    y = np.array([[0.5, nan, 0.5, 0], [inf, 1, nan, 0]], dtype)
    g = np.array([[1, nan, 3, inf], [nan, nan, inf, 5]], dtype)
    keep = np.array([[1, 0, 1, 0], [0, 0, 0, 1]], bool)
    if name == "log_softmax_vjp":
        with np.errstate(divide="ignore", invalid="ignore"):
            y = np.log(y)
    turn = (lambda a: np.ascontiguousarray(a.T)) if axis == 0 else (lambda a: a)
    out = turn(call(name, [turn(y), turn(g)], axis, turn(keep))[0])
    assert (out[~keep] == 0).all()
    assert np.isfinite(out).all()
    np.testing.assert_allclose(out[0, [0, 2]], [-0.5, 0.5] if name == "softmax_vjp" else [-1, 1], rtol=1e-3)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("dtype", TYPES)
def test_losses_of_rows_that_are_not_ordinary(dtype, axis):
    cases = [
        # x, keep, label, loss, gradient
        ([0, 0], [1, 1], 0, np.log(2), [-0.5, 0.5]),
        ([0, 0], [1, 1], -1, nan, [nan, nan]),
        ([0, 0], [1, 1], 2, nan, [nan, nan]),
        ([0, 0], [1, 0], 2, nan, [nan, 0]),
        ([0, 9], [1, 0], 1, inf, [1, 0]),
        ([0, 9], [1, 0], 0, 0, [0, 0]),
        ([0, nan], [1, 1], 0, nan, [nan, nan]),
        ([0, nan], [1, 0], 0, 0, [0, 0]),
        ([0, inf], [1, 1], 0, nan, [nan, nan]),
        ([-inf, -inf], [1, 1], 0, nan, [nan, nan]),
        ([-inf, 3], [1, 1], 0, inf, [-1, 1]),
        ([0, 0], [0, 0], 0, inf, [0, 0]),
        ([0, 0], [0, 0], 5, nan, [0, 0]),
    ]
    x, keep, labels, loss, grad = (np.array(column) for column in zip(*cases, strict=True))
    x, keep, labels, loss = x.astype(dtype), keep.astype(bool), labels[:, None], loss[:, None]
    scale = np.ones((len(cases), 1), np.float64 if dtype == np.float64 else np.float32)
    turn = (lambda a: np.ascontiguousarray(a.T)) if axis == 0 else (lambda a: a)
    np.testing.assert_allclose(turn(label_nll(turn(x), turn(labels), axis, turn(keep))), loss, rtol=1e-6)
    out = label_nll_grad(turn(x), turn(labels), turn(scale), axis, turn(keep))
    np.testing.assert_allclose(turn(out[0]), loss, rtol=1e-6)
    np.testing.assert_allclose(turn(out[1]), grad, rtol=1e-6)


@pytest.mark.parametrize("axis", AXES)
def test_a_scale_of_zero_makes_the_gradient_zero_even_of_nan(axis):
    x = np.array([[nan, 1], [1, 2], [inf, 2]], np.float32)
    labels, scale = np.array([[0], [7], [0]]), np.zeros((3, 1), np.float32)
    turn = (lambda a: np.ascontiguousarray(a.T)) if axis == 0 else (lambda a: a)
    loss, grad = label_nll_grad(turn(x), turn(labels), turn(scale), axis)
    assert np.isnan(loss).all()
    assert (grad == 0).all()


@pytest.mark.parametrize("dtype", TYPES)
def test_an_axis_without_entries(dtype):
    for shape, axis in (((3, 0), 1), ((0, 3), 0), ((2, 0, 4), 1)):
        x = np.empty(shape, dtype)
        assert softmax(x, axis).shape == shape
        assert (logsumexp(x, axis) == -inf).all()
        labels = np.zeros([1 if a == axis else n for a, n in enumerate(shape)], np.int64)
        assert np.isnan(label_nll(x, labels, axis)).all()


@pytest.mark.parametrize("dtype", TYPES)
def test_a_batch_without_rows(dtype):
    for shape, axis in (((0, 3), 1), ((3, 0), 0), ((2, 4, 0), 1)):
        x = np.empty(shape, dtype)
        assert softmax(x, axis).shape == shape
        assert logsumexp(x, axis).size == 0


def test_bytes_other_than_one_count_as_true():
    keep = np.array([[2, 0, 255]], np.uint8).view(bool)
    np.testing.assert_array_equal(softmax(np.zeros((1, 3)), where=keep), [[0.5, 0, 0.5]])
