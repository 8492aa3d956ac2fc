"""Derivatives in closed form against others of their kind, on every library."""

from __future__ import annotations

import numpy as np
import pytest

from softmax_xp.testing import assert_ulp

from .reference import (
    LABELS,
    PROBS,
    SAMPLE_WEIGHT,
    WEIGHT,
    WHERE,
    X,
    arrays,
    assert_derivative,
    assert_near,
    cross_entropy64,
    gradient64,
    inf,
    log_softmax64,
    nan,
)
from .test_options import OPTIONS

# The definitions, by every option: on JAX and Dask, where each call takes long, the calls of the records tell.
pytestmark = pytest.mark.thorough

# Rows that every floating type holds and that sum to 1 exactly.
P = np.asarray([[0.25, 0.25, 0.5], [0.125, 0.5, 0.375], [0.0, 1.0, 0.0], [0.5, 0.0, 0.5]])
G = np.asarray([[1.0, -2.0, 0.5], [0.25, 0.0, -1.0], [2.0, 1.0, -0.5], [1.5, 1.0, -4.0]])
T = G[::-1] / 2
MAPS = ("softmax_vjp", "softmax_jvp")
maps = pytest.mark.parametrize("name", MAPS)
AXES = (0, 1, (0, 1), None)


def vjp64(p, g, axis=-1):
    return p * (g - np.sum(p * g, axis=axis, keepdims=True))


def jacobian64(p):
    """Return the Jacobians of the rows of p."""
    return np.asarray([np.diag(row) - np.outer(row, row) for row in p])


# softmax


@maps
def test_softmax_maps_are_the_jacobian_times_a_vector(backend, dtype, call, name):
    result = call(name, backend.array(P, dtype), backend.array(G, dtype))
    assert_derivative(result, np.einsum("bij,bj->bi", jacobian64(P), G), dtype, g=G)


@maps
@pytest.mark.parametrize("axis", AXES)
def test_softmax_maps_take_any_axes(backend, call, name, axis):
    dtype = backend.dtypes[0]
    p = P / 4 if axis in (None, (0, 1)) else P
    result = call(name, backend.array(p, dtype), backend.array(G, dtype), axis=axis)
    assert_derivative(result, vjp64(p, G, axis), dtype, g=G)


@maps
@pytest.mark.parametrize("bad", [nan, inf])
def test_masked_cotangents_of_softmax_have_no_influence(backend, call, name, bad):
    dtype = backend.dtypes[0]
    where = backend.array(P > 0, "bool")
    clean = call(name, backend.array(P, dtype), backend.array(np.where(P > 0, G, 0.0), dtype))
    result = call(name, backend.array(P, dtype), backend.array(np.where(P > 0, G, bad), dtype), where=where)
    np.testing.assert_array_equal(result, clean)
    np.testing.assert_array_equal(result[P == 0], 0.0)


def test_rows_of_a_softmax_gradient_sum_to_0(backend, dtype, call):
    p = call("softmax", backend.array(X, dtype))
    result = call("softmax_vjp", backend.array(p, dtype), backend.array(G, dtype))
    # The rounding of p to a half type is one of p, not of the derivative.
    spread = np.abs(p.sum(axis=1) - 1).max() * np.abs(G).max()
    assert_derivative(result.sum(axis=1) / (1 + spread), np.zeros(4), dtype, g=G)


def test_softmax_hvp_is_the_hessian_times_two_vectors(backend, dtype, call):
    result = call("softmax_hvp", *(backend.array(v, dtype) for v in (P, G, T)))
    rest = np.eye(3) - P[:, None, :]
    # d^2 p_k / d x_i d x_j = p_k ((d_ki - p_i) (d_kj - p_j) - J_ij)
    hessian = P[:, :, None, None] * (rest[:, :, :, None] * rest[:, :, None, :] - jacobian64(P)[:, None])
    assert_derivative(result, np.einsum("bkij,bk,bj->bi", hessian, G, T), dtype, g=np.abs(G).max() * np.abs(T).max())


@pytest.mark.parametrize("axis", AXES)
def test_softmax_hvp_is_the_change_of_the_vjp(backend, call, axis):
    dtype = backend.dtypes[0]
    p = P / 4 if axis in (None, (0, 1)) else np.where(P == 0, 0.0, P / P.sum(axis=axis, keepdims=True))
    step = 1e-30
    with np.errstate(divide="ignore"):
        e = np.exp(np.log(p) + 1j * step * T)
    expected = vjp64(e / e.sum(axis=axis, keepdims=True), G, axis).imag / step
    result = call("softmax_hvp", *(backend.array(v, dtype) for v in (p, G, T)), axis=axis)
    assert_derivative(result, expected, dtype, g=np.abs(G).max() * np.abs(T).max())


def test_softmax_hvp_is_linear_in_its_vectors(backend, call):
    dtype = backend.dtypes[0]
    p, g, t = (backend.array(v, dtype) for v in (P, G, T))
    base = call("softmax_hvp", p, g, t)
    np.testing.assert_array_equal(call("softmax_hvp", p, backend.array(4 * G, dtype), t), 4 * base)
    np.testing.assert_array_equal(call("softmax_hvp", p, g, backend.array(-2 * T, dtype)), -2 * base)


def test_softmax_jacobian_gives_what_the_definition_does(backend, dtype, call):
    assert_derivative(call("softmax_jacobian", backend.array(P, dtype)), jacobian64(P), dtype)


@pytest.mark.parametrize("axis", [0, 1, 2, -3])
def test_softmax_jacobian_lies_along_the_axis_and_the_next(backend, call, axis):
    dtype = backend.dtypes[0]
    p = np.moveaxis(np.stack([P, P[::-1]]), 2, axis)
    expected = np.moveaxis(np.stack([jacobian64(P), jacobian64(P[::-1])]), (2, 3), (axis % 3, axis % 3 + 1))
    assert_derivative(call("softmax_jacobian", backend.array(p, dtype), axis=axis), expected, dtype)


def test_softmax_jacobian_of_one_row_is_symmetric(backend, call):
    result = call("softmax_jacobian", backend.array(P[1], backend.dtypes[0]))
    np.testing.assert_array_equal(result, result.T)


# log_softmax and logsumexp


def test_log_softmax_vjp_gives_what_the_definition_does(backend, dtype, call):
    log_p = backend.array(log_softmax64(X), dtype)
    p = np.exp(backend.numpy(log_p).astype(np.float64))
    result = call("log_softmax_vjp", log_p, backend.array(G, dtype))
    assert_derivative(result, G - p * G.sum(axis=1, keepdims=True), dtype, g=np.abs(G).sum(axis=1))


@pytest.mark.parametrize("axis", AXES)
def test_log_softmax_vjp_takes_any_axes(backend, call, axis):
    dtype = backend.dtypes[0]
    log_p = backend.array(X - np.log(np.exp(X).sum(axis=axis, keepdims=True)), dtype)
    p = np.exp(backend.numpy(log_p).astype(np.float64))
    result = call("log_softmax_vjp", log_p, backend.array(G, dtype), axis=axis)
    assert_near(result, G - p * G.sum(axis=axis, keepdims=True), dtype, scale=np.abs(G).sum())


@pytest.mark.parametrize("bad", [nan, inf])
def test_masked_cotangents_of_log_softmax_have_no_influence(backend, call, bad):
    dtype = backend.dtypes[0]
    e = np.where(WHERE, np.exp(X), 0.0)
    p = e / e.sum(axis=1, keepdims=True)
    log_p = backend.array(np.where(WHERE, np.log(np.where(WHERE, p, 1.0)), -inf), dtype)
    g, where = backend.array(np.where(WHERE, G, bad), dtype), backend.array(WHERE, "bool")
    result = call("log_softmax_vjp", log_p, g, where=where)
    kept = np.where(WHERE, G, 0.0)
    assert_near(result, kept - p * kept.sum(axis=1, keepdims=True), dtype, scale=8.0)
    np.testing.assert_array_equal(result[~WHERE], 0.0)


def test_a_cotangent_counts_also_where_log_softmax_is_minus_infinity(backend, call):
    dtype = backend.dtypes[0]
    log_p = backend.array([0.0, -inf], dtype)
    np.testing.assert_array_equal(call("log_softmax_vjp", log_p, backend.array([1.0, 2.0], dtype)), [-2.0, 2.0])


@pytest.mark.parametrize("gap", [17.0, 40.0, 80.0])
def test_log_softmax_vjp_keeps_the_digits_of_a_confident_prediction(backend, dtype, call, gap):
    log_p = backend.array([-np.log1p(np.exp(-gap)), -gap], dtype)
    size = -np.expm1(backend.numpy(log_p).astype(np.float64)[0])
    result = call("log_softmax_vjp", log_p, backend.array([1.0, 0.0], dtype))
    assert_ulp(result[:1], [size], op="log_softmax", dtype=dtype)


@pytest.mark.parametrize("axis", AXES)
def test_logsumexp_vjp_is_the_cotangent_times_softmax(backend, call, axis):
    dtype = backend.dtypes[0]
    g = np.asarray({0: G[0], 1: G[:, 0]}.get(axis, 3.0))
    p = np.exp(X) / np.exp(X).sum(axis=axis, keepdims=True)
    result = call("logsumexp_vjp", backend.array(X, dtype), backend.array(g, dtype), axis=axis)
    full = g if axis in (None, (0, 1)) else np.expand_dims(g, axis)
    assert_near(result, full * p, dtype, scale=8.0)


def test_logsumexp_vjp_rounds_half_types_once(backend, dtype, call):
    p = np.exp(log_softmax64(X))
    result = call("logsumexp_vjp", backend.array(X, dtype), backend.array(G[:, 0], dtype), axis=1)
    assert_near(result, G[:, :1] * p, dtype, scale=8.0)


def test_special_rows_of_logsumexp_have_their_gradient_and_touch_no_other(backend, call):
    dtype = backend.dtypes[0]
    x = backend.array([[-inf, -inf], [nan, 0.0], [inf, 0.0], [0.0, -inf], [0.0, nan]], dtype)
    where = backend.array([[True, True]] * 4 + [[False, False]], "bool")
    result = call("logsumexp_vjp", x, backend.array([2.0] * 5, dtype), axis=1, where=where)
    np.testing.assert_array_equal(result, [[0.0, 0.0], [nan, nan], [nan, nan], [2.0, 0.0], [0.0, 0.0]])


def test_masked_entries_have_no_influence_on_logsumexp_vjp(backend, call):
    dtype = backend.dtypes[0]
    x = backend.array([[0.0, nan, 0.0], [inf, 1.0, 1.0]], dtype)
    where = backend.array([[True, False, True], [False, True, True]], "bool")
    result = call("logsumexp_vjp", x, backend.array([1.0, 2.0], dtype), axis=1, where=where)
    np.testing.assert_array_equal(result, [[0.5, 0.0, 0.5], [0.0, 1.0, 1.0]])


@pytest.mark.parametrize("name", ["softmax_vjp", "softmax_jvp", "log_softmax_vjp", "softmax_hvp"])
def test_derivatives_of_empty_arrays_are_empty(backend, call, name):
    empty = backend.array(np.zeros((0, 3)), backend.dtypes[0])
    assert call(name, empty, *[empty] * (2 if name == "softmax_hvp" else 1)).shape == (0, 3)


# cross_entropy_and_grad

LABELLED = np.asarray([2, 1, -100, 0])
options = pytest.mark.parametrize("given", OPTIONS.values(), ids=OPTIONS)


def both(call, backend, dtype, plain, **given):
    """Return loss and gradient for labels or probabilities."""
    target = backend.array(plain, "int32" if plain.dtype.kind == "i" else dtype)
    x = given.pop("x", X)
    return call("cross_entropy_and_grad", backend.array(x, dtype), target, **arrays(backend, dtype, given))


@options
@pytest.mark.parametrize("plain", [LABELLED, PROBS], ids=["labels", "probabilities"])
def test_loss_and_gradient_give_what_the_definition_does(backend, call, given, plain):
    dtype = backend.dtypes[0]
    loss, grad = both(call, backend, dtype, plain, **given)
    assert_near(loss, cross_entropy64(X, plain, **given), dtype, scale=16.0)
    exact = gradient64(X, plain, **given)
    defined = np.isfinite(exact).all(axis=1)
    assert defined.any()
    assert_near(grad[defined], exact[defined], dtype, scale=16.0)


@pytest.mark.parametrize("plain", [LABELLED, PROBS], ids=["labels", "probabilities"])
def test_the_loss_beside_a_gradient_is_cross_entropy(backend, dtype, call, plain):
    given = OPTIONS["both weights"]
    loss, grad = both(call, backend, dtype, plain, **given)
    target = backend.array(plain, "int32" if plain.dtype.kind == "i" else dtype)
    alone = call("cross_entropy", backend.array(X, dtype), target, **arrays(backend, dtype, given))
    assert_near(loss, alone, dtype)
    assert_near(grad, gradient64(X, plain, **given), dtype)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_gradient_takes_any_axis(backend, call, axis):
    dtype = backend.dtypes[0]
    x, labels = np.stack([X, -X]), np.stack([LABELS, LABELLED])
    expected = np.moveaxis(gradient64(x, labels), 2, axis)
    moved = backend.array(np.moveaxis(x, 2, axis), dtype)
    _, grad = call("cross_entropy_and_grad", moved, backend.array(labels, "int32"), axis=axis)
    assert_near(grad, expected, dtype)


@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_rows_of_the_gradient_sum_to_0(backend, dtype, call, smoothing):
    _, grad = both(call, backend, dtype, LABELS, weight=WEIGHT, label_smoothing=smoothing, reduction="none")
    assert_derivative(grad.sum(axis=1), np.zeros(4), dtype, g=WEIGHT.max() / 2)


@pytest.mark.parametrize("gap", [17.0, 20.0, 60.0])
def test_the_gradient_keeps_the_digits_of_a_confident_prediction(backend, dtype, call, gap):
    small = np.exp(-gap) / (1 + 2 * np.exp(-gap))
    _, grad = both(call, backend, dtype, np.asarray([0]), x=np.asarray([[gap, 0.0, 0.0]]))
    assert_ulp(grad, [[-2 * small, small, small]], op="softmax", dtype=dtype)


@pytest.mark.parametrize("gap", [17.0, 60.0])
def test_the_gradient_keeps_its_digits_for_probabilities(backend, call, gap):
    dtype = backend.dtypes[0]
    small = np.exp(-gap) / (1 + 2 * np.exp(-gap))
    _, grad = both(call, backend, dtype, np.asarray([[1.0, 0.0, 0.0]]), x=np.asarray([[gap, 0.0, 0.0]]))
    # exp(log p) has the absolute error of log p as its relative one.
    assert_near(grad / small, [[-2.0, 1.0, 1.0]], dtype, scale=gap / 8)


def test_the_gradient_of_bfloat16_is_not_lost_beside_1(backend, dtype, call):
    _, grad = both(call, backend, dtype, np.asarray(0), x=np.asarray([6.375, 0.0, 0.0]))
    small = np.exp(-6.375) / (1 + 2 * np.exp(-6.375))
    assert_ulp(grad, [-2 * small, small, small], op="softmax", dtype=dtype)


def test_masked_classes_and_ignored_samples_have_a_gradient_of_exactly_0(backend, call):
    x = np.where(WHERE, X, nan)
    x[2] = nan
    for extra in ({}, {"label_smoothing": 0.25}, {"softcap": 2.0}):
        _, grad = both(call, backend, backend.dtypes[0], LABELLED, x=x, where=WHERE, z_loss=0.25, **extra)
        np.testing.assert_array_equal(grad[~WHERE], 0.0)
        np.testing.assert_array_equal(grad[2], 0.0)
        assert np.isfinite(grad).all()


@pytest.mark.parametrize("extra", [{}, {"label_smoothing": 0.25}, {"z_loss": 0.25}, {"softcap": 2.0}])
def test_a_sample_weight_of_0_gives_a_gradient_of_exactly_0(backend, call, extra):
    x = X.copy()
    x[1] = nan
    for plain in (LABELS, PROBS):
        weights = np.asarray([1.0, 0.0, 1.0, 2.0])
        loss, grad = both(call, backend, backend.dtypes[0], plain, x=x, sample_weight=weights, **extra)
        np.testing.assert_array_equal(grad[1], 0.0)
        assert np.isfinite(loss)
        assert np.isfinite(grad).all()


def test_classes_of_logit_minus_infinity_have_a_gradient_of_exactly_0(backend, call):
    dtype = backend.dtypes[0]
    x = np.asarray([[0.0, -inf, 0.0]])
    for plain in (np.asarray([0]), np.asarray([[1.0, 0.0, 0.0]])):
        _, grad = both(call, backend, dtype, plain, x=x)
        assert_near(grad, [[-0.5, 0.0, 0.5]], dtype)
        assert grad[0, 1] == 0


def test_the_gradient_of_a_mean_over_nothing_is_0(backend, call):
    loss, grad = both(call, backend, backend.dtypes[0], np.full(4, -100))
    assert np.isnan(loss)
    np.testing.assert_array_equal(grad, np.zeros((4, 3)))


def test_an_empty_batch_has_an_empty_gradient(backend, call):
    loss, grad = both(call, backend, backend.dtypes[0], np.zeros(0, dtype=int), x=np.zeros((0, 3)))
    assert np.isnan(loss)
    assert grad.shape == (0, 3)


def test_a_label_out_of_range_makes_the_gradient_of_its_sample_nan_and_no_other(backend, call):
    _, grad = both(call, backend, backend.dtypes[0], np.asarray([2, 3, 0, 0]), reduction="none")
    np.testing.assert_array_equal(np.isnan(grad), [[False] * 3, [True] * 3, [False] * 3, [False] * 3])


def test_the_gradient_is_linear_in_the_sample_weights(backend, call):
    dtype = backend.dtypes[0]
    for plain in (LABELLED, PROBS):
        given = {"weight": WEIGHT, "z_loss": 0.25, "softcap": 2.0, "reduction": "sum"}
        one, four = (both(call, backend, dtype, plain, sample_weight=k * SAMPLE_WEIGHT, **given)[1] for k in (1.0, 4.0))
        np.testing.assert_array_equal(four, 4 * one)


def test_the_gradient_is_that_of_log_softmax_for_the_coefficients(backend, call):
    # A half type would round log p before it is used.
    dtype = "float32"
    _, grad = both(call, backend, dtype, PROBS, weight=WEIGHT, reduction="sum")
    log_p = backend.array(log_softmax64(X), dtype)
    composed = call("log_softmax_vjp", log_p, backend.array(-PROBS * WEIGHT, dtype))
    assert_near(grad, composed, dtype, scale=4.0)


def test_a_normalizer_scales_the_gradient_of_the_sum(backend, call):
    dtype = backend.dtypes[0]
    _, of_sum = both(call, backend, dtype, LABELLED, reduction="sum")
    _, by_number = both(call, backend, dtype, LABELLED, normalizer=8)
    _, by_array = both(call, backend, dtype, LABELLED, normalizer=np.asarray(8.0))
    np.testing.assert_array_equal(by_number, of_sum / 8)
    np.testing.assert_array_equal(by_array, of_sum / 8)


def test_integer_logits_have_a_gradient_of_the_default_float(backend, call):
    x = backend.array([[0, 2, 1], [1, 0, 3]], "int32")
    loss, grad = call("cross_entropy_and_grad", x, backend.array([1, 2], "int32"))
    plain = np.asarray([[0.0, 2.0, 1.0], [1.0, 0.0, 3.0]])
    assert_near(loss, cross_entropy64(plain, np.asarray([1, 2])), "float32")
    assert_near(grad, gradient64(plain, np.asarray([1, 2])), "float32")


def test_numpy_in_blocks_gives_the_gradient_of_small_pieces():
    from softmax_xp.derivatives import cross_entropy_and_grad

    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(40_000, 30)), rng.integers(0, 30, size=40_000)
    loss, grad = cross_entropy_and_grad(x, labels, reduction="none")
    some = slice(None, None, 10_000)
    part_loss, part_grad = cross_entropy_and_grad(x[some], labels[some], reduction="none")
    np.testing.assert_array_equal(loss[some], part_loss)
    np.testing.assert_array_equal(grad[some], part_grad)
