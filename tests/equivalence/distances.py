"""The distance between any two libraries on the dangerous inputs of the contract."""

from __future__ import annotations

from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

import softmax_xp
from softmax_xp import derivatives
from softmax_xp.testing import contract
from softmax_xp.testing.check import dangerous_rows
from softmax_xp.testing.check_losses import three_labels, thrice
from softmax_xp.testing.compare import allowance, derivative_allowance, ulp
from softmax_xp.testing.oracle import Derivative, Exact, exact_rows, of_labels

from ..backends import BACKENDS, missing

OPS = (*contract.OPS, "cross_entropy", "cross_entropy_grad")
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
    given = [first.numpy(first.array(x, dtype)).astype(np.float64) for x in rows]
    exact = [_exact(op, x) for x in given]
    outputs = {name: [_result(BACKENDS[name], dtype, op, x) for x in given] for name in names}
    return [
        Distance(op, dtype, a, b, *_distance(op, dtype, exact, outputs[a], outputs[b]))
        for a, b in combinations(names, 2)
    ]


def _exact(op: str, x: Any) -> Exact | Derivative:
    if op in contract.OPS:
        return exact_rows(x, ops=(op,))[op]
    rows = {name: thrice(row) for name, row in exact_rows(x, ops=("softmax", "log_softmax")).items()}
    return of_labels(rows, three_labels(x))[op == "cross_entropy_grad"]


def _result(backend: Any, dtype: str, op: str, x: Any) -> Any:
    if backend.library == "jax":
        import jax

        jax.config.update("jax_enable_x64", backend.name == "jax-x64")
    if op in contract.OPS:
        result = getattr(softmax_xp, op)(backend.array(x, dtype), axis=-1)
    else:
        logits, labels = backend.array(np.concatenate([x] * 3), dtype), backend.array(three_labels(x), "int32")
        function = softmax_xp.cross_entropy if op == "cross_entropy" else derivatives.cross_entropy_and_grad
        result = function(logits, labels, reduction="none")
        result = result[1] if isinstance(result, tuple) else result
    return backend.numpy(result).astype(np.float64)


def _distance(op, dtype, exact, left, right):
    worst, share = 0.0, 0.0
    for truth, a, b in zip(exact, left, right, strict=True):
        same = a == b
        gap = np.where(same, 0.0, np.abs(np.where(same, 0.0, a) - np.where(same, 0.0, b)))
        if isinstance(truth, Derivative):
            # In ulp of the largest entry that the cotangent allows, as the gate is.
            allowed, unit = derivative_allowance(dtype, truth), ulp(truth.largest, dtype)
        else:
            allowed = allowance(op, dtype, truth, elementary=contract.MAX_ELEMENTARY_ERROR)
            unit = ulp(truth.hi, dtype)
        worst = max(worst, float((gap / unit).max()))
        share = max(share, float((gap / (2 * allowed)).max()))
    return worst, share
