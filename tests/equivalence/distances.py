"""The distance between any two libraries on the dangerous inputs of the contract."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np

import softmax_xp
from softmax_xp.testing import contract
from softmax_xp.testing.check import dangerous_rows
from softmax_xp.testing.compare import allowance, ulp
from softmax_xp.testing.oracle import exact_rows

from ..backends import BACKENDS, missing

NAMES = ("numpy", "strict-CPU_DEVICE", "torch", "jax", "jax-x64", "dask", "ml_dtypes")


class Distance(NamedTuple):
    """The largest distance between two libraries, and what share of the two gates together it is."""

    op: str
    dtype: str
    left: str
    right: str
    ulps: float
    share: float


def distances(op: str, dtype: str) -> list[Distance]:
    """Return the distance of each pair of installed libraries."""
    rows = [x for _, x in dangerous_rows(dtype) if x.shape[-1] <= 1025]
    names = [n for n in NAMES if n in BACKENDS and dtype in BACKENDS[n].dtypes and not missing(BACKENDS[n])]
    first = BACKENDS[names[0]]
    exact = [exact_rows(first.numpy(first.array(x, dtype)).astype(np.float64), ops=(op,))[op] for x in rows]
    outputs = {name: _results(BACKENDS[name], dtype, op, rows) for name in names}
    return [
        Distance(op, dtype, a, b, *_distance(op, dtype, exact, outputs[a], outputs[b]))
        for a, b in combinations(names, 2)
    ]


def _results(backend, dtype, op, rows):
    if backend.library == "jax":
        import jax

        jax.config.update("jax_enable_x64", backend.name == "jax-x64")
    call = getattr(softmax_xp, op)
    return [backend.numpy(call(backend.array(x, dtype), axis=-1)).astype(np.float64) for x in rows]


def _distance(op, dtype, exact, left, right):
    worst, share = 0.0, 0.0
    for truth, a, b in zip(exact, left, right, strict=True):
        same = a == b
        gap = np.where(same, 0.0, np.abs(np.where(same, 0.0, a) - np.where(same, 0.0, b)))
        allowed = 2 * allowance(op, dtype, truth, elementary=contract.MAX_ELEMENTARY_ERROR)
        worst = max(worst, float((gap / ulp(truth.hi, dtype)).max()))
        share = max(share, float((gap / allowed).max()))
    return worst, share
