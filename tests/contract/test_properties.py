"""What holds for any shape and any values, found by Hypothesis; and CONTRACT 3, the shape of the call."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from softmax_xp.testing import contract
from softmax_xp.testing.contract import FORMATS

pytestmark = pytest.mark.thorough

some = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)
seeds = st.integers(0, 2**32 - 1)
axes = st.sampled_from([None, -1, 0])
OPS = contract.OPS


def logits(shape, seed, scale=5.0):
    return (scale * np.random.default_rng(seed).normal(size=shape)).round(2)


@some
@given(shape=shapes, seed=seeds, axis=axes)
def test_softmax_is_a_distribution_in_the_order_of_its_logits(backend, dtype, call, shape, seed, axis):
    x = backend.array(logits(shape, seed), dtype)
    p = call("softmax", x, axis=axis)
    assert ((p >= 0) & (p <= 1)).all()
    n = p.size if axis is None else p.shape[axis]
    assert np.abs(p.sum(axis=axis) - 1).max() <= contract.sum_gate(dtype, n)
    if axis is None:
        order = np.argsort(backend.numpy(x).ravel(), kind="stable")
        assert (np.diff(p.ravel()[order]) >= 0).all()


@some
@given(shape=shapes, seed=seeds, axis=axes)
def test_logsumexp_lies_between_the_maximum_and_log_n_above(backend, dtype, call, shape, seed, axis):
    x = backend.array(logits(shape, seed), dtype)
    lse, top = call("logsumexp", x, axis=axis), backend.numpy(x).astype(np.float64).max(axis=axis)
    n = np.prod(shape) if axis is None else shape[axis]
    unit = 2 * FORMATS[dtype].unit
    assert (lse >= top).all()
    assert (lse <= (top + np.log(n)) + 4 * unit * (np.abs(top) + np.log(n))).all()


@some
@given(shape=shapes, seed=seeds)
def test_log_softmax_is_not_positive(backend, dtype, call, shape, seed):
    assert (call("log_softmax", backend.array(logits(shape, seed), dtype)) <= 0).all()


@some
@given(shape=shapes, seed=seeds, garbage=st.sampled_from([np.nan, np.inf, -np.inf, 6e4]))
def test_what_a_masked_slot_holds_has_no_influence(backend, dtype, call, shape, seed, garbage):
    values = logits(shape, seed)
    keep = np.random.default_rng(seed + 1).random(shape) < 0.6
    where = backend.array(keep, "bool")
    for op in OPS:
        a = call(op, backend.array(np.where(keep, values, 0.0), dtype), axis=-1, where=where)
        b = call(op, backend.array(np.where(keep, values, garbage), dtype), axis=-1, where=where)
        np.testing.assert_array_equal(a, b)


@some
@given(shape=shapes, seed=seeds)
def test_ties_get_equal_shares(backend, dtype, call, shape, seed):
    values = np.round(logits(shape, seed, 1.0))
    p = call("softmax", backend.array(values, dtype), axis=None)
    for value in np.unique(values):
        assert len(np.unique(p[values == value])) == 1


@pytest.mark.parametrize("op", OPS)
def test_a_row_alone_and_in_a_batch_agree(backend, dtype, call, op):
    values = logits((7, 33), 0)
    batch = call(op, backend.array(values, dtype), axis=-1)
    alone = np.stack([call(op, backend.array(row[None], dtype), axis=-1)[0] for row in values])
    if backend.library == "numpy":
        np.testing.assert_array_equal(batch, alone)
    else:
        np.testing.assert_array_max_ulp(batch.astype(np.float32), alone.astype(np.float32), maxulp=2)


@pytest.mark.parametrize("op", OPS)
def test_numpy_takes_any_layout(backend, dtype, op):
    if backend.library != "numpy":
        return
    import softmax_xp

    x = backend.array(logits((6, 8), 1), dtype)
    function = getattr(softmax_xp, op)
    for view in (x[::-1], x[:, ::-2], x.T, x[1::2, 3:], np.broadcast_to(x[:1], (4, 8))):
        np.testing.assert_array_max_ulp(function(view, axis=-1), function(view.copy(), axis=-1), maxulp=2)
