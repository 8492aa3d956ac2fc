"""Which entries of a row come first: its values are sorted once, and nothing is scattered back."""

from __future__ import annotations

from math import inf
from typing import Any

from .._xp.dtypes import cast
from .._xp.operations import nth_largest, positions, select, sort_down
from .._xp.sums import running_sum


def count(condition: Any, axis: tuple[int, ...], xp: Any) -> Any:
    """Return for how many entries of each row a condition holds."""
    # In the type of positions, which counts are compared with: torch would sum int32 to int64.
    kind = _index(condition, axis, xp).dtype
    return xp.sum(xp.astype(condition, kind), axis=axis, keepdims=True, dtype=kind)


def _index(x: Any, axis: tuple[int, ...], xp: Any) -> Any:
    return positions(x.shape[axis[0]], x.ndim, axis[0], x, xp)


def leading(
    x: Any, m: Any, *, axis: tuple[int, ...], among: Any, xp: Any, ties: str = "first", falling: Any = None
) -> Any:
    """Return where an entry is one of the ``m`` largest of its row.

    ``m`` is at least 1, a number or one for each row; ``among`` masks what counts (None: everything); and
    ``falling`` holds the values in falling order, if they are at hand. The smallest of the m is a threshold:
    what is above it stays, and of what is equal to it as many from the front as there is room for.
    """
    if isinstance(m, int) and m >= x.shape[axis[0]]:
        # All of the row is wanted: no order is needed to tell, and NaN is none of the largest.
        return x == x if among is None else among
    index = _index(x, axis, xp)
    least = _least(x, m, index, axis, falling, xp)
    above, tied = x > least, x == least
    # What is masked is -inf and may equal the threshold: it must not take the place of an entry that counts.
    if among is not None:
        tied = tied & among
    if ties == "all":
        return above | tied
    room = cast(m, index.dtype, xp) if hasattr(m, "dtype") else m
    # Ties take their turn from the front, so that no more than m stay whatever library sorted them.
    turn = running_sum(xp.astype(tied, index.dtype), axis, xp)
    return above | (tied & (turn <= room - count(above, axis, xp)))


def _least(x: Any, m: Any, index: Any, axis: tuple[int, ...], falling: Any, xp: Any) -> Any:
    """Return the smallest of the m largest values of each row."""
    if isinstance(m, int):
        # Selection takes a fixed place; one that differs from row to row is the minimum of the first m.
        return xp.max(x, axis=axis, keepdims=True) if m == 1 else nth_largest(x, m - 1, axis, xp)
    falling = sort_down(x, axis, xp) if falling is None else falling
    return xp.min(select(index < cast(m, index.dtype, xp), falling, inf, xp), axis=axis, keepdims=True)


def shortest(shares: Any, p: Any, possible: Any, *, axis: tuple[int, ...], min_keep: int, xp: Any) -> Any:
    """Return how many entries, taken in the order of ``shares``, it takes until they hold the share ``p``.

    An entry is taken while the mass before it is below p; with p = 1 it is every possible one, also those
    that the sum no longer notices.
    """
    mass = running_sum(shares, axis, xp)
    # The last running sum: another sum of the same shares rounds differently, and the mass might never reach its share.
    total = mass[(*(slice(None),) * axis[0], slice(-1, None), ...)]
    # The mass before an entry decides, so the one that reaches p is still taken.
    m = 1 + count(mass < p * total, axis, xp)
    everything = count(possible, axis, xp)
    if not isinstance(p, float):
        m = xp.where(p >= 1, everything, m)
    elif p >= 1:
        m = everything
    return xp.where(m < min_keep, xp.full_like(m, min_keep), m)
