"""Dask: formulas that sort rows, on whole rows at a time: one task for each chunk of the batch.

The formula itself would be as lazy, in a graph of a hundred tasks for each chunk.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import dask.array as da

from ..._formulas.kinds import cut_of
from ..._gate.arrays import namespace_of
from ..._gate.masks import known
from .. import generic
from ..ways import Way


def prepare(formula: Callable[..., Any], arrays: tuple[Any, ...], options: dict[str, Any]) -> Way | str:
    """Return the way to execute a formula, or the reason why there is none."""
    if cut_of(formula) != "maps":
        return f"does not have {formula.__name__}"
    return partial(_of_rows, formula) if arrays[0].ndim else "for arrays with a dimension"


def _of_rows(formula: Callable[..., Any], arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return the formula of each chunk, with the axes of a row in one, in the chunks that ``x`` has."""
    (x,), axis = arrays, options["axis"]
    given = {name: v for name, v in options.items() if isinstance(v, da.Array)}
    rest = {name: v for name, v in options.items() if name not in given and name != "xp"}
    # Rows in one chunk alone are left as they are: a rechunk is a task for each chunk more.
    whole = x.rechunk({a: -1 for a in axis if x.numblocks[a] > 1})
    block = partial(_of_chunk, formula, tuple(given), **rest)
    # With ``meta``: otherwise Dask calls the formula on an empty array to learn what it returns.
    found = da.map_blocks(block, whole, *(_beside(whole, v) for v in given.values()), dtype=x.dtype, meta=x._meta)
    # Callers may put the result beside x, whose chunks along the row it then has.
    return found.rechunk({a: x.chunks[a] for a in axis if x.numblocks[a] > 1})


def _beside(x: Any, option: Any) -> Any:
    """Return an option in the chunks of ``x``, except where it has length 1, or where lengths are unknown."""
    # map_blocks puts a block beside another only where both are cut alike, or one has a single block.
    wanted = {a: x.chunks[a] for a in range(x.ndim) if option.shape[a] != 1 and known(option.shape[a] + x.shape[a])}
    return option.rechunk(wanted)


def _of_chunk(formula: Callable[..., Any], names: tuple[str, ...], x: Any, *arrays: Any, **options: Any) -> Any:
    # The chunks may be NumPy's or CuPy's: ``xp`` is that of the chunk, not Dask's.
    options = {"xp": namespace_of(x), **options, **dict(zip(names, arrays, strict=True))}
    return generic.prepare(formula, (x,), options)((x,), options)
