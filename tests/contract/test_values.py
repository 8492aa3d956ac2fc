"""CONTRACT 1: values at the edges, on every library."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from softmax_xp.testing import contract
from softmax_xp.testing.compare import allowance, distance
from softmax_xp.testing.oracle import Exact

pytestmark = [pytest.mark.every_type, pytest.mark.every_backend]

OPS = contract.OPS
REDUCING = ("logsumexp", "logmeanexp")


def assert_contract(actual, expected, op, dtype):
    hi = np.asarray(expected, dtype=np.float64)
    exact = Exact(hi, np.zeros_like(hi), np.zeros_like(hi), max(1, hi.size))
    allowed = allowance(op, dtype, exact, elementary=contract.MAX_ELEMENTARY_ERROR)
    assert np.asarray(actual).shape == hi.shape
    assert (distance(actual, exact) <= allowed).all(), (actual, expected)


def rows_of(backend, dtype):
    skipped = ("1e30", "+inf beside huge", "NaN beside huge") if dtype == "float16" else ()
    return [edge for edge in contract.EDGES if edge.name not in skipped]


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("edge", contract.EDGES, ids=lambda e: e.name)
def test_edge_values_are_those_of_the_contract(backend, dtype, call, op, edge):
    if edge not in rows_of(backend, dtype):
        edge = contract.EDGES[0]
    x = backend.array([edge.x], dtype)
    where = None if edge.where is None else backend.array([edge.where], "bool")
    result = call(op, x, axis=-1, where=where)
    assert_contract(result, [getattr(edge, op)], op, dtype)


@pytest.mark.parametrize("op", OPS)
def test_a_special_row_leaves_other_rows_untouched(backend, dtype, call, op):
    edges = [e for e in rows_of(backend, dtype) if len(e.x) == 2 and e.where is None]
    x = backend.array([e.x for e in edges], dtype)
    assert_contract(call(op, x, axis=1), [getattr(e, op) for e in edges], op, dtype)


@pytest.mark.parametrize("axis", [0, 1, (0, 1), None])
def test_all_axes_give_the_same_answer_as_the_last(backend, dtype, call, axis):
    values = np.asarray([[0.5, -1.0, 2.0], [0.0, 3.0, -2.0]])
    exact = np.exp(values) / np.exp(values).sum(axis=axis, keepdims=True)
    assert_contract(call("softmax", backend.array(values, dtype), axis=axis), exact, "softmax", dtype)


@pytest.mark.parametrize(
    "kind", ["uint8", "int8", "int32", pytest.param("int64", marks=pytest.mark.double), "uint16", "bool"]
)
def test_integers_and_booleans_are_promoted_before_arithmetic(backend, call, kind):
    if backend.library == "strict" and backend.name.endswith("no_x64") and kind == "int64":
        pytest.skip("the device has no int64")
    if backend.name == "jax" and kind == "int64":
        pytest.skip("JAX without x64 has no int64")
    high = 1 if kind == "bool" else 127
    e = np.exp(-float(high))
    x = backend.array([0, high], kind)
    default = "float64" if "float64" in backend.dtypes else "float32"
    if backend.library == "torch" or backend.name == "strict-device2":
        default = "float32"
    if backend.library == "ml_dtypes":
        default = "float64"
    assert_contract(call("softmax", x), [e / (1 + e), 1 / (1 + e)], "softmax", default)
    assert_contract(call("softmin", x), [1 / (1 + e), e / (1 + e)], "softmax", default)


def test_uint8_0_and_255_do_not_wrap_around(backend, call):
    np.testing.assert_array_equal(call("softmax", backend.array([0, 255], "uint8")).round(6), [0.0, 1.0])


def test_half_types_do_not_saturate_on_100_000_zeros(backend, dtype, call):
    x = backend.array(np.zeros(100_000), dtype)
    assert_contract(call("softmax", x)[:1], [1e-5], "softmax", dtype)
    assert_contract(call("log_softmax", x)[:1], [-log(1e5)], "log_softmax", dtype)
    assert_contract(call("logsumexp", x), log(1e5), "logsumexp", dtype)


@pytest.mark.parametrize("op", OPS)
def test_an_empty_reduced_axis_gives_empty_or_minus_infinity(backend, dtype, call, op):
    result = call(op, backend.array(np.zeros((2, 0)), dtype), axis=1)
    expected = np.full(2, -np.inf) if op == "logsumexp" else np.zeros((2, 0))
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("op", OPS)
def test_an_empty_batch_gives_an_empty_result(backend, dtype, call, op):
    result = call(op, backend.array(np.zeros((0, 3)), dtype), axis=1)
    assert result.shape == ((0,) if op == "logsumexp" else (0, 3))


@pytest.mark.parametrize(("op", "expected"), [("softmax", 1.0), ("log_softmax", 0.0), ("logsumexp", 5.0)])
@pytest.mark.parametrize("axis", [None, ()])
def test_a_0d_array_is_a_row_of_one(backend, dtype, call, op, expected, axis):
    assert call(op, backend.array(5.0, dtype), axis=axis) == expected


def test_no_axes_make_each_element_its_own_row(backend, dtype, call):
    x = backend.array([[1.0, 2.0], [3.0, 4.0]], dtype)
    np.testing.assert_array_equal(call("softmax", x, axis=()), np.ones((2, 2)))
    np.testing.assert_array_equal(call("logsumexp", x, axis=()), [[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.double
@pytest.mark.parametrize("op", OPS)
def test_the_largest_numbers_neither_overflow_nor_turn_nan(backend, call, op):
    if backend.name == "strict-no_float64" or "float64" not in backend.dtypes:
        pytest.skip("the device has no float64")
    if backend.library in ("strict", "dask"):
        pytest.skip("NumPy's overflow warning is theirs to silence")
    expected = {"softmax": [1.0, 0.0], "log_softmax": [0.0, -np.inf], "logsumexp": 1e308}[op]
    np.testing.assert_array_equal(call(op, backend.array([1e308, -1e308]), axis=-1), expected)


@pytest.mark.parametrize("shape", [(3, 1), (1, 4), (4,), (1,), ()])
def test_a_mask_broadcasts_to_the_array(backend, dtype, call, shape):
    x = np.arange(12.0).reshape(3, 4) / 4
    where = (np.arange(int(np.prod(shape))) % 2 == 0).reshape(shape)
    full = np.broadcast_to(where, x.shape)
    weights = np.where(full, np.exp(x), 0.0)
    total = weights.sum(axis=1, keepdims=True)
    expected = np.where(full, weights / np.where(total > 0, total, 1.0), 0.0)
    result = call("softmax", backend.array(x, dtype), where=backend.array(where, "bool"))
    assert_contract(result, expected, "softmax", dtype)


@pytest.mark.parametrize("name", REDUCING)
def test_reductions_keep_dims_when_asked(backend, dtype, call, name):
    x = backend.array(np.zeros((2, 3, 4)), dtype)
    assert call(name, x, axis=(0, 2), keepdims=True).shape == (1, 3, 1)
    assert call(name, x, axis=(0, 2)).shape == (3,)
    assert call(name, x).shape == ()
