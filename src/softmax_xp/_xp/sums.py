"""Sums along rows, in the widest accumulator that the device has."""

from __future__ import annotations

from functools import partial
from typing import Any

from .dtypes import accumulator, cast, dtype_name
from .namespace import is_dask, is_jax, is_mlx, is_torch

BLOCK = 128


def row_sum(x: Any, axis: tuple[int, ...], xp: Any) -> Any:
    """Return the sum, in the widest accumulator the device has."""
    wide = accumulator(x, xp)
    if not axis:
        return cast(x, wide, xp)
    if wide == x.dtype and dtype_name(wide) == "float32" and not is_jax(xp):
        return _sum_in_blocks(x, axis, xp)
    if wide != x.dtype and not is_mlx(xp):
        return xp.sum(x, axis=axis, dtype=wide, keepdims=True)
    # MLX sums in the type that it is given.
    return xp.sum(cast(x, wide, xp), axis=axis, keepdims=True)


def _sum_in_blocks(x: Any, axis: tuple[int, ...], xp: Any) -> Any:
    """Return the sum of float32 where there is no float64: its error grows with a block, not with the axis.

    XLA sums in a tree by itself, so JAX has no need of it.
    """
    for a in axis:
        while x.shape[a] > BLOCK:
            x = _fold(x, a, xp)
        x = xp.sum(x, axis=a, keepdims=True)
    return x


def _fold(x: Any, a: int, xp: Any) -> Any:
    """Return the sums of the blocks along one axis, what is left over being a block too."""
    before, blocks, after = x.shape[:a], x.shape[a] // BLOCK, x.shape[a + 1 :]
    here = (slice(None),) * a
    head = xp.reshape(x[(*here, slice(0, blocks * BLOCK), ...)], (*before, blocks, BLOCK, *after))
    rest = x[(*here, slice(blocks * BLOCK, None), ...)]
    return xp.concat([xp.sum(head, axis=a + 1), xp.sum(rest, axis=a, keepdims=True)], axis=a)


def running_sum(x: Any, axis: tuple[int, ...], xp: Any) -> Any:
    """Return the sum of each entry and those before it, in the type of ``x``."""
    if is_dask(xp):
        return _dask_running_sum(x, axis[0])
    # array-api-compat looks the namespace up once more, which torch.compile warns of.
    return xp.cumsum(x, axis[0]) if is_torch(xp) else xp.cumulative_sum(x, axis=axis[0], dtype=x.dtype)


def _dask_running_sum(x: Any, a: int) -> Any:
    """Return the running sum of chunks whose lengths need not be known: some may be empty."""
    import numpy as np
    from dask.array import map_blocks

    def of_those_before(sums: Any) -> Any:
        here = (slice(None),) * a
        return np.concatenate([0 * sums[(*here, slice(0, 1))], np.cumsum(sums, axis=a)[(*here, slice(0, -1))]], axis=a)

    def within(chunk: Any, before: Any) -> Any:
        return np.cumsum(chunk, axis=a, dtype=x.dtype) + before

    ones = (*x.chunks[:a], (1,) * x.numblocks[a], *x.chunks[a + 1 :])
    sums = x.map_blocks(partial(np.sum, axis=a, dtype=x.dtype, keepdims=True), chunks=ones, meta=x._meta)
    before = sums.rechunk({a: -1}).map_blocks(of_those_before, meta=x._meta).rechunk({a: ones[a]})
    return map_blocks(within, x, before, chunks=x.chunks, meta=x._meta)
