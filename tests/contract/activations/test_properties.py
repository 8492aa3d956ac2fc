"""What holds for any numbers, found by Hypothesis, on every library."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from .numbers import allowed, assert_near, exactly

pytestmark = pytest.mark.formula

some = settings(
    max_examples=5, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# One shape: libraries that compile do so once. Multiples of 1/4 up to 16 are held by every floating type.
numbers = st.lists(st.integers(-64, 64).map(lambda k: k / 4), min_size=12, max_size=12).map(np.asarray)
RISING = ("sigmoid", "log_sigmoid", "softplus", "tanh", "relu", "leaky_relu", "elu", "sparse_plus", "sparse_sigmoid")


@some
@given(x=numbers)
def test_sigmoids_of_x_and_minus_x_sum_to_1(backend, dtype, call, x):
    for name in ("sigmoid", "sparse_sigmoid"):
        total = call(name, backend.array(x, dtype)) + call(name, backend.array(-x, dtype))
        assert_near(total, np.ones(12), name, dtype)


@some
@given(x=numbers)
@pytest.mark.parametrize("name", ["softplus", "sparse_plus"])
def test_smooth_positive_parts_of_x_and_minus_x_differ_by_x(backend, dtype, call, name, x):
    up, down = (call(name, backend.array(s * x, dtype)) for s in (1, -1))
    gates = sum(allowed(name, dtype, exactly(y), {}) for y in (up, down))
    assert (np.abs(up - down - x) <= gates).all()


@some
@given(x=numbers)
@pytest.mark.parametrize("name", ["silu", "gelu"])
def test_gated_functions_of_x_and_minus_x_differ_by_x(backend, dtype, call, name, x):
    up, down = (call(name, backend.array(s * x, dtype)) for s in (1, -1))
    gates = sum(allowed(name, dtype, exactly(y), {}) for y in (up, down))
    assert (np.abs(up - down - x) <= gates).all()


@some
@given(x=numbers)
def test_tanh_and_softcap_are_odd(backend, dtype, call, x):
    for name, options in (("tanh", {}), ("softcap", {"cap": 3.0})):
        up, down = (call(name, backend.array(s * x, dtype), **options) for s in (1, -1))
        np.testing.assert_array_equal(up, -down)


@some
@given(x=numbers)
@pytest.mark.parametrize("name", RISING)
def test_what_rises_rises(backend, call, name, x):
    dtype = backend.dtypes[0]
    y = call(name, backend.array(np.sort(x), dtype))
    assert (np.diff(y) >= -allowed(name, dtype, exactly(y[1:]), {})).all()


@some
@given(x=numbers)
def test_logit_undoes_sigmoid(backend, call, x):
    dtype = backend.dtypes[0]
    p = call("sigmoid", backend.array(-np.abs(x), dtype))
    back = call("logit", backend.array(p, dtype))
    # An error of p moves the result by as much, relative to p, over 1 - p, which is at least 1/2.
    moved = 2 * allowed("sigmoid", dtype, exactly(p), {}) / p
    assert (np.abs(back + np.abs(x)) <= moved + allowed("logit", dtype, exactly(back), {})).all()


@some
@given(x=numbers)
def test_the_logarithm_of_sigmoid_is_minus_softplus_of_minus_x(backend, dtype, call, x):
    log_p = call("log_sigmoid", backend.array(x, dtype))
    np.testing.assert_array_equal(log_p, -call("softplus", backend.array(-x, dtype)))


@some
@given(x=numbers, k=st.integers(-3, 3))
def test_softplus_scales_with_beta(backend, dtype, call, x, k):
    scaled = call("softplus", backend.array(x, dtype), beta=2.0**k)
    plain = call("softplus", backend.array(x * 2.0**k, dtype)) / 2.0**k
    assert_near(scaled, plain, "softplus", dtype)


@some
@given(x=numbers)
def test_piecewise_functions_are_exact_where_nothing_is_rounded(backend, call, x):
    dtype = backend.dtypes[0]
    x_there = backend.array(x, dtype)
    np.testing.assert_array_equal(call("relu", x_there), np.maximum(x, 0))
    np.testing.assert_array_equal(call("binary_step", x_there, threshold=0.25), x >= 0.25)
    np.testing.assert_array_equal(call("sparse_sigmoid", x_there), np.clip((x + 1) / 2, 0, 1))
    inside = np.clip((x + 1) / 2, 0, 1) ** 2
    np.testing.assert_array_equal(call("sparse_plus", x_there), np.where(x >= 1, x, inside))


@some
@given(x=numbers)
def test_sparse_sigmoid_is_the_first_entry_of_a_sparsemax_of_two(backend, call, x):
    sparse = pytest.importorskip("softmax_xp.sparse")
    if "sparsemax" not in sparse.__all__:
        pytest.skip("sparsemax is not there")
    dtype = backend.dtypes[0]
    pair = backend.array(np.stack([x, np.zeros(12)], axis=-1), dtype)
    assert_near(call("sparsemax", pair)[:, 0], call("sparse_sigmoid", backend.array(x, dtype)), "sparse_sigmoid", dtype)
