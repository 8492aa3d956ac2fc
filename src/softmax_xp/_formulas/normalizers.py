"""softmax, log_softmax, logsumexp and their kin."""

from __future__ import annotations

from math import inf, log, nan
from typing import Any

from .._xp.dtypes import cast
from .._xp.expm1 import expm1
from .._xp.namespace import is_chunked
from .._xp.operations import positions, select
from .._xp.sums import row_sum, running_sum
from .derivatives import log_softmax_jvp, log_softmax_vjp, softmax_vjp
from .kinds import Rule, formula
from .rows import drop_axes, row_max, with_special_rows
from .states import finish, of, shift

LOG_2 = log(2.0)


@formula("rows", Rule(softmax_vjp, softmax_vjp))
def softmax(x: Any, /, *, axis: tuple[int, ...], where: Any, temperature: Any, sink: Any, xp: Any) -> Any:
    """Return exp(d) / sum(exp(d)): the dividing form, which is more accurate than exp(log_softmax)."""
    row = shift(x, axis=axis, where=where, temperature=temperature, sink=sink, xp=xp)
    e = xp.exp(row.d)
    total = row_sum(e, axis, xp)
    # The sink takes a share of the mass and has no entry in the result.
    if row.sink is not None:
        total = total + cast(xp.exp(row.sink), total.dtype, xp)
    total = with_special_rows(total, row.m, where, axis, 1.0, xp)
    # Selected at the end, as masked entries are 0 in a row of NaN too.
    return select(where, e / cast(total, e.dtype, xp), 0.0, xp)


@formula("rows", Rule(log_softmax_vjp, log_softmax_jvp))
def log_softmax(x: Any, /, *, axis: tuple[int, ...], where: Any, temperature: Any, sink: Any, xp: Any) -> Any:
    """Return d - log1p(s), which is -log1p(s) at the maximum."""
    row = shift(x, axis=axis, where=where, temperature=temperature, sink=sink, xp=xp)
    s = with_special_rows(of(row, xp.exp(row.d), axis, xp).s, row.m, where, axis, 0.0, xp)
    # d is at most 0 and log1p(s) at least 0: nothing cancels, and at the maximum d is exactly 0.
    return select(where, row.d - cast(xp.log1p(s), row.d.dtype, xp), -inf, xp)


@formula("rows")
def softmax_and_logsumexp(
    x: Any, /, *, axis: tuple[int, ...], where: Any, temperature: Any, sink: Any, xp: Any
) -> tuple[Any, Any]:
    """Return softmax and the log of its denominator from one pass."""
    row = shift(x, axis=axis, where=where, temperature=temperature, sink=sink, xp=xp)
    e = xp.exp(row.d)
    state = of(row, e, axis, xp)
    # Here the 1 of the maximum belongs to the sum: softmax is divided by all of it.
    total = with_special_rows(state.s + 1, row.m, where, axis, 1.0, xp)
    p = select(where, e / cast(total, e.dtype, xp), 0.0, xp)
    return p, finish(state, temperature, xp)


@formula("rows")
def logsumexp(x: Any, /, *, axis: tuple[int, ...], where: Any, keepdims: bool, xp: Any) -> Any:
    """Return m + log1p(s)."""
    row = shift(x, axis=axis, where=where, temperature=1.0, sink=None, xp=xp)
    return drop_axes(finish(of(row, xp.exp(row.d), axis, xp), 1.0, xp), axis, keepdims, xp)


@formula("rows")
def logmeanexp(x: Any, /, *, axis: tuple[int, ...], where: Any, keepdims: bool, xp: Any) -> Any:
    """Return logsumexp(x) - log(n), n being the number of kept entries."""
    ones = select(where, xp.ones_like(x), 0.0, xp)
    # A sum, as a mask has values and Dask may not know the length of an axis.
    n = row_sum(ones, axis, xp)
    some = n > 0
    # In the type of the sum: of equal logits lse and log(n) cancel, and only the difference is rounded.
    lse = logsumexp(cast(x, n.dtype, xp), axis=axis, where=where, keepdims=True, xp=xp)
    # log(0) would warn; a mean of nothing is NaN in the end.
    mean = lse - xp.log(select(some, n, 1.0, xp))
    return drop_axes(cast(select(some, mean, nan, xp), x.dtype, xp), axis, keepdims, xp)


@formula("elements")
def log1mexp(x: Any, /, *, xp: Any) -> Any:
    """Return log(1 - exp(-x)), by expm1 below log 2 and by log1p above.

    log(1 - y) is taken as -log1p(y / (1 - y)): libraries lose digits in log1p of negative numbers.
    """
    small = x < LOG_2
    # Each branch gets a number of its own range: log(0) or a logarithm of a negative number would warn.
    near = -expm1(-select(small & (x > 0), x, LOG_2, xp), xp)
    far = xp.exp(-select(~small, x, LOG_2, xp))
    y = xp.where(small, xp.log(near), -xp.log1p(far / (1 - far)))
    return select(x != 0, select(~(x < 0), y, nan, xp), -inf, xp)


@formula("elements")
def logsubexp(a: Any, b: Any, /, *, xp: Any) -> Any:
    """Return a + log1mexp(a - b)."""
    # inf - inf is NaN. Equal numbers, and two of -inf, differ by 0, whose logarithm is -inf; of two of inf nothing is
    # known.
    equal = a == b
    d = select(~equal, a - select(~equal, b, 0.0, xp), 1.0, xp)
    return xp.where(equal, select(a != inf, xp.full_like(a, -inf), nan, xp), a + log1mexp(d, xp=xp))


@formula("rows")
def hardmax(x: Any, /, *, axis: tuple[int, ...], where: Any, xp: Any) -> Any:
    """Return 1 at the first maximum in C order, 0 elsewhere."""
    m = row_max(select(where, x, -inf, xp), axis, xp)
    # A masked entry may hold the same number as the maximum.
    top = x == m if where is None else (x == m) & where
    if axis:
        top = top & _is_first(top, axis, xp)
    return select(where, select(m == m, cast(top, x.dtype, xp), nan, xp), 0.0, xp)


def _is_first(top: Any, axis: tuple[int, ...], xp: Any) -> Any:
    """Whether an entry is the first of its row for which ``top`` holds."""
    if is_chunked(xp):
        return _is_first_by_counting(top, axis, xp)
    # The place in C order; a minimum of places, as the standard has argmax for one axis only.
    index, size = 0, 1
    for a in reversed(axis):
        index = index + size * positions(top.shape[a], top.ndim, a, top, xp)
        size *= top.shape[a]
    # NumPy has no minimum of nothing.
    if size == 0:
        return top
    later = xp.where(top, index, xp.full_like(index, size))
    return index == xp.min(later, axis=axis, keepdims=True)


def _is_first_by_counting(top: Any, axis: tuple[int, ...], xp: Any) -> Any:
    """Return the same where chunks may be empty, or of unknown length: axis by axis, by how many have come so far."""
    for i, a in enumerate(axis):
        # An outer axis decides before an inner one: its first index behind which a maximum is left.
        behind = axis[i + 1 :]
        some = xp.any(top, axis=behind, keepdims=True) if behind else top
        top = top & (running_sum(xp.astype(some, xp.int64), (a,), xp) == 1)
    return top


def one_hot(labels: Any, /, *, num_classes: int, axis: int, dtype: Any, xp: Any) -> Any:
    """Return 1 where the class is the label."""
    classes = positions(num_classes, labels.ndim + 1, axis, labels, xp)
    # A wide signed type: uint8 labels are compared with class 300, huge unsigned ones become negative.
    labels = cast(labels, classes.dtype, xp)[(*(slice(None),) * axis, None, ...)]
    return xp.astype(labels == classes, dtype)
