"""What the activations take: one array, and numbers."""

from __future__ import annotations

from math import isfinite
from numbers import Real
from typing import Any

from .arrays import common_namespace
from .dtypes import to_floating


def admit(x: Any, *, xp: Any, name: str = "x") -> tuple[Any, Any]:
    """Return an array as floating point and its namespace."""
    xp = common_namespace(xp, {name: x})
    return to_floating(x, None, xp, name=name), xp


def check_finite(name: str, value: Any) -> float:
    """Return a number that is neither infinite nor NaN."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}={value!r} is not a number; use a finite number")
    if not isfinite(value):
        raise ValueError(f"{name}={value} is not allowed; use a finite number")
    return float(value)


def check_flag(name: str, value: Any) -> bool:
    """Return True or False; what stands for them elsewhere may mean something else."""
    if not isinstance(value, bool):
        raise TypeError(f"{name}={value!r} is not a bool; use True or False")
    return value
