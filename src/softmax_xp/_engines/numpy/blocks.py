"""NumPy: formulas whose temporaries would not stay in the cache, a block of rows at a time on each core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..._formulas.kinds import cut_of
from .. import generic
from ..threads import in_parallel
from ..ways import Way

BLOCK = 1 << 19
"""Bytes of the argument to work on at a time: in half of it the calls weigh more than the cache saves, twice as much
leaves the cores of a small array unequal work."""

LARGE = 1 << 20
"""The same for losses: the formulas that they are made of are executed by themselves, in blocks of their own."""


def prepare(formula: Callable[..., Any], arrays: tuple[Any, ...], options: dict[str, Any]) -> Way | str:
    """Return the way to execute a formula, or the reason why there is none."""
    cut, x = cut_of(formula), arrays[0]
    if cut not in ("elements", "rows", "maps", "losses"):
        return f"does not have {formula.__name__}"
    if not isinstance(x, np.ndarray):
        return "for NumPy arrays"
    # One cut must fit all of them; arrays that broadcast would need a cut each.
    if any(v.shape != x.shape for v in arrays[1:]):
        return "for arrays of one shape"
    size = LARGE if cut == "losses" else BLOCK
    if x.nbytes <= size:
        return "for arrays that do not fit in the cache"
    along = axis_to_cut(x, options.get("axis", ()), size)
    if along is None:
        return "for several rows"
    # Formulas of rows take few passes: what blocks of columns gain in the cache, they lose by reaching over memory.
    if cut == "rows" and min(options["axis"], default=along) < along:
        return "for rows that are whole pieces of memory"
    way = generic.prepare(formula, arrays, options)
    return lambda arrays, options: in_blocks(way, arrays, options, along, size)


def axis_to_cut(x: Any, axis: tuple[int, ...], size: int) -> int | None:
    """Return the first axis that gives small enough blocks, or the longest; None for a single row."""
    batch = [a for a in range(x.ndim) if a not in axis and x.shape[a] > 1]
    if not batch:
        return None
    # The outermost one that is long enough: its blocks are the nearest to whole pieces of memory.
    fine = (a for a in batch if x.shape[a] * size >= x.nbytes)
    return next(fine, max(batch, key=lambda a: x.shape[a]))


def in_blocks(way: Way, arrays: tuple[Any, ...], options: dict[str, Any], along: int, size: int) -> Any:
    """Return the result of ``way``, put together from blocks of ``size`` bytes along an axis."""
    x, n = arrays[0], arrays[0].shape[along]
    step = max(1, size * n // x.nbytes)
    dropped = None if options.get("keepdims", True) else options["axis"]
    if dropped is not None:
        # Parts are put together with all of their axes, so that a cut has the same place in the result.
        options = {**options, "keepdims": True}

    def block(start: int) -> tuple[tuple[slice, ...], Any]:
        here = (*(slice(None),) * along, slice(start, start + step))
        parts = {name: _cut(v, x, along, here) for name, v in options.items()}
        return here, way(tuple(v[here] for v in arrays), parts)

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
    # Every thread writes to places of its own: the order in which they end does not matter.
    in_parallel(work, max(0, n - step), x.nbytes, step)
    if dropped is not None:
        wholes = tuple(whole.squeeze(dropped) for whole in wholes)
    return wholes if several else wholes[0]


def _cut(value: Any, x: Any, along: int, here: tuple[slice, ...]) -> Any:
    """Return the part of an option that belongs to a block."""
    if isinstance(value, tuple):
        return type(value)(*(_cut(v, x, along, here) for v in value)) if hasattr(value, "_fields") else value
    # Of length 1 along the cut it belongs to every block.
    is_cut = getattr(value, "ndim", None) == x.ndim and value.shape[along] > 1
    return value[here] if is_cut else value


def _room_for(part: Any, along: int, n: int) -> Any:
    return np.empty((*part.shape[:along], n, *part.shape[along + 1 :]), dtype=part.dtype)
