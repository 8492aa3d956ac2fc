"""Axes: from what a caller may write to a sorted tuple of non-negative integers."""

from __future__ import annotations

from operator import index
from typing import Any


class AxisError(ValueError, IndexError):
    """An axis that the array does not have."""


def check_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return ``axis`` (an integer, a tuple of them, or None for all) as a tuple of axes."""
    if axis is None:
        return tuple(range(ndim))
    if not isinstance(axis, tuple):
        return (check_axis(axis, ndim),)
    axes = sorted(check_axis(a, ndim) for a in axis)
    if len(set(axes)) != len(axes):
        raise ValueError(f"axis={axis} names an axis twice; name each axis once")
    return tuple(axes)


def check_axis(axis: Any, ndim: int, allowed: str = "an integer, a tuple of integers or None") -> int:
    """Return one axis as a non-negative integer."""
    if isinstance(axis, bool):
        raise TypeError(f"axis={axis} is a bool; use {allowed}")
    try:
        a = index(axis)
    except TypeError:
        raise TypeError(f"axis={axis!r} is not an integer; use {allowed}") from None
    if not -ndim <= a < ndim:
        without = "use axis=None" if "None" in allowed else "pass one with the axis"
        near = f"use {-ndim}..{ndim - 1}" if ndim else without
        raise AxisError(f"axis={axis} is out of range for an array with {ndim} dimensions; {near}")
    return a % ndim


def check_count(name: str, value: Any, least: int = 0) -> int:
    """Return ``value`` as an integer of at least ``least``."""
    try:
        count = index(value)
    except TypeError:
        count = None
    if count is None or isinstance(value, bool):
        raise TypeError(f"{name}={value!r} is not an integer; use an integer of at least {least}")
    if count < least:
        raise ValueError(f"{name}={value} is not allowed; use an integer of at least {least}")
    return count
