"""Which entries of a row come first: its values are sorted once, and nothing is scattered back."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Any

from .._gate.dtypes import cast
from .._gate.namespace import is_dask, is_jax, is_numpy, is_torch
from .rows import positions, select


def sort_down(x: Any, axis: tuple[int, ...], xp: Any) -> Any:
    """Return the values of each row, largest first."""
    return xp.sort(x, axis=axis[0], descending=True, stable=False)


def count(condition: Any, axis: tuple[int, ...], xp: Any) -> Any:
    """Return for how many entries of each row a condition holds."""
    kind = _index(condition, axis, xp).dtype
    return xp.sum(xp.astype(condition, kind), axis=axis, keepdims=True, dtype=kind)


def _index(x: Any, axis: tuple[int, ...], xp: Any) -> Any:
    return positions(x.shape[axis[0]], x.ndim, axis[0], x, xp)


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


def leading(
    x: Any, m: Any, *, axis: tuple[int, ...], among: Any, xp: Any, ties: str = "first", falling: Any = None
) -> Any:
    """Return where an entry is one of the ``m`` largest of its row.

    ``m`` is at least 1, a number or one for each row; ``among`` masks what counts (None: everything); and
    ``falling`` holds the values in falling order, if they are at hand. The smallest of the m is a threshold:
    what is above it stays, and of what is equal to it as many from the front as there is room for.
    """
    if isinstance(m, int) and m >= x.shape[axis[0]]:
        return x == x if among is None else among
    index = _index(x, axis, xp)
    least = _least(x, m, index, axis, falling, xp)
    above, tied = x > least, x == least
    if among is not None:
        tied = tied & among
    if ties == "all":
        return above | tied
    room = cast(m, index.dtype, xp) if hasattr(m, "dtype") else m
    turn = running_sum(xp.astype(tied, index.dtype), axis, xp)
    return above | (tied & (turn <= room - count(above, axis, xp)))


def _least(x: Any, m: Any, index: Any, axis: tuple[int, ...], falling: Any, xp: Any) -> Any:
    """Return the smallest of the m largest values of each row."""
    if isinstance(m, int):
        return xp.max(x, axis=axis, keepdims=True) if m == 1 else _at(x, m - 1, axis, xp)
    falling = sort_down(x, axis, xp) if falling is None else falling
    return xp.min(select(index < cast(m, index.dtype, xp), falling, inf, xp), axis=axis, keepdims=True)


def _at(x: Any, place: int, axis: tuple[int, ...], xp: Any) -> Any:
    """Return the value at one place of each row in falling order: libraries select faster than they sort."""
    (a,) = axis
    here = (*(slice(None),) * a, slice(place, place + 1), ...)
    if is_torch(xp):
        return xp.topk(x, place + 1, dim=a).values[here]
    if is_numpy(xp):
        n = x.shape[a]
        return xp.partition(x, n - 1 - place, axis=a)[(*here[:a], slice(n - 1 - place, n - place), ...)]
    if is_jax(xp):
        from jax.lax import top_k

        found = top_k(move(x, a, x.ndim - 1, xp), place + 1)[0]
        return move(found[..., place : place + 1], x.ndim - 1, a, xp)
    return sort_down(x, axis, xp)[here]


def shortest(shares: Any, p: Any, possible: Any, *, axis: tuple[int, ...], min_keep: int, xp: Any) -> Any:
    """Return how many entries, taken in the order of ``shares``, it takes until they hold the share ``p``.

    An entry is taken while the mass before it is below p; with p = 1 it is every possible one, also those
    that the sum no longer notices.
    """
    mass = running_sum(shares, axis, xp)
    total = mass[(*(slice(None),) * axis[0], slice(-1, None), ...)]
    m = 1 + count(mass < p * total, axis, xp)
    everything = count(possible, axis, xp)
    if not isinstance(p, float):
        m = xp.where(p >= 1, everything, m)
    elif p >= 1:
        m = everything
    return xp.where(m < min_keep, xp.full_like(m, min_keep), m)


def reorder(x: Any, order: Any, axis: tuple[int, ...], xp: Any) -> Any:
    """Return the entries of each row in another order.

    `take_along_axis` is of the standard of 2024: this takes from all rows in one line.
    """
    x, order = move(x, axis[0], x.ndim - 1, xp), move(order, axis[0], x.ndim - 1, xp)
    shape, n = x.shape, x.shape[-1]
    flat = xp.reshape(order, (-1, n))
    start = positions(flat.shape[0], 2, 0, x, xp) * n
    taken = xp.take(xp.reshape(x, (-1,)), xp.reshape(flat + start, (-1,)), axis=0)
    return move(xp.reshape(taken, shape), len(shape) - 1, axis[0], xp)


def move(x: Any, start: int, stop: int, xp: Any) -> Any:
    """Return ``x`` with one axis in another place; torch.vmap does not take `moveaxis`."""
    order = [a for a in range(x.ndim) if a != start]
    order.insert(stop, start)
    return xp.permute_dims(x, tuple(order))


def whole_rows(x: Any, axis: tuple[int, ...], xp: Any) -> Any:
    """Return ``x`` with each row in one chunk, where the library has chunks."""
    return x.rechunk({a: -1 for a in axis if x.shape[a] != 1}) if is_dask(xp) else x
