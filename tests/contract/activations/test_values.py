"""CONTRACT 1 and 2 for activations: their whole range and its edges, on every library."""

from __future__ import annotations

import numpy as np
import pytest

from softmax_xp import activations
from softmax_xp.testing import contract
from softmax_xp.testing.check_activations import activation_numbers

from .numbers import assert_near, cases, edges, exact

pytestmark = pytest.mark.formula

ALL = activations.__all__


def required(name):
    return {"cap": 2.0} if name == "softcap" else {}


def test_every_public_function_is_in_the_tables():
    assert sorted({name for name, _ in contract.ACTIVATION_CASES}) == ALL
    assert {edge.name for edge in contract.ACTIVATION_EDGES} == set(ALL)


@cases
def test_the_whole_range_is_as_near_to_the_exact_values_as_promised(backend, dtype, call, name, options):
    x = backend.array(activation_numbers(name, dtype), dtype)
    assert_near(call(name, x, **options), exact(name, backend.numpy(x), **options), name, dtype, **options)


@edges
def test_edge_values_are_those_of_the_contract(backend, dtype, call, edge):
    y = call(edge.name, backend.array(edge.x, dtype), **edge.options)
    assert_near(y, edge.values, edge.name, dtype, **edge.options)


@pytest.mark.parametrize("name", ALL)
def test_minus_0_counts_as_0(backend, dtype, call, name):
    both = call(name, backend.array([-0.0, 0.0], dtype), **required(name))
    assert both[0] == both[1]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (2, 3, 1)])
def test_any_shape_is_kept(backend, call, name, shape):
    x = backend.array(np.full(shape, 0.25), backend.dtypes[0])
    assert call(name, x, **required(name)).shape == shape


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("kind", ["uint8", "int32", "bool"])
def test_integers_and_booleans_are_promoted(backend, call, name, kind):
    y = call(name, backend.array([0, 1], kind), **required(name))
    assert_near(y, exact(name, [0.0, 1.0], **required(name)), name, "float32")


@pytest.mark.parametrize("name", ["silu", "gelu", "relu", "softplus", "elu"])
def test_the_lower_tail_of_unsigned_integers_does_not_wrap_around(backend, call, name):
    y = call(name, backend.array([0, 255], "uint8"))
    assert y[1] == 255.0


def test_the_step_is_at_the_threshold_which_may_be_infinite(backend, dtype, call):
    x = backend.array([0.25, 0.5], dtype)
    np.testing.assert_array_equal(call("binary_step", x, threshold=0.5), [0.0, 1.0])
    np.testing.assert_array_equal(call("binary_step", x, threshold=np.inf), [0.0, 0.0])
    np.testing.assert_array_equal(call("binary_step", x, threshold=-np.inf), [1.0, 1.0])


@pytest.mark.parametrize("beta", [2.0**-70, 2.0**100, 1e-25])
def test_softplus_takes_any_beta(backend, call, beta):
    dtype = backend.dtypes[0]
    if dtype not in ("float64", "float32"):
        pytest.skip("float32 and float64 have the exponents")
    x = backend.array([-2.0, 0.0, 2.0], dtype)
    assert_near(call("softplus", x, beta=beta), exact("softplus", [-2.0, 0.0, 2.0], beta=beta), "softplus", dtype)


@pytest.mark.parametrize("slope", [0.0, -2.0, 3])
def test_a_slope_of_any_sign_is_taken(backend, dtype, call, slope):
    x = backend.array([-2.0, 0.5], dtype)
    np.testing.assert_array_equal(call("linear", x, slope=slope), [-2.0 * slope, 0.5 * slope])
    np.testing.assert_array_equal(call("leaky_relu", x, negative_slope=slope), [-2.0 * slope, 0.5])


def test_softcap_is_what_cross_entropy_does_to_logits(backend, call):
    dtype = backend.dtypes[0]
    if dtype == "bfloat16":
        pytest.skip("cross_entropy does not round the capped logits to half types")
    x, labels = backend.array([[1.0, 30.0, -4.0]], dtype), backend.array([1], "int32")
    capped = backend.array(call("softcap", x, cap=8.0), dtype)
    expected = call("cross_entropy", capped, labels)
    np.testing.assert_array_equal(call("cross_entropy", x, labels, softcap=8.0), expected)
