"""Integers that floating point does not hold: their differences are taken before they are converted."""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple

from .dtypes import accumulator, cast, dtype_name, is_half, kind_of
from .operations import largest

_DIGITS = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}


class Top(NamedTuple):
    """The largest integer of each row, in pieces of 16 bits that every floating type with 16 digits holds."""

    pieces: list[Any]  # floating point, the largest first

    def above(self, v: Any) -> Any:
        """Return a number of each row plus the integers, the smallest pieces first."""
        for piece in reversed(self.pieces):
            v = v + piece
        return v

    def below(self, v: Any) -> Any:
        """Return what a number, or one of each row, is above the integers; near them nothing is lost."""
        for piece in self.pieces:
            v = v - piece
        return v


def from_top(
    x: Any, floating: Any, *, axis: tuple[int, ...], where: Any, xp: Any, down: bool = False
) -> tuple[Any, Top | None]:
    """Return ``x`` as floating point: integers beyond its digits less the largest that is kept of their row, and that.

    Where ``down``, that of -x. Other numbers are converted as they are, and there is no largest.
    """
    if x.dtype == floating:
        return (-x if down else x), None
    if not _is_beyond(x, floating) or 0 in x.shape or (where is not None and 0 in where.shape):
        x = cast(x, floating, xp)
        return (-x if down else x), None
    bits, unsigned = int(dtype_name(x.dtype)[-2:]), dtype_name(x.dtype).startswith("u")
    lowest = -(2 ** (bits - 1))
    y = cast(x, getattr(xp, f"int{bits}"), xp)
    # An unsigned number is measured from the middle of its range; ~y is -1 - y, which never overflows.
    y = y ^ lowest if unsigned else y
    y = ~y if down else y
    m = largest(y if where is None else xp.where(where, y, xp.full_like(y, lowest)), axis, lowest, xp)
    wide = xp.float32 if is_half(floating) else floating
    d = 2.0 * cast((y >> 1) - (m >> 1), wide, xp) + cast((y & 1) - (m & 1), wide, xp)
    if dtype_name(floating) == "float16":
        # Before the cast, which may warn; what the mask leaves out may be above the largest.
        d = xp.where((d >= -65504.0) & (d <= 65504.0), d, xp.full_like(d, -inf))
    middle = (-(2**15) if down else 2**15) if unsigned else 0
    return cast(d, floating, xp), Top(_pieces(m, bits, middle, int(down), accumulator(d, xp), xp))


def _is_beyond(x: Any, floating: Any) -> bool:
    """Whether there are integers of the type of ``x`` that a floating type does not hold."""
    label = dtype_name(x.dtype)
    if kind_of(x.dtype) != "integer" or label.endswith("int8"):
        return False
    bits = int(label[-2:]) - (not label.startswith("u"))
    return bits > _DIGITS.get(dtype_name(floating), bits)


def _pieces(m: Any, bits: int, first: int, last: int, floating: Any, xp: Any) -> list[Any]:
    """Return m + first * 2**(bits - 16) + last in pieces of 16 bits."""
    shifts = range(bits - 16, -1, -16)
    parts = [m >> shift if shift == bits - 16 else (m >> shift) & 0xFFFF for shift in shifts]
    numbers = [2.0**shift * cast(part, floating, xp) for shift, part in zip(shifts, parts, strict=True)]
    numbers[0] = numbers[0] + first * 2.0 ** (bits - 16)
    numbers[-1] = numbers[-1] + float(last)
    return numbers
