"""Draws and filters by their definition, a row at a time with Python's sort and exact sums."""

from __future__ import annotations

from math import exp, fsum, inf, log, sqrt
from typing import Any

import mpmath
import numpy as np

MARGIN = 2.0**-12
"""How near a mass may come to its threshold: nearer than this, rounding decides, and no test asks."""

LEVEL = 1e-6
"""The probability with which a test of frequencies would fail although they are right, at any one seed."""

FILTERS = ("top_k_logits", "top_p_logits", "min_p_logits", "typical_logits", "epsilon_logits", "eta_logits")
BY_MASS = ("top_p_logits", "typical_logits")


class Undecided(Exception):
    """Rounding decides what is kept."""


def probabilities(row: list[float]) -> list[float]:
    """Return softmax; entries of +inf share all the mass."""
    top = max(row)
    e = [float(v == inf) if top == inf else exp(v - top) if v > -inf else 0.0 for v in row]
    total = fsum(e)
    return [v / total for v in e] if total else e


def entropy(q: list[float]) -> float:
    return -fsum(v * log(v) for v in q if v > 0)


def kept(name: str, row: Any, value: Any, where: Any = None, *, min_keep: int = 1, ties: str = "first") -> Any:
    """Return which entries of one row a filter keeps."""
    places = [i for i in range(len(row)) if where is None or where[i]]
    keep = np.zeros(len(row), dtype=bool)
    if places:
        chosen = _kept(name, [float(row[i]) for i in places], value, min_keep, ties)
        keep[[places[i] for i in chosen]] = True
    return keep


def _kept(name: str, x: list[float], value: Any, min_keep: int, ties: str) -> list[int]:
    falling = sorted(range(len(x)), key=lambda i: (-x[i], i))
    if name == "top_k_logits":
        if ties == "all":
            return [i for i in falling if x[i] >= x[falling[min(int(value), len(x)) - 1]]]
        return falling[: int(value)]
    q = probabilities(x)
    if max(q) == 0:
        return falling[:min_keep]
    if name == "top_p_logits":
        return _by_mass(falling, q, value, min_keep)
    if name == "typical_logits":
        h = entropy(q)
        far = [abs(-log(v) - h) if v > 0 else inf for v in q]
        _decide([abs(a - b) for a, u in zip(far, x, strict=True) for b, v in zip(far, x, strict=True) if u != v])
        return _by_mass(sorted(range(len(x)), key=lambda i: (far[i], i)), q, value, min_keep)
    least = {
        "min_p_logits": value * max(q),
        "epsilon_logits": value,
        "eta_logits": min(value, sqrt(value) * exp(-entropy(q))),
    }[name]
    if value not in (0.0, 1.0):
        _decide([abs(v / least - 1) for v in q])
    # q is what rounding left of it: at the two ends the definition says what is kept.
    high = [v >= least or (value == 1.0 and name == "min_p_logits" and x[i] == max(x)) for i, v in enumerate(q)]
    return [i for place, i in enumerate(falling) if high[i] or place < min_keep]


def _by_mass(order: list[int], q: list[float], p: float, min_keep: int) -> list[int]:
    if p == 1.0:
        return [i for place, i in enumerate(order) if place < min_keep or q[i] > 0]
    before = [fsum(q[i] for i in order[:place]) for place in range(len(order))]
    _decide([abs(mass - p) for mass in before])
    return [i for place, i in enumerate(order) if place < min_keep or before[place] < p]


def _decide(distances: list[float]) -> None:
    if any(d < MARGIN for d in distances):
        raise Undecided


def filtered(
    name: str, x: Any, value: Any, *, axis: int = -1, where: Any = None, fill: float = -inf, **options: Any
) -> Any:
    """Return what a filter of finite logits gives; ``value`` may have one entry per row."""
    rows = np.moveaxis(np.asarray(x, dtype=np.float64), axis, -1)
    where = None if where is None else np.moveaxis(np.broadcast_to(where, np.shape(x)), axis, -1)
    values = np.broadcast_to(np.moveaxis(value, axis, -1), (*rows.shape[:-1], 1)) if np.ndim(value) else None
    result = np.full(rows.shape, float(fill))
    for i in np.ndindex(rows.shape[:-1]):
        one = value if values is None else float(values[i][0])
        keep = kept(name, rows[i], one, None if where is None else where[i], **options)
        result[i] = np.where(keep, rows[i], fill)
    return np.moveaxis(result, -1, axis)


def drawn(x: Any, noise: Any, where: Any = None) -> list[int]:
    """Return the labels of one row in the order drawn, as many as can be drawn."""
    places = [i for i in range(len(x)) if (where is None or where[i]) and x[i] > -inf]
    return sorted(places, key=lambda i: (-(x[i] + noise[i]), i))


def chi_square(counts: Any, q: Any) -> float:
    """Return the statistic of counts of classes, all of which have a probability above 0."""
    expected = np.sum(counts) * np.asarray(q)
    return float(np.sum((counts - expected) ** 2 / expected))


def chi_square_bound(freedom: int) -> float:
    """Return what the statistic exceeds with probability LEVEL."""
    low, high = float(freedom), freedom + 100.0
    while high - low > LEVEL:
        middle = (low + high) / 2
        tail = mpmath.gammainc(freedom / 2, middle / 2, regularized=True)
        low, high = (middle, high) if tail > LEVEL else (low, middle)
    return high


def poisson_bounds(mean: float) -> tuple[int, int]:
    """Return the numbers that a count lies between, but with probability LEVEL on either side."""
    share, total, low, k = exp(-mean), 0.0, 0, 0
    while total + share < 1 - LEVEL:
        total += share
        k += 1
        share *= mean / k
        low = k if total < LEVEL else low
    return low, k
