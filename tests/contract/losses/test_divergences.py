"""Divergences of distributions, on every library."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from softmax_xp.losses import js_divergence, kl_divergence

from .reference import X, assert_near, inf, log_softmax64, nan

# The definitions, by every option: on JAX and Dask, where each call takes long, the calls of the records tell.
pytestmark = pytest.mark.thorough

P = np.asarray([[0.25, 0.25, 0.5], [0.125, 0.5, 0.375], [0.0, 1.0, 0.0], [0.5, 0.0, 0.5]])
Q = np.asarray([[0.5, 0.25, 0.25], [0.25, 0.25, 0.5], [0.25, 0.5, 0.25], [0.75, 0.25, 0.0]])
NAMES = ("kl_divergence", "js_divergence")
names = pytest.mark.parametrize("name", NAMES)


def kl64(p, q):
    """Return sum(p * log(p / q)) along the last axis, where 0 * log 0 is 0."""
    p, q = np.broadcast_arrays(p, q)
    with np.errstate(divide="ignore"):
        logs = np.log(np.where(p > 0, p, 1.0)) - np.where(p > 0, np.log(q), 0.0)
    return np.sum(np.where(p > 0, p * logs, 0.0), axis=-1)


def js64(p, q):
    """Return the mean divergence from the middle."""
    return (kl64(p, (p + q) / 2) + kl64(q, (p + q) / 2)) / 2


EXACT = {"kl_divergence": kl64, "js_divergence": js64}


@names
def test_divergences_give_what_the_definition_does(backend, dtype, call, name):
    result = call(name, backend.array(P, dtype), backend.array(Q, dtype))
    assert_near(result, EXACT[name](P, Q), dtype)


def test_a_class_that_q_excludes_costs_infinity_only_if_p_has_it(backend, call):
    dtype = backend.dtypes[0]
    p, q = backend.array([[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]], dtype), backend.array([[1.0, 0.0]] * 3, dtype)
    assert_near(call("kl_divergence", p, q), [inf, 0.0, inf], dtype)
    assert_near(call("js_divergence", p, q), js64(np.asarray([[0.5, 0.5], [1, 0], [0, 1]]), [1.0, 0.0]), dtype)


@names
@pytest.mark.parametrize("p_kind", ["probs", "log_probs", "logits"])
@pytest.mark.parametrize("q_kind", ["probs", "log_probs", "logits"])
def test_kinds_of_distributions_agree(backend, call, name, p_kind, q_kind):
    dtype = backend.dtypes[0]
    log_p, log_q = log_softmax64(X), log_softmax64(-X[::-1])
    forms = {"probs": np.exp, "log_probs": np.asarray, "logits": lambda v: v + 3.0}
    p, q = (backend.array(forms[kind](v), dtype) for kind, v in ((p_kind, log_p), (q_kind, log_q)))
    result = call(name, p, q, p_kind=p_kind, q_kind=q_kind)
    # What is rounded to the dtype are logits of up to 8.
    assert_near(result, EXACT[name](np.exp(log_p), np.exp(log_q)), dtype, scale=16.0)


@names
def test_divergence_of_a_distribution_from_itself_is_0(backend, call, name):
    dtype = backend.dtypes[0]
    x = backend.array(X, dtype)
    np.testing.assert_array_equal(call(name, x, x, p_kind="logits", q_kind="logits"), np.zeros(4))
    np.testing.assert_array_equal(call(name, backend.array(P, dtype), backend.array(P, dtype)), np.zeros(4))


def test_js_divergence_is_symmetric_and_between_0_and_log_2(backend, dtype, call):
    p, q = backend.array(np.vstack([P, [[1.0, 0, 0]]]), dtype), backend.array(np.vstack([Q, [[0, 0, 1.0]]]), dtype)
    one, other = call("js_divergence", p, q), call("js_divergence", q, p)
    np.testing.assert_array_equal(one, other)
    assert (one >= 0).all()
    assert_near(np.maximum(one, log(2)), np.full(5, log(2)), dtype)


def test_divergences_of_logits_far_apart_stay_finite(backend, call):
    dtype = backend.dtypes[0]
    p, q = backend.array([[0.0, -800.0]], dtype), backend.array([[-800.0, 0.0]], dtype)
    kinds = {"p_kind": "logits", "q_kind": "logits"}
    assert_near(call("kl_divergence", p, q, **kinds), [800.0], dtype)
    assert_near(call("js_divergence", p, q, **kinds), [log(2)], dtype)


@names
@pytest.mark.parametrize("kind", ["probs", "log_probs", "logits"])
@pytest.mark.parametrize("bad", [nan, inf])
def test_masked_classes_have_no_influence(backend, call, name, kind, bad):
    dtype = backend.dtypes[0]
    where = np.asarray([True, False, True])
    p, q = (np.where(where, x, bad) for x in (P[:2], Q[:2]))
    clean = [x[:, where] for x in (P[:2], Q[:2])]
    result = call(
        name,
        backend.array(p, dtype),
        backend.array(q, dtype),
        where=backend.array(where, "bool"),
        p_kind=kind,
        q_kind=kind,
    )
    expected = call(name, *(backend.array(x, dtype) for x in clean), p_kind=kind, q_kind=kind)
    assert_near(result, expected, dtype)


@names
def test_divergences_are_reduced(backend, call, name):
    dtype = backend.dtypes[0]
    # 0.5 for a class that q excludes keeps every divergence finite.
    p, q = (np.stack([v, v[::-1]]) for v in (P, np.where(Q == 0, 0.5, Q)))
    each = EXACT[name](p, q)
    sums = {"none": each, "mean": each.mean(), "sum": each.sum(), "batchmean": each.sum() / 2}
    a, b = (backend.array(np.moveaxis(v, 2, 1), dtype) for v in (p, q))
    for reduction, expected in sums.items():
        assert_near(call(name, a, b, axis=1, reduction=reduction), expected, dtype, scale=8.0)


@names
def test_reductions_of_an_empty_batch_of_distributions(backend, call, name):
    p = backend.array(np.zeros((0, 3)), backend.dtypes[0])
    assert call(name, p, p).shape == (0,)
    assert call(name, p, p, reduction="sum") == 0
    assert np.isnan(call(name, p, p, reduction="mean"))
    assert np.isnan(call(name, p, p, reduction="batchmean"))


@names
def test_negative_probabilities_make_their_row_nan(backend, call, name):
    dtype = backend.dtypes[0]
    p = backend.array([[1.5, -0.5], [0.5, 0.5]], dtype)
    result = call(name, p, backend.array([[0.5, 0.5]] * 2, dtype))
    np.testing.assert_array_equal(np.isnan(result), [True, False])


@pytest.mark.double
@pytest.mark.parametrize("function", [kl_divergence, js_divergence])
def test_two_floating_types_give_their_common_one(backend, function):
    if len(backend.dtypes) < 2 or "float64" not in backend.dtypes:
        pytest.skip("the device has one of float32 and float64")
    p, q = backend.array(P, "float32"), backend.array(Q, "float64")
    for result in (function(p, q), function(q, p)):
        assert result.dtype == backend.dtype("float64")
