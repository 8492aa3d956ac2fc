"""The exact answer, from mpmath at 200 bits; it shares no code with the formulas."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .contract import OPS

Floats = np.ndarray[Any, np.dtype[np.float64]]

BITS = 200


class Exact(NamedTuple):
    """An exact result as ``hi + lo``, and how it moves.

    ``slack`` is its change when every x - max moves by a relative 1, so that ``u * slack`` is
    the conditioning term of the contract; ``n`` is the length of a row.
    """

    hi: Floats
    lo: Floats
    slack: Floats
    n: int


def exact_rows(x: Any, /, *, ops: tuple[str, ...] = OPS) -> dict[str, Exact]:
    """Return the exact results for the rows (last axis) of ``x``, finite but for -inf entries."""
    x = np.asarray(x, dtype=np.float64)
    rows = [_row(row) for row in x.reshape(-1, x.shape[-1])]
    shapes = {"softmax": x.shape, "log_softmax": x.shape, "logsumexp": x.shape[:-1]}

    def stacked(op: str, part: int) -> Floats:
        return np.asarray([row[op][part] for row in rows]).reshape(shapes[op])

    return {op: Exact(stacked(op, 0), stacked(op, 1), stacked(op, 2), x.shape[-1]) for op in ops}


def _row(x: Floats) -> dict[str, tuple[Any, Any, Any]]:
    import mpmath

    with mpmath.workprec(BITS):
        top = mpmath.mpf(float(x.max()))
        values, inverse = np.unique(x, return_inverse=True)
        shifted = [mpmath.mpf(float(v)) - top for v in values]
        weights = [mpmath.exp(d) for d in shifted]
        counts = np.bincount(inverse, minlength=len(values)).tolist()
        # The maximum's own 1 stays out of the sum: 1 + 1e-324 does not fit into 200 bits.
        rest = mpmath.fsum(w * c for w, c in zip(weights[:-1], counts[:-1], strict=True)) + (counts[-1] - 1)
        log_total = mpmath.log1p(rest)
        shares = [w / (1 + rest) for w in weights]
        logs = [d - log_total for d in shifted]
        p, log_p, lse = (_split(v) for v in (shares, logs, [top + log_total]))
    d = np.asarray([float(v) for v in shifted])
    finite = np.where(np.isfinite(d), np.abs(d), 0.0)
    mean = float((np.asarray(counts) * p[0] * finite).sum())
    return {
        "softmax": (p[0][inverse], p[1][inverse], (p[0] * (finite + mean))[inverse]),
        "log_softmax": (log_p[0][inverse], log_p[1][inverse], (finite + mean)[inverse]),
        "logsumexp": (lse[0][0], lse[1][0], mean if top == 0 else np.nan),
    }


def _split(values: list[Any]) -> tuple[Floats, Floats]:
    hi = [float(v) for v in values]
    lo = [float(v - h) if abs(h) < np.inf else 0.0 for v, h in zip(values, hi, strict=True)]
    return np.asarray(hi), np.asarray(lo)
