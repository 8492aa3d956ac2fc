"""Where a row is cut off: the threshold of the maps onto the simplex that reach its boundary.

All of them give each entry a power of what it has above a threshold, max(0, h - t)**m, and differ in
what h is and in what decides t. Here h has a row maximum of 0 and no influence on any derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, log2, prod
from typing import Any

from .._xp.dtypes import accumulator, cast
from .._xp.namespace import stop_gradient
from .._xp.operations import positions, repeated, select
from .._xp.sums import row_sum, running_sum

Axes = tuple[int, ...]

LARGEST = 2.0**60
"""Beyond it a power acts as infinity."""


def above(z: Any, xp: Any) -> Any:
    """Return the positive part; where ``z`` is not positive, 0 with a derivative of 0."""
    return select(z > 0, z, 0.0, xp)


def as_rows(x: Any, axis: Axes, xp: Any) -> tuple[Any, int]:
    """Return ``x`` with the axes of a row merged into one, and that axis."""
    if len(axis) == 1:
        return x, axis[0]
    # A sort is along one axis.
    rest = tuple(a for a in range(x.ndim) if a not in axis)
    shape = (*(x.shape[a] for a in rest), prod([x.shape[a] for a in axis]))
    return xp.reshape(xp.permute_dims(x, (*rest, *axis)), shape), len(rest)


def as_row_values(t: Any, like: Any, axis: Axes, xp: Any) -> Any:
    """Return one value per row of `as_rows`, with the dimensions it has beside ``like``."""
    if len(axis) == 1:
        return t
    return xp.reshape(t, tuple(1 if a in axis else n for a, n in enumerate(like.shape)))


def exact_threshold(h: Any, power: int, *, axis: Axes, xp: Any) -> Any:
    """Return the t for which sum(max(0, h - t)**power) is 1, for a power of 1 or 2, from the sorted row.

    An entry is above t if the sum over those before it is below 1 for a t at this entry; t then follows from
    their mean and variance.
    """
    rows, a = as_rows(stop_gradient(h, xp), axis, xp)
    # t is at least -1: nothing of an entry of -1 is above it, nor of one that is below.
    rows = xp.sort(select(rows > -1.0, rows, -1.0, xp), axis=a, descending=True, stable=False)
    # Running sums of a long row lose digits: they are taken in the widest type.
    rows = cast(rows, accumulator(rows, xp), xp)
    k = cast(positions(rows.shape[a], rows.ndim, a, rows, xp) + 1, rows.dtype, xp)
    total = running_sum(rows, (a,), xp)
    squares = 0.0 if power == 1 else running_sum(rows * rows, (a,), xp)
    # sum((r - rows)**power) over the first k, multiplied out, so that running sums tell it for every k at once.
    inside = (total - k * rows if power == 1 else squares + rows * (k * rows - 2.0 * total)) < 1.0
    n = xp.max(select(inside, k + xp.zeros_like(rows), 1.0, xp), axis=a, keepdims=True)
    # Once n is known the sums are taken anew: a running sum has rounded once for each entry before.
    rows = select(k <= n, rows, 0.0, xp)
    mean = row_sum(rows, (a,), xp) / n
    if power == 1:
        t = mean - 1.0 / n
    else:
        rest = 1.0 - (row_sum(rows * rows, (a,), xp) - n * mean * mean)
        # Rounding may leave less than nothing of the 1, which has no root.
        t = mean - xp.sqrt(above(rest, xp) / n)
    return cast(as_row_values(t, h, axis, xp), h.dtype, xp)


def smallest_inside(d: Any, unit: Any, m: Any, *, axis: Axes, xp: Any) -> Any:
    """Return the smallest entry above the t for which sum((unit * max(0, d - t))**m) is 1, for any power.

    An entry is above it if the sum is below 1 for a t at that entry.
    """
    rows, a = as_rows(stop_gradient(d, xp), axis, xp)
    unit, m = (v if isinstance(v, float) else as_rows(stop_gradient(v, xp), axis, xp)[0] for v in (unit, m))
    # For a power that is not 1 or 2 no running sum tells the sum at every entry.
    entry = _last(rows, lambda t: row_sum((unit * above(rows - t, xp)) ** m, (a,), xp) < 1.0, a, xp)
    return as_row_values(entry, d, axis, xp)


def last_break(h: Any, k: Any, *, axis: Axes, xp: Any) -> Any:
    """Return the smallest of the t at which an entry leaves 0 or 1 and min(1, max(0, h - t)) sums to less than k."""
    rows, a = as_rows(stop_gradient(h, xp), axis, xp)
    k = k if isinstance(k, float) else as_rows(stop_gradient(k, xp), axis, xp)[0]
    # An entry leaves 0 where t passes it, and reaches 1 where t is 1 below it: between two breaks the sum is linear.
    breaks = xp.concat([rows, rows - 1.0], axis=a)
    entry = _last(breaks, lambda t: row_sum(between(rows - t, xp), (a,), xp) < k, a, xp)
    return as_row_values(entry, h, axis, xp)


def between(z: Any, xp: Any) -> Any:
    """Return ``z`` cut off below 0 and above 1, with a derivative of 0 there."""
    return select(z < 1.0, above(z, xp), 1.0, xp)


def _last(values: Any, holds: Callable[[Any], Any], a: int, xp: Any) -> Any:
    """Return the smallest value of each row for which ``holds``; it holds for the largest, or for no other.

    The sorted row is halved, in as many steps as its length has binary digits.
    """
    n = values.shape[a]
    values = xp.sort(values, axis=a, descending=True, stable=False)
    place = positions(n, values.ndim, a, values, xp)

    def halved(state: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        last, entry, jump = state
        here = last + jump
        # The entry at a place that differs from row to row, without indices that depend on values.
        value = xp.sum(select(place == here, values, 0.0, xp), axis=a, keepdims=True)
        inside = (here < n) & holds(value)
        return xp.where(inside, here, last), xp.where(inside, value, entry), jump // 2

    steps = ceil(log2(n))
    entry = xp.max(values, axis=a, keepdims=True)
    last = xp.zeros_like(entry, dtype=place.dtype)
    return repeated(halved, steps, (last, entry, last + 2**steps // 2), xp)[1]
