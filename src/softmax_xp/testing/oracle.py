"""The exact answer, from mpmath at 200 bits; it shares no code with the formulas."""

from __future__ import annotations

from collections.abc import Callable
from math import fsum
from typing import Any, NamedTuple

import numpy as np

from .contract import DERIVATIVES, OPS

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


class Derivative(NamedTuple):
    """An exact derivative, and for each row what its gate is multiplied by."""

    exact: Exact
    largest: Floats


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


def exact_cross_entropy(x: Any, labels: Any, /) -> tuple[Exact, Derivative]:
    """Return the exact losses for the rows (last axis) of ``x`` and a label of each, and their gradients."""
    return of_labels(exact_rows(x, ops=("softmax", "log_softmax")), labels)


def of_labels(rows: dict[str, Exact], labels: Any) -> tuple[Exact, Derivative]:
    """Return the exact losses and gradients for rows of which softmax and log_softmax are known."""
    p, log_p = rows["softmax"], rows["log_softmax"]
    y = np.asarray(labels)[..., None]
    hi, lo, slack = (np.take_along_axis(part, y, axis=-1)[..., 0] for part in log_p[:3])
    loss = Exact(-hi, -lo, slack, p.n)
    hi, lo = p.hi.copy(), p.lo.copy()
    for row in np.ndindex(*hi.shape[:-1]):
        label = int(y[row][0])
        hi[row][label] = lo[row][label] = 0.0
        # Each sum is rounded once; the second is what is left of the first.
        parts = [*hi[row].tolist(), *lo[row].tolist()]
        total = fsum(parts)
        hi[row][label], lo[row][label] = -total, -fsum([*parts, -total])
    zeros = np.zeros_like(hi)
    return loss, Derivative(Exact(hi, lo, zeros, p.n), np.ones((*hi.shape[:-1], 1)))


def exact_binary_cross_entropy(x: Any, target: Any, /) -> Exact:
    """Return the exact losses for finite logits and targets from 0 to 1."""
    import mpmath

    x, t = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(target, dtype=np.float64))
    with mpmath.workprec(BITS):
        found = []
        for logit, share in zip(x.ravel().tolist(), t.ravel().tolist(), strict=True):
            tail = mpmath.log1p(mpmath.exp(-abs(mpmath.mpf(logit))))
            found.append(mpmath.mpf(share) * max(-logit, 0.0) + (1 - mpmath.mpf(share)) * max(logit, 0.0) + tail)
        hi, lo = _split(found)
    return Exact(hi.reshape(x.shape), lo.reshape(x.shape), np.zeros(x.shape), 1)


def exact_derivative(op: str, /, *arrays: Any) -> Derivative:
    """Return the exact value of a function of `softmax_xp.derivatives` for the given, already rounded arrays.

    Rows are the last axis. ``op`` is one of `contract.DERIVATIVES`; of ``"logsumexp_vjp"`` the cotangent has
    one entry per row, of ``"cross_entropy_grad"`` the labels.
    """
    import mpmath

    if op not in DERIVATIVES:
        raise ValueError(f"there is no derivative {op!r}; use one of {', '.join(DERIVATIVES)}")
    if op == "cross_entropy_grad":
        return exact_cross_entropy(*arrays)[1]
    first, *others = (np.asarray(a, dtype=np.float64) for a in arrays)
    n = first.shape[-1]
    # A cotangent of a reduction has one entry per row.
    rows = [a.reshape(-1, n if a.shape == first.shape else 1).tolist() for a in (first, *others)]
    with mpmath.workprec(BITS):
        found = [_ROWS[op](*([mpmath.mpf(v) for v in row] for row in group)) for group in zip(*rows, strict=True)]
        parts = [_split(y) for y, _ in found]
    hi, lo = (np.asarray([part[k] for part in parts]).reshape(first.shape) for k in (0, 1))
    largest = np.asarray([float(size) for _, size in found]).reshape(*first.shape[:-1], 1)
    return Derivative(Exact(hi, lo, np.zeros_like(hi), n), largest)


Row = list[Any]


def _softmax_vjp(p: Row, g: Row) -> tuple[Row, Any]:
    import mpmath

    mean = mpmath.fdot(p, g)
    return [a * b - a * mean for a, b in zip(p, g, strict=True)], max(map(abs, g))


def _softmax_hvp(p: Row, g: Row, t: Row) -> tuple[Row, Any]:
    """Return p * ((t - mean t) * (g - mean g) - cov(t, g)), the means weighted by p."""
    import mpmath

    mean_g, mean_t = mpmath.fdot(p, g), mpmath.fdot(p, t)
    both = mpmath.fsum(a * b * c for a, b, c in zip(p, g, t, strict=True)) - mean_g * mean_t
    found = [a * ((c - mean_t) * (b - mean_g) - both) for a, b, c in zip(p, g, t, strict=True)]
    return found, max(map(abs, g)) * max(map(abs, t))


def _log_softmax_vjp(log_p: Row, g: Row) -> tuple[Row, Any]:
    import mpmath

    total = mpmath.fsum(g)
    found = [b - mpmath.exp(a) * total for a, b in zip(log_p, g, strict=True)]
    return found, mpmath.fsum(map(abs, g))


def _logsumexp_vjp(x: Row, g: Row) -> tuple[Row, Any]:
    import mpmath

    top = max(x)
    weights = [mpmath.exp(v - top) for v in x]
    total = mpmath.fsum(weights)
    return [g[0] * w / total for w in weights], abs(g[0])


_ROWS: dict[str, Callable[..., tuple[Row, Any]]] = {
    "softmax_vjp": _softmax_vjp,
    "softmax_hvp": _softmax_hvp,
    "log_softmax_vjp": _log_softmax_vjp,
    "logsumexp_vjp": _logsumexp_vjp,
}
