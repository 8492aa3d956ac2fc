"""The loss of a class label, which is minus the logarithm of its probability."""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple

from .._xp.dtypes import cast
from .._xp.namespace import has_derivatives
from .._xp.operations import select
from .._xp.sums import row_sum
from .kinds import formula
from .rows import finite_shift, row_max, with_special_rows
from .target import LEFT_OUT, hits, pick, weighted


class Split(NamedTuple):
    """Rows split at their labels; d, e and s are quantities of a row, the others of an entry."""

    hit: Any  # where the class is the label
    shares: Any  # exp(x - m)
    d: Any  # x - m at the label
    e: Any  # exp(x - m) at the label
    s: Any  # the sum of exp(x - m) over the other classes
    out: Any = None  # which rows are left out; None where that does not matter


def split(x: Any, *, axis: tuple[int, ...], where: Any, labels: Any, idle: Any, xp: Any) -> Split:
    """Return the rows of ``x``, measured from their maximum m and split at their labels.

    Rows that are ignored, and ``idle`` ones without a finite maximum, become zeros: they have no loss, and nothing
    in them reaches a derivative.
    """
    x = select(where, x, -inf, xp)
    m = row_max(x, axis, xp)
    # NumPy has no derivatives to keep clean of rows whose values are dropped anyway.
    out = None
    if has_derivatives(xp):
        out = labels == LEFT_OUT if idle is None else (labels == LEFT_OUT) | (idle & ~xp.isfinite(m))
        x, m = select(~out, x, 0.0, xp), select(~out, m, 0.0, xp)
    top = finite_shift(m, xp)
    hit = hits(labels, x, axis=axis, xp=xp)
    shares = xp.exp(x - top)
    # The label's own term is left out before the sum: taken off afterwards, it would leave what rounding left of it.
    s = row_sum(xp.where(hit, xp.zeros_like(m), shares), axis, xp)
    # Picked before the shift, which a compiler can then keep inside the sum.
    at_label = cast(pick(hit, x, axis, xp) - top, s.dtype, xp)
    return Split(hit, shares, at_label, xp.exp(at_label), with_special_rows(s, m, where, axis, 1.0, xp), out)


def nll_of(row: Split, dtype: Any, xp: Any) -> Any:
    """Return -log softmax at the label.

    A label that is the maximum has log1p(s / e), where nothing was ever added to what is small;
    another one has log(s + e) - d, a sum of numbers that are not negative. Automatic differentiation
    gets the gradient from it as `grad_of` does: e is 1 at a maximum, and yet depends on x.
    """
    top = row.d == 0
    # 1 where this branch is not taken: a label far below the maximum has e = 0, and s / 0 a derivative of NaN.
    near = xp.log1p(row.s / select(top, row.e, 1.0, xp))
    far = xp.log(select(~top, row.s + row.e, 1.0, xp)) - row.d
    nll = cast(xp.where(top, near, far), dtype, xp)
    return nll if row.out is None else select(~row.out, nll, 0.0, xp)


def grad_of(row: Split, where: Any, xp: Any) -> Any:
    """Return softmax, less 1 at the label: there it is minus the sum of the others."""
    # s is at hand without the label's own term: 1 - p would be 0 where p rounds to 1.
    total = row.s + row.e
    others = row.shares / cast(total, row.shares.dtype, xp)
    return select(where, xp.where(row.hit, cast(-row.s / total, others.dtype, xp), others), 0.0, xp)


@formula("rows")
def label_nll(x: Any, /, *, axis: tuple[int, ...], where: Any, labels: Any, idle: Any = None, xp: Any) -> Any:
    """Return -log softmax(x) at the label of each row.

    A row that is left out, or an ``idle`` one without a finite maximum, has a derivative of 0, whatever it is.
    """
    return nll_of(split(x, axis=axis, where=where, labels=labels, idle=idle, xp=xp), x.dtype, xp)


@formula("rows")
def label_nll_and_grad(
    x: Any, /, *, axis: tuple[int, ...], where: Any, labels: Any, scale: Any, xp: Any
) -> tuple[Any, Any]:
    """Return the loss of `label_nll`, and its gradient times ``scale``: 0 in rows of which that is 0."""
    row = split(x, axis=axis, where=where, labels=labels, idle=scale == 0, xp=xp)
    return nll_of(row, x.dtype, xp), weighted(scale, grad_of(row, where, xp), xp)


FAR = 40.0
"""Where a gap in exponents is larger, exp(-gap) is no more than a correction."""


def candidates_nll(x: Any, /, *, axis: tuple[int, ...], where: Any, candidates: Any, idle: Any, xp: Any) -> Any:
    """Return -log of the sum of softmax(x) over the candidates.

    With r the mass of the other classes divided by that of the candidates, this is log1p(r). Each group is
    measured from its own maximum; where the candidates lie far below, it is the gap plus a logarithm.
    An ``idle`` row without a finite maximum has a loss and a derivative of 0.
    """
    x = select(where, x, -inf, xp)
    # Each from its own maximum: from that of the row, a group far below it would sum to 0 and its logarithm be -inf.
    inside, outside = select(candidates, x, -inf, xp), select(~candidates, x, -inf, xp)
    m, m_out = row_max(inside, axis, xp), row_max(outside, axis, xp)
    top = xp.where((m >= m_out) | (m != m), m, m_out)
    if idle is not None:
        used = ~idle | xp.isfinite(top)
        inside, outside, m, m_out, top = (select(used, v, 0.0, xp) for v in (inside, outside, m, m_out, top))
    s, s_out = (row_sum(xp.exp(g - finite_shift(top, xp)), axis, xp) for g, top in ((inside, m), (outside, m_out)))
    both = xp.isfinite(m) & xp.isfinite(m_out)
    # Both are replaced before the difference: inf - inf would be NaN, and its derivative too.
    gap = cast(select(both, m_out, 0.0, xp) - select(both, m, 0.0, xp), s.dtype, xp)
    ratio = select(both, s_out, 1.0, xp) / select(both, s, 1.0, xp)
    far = gap > FAR
    # Not beyond FAR, where the exponential of the gap would overflow in the end.
    near = xp.log1p(xp.exp(select(~far, gap, 0.0, xp)) * ratio)
    nll = cast(xp.where(far, gap + xp.log(ratio + xp.exp(-select(far, gap, 0.0, xp))), near), x.dtype, xp)
    # One group alone has all the mass, or none.
    alone = select(m != -inf, xp.zeros_like(m), inf, xp)
    nll = xp.where(both, nll, with_special_rows(alone, top, where, axis, inf, xp))
    return nll if idle is None else select(used, nll, 0.0, xp)
