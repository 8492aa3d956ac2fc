"""Dask: maps that sort a row, on whole rows at a time: one task for each chunk of the batch.

The formula itself would be as lazy, in a graph of a hundred tasks for each chunk.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import dask.array as da

from .._formulas import sparse as formulas
from .._gate.namespace import namespace_of
from . import generic

FUNCTIONS = ("sparsemax", "entmax", "normmax", "k_subset", "project_simplex")

PER_ROW = ("where", "alpha", "k", "scale", "temperature")
"""Options that may be arrays, with as many dimensions as x."""


def supports(name: str, x: Any, xp: Any, options: dict[str, Any]) -> str | None:
    """Return None if a call can be executed here, or the reason why not."""
    if name not in FUNCTIONS:
        return f"does not have {name}"
    return None if x.ndim else "for arrays with a dimension"


def _on_whole_rows(formula: Callable[..., Any], x: Any, /, *, xp: Any, axis: tuple[int, ...], **options: Any) -> Any:
    """Return the formula of each chunk, with the axes of a row in one."""
    arrays = {name: options.pop(name) for name in PER_ROW if isinstance(options.get(name), da.Array)}
    whole = {a: -1 for a in axis if x.numblocks[a] > 1}
    given = [x.rechunk(whole) if whole else x]
    for value in arrays.values():
        given.append(value.rechunk({a: -1 for a in axis if value.numblocks[a] > 1}))
    call = partial(_of_chunk, formula, tuple(arrays), axis=axis, **options)
    return da.map_blocks(call, *given, dtype=x.dtype, meta=x._meta)


def _of_chunk(formula: Callable[..., Any], names: tuple[str, ...], x: Any, *arrays: Any, **options: Any) -> Any:
    return generic.call(formula, x, xp=namespace_of(x), **dict(zip(names, arrays, strict=True)), **options)


sparsemax = partial(_on_whole_rows, formulas.sparsemax)
entmax = partial(_on_whole_rows, formulas.entmax)
normmax = partial(_on_whole_rows, formulas.normmax)
k_subset = partial(_on_whole_rows, formulas.k_subset)
project_simplex = partial(_on_whole_rows, formulas.project_simplex)
