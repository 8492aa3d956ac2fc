"""What the tests of activations share: calls by name, the exact answers, and how near is near enough."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from softmax_xp.testing import Exact, contract, exact_activation
from softmax_xp.testing.check_activations import name_of
from softmax_xp.testing.compare import allowance, distance

STRAIGHT = ("relu", "leaky_relu", "linear", "binary_step", "sparse_sigmoid")
CURVED = [case for case in contract.ACTIVATION_CASES if case[0] not in STRAIGHT]
"""Those with a second derivative."""


def of_cases(given: Any) -> Any:
    return pytest.mark.parametrize(("name", "options"), given, ids=[name_of(*case) for case in given])


def of_edges(given: Any) -> Any:
    return pytest.mark.parametrize("edge", given, ids=[name_of(*edge[:2]) for edge in given])


cases, curved = of_cases(contract.ACTIVATION_CASES), of_cases(CURVED)
edges = of_edges(contract.ACTIVATION_EDGES)
smooth_edges = of_edges([edge for edge in contract.ACTIVATION_EDGES if edge.name not in (*STRAIGHT, "logit")])


def exactly(values: Any) -> Exact:
    hi = np.asarray(values, dtype=np.float64)
    return Exact(hi, np.zeros_like(hi), np.zeros_like(hi), 1)


def allowed(name: str, dtype: str, exact: Exact, options: Any) -> Any:
    op = contract.activation_op(name, **options)
    return allowance(op, dtype, exact, elementary=contract.MAX_ELEMENTARY_ERROR)


def assert_near(actual: Any, expected: Any, name: str, dtype: str, **options: Any) -> None:
    """Raise unless numbers are those that are expected, within the tolerance of one function."""
    exact = expected if isinstance(expected, Exact) else exactly(expected)
    actual = np.asarray(actual, dtype=np.float64)
    assert actual.shape == exact.hi.shape
    gap, gate = distance(actual, exact), allowed(name, dtype, exact, options)
    worst = int(np.argmax(gap / gate))
    assert (gap <= gate).all(), f"{actual.flat[worst]!r} is not {exact.hi.flat[worst]!r} (element {worst})"


def exact(name: str, x: Any, **options: Any) -> Exact:
    """Return the exact values at numbers that a backend holds."""
    return _exact(name, tuple(options.items()), np.asarray(x, dtype=np.float64).tobytes())


@cache
def _exact(name: str, options: tuple[tuple[str, Any], ...], numbers: bytes) -> Exact:
    return exact_activation(name, np.frombuffer(numbers), **dict(options))
