"""Operations that the standard lacks, or that a library has in a better form."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .namespace import device_of, is_dask, is_jax, is_mlx, is_numpy, is_torch


def select(keep: Any, x: Any, other: float, xp: Any) -> Any:
    """Return ``x`` where ``keep`` (None: everywhere), else the number ``other``."""
    if keep is None:
        return x
    # `where` takes Python scalars only from 2024.12 on; these two have always done so, and save an array.
    if is_numpy(xp) or is_torch(xp):
        return xp.where(keep, x, other)
    if other != other and is_jax(xp):
        # 0 / 0 only where it is needed: with jax_debug_nans JAX refuses to make a NaN that is never selected.
        return xp.where(keep, x, xp.zeros_like(keep, dtype=x.dtype) / xp.astype(keep, x.dtype))
    return xp.where(keep, x, xp.full_like(x, other))


def repeated(step: Callable[[Any], Any], times: int, start: Any, xp: Any) -> Any:
    """Return what ``step`` makes of ``start`` when it is applied as often as ``times``.

    XLA compiles a loop as one step: what is unrolled takes as many times as long to compile.
    """
    if is_jax(xp):
        from jax.lax import fori_loop

        return fori_loop(0, times, lambda _, state: step(state), start)
    for _ in range(times):
        start = step(start)
    return start


def positions(n: int, ndim: int, axis: int, like: Any, xp: Any) -> Any:
    """Return 0, 1, ..., n - 1 along ``axis`` of an array with ``ndim`` dimensions."""
    # JAX places constants itself; its tracers and sharded arrays have no device to pass on.
    index = xp.arange(n) if is_jax(xp) or is_mlx(xp) else xp.arange(n, device=device_of(like))
    return xp.reshape(index, tuple(n if a == axis else 1 for a in range(ndim)))


def largest(x: Any, axis: tuple[int, ...], lowest: float, xp: Any) -> Any:
    """Return the maximum along ``axis``, that of nothing being ``lowest``."""
    if is_dask(xp) and axis:
        return _dask_largest(x, axis, lowest)
    if 0 in x.shape:
        return xp.sum(x, axis=axis, keepdims=True) + lowest
    return xp.max(x, axis=axis, keepdims=True) if axis else x


def _dask_largest(x: Any, axis: tuple[int, ...], lowest: float) -> Any:
    """Return the maximum with ``lowest`` for that of nothing: a chunk of unknown length may be empty."""
    from dask.array import reduction
    from numpy import max as chunk_max

    largest = partial(chunk_max, initial=lowest)
    return reduction(x, chunk=largest, aggregate=largest, axis=axis, keepdims=True, dtype=x.dtype)


def move(x: Any, start: int, stop: int, xp: Any) -> Any:
    """Return ``x`` with one axis in another place; torch.vmap does not take `moveaxis`."""
    order = [a for a in range(x.ndim) if a != start]
    order.insert(stop, start)
    return xp.permute_dims(x, tuple(order))


def sort_down(x: Any, axis: tuple[int, ...], xp: Any) -> Any:
    """Return the values of each row, largest first."""
    return xp.sort(x, axis=axis[0], descending=True, stable=False)


def nth_largest(x: Any, place: int, axis: tuple[int, ...], xp: Any) -> Any:
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


def whole_rows(x: Any, axis: tuple[int, ...], xp: Any) -> Any:
    """Return ``x`` with each row in one chunk, where the library has chunks."""
    return x.rechunk({a: -1 for a in axis if x.shape[a] != 1}) if is_dask(xp) else x
