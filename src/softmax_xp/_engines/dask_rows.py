"""Dask: formulas that sort rows, on whole rows at a time: one task for each chunk of the batch.

The formula itself would be as lazy, in a graph of a hundred tasks for each chunk.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import dask.array as da

from .._gate.masks import known
from .._gate.namespace import namespace_of
from .families import ROWS


def supports(name: str, x: Any, xp: Any, options: dict[str, Any]) -> str | None:
    """Return None if a call can be executed here, or the reason why not."""
    if name not in ROWS:
        return f"does not have {name}"
    return None if x.ndim else "for arrays with a dimension"


def execute(
    call: Callable[..., Any], formula: Callable[..., Any], x: Any, /, *, xp: Any, axis: tuple[int, ...], **options: Any
) -> Any:
    """Return the formula of each chunk, with the axes of a row in one, in the chunks that ``x`` has."""
    arrays = {name: options.pop(name) for name, v in list(options.items()) if isinstance(v, da.Array)}
    whole = x.rechunk({a: -1 for a in axis if x.numblocks[a] > 1})
    block = partial(_of_chunk, call, formula, tuple(arrays), axis=axis, **options)
    found = da.map_blocks(block, whole, *(_beside(whole, v) for v in arrays.values()), dtype=x.dtype, meta=x._meta)
    return found.rechunk({a: x.chunks[a] for a in axis if x.numblocks[a] > 1})


def _beside(x: Any, option: Any) -> Any:
    """Return an option in the chunks of ``x``, except where it has length 1, or where lengths are unknown."""
    wanted = {a: x.chunks[a] for a in range(x.ndim) if option.shape[a] != 1 and known(option.shape[a] + x.shape[a])}
    return option.rechunk(wanted)


def _of_chunk(
    call: Callable[..., Any], formula: Callable[..., Any], names: tuple[str, ...], x: Any, *arrays: Any, **options: Any
) -> Any:
    return call(formula, x, xp=namespace_of(x), **dict(zip(names, arrays, strict=True)), **options)
