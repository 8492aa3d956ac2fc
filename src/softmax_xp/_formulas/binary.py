"""Losses of independent yes-or-no decisions."""

from __future__ import annotations

from math import nan
from typing import Any

from .._xp.dtypes import accumulator, beside, cast, kind_of, widen
from .._xp.operations import select
from .elements import halves
from .kinds import formula
from .target import product, weighted


@formula("losses")
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
    t = beside(target, x, xp) if kind_of(target.dtype) == "real floating" else cast(target, x.dtype, xp)
    a, b = t, 1.0 - t
    if pos_weight is not None:
        a = _by_pos_weight(a, pos_weight, x, xp)
    mass = a + cast(b, a.dtype, xp)
    if weight is not None:
        weight = beside(weight, x, xp)
        mass = weighted(weight, mass, xp)
    counts = mass != 0
    known = None
    if not (weight is None and pos_weight is None):
        # A weight of 0 has a derivative, which is the loss, unless the logit is no number.
        known = counts | (x == x)
        x = select(known, x, 0.0, xp)
    low, high = halves(x, xp)
    # exp(-abs(x)) cannot overflow; tail is the same for both answers.
    tail = xp.log1p(xp.exp(low - high))
    yes, no = tail - low, tail + high
    if gamma != 0.0:
        # An infinite loss that does not count would have a derivative of 0 * inf.
        counted_yes = select((counts & (a != 0)) | xp.isfinite(yes), yes, 0.0, xp)
        counted_no = select((counts & (b != 0)) | xp.isfinite(no), no, 0.0, xp)
        # -no is log(1 - p): a power of 1 - p itself would be 0 where p rounds to 1.
        yes, no = xp.exp(-gamma * no) * counted_yes, xp.exp(-gamma * yes) * counted_no
    if alpha is not None:
        a, b = alpha * a, (1.0 - alpha) * b
    loss = weighted(a, yes, xp) + weighted(b, no, xp)
    # The values of labels cannot be refused from metadata: what is neither 0 nor 1 gets NaN.
    if kind_of(target.dtype) == "integer":
        loss = select((target == 0) | (target == 1), loss, nan, xp)
    loss = select(known, loss, 0.0, xp)
    return (loss if weight is None else weighted(weight, loss, xp)), mass


def _by_pos_weight(a: Any, pos_weight: Any, x: Any, xp: Any) -> Any:
    """Return a times the weight of positive targets, in a type that holds it."""
    if not isinstance(pos_weight, float):
        return product(beside(pos_weight, x, xp), a, xp)
    # A number that the type of a does not hold would be 0 or inf in it, whatever it is multiplied by later.
    limits = xp.finfo(a.dtype)
    held = pos_weight == 0.0 or float(limits.smallest_normal) <= pos_weight <= float(limits.max)
    return pos_weight * (a if held else cast(a, accumulator(a, xp), xp))
