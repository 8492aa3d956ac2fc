"""NumPy: rows that do not fit in the cache, a run of their entries at a time, on all cores.

The functions take logits (1, n, inner) and room for the result. They return NotImplemented,
having computed nothing of use, where the maximum of a row is not finite.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from ..threads import spread
from .rows import quiet, row_sum


@quiet
def softmax(x: Any, out: Any, step: int) -> Any:
    """Return exp(x - m) / sum."""
    m = _top(x, step)
    if m is None:
        return NotImplemented

    def part(a: int, b: int) -> Any:
        e = np.subtract(x[:, a:b], m, out[:, a:b])
        return row_sum(np.exp(e, e), 1)

    return _finish(np.divide, out, sum(_each(part, x, step)), step)


@quiet
def log_softmax(x: Any, out: Any, step: int) -> Any:
    """Return x - m - log1p(s)."""
    m = _top(x, step)
    if m is None:
        return NotImplemented
    s = _excess(_each(lambda a, b: _beside_tops(np.exp(np.subtract(x[:, a:b], m, out[:, a:b]))), x, step))
    return _finish(np.subtract, out, np.log1p(s), step)


@quiet
def logsumexp(x: Any, out: Any, step: int) -> Any:
    """Return m + log1p(s); there is no need of room."""
    m = _top(x, step)
    if m is None:
        return NotImplemented

    def part(a: int, b: int) -> Any:
        e = np.subtract(x[:, a:b], m)
        return _beside_tops(np.exp(e, e))

    return m + np.log1p(_excess(_each(part, x, step)))


def _each(part: Callable[[int, int], Any], x: Any, step: int) -> list[Any]:
    """Return what ``part`` finds in each run, in order: sums have the same bits for any number of threads."""
    n, found = x.shape[1], {}

    def work(first: int, last: int) -> None:
        for start in range(first, last, step):
            found[start] = part(start, min(start + step, last))

    spread(work, n, x.nbytes, step)
    return [found[start] for start in sorted(found)]


def _top(x: Any, step: int) -> Any:
    m = reduce(np.maximum, _each(lambda a, b: np.maximum.reduce(x[:, a:b], axis=1, keepdims=True), x, step))
    return m if np.isfinite(m).all() else None


def _beside_tops(e: Any) -> tuple[Any, Any]:
    """Return the sum of the exponentials that are not 1, and how many are; ``e`` is spent."""
    tops = e == 1
    np.copyto(e, 0, where=tops)
    ties = np.count_nonzero(tops) if e.shape[2] == 1 else row_sum(tops.view(np.uint8), 1)
    return row_sum(e, 1), ties


def _excess(parts: list[tuple[Any, Any]]) -> Any:
    """Return the sum of the exponentials less 1: the 1 of a maximum is not added to what is small."""
    return sum(s for s, _ in parts) + (sum(ties for _, ties in parts) - 1)


def _finish(ufunc: Any, out: Any, q: Any, step: int) -> Any:
    """Write ``ufunc(out, q)`` to the output, q being a quantity of the rows."""
    q = q.astype(out.dtype, copy=False)
    _each(lambda a, b: ufunc(out[:, a:b], q, out=out[:, a:b]), out, step)
    return out
