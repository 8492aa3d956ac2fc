"""Losses of independent yes-or-no decisions."""

from __future__ import annotations

from math import nan
from typing import Any

from .._gate.dtypes import cast, kind_of, widen
from .elements import halves
from .rows import select
from .target import weighted


def binary_losses(
    x: Any,
    /,
    *,
    axis: tuple[()],
    target: Any,
    weight: Any,
    pos_weight: Any,
    gamma: float = 0.0,
    alpha: Any = None,
    xp: Any,
) -> tuple[Any, Any]:
    """Return one weighted loss per element, and its target weight.

    -log p is softplus(-x) and -log(1 - p) is softplus(x). Both are sums of numbers that are not
    negative; their derivatives are right at 0 and keep their digits far from it.
    """
    x = widen(x, xp)
    t = cast(target, x.dtype, xp)
    a, b = t, 1.0 - t
    if pos_weight is not None:
        a = a * (pos_weight if isinstance(pos_weight, float) else cast(pos_weight, x.dtype, xp))
    mass = a + b
    if weight is not None:
        weight = cast(weight, x.dtype, xp)
        mass = weighted(weight, mass, xp)
    if not (weight is None and pos_weight is None):
        x = select(mass != 0, x, 0.0, xp)
    low, high = halves(x, xp)
    tail = xp.log1p(xp.exp(low - high))
    yes, no = tail - low, tail + high
    if gamma != 0.0:
        # An infinite loss that does not count would have a derivative of 0 * inf.
        counts, misses = select(a != 0, yes, 0.0, xp), select(b != 0, no, 0.0, xp)
        yes, no = xp.exp(-gamma * no) * counts, xp.exp(-gamma * yes) * misses
    if alpha is not None:
        a, b = alpha * a, (1.0 - alpha) * b
    loss = weighted(a, yes, xp) + weighted(b, no, xp)
    if kind_of(target.dtype) == "integer":
        loss = select((target == 0) | (target == 1), loss, nan, xp)
    return (loss if weight is None else weighted(weight, loss, xp)), mass
