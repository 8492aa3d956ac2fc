"""The distance between any two libraries on the inputs of the contract."""

from __future__ import annotations

from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from ...backends import ON_JAX
from .cases import CASES, Case, Gate, libraries


class Distance(NamedTuple):
    """The largest distance between two libraries, and what share of the two tolerances together it is."""

    op: str
    dtype: str
    left: str
    right: str
    ulps: float
    share: float


def distances(op: str, dtype: str, *, thorough: bool = False) -> list[Distance]:
    """Return the distance of each pair of installed libraries; of JAX in each type, or once in all ways it computes."""
    case = CASES[op](dtype)
    backends = [b for b in libraries(dtype) if thorough or dtype in ON_JAX.get(b.name, (dtype,))]
    outputs = {b.name: _results(b, case) for b in backends}
    return [
        Distance(op, dtype, a, b, *_distance(case.gates, outputs[a], outputs[b])) for a, b in combinations(outputs, 2)
    ]


def _results(backend: Any, case: Case) -> list[Any]:
    if backend.library == "jax":
        import jax

        jax.config.update("jax_enable_x64", backend.name == "jax-x64")
    return [np.asarray(backend.numpy(result)).astype(np.float64) for result in case.call(backend)]


def _distance(gates: list[Gate], left: list[Any], right: list[Any]) -> tuple[float, float]:
    worst, share = 0.0, 0.0
    for (allowed, unit), a, b in zip(gates, left, right, strict=True):
        assert a.shape == b.shape
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        gap = np.where(same, 0.0, np.abs(np.where(same, 0.0, a) - np.where(same, 0.0, b)))
        worst = max(worst, float((gap / unit).max()))
        with np.errstate(divide="ignore"):
            of_gates = np.divide(gap, 2 * allowed, out=np.zeros_like(gap), where=~same)
        share = max(share, float(of_gates.max()))
    return worst, share
