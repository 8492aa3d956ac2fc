"""What holds for any logits, found by Hypothesis, on every library."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from .reference import FILTERS, Undecided, drawn, filtered

pytestmark = pytest.mark.formula

some = settings(
    max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# One shape: libraries that compile do so once. Multiples of 1/4 are held by every floating type.
numbers = st.integers(-16, 16).map(lambda k: k / 4) | st.just(-np.inf)
rows = st.lists(numbers, min_size=15, max_size=15).map(lambda v: np.asarray(v).reshape(3, 5))
distinct = st.lists(st.permutations(range(-4, 5)).map(lambda v: v[:5]), min_size=3, max_size=3).map(
    lambda v: np.asarray(v) / 4
)
masks = st.lists(st.booleans(), min_size=15, max_size=15).map(lambda v: np.asarray(v).reshape(3, 5))
shares = st.lists(st.integers(1, 15), min_size=3, max_size=3).map(lambda v: np.asarray(v)[:, None] / 16)
counts = st.lists(st.integers(1, 7), min_size=3, max_size=3).map(lambda v: np.asarray(v)[:, None])
noises = st.lists(st.integers(-8, 30).map(lambda k: k / 8), min_size=15, max_size=15).map(
    lambda v: np.asarray(v).reshape(3, 5)
)


def sorts(backend, name):
    return not (backend.name == "strict-no_x64" and name == "typical_logits")


@some
@given(x=rows, where=masks, p=shares, k=counts)
def test_filters_keep_what_their_definitions_do(backend, call, x, where, p, k):
    dtype = backend.dtypes[-1]
    for name in FILTERS:
        value, kind = (k, "int32") if name == "top_k_logits" else (p, "float32")
        try:
            expected = filtered(name, x, value, where=where)
        except Undecided:
            continue
        if sorts(backend, name):
            given = (backend.array(x, dtype), backend.array(value, kind))
            np.testing.assert_array_equal(call(name, *given, where=backend.array(where, "bool")), expected)


@some
@given(x=rows, p=shares)
def test_what_a_filter_keeps_it_keeps_again(backend, call, x, p):
    x, p = backend.array(x, backend.dtypes[-1]), backend.array(p, "float32")
    for name in ("top_p_logits", "min_p_logits", "epsilon_logits"):
        once = call(name, x, p)
        assert (call(name, backend.array(once, backend.dtypes[-1]), p) > -np.inf).sum() <= (once > -np.inf).sum()
    once = call("min_p_logits", x, p)
    np.testing.assert_array_equal(call("min_p_logits", backend.array(once, backend.dtypes[-1]), p), once)


@some
@given(x=distinct, k=counts, order=st.permutations(range(5)))
def test_the_order_of_different_classes_does_not_matter(backend, call, x, k, order):
    dtype = backend.dtypes[-1]
    k = backend.array(k, "int32")
    plain = call("top_k_logits", backend.array(x, dtype), k)
    np.testing.assert_array_equal(call("top_k_logits", backend.array(x[:, order], dtype), k), plain[:, order])


@some
@given(x=rows, noise=noises, where=masks)
def test_labels_are_those_of_their_definition(backend, labels, x, noise, where):
    dtype = backend.dtypes[-1]
    expected = np.asarray([(drawn(*row) + [-1] * 5)[:5] for row in zip(x, noise, where, strict=True)]).T
    options = {"noise": backend.array(noise, dtype), "where": backend.array(where, "bool")}
    x = backend.array(x, dtype)
    np.testing.assert_array_equal(labels(x, shape=5, replace=False, **options), expected)
    np.testing.assert_array_equal(labels(x, **options), expected[0])
