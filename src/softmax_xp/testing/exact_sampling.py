"""What the filters keep and what is drawn, by definition: a row at a time, in mpmath at 200 bits."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np

from .oracle import BITS, Floats

MARGIN = 2.0**-12
"""How near to its threshold a decision may be, relative to it: what is nearer may fall either way by rounding."""

BY_MASS = ("top_p_logits", "typical_logits")

Row = list[float]


class Undecided(Exception):
    """Rounding may decide what is kept."""


def exact_kept(name: str, row: Row, value: float, /) -> list[int]:
    """Return the places that a filter keeps of a row of finite logits.

    Raises
    ------
    Undecided
        If a library may keep another set because it rounds.
    """
    import mpmath

    falling = sorted(range(len(row)), key=lambda i: (-row[i], i))
    if name == "top_k_logits":
        return falling[: int(value)]
    with mpmath.workprec(BITS):
        e = [mpmath.exp(mpmath.mpf(v) - row[falling[0]]) for v in row]
        total = mpmath.fsum(e)
        q = [v / total for v in e]
        entropy = -mpmath.fsum(v * mpmath.log(v) for v in q)
        if name in BY_MASS:
            far = [abs(-mpmath.log(v) - entropy) if name == "typical_logits" else -v for v in q]
            return _by_mass(row, q, far, value)
        least = {
            "min_p_logits": value * max(q),
            "epsilon_logits": mpmath.mpf(value),
            "eta_logits": min(mpmath.mpf(value), mpmath.sqrt(value) * mpmath.exp(-entropy)),
        }[name]
        if any(abs(v / least - 1) < MARGIN for v in q):
            raise Undecided
        return [i for i, v in enumerate(q) if v > least] or falling[:1]


def _by_mass(row: Row, q: Sequence[Any], far: Sequence[Any], p: float) -> list[int]:
    import mpmath

    order = sorted(range(len(q)), key=lambda i: (far[i], i))
    before = [mpmath.fsum(q[i] for i in order[:place]) for place in range(len(q) + 1)]
    count = sum(mass < p for mass in before[:-1])
    # The order matters where it is cut: another last entry would have another mass before it.
    cut = [(order[k - 1], order[k]) for k in (count - 1, count) if 0 < k < len(q)]
    near = any(row[a] != row[b] and abs(far[a] - far[b]) < MARGIN for a, b in cut)
    if near or any(abs(mass / p - 1) < MARGIN for mass in before):
        raise Undecided
    return order[:count]


def exact_drawn(x: Row, noise: Row) -> list[int]:
    """Return the labels of a row in the order drawn, as many as can be drawn; the sums are exact in float64."""
    return sorted((i for i, v in enumerate(x) if v > -inf), key=lambda i: (-(x[i] + noise[i]), i))


def exact_filter(name: str, x: Floats, values: Sequence[float], where: Any = None, /) -> Floats:
    """Return the filtered rows of finite logits, with one value for each, and -inf for what is removed."""
    result = np.full(x.shape, -inf)
    for i, (row, value) in enumerate(zip(x, values, strict=True)):
        places = np.flatnonzero(np.ones(len(row)) if where is None else where[i])
        chosen = places[exact_kept(name, row[places].tolist(), value)]
        result[i, chosen] = row[chosen]
    return result
