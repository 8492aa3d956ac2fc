"""The kernels of the distribution ``softmax-xp-kernels``: found, or why not, and called on NumPy arrays."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ..threads import BYTES, in_parallel

ABI = 1
"""The interface of the kernels that this module speaks."""

COLUMNS = 64
"""Columns are cut at multiples of so many: two threads do not write to one line of the cache."""


@cache
def find() -> tuple[Any, str | None]:
    """Return the module of the kernels, or None and why there is none."""
    # A way to be rid of them without uninstalling, to compare results for example.
    if os.environ.get("SOFTMAX_XP_KERNELS") == "0":
        return None, "SOFTMAX_XP_KERNELS is 0"
    try:
        import softmax_xp_kernels
    except Exception as error:
        # Whatever is wrong with the file: this is a faster way and not the only one.
        if isinstance(error, ModuleNotFoundError) and error.name == "softmax_xp_kernels":
            return None, "softmax-xp-kernels is not installed"
        return None, f"softmax-xp-kernels does not load: {error}"
    # A distribution of its own, with versions of its own: called with arguments of another interface it would crash.
    abi = getattr(softmax_xp_kernels, "ABI", None)
    if abi != ABI:
        return None, f"softmax-xp-kernels has interface {abi}, and interface {ABI} is needed"
    return softmax_xp_kernels, None


def of(name: str, x: Any) -> Callable[..., None]:
    """Return a kernel as a function of arrays of the kind of ``x``, results included, an axis and a full mask."""
    # As it is where it needs nothing: a short row takes less time than the calls around it.
    if x.nbytes < 2 * BYTES and x.dtype.kind == "f":
        return getattr(find()[0], name)
    return lambda *given: execute(name, given[:-2], *given[-2:])


def execute(name: str, arrays: tuple[Any, ...], axis: int, where: Any) -> None:
    """Call a kernel on logits and what belongs to them, results included, by as many threads as are worth it.

    Along all axes but ``axis`` each array has the length of the first or 1.
    """
    # NumPy has no bfloat16 of its own: it travels as its 16 bits.
    arrays = tuple(v.view(np.int16) if v.dtype.kind == "V" else v for v in arrays)
    x = arrays[0]
    kernel = getattr(find()[0], name)
    where = where if where is None or where.shape == x.shape else np.broadcast_to(where, x.shape)
    # A single row is not cut: its sum has the same bits for any number of threads.
    if x.nbytes < 2 * BYTES or x.size == x.shape[axis]:
        kernel(*arrays, axis, where)
        return
    # The outermost axis that is long enough to be shared, or else the longest.
    along = max((a for a in range(x.ndim) if a != axis), key=lambda a: (x.shape[a] >= 64, -a, x.shape[a]))
    before = (slice(None),) * along

    def work(start: int, stop: int) -> None:
        here = (*before, slice(start, stop))
        kernel(*(v[here] for v in arrays), axis, None if where is None else where[here])

    in_parallel(work, x.shape[along], x.nbytes, COLUMNS if along > axis else 1)


def elements(name: str, arrays: tuple[Any, ...], axis: int, where: Any) -> Any:
    """Return the result of a kernel that has the shape of the logits."""
    # A plain array: of a memory map, empty_like would make another one.
    out = np.empty_like(arrays[0], subok=False)
    execute(name, (*arrays, out), axis, where)
    return out


def rows(name: str, arrays: tuple[Any, ...], axis: int, where: Any) -> Any:
    """Return the result of a kernel that has one number per row."""
    x = arrays[0]
    out = np.empty((*x.shape[:axis], 1, *x.shape[axis + 1 :]), x.dtype)
    execute(name, (*arrays, out), axis, where)
    return out
