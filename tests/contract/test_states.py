"""States (m, s) of parts of a row, merged in any order, are those of the whole."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest

from softmax_xp import logsumexp
from softmax_xp._formulas import states
from softmax_xp._gate.arrays import namespace_of

inf, nan = np.inf, np.nan
XP = namespace_of(np.zeros(1))


def state_of(x):
    row = states.shift(x, axis=(1,), where=None, temperature=1.0, sink=None, xp=XP)
    return states.of(row, np.exp(row.d), (1,), XP)


def parts(x, n):
    return [state_of(part) for part in np.array_split(x, n, axis=1)]


ROWS = {
    "normal": np.random.default_rng(0).normal(size=(3, 64)),
    "far apart": np.random.default_rng(0).normal(scale=300.0, size=(3, 64)),
    "ties": np.zeros((2, 64)),
    "one far above": np.where(np.arange(64) == 40, 0.0, -60.0 * np.ones((1, 64))),
    "-inf": np.where(np.arange(64) < 32, -inf, np.ones((1, 64))),
    "nothing": np.full((1, 64), -inf),
    "inf": np.where(np.arange(64) == 3, inf, np.ones((1, 64))),
    "nan": np.where(np.arange(64) == 50, nan, np.ones((1, 64))),
    "inf and nan": np.where(np.arange(64) == 50, nan, np.where(np.arange(64) == 3, inf, np.ones((1, 64)))),
}


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("n", [1, 2, 7, 64])
def test_merged_parts_have_the_sum_of_the_whole(name, n):
    x = ROWS[name]
    whole = logsumexp(x, axis=1, keepdims=True)
    for order in (parts(x, n), parts(x, n)[::-1]):
        merged = reduce(lambda a, b: states.merge(a, b, XP), order)
        found = states.finish(merged, 1.0, XP)
        np.testing.assert_allclose(found, whole, rtol=1e-15, atol=0, equal_nan=True)


@pytest.mark.parametrize("n", [2, 7, 64])
def test_what_is_small_beside_the_maximum_is_not_lost_by_merging(n):
    x = ROWS["one far above"]
    merged = reduce(lambda a, b: states.merge(a, b, XP), parts(x, n))
    np.testing.assert_allclose(states.finish(merged, 1.0, XP), np.log1p(63 * np.exp(-60.0)), rtol=1e-15)


def test_a_tree_gives_what_a_chain_gives():
    leaves = parts(ROWS["normal"], 8)
    while len(leaves) > 1:
        leaves = [states.merge(a, b, XP) for a, b in zip(leaves[::2], leaves[1::2], strict=True)]
    np.testing.assert_allclose(
        states.finish(leaves[0], 1.0, XP), logsumexp(ROWS["normal"], axis=1, keepdims=True), rtol=1e-15
    )
