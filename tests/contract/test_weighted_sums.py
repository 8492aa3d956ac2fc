"""logsumexp with weights: its table of edge values, what it broadcasts, and the type of its result."""

from __future__ import annotations

import numpy as np
import pytest

from softmax_xp.testing import contract

from .test_values import assert_contract

pytestmark = pytest.mark.every_type

inf, nan = np.inf, np.nan
RNG = np.random.default_rng(0)


def rows_of(dtype, length):
    form = contract.FORMATS[dtype]
    return [e for e in contract.SUM_EDGES if e.fits(form.digits, form.tiny) and len(e.x) == length]


@pytest.mark.parametrize("length", [1, 2])
def test_edge_values_of_weighted_sums_are_those_of_the_contract(backend, dtype, call, length):
    edges = rows_of(dtype, length)
    x, b = (backend.array([getattr(e, name) for e in edges], dtype) for name in "xb")
    size, sign = call("logsumexp", x, b=b, axis=1, return_sign=True)
    np.testing.assert_array_equal(sign, [e.sign for e in edges])
    assert_contract(size, [e.value for e in edges], "logsumexp", dtype)
    negative = np.asarray([e.sign < 0 for e in edges])
    value = call("logsumexp", x, b=b, axis=1)
    assert np.isnan(value[negative]).all()
    np.testing.assert_array_equal(value[~negative], size[~negative])


def weighted64(x, b, axis, where=True):
    terms = np.where(where, b * np.exp(x), 0.0).sum(axis=axis)
    with np.errstate(divide="ignore"):
        return np.log(np.abs(terms)), np.sign(terms)


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
def test_exponents_and_weights_broadcast_to_one_shape(backend, call, axis):
    dtype = backend.dtypes[0]
    x, b = (-np.asarray(RNG.integers(1, 9, size=shape), float) / 4 for shape in ((4, 1, 2, 1), (3, 1, 5)))
    where = np.asarray([True, True, False, True, True])
    given = (backend.array(x, dtype),)
    options = {"b": backend.array(b, dtype), "axis": axis, "return_sign": True}
    for mask in (True, where):
        extra = {} if mask is True else {"where": backend.array(where, "bool")}
        size, sign = call("logsumexp", *given, **options, **extra)
        expected, signs = weighted64(x, b, axis, mask)
        np.testing.assert_array_equal(sign, signs)
        np.testing.assert_array_equal(size == -inf, expected == -inf)
        assert size.shape == expected.shape
        known = np.isfinite(expected)
        assert (np.abs(size[known] - expected[known]) <= 64 * contract.FORMATS[dtype].unit * 8).all()


@pytest.mark.double
def test_a_sum_has_the_common_type_of_exponents_and_weights(backend, call):
    if not {"float64", "float32"} <= set(backend.dtypes):
        pytest.skip("the device has one of float32 and float64")
    from softmax_xp import logsumexp

    x, b = backend.array([0.0, 1.0], "float32"), backend.array([2.0**-200, 0.0], "float64")
    result = logsumexp(x, b=b)
    assert result.dtype == b.dtype
    assert_contract(backend.numpy(result), -138.62943611198907, "logsumexp", "float64")
    # A number is of no type, and neither are integers and booleans.
    for other in (2.0**-200, backend.array([1, 0], "int32"), backend.array([True, False], "bool")):
        assert logsumexp(x, b=other).dtype == x.dtype
    assert_contract(call("logsumexp", x[:1], b=2.0**-200), -138.62943611198907, "logsumexp", "float32")
    narrow = logsumexp(x, b=b, dtype=x.dtype)
    assert narrow.dtype == x.dtype
    assert_contract(backend.numpy(narrow), -138.62943611198907, "logsumexp", "float32")


@pytest.mark.double
@pytest.mark.parametrize("x", [complex(1.0, inf), complex(1.0, nan), complex(inf, 1.0), complex(nan, nan)])
def test_a_complex_entry_of_weight_0_has_no_influence(backend, call, x):
    if backend.library in ("dask", "mlx") or "complex128" not in dir(backend.xp) or backend.dtypes[0] != "float64":
        pytest.skip("complex numbers are tested in double precision")
    result = call("logsumexp", backend.array([x, 1.0], "complex128"), b=backend.array([0.0, 1.0], "float64"))
    np.testing.assert_equal(complex(result), 1.0 + 0.0j)


def test_numbers_as_weights_may_be_beyond_the_type_of_the_exponents(backend, dtype, call):
    if "float64" not in backend.dtypes:
        pytest.skip("the device has no float64")
    result = call("logsumexp", backend.array([0.0], dtype), b=2.0**200)
    assert_contract(result, 138.62943611198907, "logsumexp", dtype)


def test_boolean_weights_are_0_and_1(backend, call):
    dtype = backend.dtypes[0]
    x = backend.array([0.0, 5.0, 0.0], dtype)
    assert_contract(call("logsumexp", x, b=backend.array([True, False, True], "bool")), np.log(2), "logsumexp", dtype)


@pytest.mark.double
@pytest.mark.parametrize(
    ("x", "size", "angle"),
    [
        ([complex(inf, 4.0)], inf, 4.0 - 2 * np.pi),
        ([complex(inf, 1.0), complex(0.0, 2.0)], inf, 1.0),
        ([complex(inf, 1.0), complex(inf, 2.0)], inf, 1.5),
        ([complex(-inf, 3.0)], -inf, 0.0),
        ([complex(-inf, nan), complex(-inf, inf), 1j], 0.0, 1.0),
        ([complex(nan, 0.0), 1j], nan, nan),
    ],
)
def test_complex_infinities_are_a_limit(backend, call, x, size, angle):
    if backend.library in ("dask", "mlx") or "complex128" not in dir(backend.xp) or backend.dtypes[0] != "float64":
        pytest.skip("complex numbers are tested in double precision")
    value = call("logsumexp", backend.array(x, "complex128"))
    unit = contract.FORMATS["float64"].unit
    np.testing.assert_equal(value.real if np.isinf(size) or np.isnan(size) else round(float(value.real), 12), size)
    assert np.isnan(angle) or abs(value.imag - angle) <= 8 * unit


@pytest.mark.parametrize(
    ("b", "angle"), [(complex(inf, 0.0), 0.0), (complex(0.0, inf), 0.5), (complex(-inf, 1.0), 1.0)]
)
def test_an_infinite_complex_weight_gives_its_direction(backend, call, b, angle):
    if backend.library in ("dask", "mlx") or "complex128" not in dir(backend.xp) or backend.dtypes[0] != "float64":
        pytest.skip("complex numbers are tested in double precision")
    value = call("logsumexp", backend.array([0.0, 1.0], "complex128"), b=backend.array([b, 1.0], "complex128"))
    assert value.real == inf
    assert abs(value.imag - angle * np.pi) <= 8 * contract.FORMATS["float64"].unit
