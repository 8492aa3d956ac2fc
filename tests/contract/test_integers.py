"""Integers that floating point does not hold keep their differences, on every library."""

from __future__ import annotations

import numpy as np
import pytest

from .test_values import assert_contract

pytestmark = pytest.mark.every_type

# Of each type: a number beyond the digits of float32 or of float64, whose neighbours these round to it.
LARGE = {"int32": 2**24, "uint32": 2**31 + 2**24, "int64": -(2**62), "uint64": 2**63 + 2**60}
OFFSETS = np.asarray([[0, 1, -3], [1, 1, -5], [-7, 0, 2]])
kinds = pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.double if "64" in kind else ()) for kind in LARGE]
)


@pytest.fixture
def large(backend, kind):
    """Rows of large integers, and the same rows near 0."""
    if "64" in kind and (backend.name in ("jax", "strict-no_x64") or not hasattr(backend.xp, kind)):
        pytest.skip("the device has no such type now")
    values = np.asarray([[LARGE[kind] + int(v) for v in row] for row in OFFSETS], dtype=kind)
    x = backend.xp.asarray(values).to(backend.device) if backend.library == "torch" else backend.array(values, kind)
    return x, backend.array(OFFSETS, "int32")


def each(backend):
    """Return calls of which the result depends on differences only."""
    labels, noise = backend.array([1, 2, 0], "int32"), backend.array(np.zeros((3, 3)), "float32")
    where = backend.array([True, False, True], "bool")
    yield "softmax", (), {}
    yield "softmax", (), {"axis": 0, "temperature": 2.0}
    yield "softmax", (), {"where": where, "axis": None}
    yield "log_softmax", (), {}
    yield "softmin", (), {}
    yield "hardmax", (), {"axis": -1}
    yield "sparsemax", (), {}
    yield "entmax", (), {"alpha": 1.5}
    yield "cross_entropy", (labels,), {"reduction": "none"}
    yield "partial_label_cross_entropy", (where,), {}
    yield "focal_loss", (labels,), {}
    yield "gumbel_softmax", (), {"noise": noise}


@kinds
def test_what_depends_on_differences_is_that_of_the_differences(backend, call, large):
    x, near = large
    for name, arrays, options in each(backend):
        found, expected = call(name, x, *arrays, **options), call(name, near, *arrays, **options)
        np.testing.assert_array_max_ulp(found.astype(np.float32), expected.astype(np.float32), 4)


@kinds
def test_sums_of_large_integers_are_near_the_largest(backend, call, large, kind):
    x, near = large
    base = float(LARGE[kind])
    exact = base + np.log(np.exp(OFFSETS.astype(np.float64)).sum(axis=1))
    assert_contract(call("logsumexp", x, axis=1), exact, "logsumexp", "float32")
    assert_contract(call("logmeanexp", x, axis=1), exact - np.log(3), "logsumexp", "float32")
    p, lse = call("softmax_and_logsumexp", x)
    np.testing.assert_array_max_ulp(p.astype(np.float32), call("softmax", near).astype(np.float32), 4)
    assert_contract(lse[:, 0], exact, "logsumexp", "float32")
    size, sign = call("logsumexp", x, axis=1, b=backend.array([0, -1, 0], "int32"), return_sign=True)
    np.testing.assert_array_max_ulp(size.astype(np.float32), np.float32(base + OFFSETS[:, 1]), 1)
    np.testing.assert_array_equal(sign, -np.ones(3))


@kinds
def test_a_sink_beside_large_integers_is_as_near_to_them_as_it_is(backend, call, large, kind):
    x, near = large
    for name, sign in (("softmax", 1.0), ("log_softmax", 1.0), ("softmin", -1.0)):
        found = call(name, x, sink=sign * float(LARGE[kind]))
        np.testing.assert_array_max_ulp(found.astype(np.float32), call(name, near, sink=0.0).astype(np.float32), 4)


@kinds
def test_filters_and_draws_tell_large_integers_apart(backend, call, large):
    x, near = large
    found = call("top_k_logits", x, 1, fill=0.0)
    np.testing.assert_array_equal(found != 0.0, call("top_k_logits", near, 1) > -np.inf)
    top = call("top_k_logits", x, 3)
    np.testing.assert_array_equal(found[found != 0.0], top[found != 0.0])
    np.testing.assert_array_equal(
        call("top_p_logits", x, 0.5, fill=0.0) != 0.0, call("top_p_logits", near, 0.5) > -np.inf
    )


@kinds
def test_a_masked_integer_far_above_takes_no_digits_however_often_it_is_asked(backend, call, large, kind):
    values = np.asarray([[*(LARGE[kind] + int(v) for v in row), np.iinfo(kind).max] for row in OFFSETS], dtype=kind)
    x = backend.xp.asarray(values).to(backend.device) if backend.library == "torch" else backend.array(values, kind)
    near = backend.array(np.pad(OFFSETS, ((0, 0), (0, 1))), "int32")
    where = backend.array([True, True, True, False], "bool")
    for name in ("softmax", "log_softmax"):
        # The second call of a kind goes by what the first has found out.
        for _ in range(2):
            found, expected = call(name, x, where=where), call(name, near, where=where)
            np.testing.assert_array_max_ulp(found.astype(np.float32), expected.astype(np.float32), 4)


@kinds
def test_the_ends_of_a_type_do_not_overflow(backend, call, large, kind):
    limits = np.iinfo(kind)
    values = np.asarray([limits.max, limits.min, limits.max - 1], dtype=kind)
    x = backend.xp.asarray(values).to(backend.device) if backend.library == "torch" else backend.array(values, kind)
    gap = float(limits.max) - float(limits.min)
    exact = np.asarray([0.0, -gap, -1.0]) - np.log1p(np.exp(-1.0))
    assert_contract(call("log_softmax", x), exact, "log_softmax", "float32")
    np.testing.assert_array_equal(call("softmin", x), [0.0, 1.0, 0.0])


def test_an_empty_row_of_integers_is_empty(backend, call):
    x = backend.array(np.zeros((2, 0)), "int32")
    assert call("softmax", x).shape == (2, 0)
    np.testing.assert_array_equal(call("logsumexp", x, axis=1), [-np.inf, -np.inf])


@pytest.mark.parametrize("op", ["logsumexp", "logmeanexp"])
def test_a_logarithm_beyond_a_half_type_is_infinite_without_a_warning(op):
    import softmax_xp

    x = np.asarray([100_000, 0], dtype=np.int32)
    assert getattr(softmax_xp, op)(x, dtype=np.float16) == np.inf
