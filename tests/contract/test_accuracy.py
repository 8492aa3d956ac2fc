"""CONTRACT 2: accuracy against the mpmath oracle, on every library."""

from __future__ import annotations

import os

import numpy as np
import pytest

from softmax_xp.testing import assert_ulp, contract, exact_rows
from softmax_xp.testing.check import dangerous_rows, elementary_error, width_rows

FEW = ("ml_dtypes", "numpy-readonly", "strict-device1", "strict-device2")  # the same arithmetic as NumPy


def rows_of(dtype, section):
    if section == "dangerous":
        return dangerous_rows(dtype)
    return width_rows([1, 2, 5, 31, 63, 64, 65, 255, 513, 700, 1023])


@pytest.mark.parametrize("section", ["dangerous", "widths"])
def test_results_are_as_near_to_the_exact_ones_as_promised(backend, dtype, call, section):
    if backend.name in FEW and backend.name != "ml_dtypes":
        pytest.skip("computes as its sister backend, which is tested")
    elementary = (
        4.0 if backend.lazy or backend.library == "ml_dtypes" else elementary_error(backend.xp, backend.device, dtype)
    )
    assert elementary <= contract.MAX_ELEMENTARY_ERROR
    for name, values in rows_of(dtype, section):
        x = backend.array(values, dtype)
        exact = exact_rows(backend.numpy(x).astype(np.float64))
        for op in contract.OPS:
            try:
                assert_ulp(call(op, x, axis=-1), exact[op], op=op, dtype=dtype, elementary=elementary)
            except AssertionError as error:
                raise AssertionError(f"{name}: {error}") from None


@pytest.mark.parametrize("spread", [0.1, 4.0])
@pytest.mark.parametrize("n", [3, 128, 1000, 4097])
def test_probabilities_sum_to_one(backend, dtype, call, n, spread):
    x = spread * np.random.default_rng(n).normal(size=(4, n))
    off = np.abs(call("softmax", backend.array(x, dtype)).sum(axis=-1) - 1.0)
    assert off.max() <= contract.sum_gate(dtype, n)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_long_axis_does_not_show_in_float32(backend, call, axis):
    n = 2**20 + 1
    x = backend.array(np.zeros((n, 2) if axis == 0 else (2, n)), "float32")
    p = call("softmax", x, axis=axis)
    assert np.abs(p.sum(axis=axis) - 1).max() <= contract.sum_gate("float32", n)
    lse = call("logsumexp", x, axis=axis)
    assert_ulp(lse, np.full(2, np.log(n)), op="log_softmax", dtype="float32")


@pytest.mark.parametrize("op", contract.OPS)
def test_a_strided_axis_is_as_accurate_as_promised(backend, dtype, call, op):
    x = backend.array(np.random.default_rng(3).normal(size=(513, 3)), dtype)
    exact = exact_rows(backend.numpy(x).astype(np.float64).T)[op]
    result = call(op, x, axis=0)
    assert_ulp(result.T, exact, op=op, dtype=dtype, sequential=True)


@pytest.mark.skipif("SOFTMAX_XP_LONG" not in os.environ, reason="takes gigabytes and minutes: nox -s sweep")
@pytest.mark.parametrize("axis", [0, 1])
def test_2_to_the_25_zeros_in_float32_sum_to_one(backend, call, axis):
    n = 2**25
    x = backend.array(np.zeros((n, 2) if axis == 0 else (2, n)), "float32")
    np.testing.assert_array_equal(call("softmax", x, axis=axis).sum(axis=axis), np.ones(2))
    assert_ulp(call("logsumexp", x, axis=axis), np.full(2, np.log(n)), op="log_softmax", dtype="float32")


@pytest.mark.parametrize("axis", [0, 1])
def test_noise_on_a_long_axis_does_not_drift_in_float32(backend, call, axis):
    values = np.random.default_rng(5).normal(size=(200_001, 2))
    x = backend.array(values if axis == 0 else values.T, "float32")
    exact = backend.numpy(x).astype(np.float64)
    expected = np.log(np.exp(exact).sum(axis=axis))
    assert_ulp(call("logsumexp", x, axis=axis), expected, op="log_softmax", dtype="float32")
