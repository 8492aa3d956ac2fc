"""The maps of `softmax_xp.sparse`, their losses and derivatives from mpmath at 200 bits; no code is shared with them.

What a map gives an entry is a power of its height above the threshold. The height of the lowest entry that has
one is found as the root of the sum; which entry that is, by halving.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np

from .oracle import BITS, Derivative, Exact, Floats, _split

Row = list[Any]


def exact_map(op: str, x: Any, /, **options: float) -> Exact:
    """Return the exact results for the rows (last axis) of ``x``, finite but for -inf entries.

    ``op`` is a function of `softmax_xp.sparse` and ``options`` its numbers. The slack is the larger of 1 and the spread
    of the entries with a share, times how much a change of a logit moves the entry if that is more than 1.
    """
    import mpmath

    x = np.asarray(x, dtype=np.float64)
    with mpmath.workprec(BITS):
        rows = [_ROWS[op]([mpmath.mpf(v) for v in row.tolist()], **options) for row in x.reshape(-1, x.shape[-1])]
        parts = [_split(p) for p, _ in rows]
        slack = [[float(v) for v in s] for _, s in rows]
    hi, lo, moves = (np.asarray(v).reshape(x.shape) for v in ([p[0] for p in parts], [p[1] for p in parts], slack))
    return Exact(hi, lo, moves, x.shape[-1])


def _heights(x: Row, unit: Any, power: Any) -> Row:
    """Return the heights of ``unit * x`` above the threshold at which their powers sum to 1, 0 below it."""
    import mpmath

    order = sorted((i for i in range(len(x)) if x[i] > -mpmath.inf), key=lambda i: -x[i])

    def gaps(k: int) -> Row:
        return [unit * (x[i] - x[order[k - 1]]) for i in order[:k]]

    # The sum grows with the number of entries.
    k = bisect_left(range(1, len(order) + 1), 1, key=lambda n: mpmath.fsum(g**power for g in gaps(n)))
    found = [mpmath.mpf(0)] * len(x)
    for i, height in zip(order, _raised(gaps(k), power), strict=False):
        found[i] = height
    return found


def _raised(gaps: Row, power: Any) -> Row:
    """Return the gaps raised by as much as makes their powers sum to 1."""
    import mpmath

    # By the logarithm of the share of the lowest entry, whose digits decide the others where powers are large.
    def off(log_share: Any) -> Any:
        height = mpmath.exp(log_share / power)
        return mpmath.log(mpmath.fsum((height + g) ** power for g in gaps))

    high = -mpmath.log(len(gaps))
    low = high - 1
    while off(low) > 0:
        low *= 2
    if off(high) != 0:
        high = mpmath.findroot(
            off, (low, high), solver="anderson", tol=mpmath.mpf(2) ** -150, maxsteps=300, verify=False
        )
    height = mpmath.exp(high / power)
    return [height + g for g in gaps]


def _spread(x: Row, p: Row) -> Any:
    some = [v for v, share in zip(x, p, strict=True) if share > 0]
    return max(some) - min(some) if some else 0


def _moves(x: Row, p: Row, slopes: Row) -> Row:
    spread = _spread(x, p)
    return [max(1, spread * max(1, s)) for s in slopes]


def _entmax(x: Row, alpha: float = 1.5) -> tuple[Row, Row]:
    import mpmath

    top = max(x)
    if alpha == 1.0:
        e = [mpmath.exp(v - top) for v in x]
        p = [v / mpmath.fsum(e) for v in e]
        # What the rounding of x - max moves: the term c of the contract.
        d = [top - v if v > -mpmath.inf else mpmath.mpf(0) for v in x]
        return p, [max(1, a * (b + mpmath.fdot(p, d))) for a, b in zip(p, d, strict=True)]
    if alpha == mpmath.inf:
        ties = [v == top for v in x]
        return [mpmath.mpf(t) / sum(ties) for t in ties], [mpmath.mpf(1)] * len(x)
    beta = mpmath.mpf(alpha) - 1
    p = [z ** (1 / beta) for z in _heights(x, beta, 1 / beta)]
    return p, _moves(x, p, [v ** (1 - beta) if v > 0 else 0 for v in p])


def _sparsemax(x: Row) -> tuple[Row, Row]:
    return _entmax(x, 2.0)


def _normmax(x: Row, alpha: float = 2.0) -> tuple[Row, Row]:
    import mpmath

    if alpha == 1.0:
        return _entmax(x, mpmath.inf)
    share = 1 - (1 / mpmath.mpf(alpha) if alpha != mpmath.inf else 0)
    z = _heights(x, mpmath.mpf(1), 1 / share)
    power = 1 / share - 1
    u = [v**power if v > 0 else mpmath.mpf(0) for v in z]
    p = [v / mpmath.fsum(u) for v in u]
    slopes = [power * a / v if v > 0 else 0 for a, v in zip(p, z, strict=True)]
    total = mpmath.fsum(slopes)
    return p, _moves(x, p, [s + a * total for s, a in zip(slopes, p, strict=True)])


def _project_simplex(x: Row, scale: float = 1.0) -> tuple[Row, Row]:
    import mpmath

    if scale == 0.0:
        return [mpmath.mpf(0)] * len(x), [mpmath.mpf(1)] * len(x)
    p = [mpmath.mpf(scale) * z for z in _heights(x, 1 / mpmath.mpf(scale), mpmath.mpf(1))]
    return p, [max(scale, _spread(x, p))] * len(x)


def _k_subset(x: Row, k: float) -> tuple[Row, Row]:
    """Try each pair of counts: so many entries of 1, and so many between 0 and 1."""
    import mpmath

    order = sorted(range(len(x)), key=lambda i: -x[i])
    s = [x[i] for i in order]
    for ones in range(int(k) + 1):
        for last in range(ones, len(s) + 1):
            part = s[ones:last]
            if not part and ones != k:
                continue
            t = (mpmath.fsum(part) + ones - k) / len(part) if part else (s[ones - 1] - 1 if ones else s[0])
            p = [min(mpmath.mpf(1), max(mpmath.mpf(0), v - t)) if v > -mpmath.inf else mpmath.mpf(0) for v in s]
            if mpmath.fsum(p) == k or abs(mpmath.fsum(p) - k) < mpmath.mpf(2) ** -150:
                found = [mpmath.mpf(0)] * len(x)
                for i, v in zip(order, p, strict=True):
                    found[i] = v
                return found, [max(1, _spread(x, found))] * len(x)
    raise AssertionError(f"no threshold makes the row sum to {k}")


_ROWS: dict[str, Any] = {
    "entmax": _entmax,
    "k_subset": _k_subset,
    "normmax": _normmax,
    "project_simplex": _project_simplex,
    "sparsemax": _sparsemax,
}


def exact_fenchel_young(
    x: Any, target: Any, /, *, regularizer: str, alpha: float | None = None
) -> tuple[Exact, Derivative]:
    """Return the exact losses for the rows (last axis) of ``x`` and probabilities of that shape, and their gradients.

    The slack of a loss is what it changes when logits move by as much as the slack of the prediction; and 1 more
    for a target other than a label, whose loss is a difference.
    """
    import mpmath

    x, target = (np.asarray(v, dtype=np.float64) for v in (x, target))
    alpha = alpha or {"shannon": 1.0, "gini": 2.0, "tsallis": 1.5, "norm": 2.0}[regularizer]
    losses, slopes, slack = [], [], []
    with mpmath.workprec(BITS):
        for row, goal in zip(x.reshape(-1, x.shape[-1]), target.reshape(-1, x.shape[-1]), strict=True):
            v, t = ([mpmath.mpf(c) for c in r.tolist()] for r in (row, goal))
            p, moves = (_normmax if regularizer == "norm" else _entmax)(v, alpha)
            omega = _norm if regularizer == "norm" else _negative_entropy
            losses.append(mpmath.fdot(p, v) - omega(p, alpha) + omega(t, alpha) - mpmath.fdot(t, v))
            slopes.append([a - b for a, b in zip(p, t, strict=True)])
            slack.append(float(mpmath.fsum(map(abs, slopes[-1])) * max(moves)) + (1.0 not in t))
        loss, gradient = _split(losses), [_split(s) for s in slopes]
    rows = x.shape[:-1]
    hi, lo = (np.asarray([g[k] for g in gradient]).reshape(x.shape) for k in (0, 1))
    exact = Exact(loss[0].reshape(rows), loss[1].reshape(rows), np.asarray(slack).reshape(rows), x.shape[-1])
    largest: Floats = np.maximum(1.0, np.ptp(x, axis=-1, keepdims=True))
    return exact, Derivative(Exact(hi, lo, np.zeros_like(hi), x.shape[-1]), largest)


def _negative_entropy(p: Row, alpha: float) -> Any:
    import mpmath

    if alpha == 1.0:
        return mpmath.fsum(v * mpmath.log(v) for v in p if v > 0)
    a = mpmath.mpf(alpha)
    return mpmath.fsum(v**a - v for v in p if v > 0) / (a * (a - 1))


def _norm(p: Row, alpha: float) -> Any:
    import mpmath

    return mpmath.fsum(v ** mpmath.mpf(alpha) for v in p if v > 0) ** (1 / mpmath.mpf(alpha))


def exact_entmax_vjp(p: Any, g: Any, /, *, alpha: float = 1.5) -> Derivative:
    """Return the exact gradient for given shares and cotangent; its gate grows with the slopes that are above 1."""
    import mpmath

    p, g = (np.asarray(v, dtype=np.float64) for v in (p, g))
    found, largest = [], []
    with mpmath.workprec(BITS):
        for shares, row in zip(p.reshape(-1, p.shape[-1]).tolist(), g.reshape(-1, p.shape[-1]).tolist(), strict=True):
            s = [mpmath.mpf(v) ** (2 - mpmath.mpf(alpha)) if v > 0 else mpmath.mpf(0) for v in shares]
            mean = mpmath.fdot(s, row) / mpmath.fsum(s)
            found.append(_split([a * (b - mean) for a, b in zip(s, row, strict=True)]))
            largest.append([float(max(abs(v) for v in row) * max(1, a)) for a in s])
    hi, lo = (np.asarray([f[k] for f in found]).reshape(p.shape) for k in (0, 1))
    return Derivative(Exact(hi, lo, np.zeros_like(hi), p.shape[-1]), np.asarray(largest).reshape(p.shape))
