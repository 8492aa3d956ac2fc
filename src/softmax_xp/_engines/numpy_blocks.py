"""NumPy: formulas whose temporaries would not stay in the cache, a block of rows at a time on each core."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from . import blocks
from .families import ELEMENTS, ROWS

BLOCK = 1 << 18
"""Bytes of the argument to work on at a time."""


def supports(name: str, x: Any, xp: Any, options: dict[str, Any]) -> str | None:
    """Return None if a call can be executed here, or the reason why not."""
    if name not in ROWS and name not in ELEMENTS:
        return f"does not have {name}"
    if not isinstance(x, np.ndarray):
        return "for NumPy arrays"
    return None if x.nbytes > BLOCK else "for arrays that do not fit in the cache"


def execute(
    call: Callable[..., Any],
    formula: Callable[..., Any],
    x: Any,
    /,
    *,
    axis: tuple[int, ...] | None = None,
    **options: Any,
) -> Any:
    """Return the formula, put together from blocks."""
    if axis is None:
        return blocks.call_in(BLOCK, partial(_without_axis, call, formula), x, axis=(), **options)
    return blocks.call_in(BLOCK, partial(call, formula), x, axis=axis, **options)


def _without_axis(
    call: Callable[..., Any], formula: Callable[..., Any], x: Any, /, *, axis: Any, **options: Any
) -> Any:
    return call(formula, x, **options)
