"""Options of the normalizers, and the functions beside them, on every library."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from .test_values import assert_contract

pytestmark = pytest.mark.every_backend

inf, nan = np.inf, np.nan
X = np.asarray([[0.5, -1.0, 2.0, 2.0], [0.0, 3.0, -2.0, -inf]])


def softmax64(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("t", [0.5, 2.0, 4])
def test_temperature_divides_the_logits(backend, dtype, call, t):
    x = backend.array(X, dtype)
    assert_contract(call("softmax", x, temperature=t), softmax64(X / t), "softmax", dtype)
    p, lse = call("softmax_and_logsumexp", x, temperature=t)
    assert_contract(p, softmax64(X / t), "softmax", dtype)
    assert_contract(lse[:, 0], np.log(np.exp(X / t).sum(axis=1)), "logsumexp", dtype)


def test_temperature_0_shares_the_mass_among_the_largest(backend, dtype, call):
    x = backend.array(X, dtype)
    assert_contract(call("softmax", x, temperature=0), [[0, 0, 0.5, 0.5], [0, 1, 0, 0]], "softmax", dtype)
    expected = [[-inf, -inf, -log(2), -log(2)], [-inf, 0, -inf, -inf]]
    assert_contract(call("log_softmax", x, temperature=0), expected, "log_softmax", dtype)


def test_infinite_temperature_is_uniform_above_minus_infinity(backend, dtype, call):
    expected = [[0.25] * 4, [1 / 3, 1 / 3, 1 / 3, 0.0]]
    assert_contract(call("softmax", backend.array(X, dtype), temperature=inf), expected, "softmax", dtype)


def test_a_temperature_per_row_acts_as_numbers_do(backend, dtype, call):
    rows = [0.5, 0.0, inf, 2.0]
    x = np.tile(X[1:], (4, 1))
    result = call("softmax", backend.array(x, dtype), temperature=backend.array([[t] for t in rows], dtype))
    expected = [softmax64(x[0] / 0.5), [0, 1, 0, 0], [1 / 3, 1 / 3, 1 / 3, 0], softmax64(x[0] / 2)]
    assert_contract(result, np.stack(expected), "softmax", dtype)


def test_a_negative_or_nan_temperature_in_an_array_gives_nan_in_its_row(backend, dtype, call):
    x = backend.array(np.zeros((3, 2)), dtype)
    result = call("softmax", x, temperature=backend.array([[-1.0], [nan], [1.0]], dtype))
    np.testing.assert_array_equal(result, [[nan, nan], [nan, nan], [0.5, 0.5]])


def test_a_sink_takes_its_share_of_the_mass(backend, dtype, call):
    x = backend.array([[0.0, 0.0], [1.0, -inf]], dtype)
    e = np.exp(1.0)
    assert_contract(call("softmax", x, sink=0.0), [[1 / 3, 1 / 3], [e / (1 + e), 0]], "softmax", dtype)
    assert_contract(call("softmax", x, sink=-inf), [[0.5, 0.5], [1, 0]], "softmax", dtype)
    sink = backend.array([[0.0], [1.0]], dtype)
    assert_contract(call("softmax", x, sink=sink), [[1 / 3, 1 / 3], [0.5, 0]], "softmax", dtype)


def test_a_sink_far_above_keeps_small_probabilities(backend, dtype, call):
    _, lse = call("softmax_and_logsumexp", backend.array([[-40.0, -41.0]], dtype), sink=0.0)
    expected = np.exp(-40.0) + np.exp(-41.0)
    if dtype != "float16":
        assert_contract(lse, [[expected]], "log_softmax", dtype)


def test_a_sink_is_divided_by_the_temperature(backend, dtype, call):
    x = backend.array([[1.0, 2.0]], dtype)
    expected = softmax64(np.asarray([[0.5, 1.0, 1.5]]))[:, :2]
    assert_contract(call("softmax", x, sink=3.0, temperature=2.0), expected, "softmax", dtype)


def test_a_row_of_nothing_but_a_sink_gives_its_logit(backend, dtype, call):
    x = backend.array([[-inf, 1.0]], dtype)
    p, lse = call("softmax_and_logsumexp", x, sink=3.0, where=backend.array([[True, False]], "bool"))
    np.testing.assert_array_equal(p, [[0.0, 0.0]])
    np.testing.assert_array_equal(lse, [[3.0]])


def test_dtype_casts_before_computing(backend, dtype, call):
    target = backend.dtype(dtype)
    x = backend.array([0, 100], "int32")
    assert_contract(call("log_softmax", x, dtype=target), [-100.0, -np.exp(-100.0)], "log_softmax", dtype)


def test_softmin_is_softmax_of_the_negative(backend, dtype, call):
    x = np.asarray([[0.5, -1.0, 2.0], [0.0, 3.0, inf]])
    np.testing.assert_array_equal(call("softmin", backend.array(x, dtype)), call("softmax", backend.array(-x, dtype)))


def test_weights_of_logsumexp_may_be_zero_or_negative(backend, dtype, call):
    x = backend.array([1.0, 2.0, inf], dtype)
    size, sign = call("logsumexp", x, b=backend.array([1.0, -1.0, 0.0], dtype), return_sign=True)
    assert_contract(size, np.log(np.exp(2.0) - np.exp(1.0)), "logsumexp", dtype)
    assert sign == -1.0
    assert np.isnan(call("logsumexp", x, b=backend.array([1.0, -1.0, 0.0], dtype)))


def test_weights_that_cancel_give_minus_infinity_and_sign_0(backend, dtype, call):
    size, sign = call(
        "logsumexp", backend.array([1.0, 1.0], dtype), b=backend.array([1.0, -1.0], dtype), return_sign=True
    )
    assert (size, sign) == (-inf, 0.0)


def test_logsumexp_with_unit_weights_keeps_small_results(backend, dtype, call):
    if dtype == "float16":
        return
    x = backend.array([0.0, -40.0], dtype)
    assert_contract(call("logsumexp", x, b=1.0), 4.248354255291589e-18, "log_softmax", dtype)


def test_logsumexp_takes_complex_numbers(backend, call):
    if backend.name in ("numpy", "torch", "jax-x64", "strict-CPU_DEVICE", "dask"):
        z = np.asarray([0.5 + 1j, -1.0 - 2j, 0.25 + 3j])
        result = call("logsumexp", backend.array(z, "complex128"))
        expected = np.log(np.exp(z).sum())
        assert_contract(result.real, expected.real, "logsumexp", "float64")
        assert_contract(result.imag, expected.imag, "logsumexp", "float64")


def test_logmeanexp_counts_kept_entries_only(backend, dtype, call):
    x = backend.array([[1.0, 1.0, 9.0], [1.0, 2.0, 9.0]], dtype)
    where = backend.array([[True, True, False], [False, False, False]], "bool")
    np.testing.assert_array_equal(call("logmeanexp", x, axis=1, where=where), [1.0, nan])
    assert np.isnan(call("logmeanexp", backend.array([], dtype)))


def test_hardmax_marks_the_first_largest(backend, dtype, call):
    x = backend.array([[1.0, 3.0, 3.0], [inf, inf, 0.0], [nan, 1.0, 2.0], [-inf, -inf, -inf]], dtype)
    expected = [[0, 1, 0], [1, 0, 0], [nan, nan, nan], [1, 0, 0]]
    np.testing.assert_array_equal(call("hardmax", x), expected)
    where = backend.array([[True, False, True], [False] * 3, [False, True, True], [False, True, True]], "bool")
    np.testing.assert_array_equal(call("hardmax", x, where=where), [[0, 0, 1], [0, 0, 0], [0, 0, 1], [0, 1, 0]])


@pytest.mark.parametrize("axis", [0, 1, (0, 1), None])
def test_hardmax_takes_any_axes(backend, dtype, call, axis):
    values = np.asarray([[1.0, 5.0, 5.0], [5.0, 2.0, 5.0]])
    expected = {
        0: [[0, 1, 1], [1, 0, 0]],
        1: [[0, 1, 0], [1, 0, 0]],
    }.get(axis, [[0, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(call("hardmax", backend.array(values, dtype), axis=axis), expected)


@pytest.mark.parametrize("kind", ["uint8", "int8", "int32"])
def test_one_hot_gives_zeros_for_labels_out_of_range(backend, call, kind):
    labels = backend.array([0, 2, 127], kind)
    result = backend.numpy(__import__("softmax_xp").one_hot(labels, 3))
    np.testing.assert_array_equal(result, [[1, 0, 0], [0, 0, 1], [0, 0, 0]])
    assert backend.numpy(__import__("softmax_xp").one_hot(labels, 300, axis=0)).shape == (300, 3)


def test_log1mexp_is_exact_over_its_whole_range(backend, dtype, call):
    x = np.asarray([2.0**-14, 0.01, 0.5, 0.6875, 0.75, 1.0, 5.0])
    expected = np.where(x < log(2), np.log(-np.expm1(-x)), np.log1p(-np.exp(-x)))
    assert_contract(call("log1mexp", backend.array(x, dtype)), expected, "log_softmax", dtype)
    special = call("log1mexp", backend.array([0.0, -1.0, inf, nan], dtype))
    np.testing.assert_array_equal(special, [-inf, nan, 0.0, nan])


def test_logsubexp_settles_its_special_values(backend, dtype, call):
    a = backend.array([1.0, 2.0, -inf, inf, inf, 1.0, 0.0, nan], dtype)
    b = backend.array([1.0, -inf, -inf, 0.0, inf, 2.0, nan, 0.0], dtype)
    np.testing.assert_array_equal(call("logsubexp", a, b), [-inf, 2.0, -inf, inf, nan, nan, nan, nan])
    result = call("logsubexp", backend.array([3.0], dtype), backend.array([2.0], dtype))
    assert_contract(result, [np.log(np.exp(3.0) - np.exp(2.0))], "logsumexp", dtype)


def test_a_temperature_that_the_type_does_not_hold_acts_as_its_limit(backend, call):
    x = backend.array([[1.0, 3.0, 3.0], [2.0, 0.0, -5.0]], "float32")
    for limit, number in ((0.0, 1e-60), (np.inf, 1e60)):
        temperatures = [number]
        if "float64" in backend.dtypes:
            temperatures.append(backend.array([[number], [limit]], "float64"))
        for name in ("softmax", "log_softmax", "softmin", "softmax_and_logsumexp"):
            expected = parts(call(name, x, temperature=limit))
            for temperature in temperatures:
                for found, part in zip(parts(call(name, x, temperature=temperature)), expected, strict=True):
                    np.testing.assert_array_equal(found, part)


def parts(result):
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("name", ["log_softmax", "softmin"])
@pytest.mark.parametrize("kind", ["int32", "uint8", "float32"])
@pytest.mark.parametrize("given", ["nothing", "a mask", "a sink"])
def test_logits_that_are_converted_are_those_of_the_call(backend, call, name, kind, given):
    """What is kept of a first call with the same metadata holds how its logits were made, not what they were."""
    if backend.library == "ml_dtypes":
        pytest.skip("integers become float64, as those of NumPy do")
    wide = backend.dtypes[0]
    option = {
        "nothing": {},
        "a mask": {"where": backend.array([[True, True, False]], "bool")},
        "a sink": {"sink": backend.array([[2.0]], wide)},
    }[given]
    dtype = {"dtype": backend.dtype(wide)} if kind == "float32" else {}
    for values in ([[3, 1, 2]], [[0, 7, 5]], [[200, 100, 199]]):
        expected = call(name, backend.array(values, wide), **option)
        found = call(name, backend.array(values, kind), **dtype, **option)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-30)
