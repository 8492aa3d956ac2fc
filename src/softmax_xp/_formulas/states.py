"""Rows of logits as sums of exponentials beside their maximum."""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple

from .._xp.dtypes import cast
from .._xp.namespace import constant
from .._xp.operations import select
from .._xp.sums import row_sum
from .rows import anchor, row_max, temper


class Shifted(NamedTuple):
    """Logits measured from their row maximum; ``m``, ``top`` and ``sink`` have one value per row."""

    d: Any  # (x - m) / temperature: at most 0, and -inf where masked
    m: Any  # the maximum of the kept entries and the sink
    top: Any  # m made finite
    sink: Any  # (sink - m) / temperature, or None


def shift(x: Any, *, axis: tuple[int, ...], where: Any, temperature: Any, sink: Any, xp: Any) -> Shifted:
    """Return the logits measured from their row maximum."""
    x = select(where, x, -inf, xp)
    m = row_max(x, axis, xp)
    if sink is not None:
        sink = xp.full_like(m, sink) if isinstance(sink, float) else cast(sink, m.dtype, xp) + xp.zeros_like(m)
        fixed = constant(sink, xp)
        m = xp.where((m >= fixed) | (m != m), m, fixed)
    top = anchor(m, xp)
    if sink is not None:
        sink = temper(sink, top, temperature, xp)
    return Shifted(temper(x, top, temperature, xp), m, top, sink)


def excess_sum(row: Shifted, e: Any, axis: tuple[int, ...], xp: Any) -> Any:
    """Return the sum of ``e = exp(d)`` over a row, less 1.

    The maximum's own 1 is never added, so what is small beside it keeps all its digits.
    What is taken off and put back is the same for every x, so derivatives stay right at ties.
    """
    tops = cast(row.d == 0, e.dtype, xp)
    s, ties = row_sum(e - tops, axis, xp), row_sum(tops, axis, xp)
    if row.sink is not None:
        top = cast(row.sink == 0, s.dtype, xp)
        s, ties = s + (cast(xp.exp(row.sink), s.dtype, xp) - top), ties + top
    return s + (ties - 1)
