"""Row formulas on NumPy, a block of rows at a time on each core: temporaries stay in the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .threads import spread

BLOCK = 1 << 20
"""Bytes of logits to work on at a time."""


def call(formula: Callable[..., Any], x: Any, /, **options: Any) -> Any:
    """Return ``formula(x, **options)``, put together from blocks."""
    return call_in(BLOCK, formula, x, **options)


def call_in(size: int, formula: Callable[..., Any], x: Any, /, *, axis: tuple[int, ...], **options: Any) -> Any:
    """Return ``formula(x, axis=axis, **options)``, put together from blocks of ``size`` bytes along another axis."""
    along = _axis_to_cut(x, axis, size)
    if along is None:
        return formula(x, axis=axis, **options)
    n = x.shape[along]
    step = max(1, size * n // x.nbytes)

    def block(start: int) -> tuple[tuple[slice, ...], Any]:
        here = (*(slice(None),) * along, slice(start, start + step))
        return here, formula(x[here], axis=axis, **{k: _cut(v, x, along, here) for k, v in options.items()})

    # The first block tells what there is to be room for.
    here, first = block(0)
    several = isinstance(first, tuple)
    wholes = tuple(_room_for(part, along, n) for part in (first if several else (first,)))

    def write(here: tuple[slice, ...], found: Any) -> None:
        for whole, part in zip(wholes, found if several else (found,), strict=True):
            whole[here] = part

    def work(start: int, stop: int) -> None:
        for a in range(start, stop, step):
            write(*block(step + a))

    write(here, first)
    spread(work, max(0, n - step), x.nbytes, step)
    return wholes if several else wholes[0]


def _axis_to_cut(x: Any, axis: tuple[int, ...], size: int) -> int | None:
    """Return the first axis that gives small enough blocks, or the longest; None for logits that are one block."""
    batch = [a for a in range(x.ndim) if a not in axis and x.shape[a] > 1]
    if x.nbytes <= size or not batch:
        return None
    fine = (a for a in batch if x.shape[a] * size >= x.nbytes)
    return next(fine, max(batch, key=lambda a: x.shape[a]))


def _cut(value: Any, x: Any, along: int, here: tuple[slice, ...]) -> Any:
    """Return the part of an option that belongs to a block."""
    if isinstance(value, tuple):
        return type(value)(*(_cut(v, x, along, here) for v in value))
    is_cut = getattr(value, "ndim", None) == x.ndim and value.shape[along] > 1
    return value[here] if is_cut else value


def _room_for(part: Any, along: int, n: int) -> Any:
    import numpy as np

    shape = (*part.shape[:along], n, *part.shape[along + 1 :])
    return np.empty(shape, dtype=part.dtype)
