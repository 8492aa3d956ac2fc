"""NumPy: rows that fit in the cache, with as few calls as there can be.

The functions take logits, the axis of the rows and room for the result. Those of all entries return NotImplemented,
having computed nothing of use, where the maximum of a row is not finite.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, isfinite, prod
from typing import Any

import numpy as np

from ..._formulas.labels import Split
from ..._formulas.rows import finite_shift, with_special_rows

maximum: Any = np.maximum.reduce
add: Any = np.add.reduce

# As a decorator this costs half of what a with statement does.
without_warnings = np.errstate(all="ignore")

RUN = 16
"""Numbers that are added one after the other along a strided axis, in float32 too."""


@without_warnings
def softmax(x: Any, axis: int, out: Any = None) -> Any:
    """Return exp(x - m) / sum."""
    m = row_top(x, axis)
    if m is None:
        return NotImplemented
    # Every step is written over the one before, so that no temporary array is allocated.
    e = np.subtract(x, m, out)
    np.exp(e, e)
    # A single row is divided by a number: NumPy does less for it than for an array with one entry.
    if e.size == e.shape[axis]:
        return np.divide(e, add(e, None, np.float64).item(), e)
    return np.divide(e, row_sum(e, axis).astype(x.dtype, copy=False), e)


@without_warnings
def log_softmax(x: Any, axis: int, out: Any = None) -> Any:
    """Return x - m - log1p(s)."""
    m = row_top(x, axis)
    if m is None:
        return NotImplemented
    # d is part of the result, so the exponentials need memory of their own.
    d = np.subtract(x, m, out)
    s = excess(np.exp(d), axis)
    return np.subtract(d, np.log1p(s, s).astype(x.dtype, copy=False), d)


@without_warnings
def logsumexp(x: Any, axis: int, out: Any = None) -> Any:
    """Return m + log1p(s), with the axis kept."""
    m = row_top(x, axis)
    if m is None:
        return NotImplemented
    e = np.subtract(x, m)
    s = excess(np.exp(e, e), axis)
    # Added in float64, the type of s, and rounded once.
    return np.add(m, np.log1p(s, s), s).astype(x.dtype, copy=False)


@without_warnings
def label_nll(x: Any, axis: int, labels: Any, where: Any) -> Any:
    """Return -log softmax(x) at the label of each row, with the axis kept; labels that are no class give anything."""
    return _nll(_split(x, axis, labels, where), x.dtype)


@without_warnings
def label_nll_and_grad(x: Any, axis: int, labels: Any, scale: Any, where: Any) -> tuple[Any, Any]:
    """Return the losses of `label_nll`, and their gradient times ``scale``."""
    row = _split(x, axis, labels, where)
    # At the label the gradient is minus the sum of the others, -s / total: p - 1 would be 0 where p rounds to 1.
    total = row.s + row.e
    grad = np.multiply(row.shares, (scale / total).astype(x.dtype, copy=False), row.shares)
    grad.reshape(-1)[row.hit] = (-row.s / total * scale).astype(x.dtype, copy=False)
    if row.out is not None:
        np.copyto(grad, 0, where=row.out & (scale == 0))
    return _nll(row, x.dtype), grad


def _split(x: Any, axis: int, labels: Any, where: Any) -> Split:
    """Return the rows split at their labels, ``hit`` being their places in memory, and ``out`` the special rows."""
    x = _masked(x, where)
    m = maximum(x, axis, None, None, True)
    finite = np.isfinite(m)
    special = not finite.all()
    shares = np.subtract(x, finite_shift(m, np) if special else m, np.empty(x.shape, x.dtype))
    # Labels that are no class must not read outside of their row; what they give is replaced by the caller.
    hit = _places(np.minimum(np.maximum(labels, 0), x.shape[axis] - 1), x.shape, axis)
    flat = shares.reshape(-1)
    d = flat[hit]
    np.exp(shares, shares)
    # Taken out before the sum: the sum of the others keeps its digits beside a label near 1.
    e = flat[hit]
    flat[hit] = 0
    s = row_sum(shares, axis)
    if special:
        s = with_special_rows(s, m, where, (axis,), 1.0, np)
    return Split(hit, shares, d.astype(np.float64, copy=False), e, s, ~finite if special else None)


def _masked(x: Any, where: Any) -> Any:
    if where is None:
        return x
    # What a masked entry holds must reach nothing, and the logits belong to the caller.
    x = x.copy()
    np.copyto(x, -inf, where=~where)
    return x


def _places(labels: Any, shape: tuple[int, ...], axis: int) -> Any:
    """Return where the entries at the labels are in a contiguous array."""
    inner = prod(shape[axis + 1 :])
    rows = np.arange(labels.size).reshape(labels.shape)
    # Of the index of a row, what lies behind the axis stays, and what lies before it steps over whole rows.
    return labels * inner + rows // inner * (inner * shape[axis]) + rows % inner


def _nll(row: Split, dtype: Any) -> Any:
    """Return the losses of `nll_of`, by fewer steps: NumPy has no gradients to protect."""
    # Both branches are computed, also where they divide by 0: warnings are off here.
    nll = np.where(row.d == 0, np.log1p(row.s / row.e), np.log(row.s + row.e) - row.d)
    return nll.astype(dtype, copy=False)


def with_special(rows: Callable[[Any], Any], formula: Callable[[], Any], x: Any, axis: int) -> Any:
    """Return ``rows(x)``, with rows whose maximum is not finite done by the formula.

    The others are done as they are without such neighbours, to have the same bits.
    """
    found = rows(x)
    if found is not NotImplemented:
        return found
    bad = ~np.isfinite(maximum(x, axis, None, None, True))
    # Zeros in their place: the other rows are then computed by the same steps as ever.
    found, right = rows(np.where(bad, 0, x)), formula()
    np.copyto(found, right, where=bad, casting="same_kind")
    return found


def row_top(x: Any, axis: int) -> Any:
    """Return the maximum of each row, a number for a single row; None if one is not finite."""
    if x.size == x.shape[axis]:
        # argmax stops at the first NaN, so that NaN too is found to be not finite.
        m = x.item(x.argmax())
        return m if isfinite(m) else None
    m = maximum(x, axis, None, None, True)
    return m if np.isfinite(m).all() else None


def row_sum(e: Any, axis: int) -> Any:
    """Return the sums along the axis, in float64."""
    # Entries side by side are summed in pairs by NumPy, and cast to float64 on the way.
    if e.strides[axis] == e.itemsize:
        return add(e, axis, np.float64, None, True)
    # Along other axes NumPy adds one number after the other, and a cast of each would cost more than the sum.
    n, before = e.shape[axis], (slice(None),) * axis
    while n > RUN:
        k = n - n % RUN
        # So few in a row that float32 is good enough; the sums of the runs go on in float64.
        runs = e[(*before, slice(0, k))].reshape(*e.shape[:axis], k // RUN, RUN, *e.shape[axis + 1 :])
        rest = add(e[(*before, slice(k, n))], axis, e.dtype, None, True).astype(np.float64)
        e = np.concatenate([add(runs, axis + 1, e.dtype).astype(np.float64), rest], axis)
        n = e.shape[axis]
    return add(e, axis, e.dtype, None, True).astype(np.float64, copy=False)


def excess(e: Any, axis: int) -> Any:
    """Return the sum of exponentials less 1: the 1 of a maximum is not added to what is small. ``e`` is spent."""
    n = e.shape[axis]
    if e.strides[axis] == e.itemsize and e.flags.c_contiguous:
        # The 1 of the first maximum of each row is taken away; those of its ties are part of the excess.
        e.reshape(-1)[e.argmax() if e.size == n else e.argmax(axis).reshape(-1) + np.arange(0, e.size, n)] = 0
        return row_sum(e, axis)
    s, ties = beside_tops(e, axis)
    return s + (ties - 1)


def beside_tops(e: Any, axis: int) -> tuple[Any, Any]:
    """Return the sum of the exponentials that are not 1, and how many are; ``e`` is spent."""
    # Also what is so near to the maximum that its exponential rounds to 1: it adds 1 either way.
    tops = e == 1
    np.copyto(e, 0, where=tops)
    ties = np.count_nonzero(tops) if e.size == e.shape[axis] else row_sum(tops.view(np.uint8), axis)
    return row_sum(e, axis), ties
