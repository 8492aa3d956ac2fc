"""What the tests of the sparse maps compare with."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from softmax_xp.testing import contract
from softmax_xp.testing.check_activations import name_of
from softmax_xp.testing.check_sparse import exact_of
from softmax_xp.testing.compare import allowance, distance
from softmax_xp.testing.oracle import Exact

CASES = contract.SPARSE_CASES
PROBABILITIES = [case for case in CASES if contract.total_of(**case[1]) == 1.0]

cases = pytest.mark.parametrize(("name", "options"), CASES, ids=[name_of(*case) for case in CASES])
probabilities = pytest.mark.parametrize(("name", "options"), PROBABILITIES, ids=[name_of(*c) for c in PROBABILITIES])


def exact(name: str, x: Any, **options: float) -> Exact:
    """Return the exact map of the rows (last axis) of ``x``."""
    x = np.ascontiguousarray(x, dtype=np.float64)
    found = exact_of(name, tuple(options.items()), x.tobytes(), x.shape[-1])
    hi, lo, slack = (part.reshape(x.shape) for part in found[:3])
    return Exact(hi, lo, slack, x.shape[-1])


def assert_near(actual: Any, expected: Any, op: str, dtype: str) -> None:
    """Assert that numbers are as near to exact ones as the contract promises for ``op``."""
    if not isinstance(expected, Exact):
        hi = np.asarray(expected, dtype=np.float64)
        expected = Exact(hi, np.zeros_like(hi), np.ones_like(hi), hi.shape[-1] if hi.ndim else 1)
    assert np.asarray(actual).shape == expected.hi.shape
    allowed = allowance(op, dtype, expected, elementary=contract.MAX_ELEMENTARY_ERROR)
    assert (distance(actual, expected) <= allowed).all(), (actual, expected.hi)


@cache
def rows(n: int = 6) -> np.ndarray[Any, Any]:
    """Return ordinary rows."""
    return np.random.default_rng(11).normal(size=(4, n)) * 1.5
