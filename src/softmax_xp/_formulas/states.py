"""Rows of logits, and the sums of their exponentials beside the maximum: states that can be merged.

A state is (m, s), with the maximum m of some of a row and s = sum(exp(x - m)) - 1. What is small beside the 1 of the
maximum keeps its digits in s, which is all that the logarithm of the sum, m + log1p(s), needs. States of parts of a row
are merged to that of the whole: in blocks, in trees, or one after the other.
"""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple

from .._xp.dtypes import cast
from .._xp.namespace import stop_gradient
from .._xp.operations import select
from .._xp.sums import row_sum
from .rows import finite_shift, held, max_over_temperature, over_temperature, row_max


class Shifted(NamedTuple):
    """Logits measured from their row maximum; ``m``, ``top`` and ``sink`` have one value per row."""

    d: Any  # (x - m) / temperature: at most 0, and -inf where masked
    m: Any  # the maximum of the kept entries and the sink
    top: Any  # m made finite
    sink: Any  # (sink - m) / temperature, or None


def shift(x: Any, *, axis: tuple[int, ...], where: Any, temperature: Any, sink: Any, xp: Any) -> Shifted:
    """Return the logits measured from their row maximum."""
    # First of all: what a masked entry holds must reach neither the maximum nor a derivative.
    x = select(where, x, -inf, xp)
    m = row_max(x, axis, xp)
    if sink is not None:
        # One value for each row, also where the option has length 1 there.
        sink = xp.full_like(m, sink) if isinstance(sink, float) else cast(sink, m.dtype, xp) + xp.zeros_like(m)
        # In the maximum it has no derivative, like the logits; its own term in the sum has. NaN on either side stays.
        fixed = stop_gradient(sink, xp)
        m = xp.where((m >= fixed) | (m != m), m, fixed)
    top = finite_shift(m, xp)
    if sink is not None:
        sink = over_temperature(sink, top, temperature, xp)
    return Shifted(over_temperature(x, top, temperature, xp), m, top, sink)


class State(NamedTuple):
    """The maximum of each row, and the sum of its exponentials less 1."""

    m: Any
    s: Any


def of(row: Shifted, e: Any, axis: tuple[int, ...], xp: Any) -> State:
    """Return the state of rows, given ``e = exp(d)``.

    The maximum's own 1 is never added, so what is small beside it keeps all its digits.
    What is taken off and put back is the same for every x, so derivatives stay right at ties.
    """
    # Asked of d, not of x: an entry whose d a high temperature has made 0 has the exponential 1 as well.
    tops = cast(row.d == 0, e.dtype, xp)
    # Apart: ties - 1 is a whole number, 0 at a single maximum, and takes no digit from the sum of the others.
    s, ties = row_sum(e - tops, axis, xp), row_sum(tops, axis, xp)
    if row.sink is not None:
        top = cast(row.sink == 0, s.dtype, xp)
        s, ties = s + (cast(xp.exp(row.sink), s.dtype, xp) - top), ties + top
    return State(row.m, s + (ties - 1))


def merge(a: State, b: State, xp: Any) -> State:
    """Return the state of rows of which these are two parts."""
    # NaN in either part stays NaN.
    m = xp.where((a.m >= b.m) | (a.m != a.m), a.m, b.m)
    top = finite_shift(m, xp)
    first, second = (_part(state, m, top, xp) for state in (a, b))
    # Where both have it, the 1 of the second maximum is one of the others.
    tie = cast((a.m == m) & (b.m == m), first.dtype, xp)
    return State(m, first + second + tie)


def _part(state: State, m: Any, top: Any, xp: Any) -> Any:
    """Return what a part adds to the sum: all of it, or, if it has the maximum, what is beside that."""
    # Below the maximum of the whole, the 1 of a part is a term like the others. Of an empty part s is -1: it adds 0.
    others = (state.s + 1) * cast(xp.exp(state.m - top), state.s.dtype, xp)
    return xp.where(state.m == m, state.s, others)


def finish(state: State, temperature: Any, xp: Any) -> Any:
    """Return m / temperature + log1p(s); a maximum that is not finite is its own answer."""
    m, s = state
    finite = xp.isfinite(m)
    # Added in the type of the sum, and rounded once at the end.
    wide = cast(m, s.dtype, xp)
    temperature = held(temperature, m.dtype, xp)
    # Special rows are replaced before: log1p(-1), in an empty one, would warn and have an infinite derivative.
    lse = max_over_temperature(select(finite, wide, 0.0, xp), temperature, xp) + xp.log1p(select(finite, s, 0.0, xp))
    return cast(xp.where(finite, lse, wide), m.dtype, xp)
