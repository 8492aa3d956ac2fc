"""NumPy: rows that do not fit in the cache, a run of their entries at a time, on all cores.

The functions take logits (1, n, inner) and room for the result. They return NotImplemented,
having computed nothing of use, where the maximum of a row is not finite.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import numpy as np

from ..._formulas.states import State, finish, merge
from ..threads import in_parallel
from .rows import beside_tops, excess, row_sum, without_warnings


@without_warnings
def softmax(x: Any, out: Any, step: int) -> Any:
    """Return exp(x - m) / sum."""
    m = _top(x, step)
    if m is None:
        return NotImplemented

    def part(a: int, b: int) -> Any:
        # Each run is written where its result will be: it is read and written while it is in the cache.
        e = np.subtract(x[:, a:b], m, out[:, a:b])
        return row_sum(np.exp(e, e), 1)

    # All exponentials before any quotient: the sum of the whole row must be known.
    return _finish(np.divide, out, sum(_each(part, x, step)), step)


@without_warnings
def log_softmax(x: Any, out: Any, step: int) -> Any:
    """Return x - m - log1p(s)."""
    m = _top(x, step)
    if m is None:
        return NotImplemented

    def part(a: int, b: int) -> tuple[Any, Any]:
        # Only x - m stays in the output; the exponentials of a run are in the cache, and spent.
        return beside_tops(np.exp(np.subtract(x[:, a:b], m, out[:, a:b])), 1)

    others, ties = zip(*_each(part, x, step), strict=True)
    return _finish(np.subtract, out, np.log1p(sum(others) + (sum(ties) - 1)), step)


@without_warnings
def logsumexp(x: Any, out: Any, step: int) -> Any:
    """Return m + log1p(s), in one pass: each run has a state; there is no need of room."""
    # Each run has its own maximum: the row is read once, not once for the maximum and once for the sum.
    state = reduce(partial(merge, xp=np), _each(lambda a, b: _state(x[:, a:b]), x, step))
    return finish(state, 1.0, np) if np.isfinite(state.m).all() else NotImplemented


def _state(x: Any) -> State:
    m = np.maximum.reduce(x, axis=1, keepdims=True)
    e = np.subtract(x, m)
    return State(m, excess(np.exp(e, e), 1))


def _each(part: Callable[[int, int], Any], x: Any, step: int) -> list[Any]:
    """Return what ``part`` finds in each run, in order: sums have the same bits for any number of threads."""
    n, found = x.shape[1], {}

    def work(first: int, last: int) -> None:
        for start in range(first, last, step):
            # Whatever thread did it: runs are cut and summed at the same places for any number of them.
            found[start] = part(start, min(start + step, last))

    in_parallel(work, n, x.nbytes, step)
    return [found[start] for start in sorted(found)]


def _top(x: Any, step: int) -> Any:
    m = reduce(np.maximum, _each(lambda a, b: np.maximum.reduce(x[:, a:b], axis=1, keepdims=True), x, step))
    # Rows with another maximum are done by the formula, which knows their limits.
    return m if np.isfinite(m).all() else None


def _finish(ufunc: Any, out: Any, q: Any, step: int) -> Any:
    """Write ``ufunc(out, q)`` to the output, q being a quantity of the rows."""
    # Cast once for each row: with a quantity in float64 NumPy would compute every entry in it.
    q = q.astype(out.dtype, copy=False)
    _each(lambda a, b: ufunc(out[:, a:b], q, out=out[:, a:b]), out, step)
    return out
