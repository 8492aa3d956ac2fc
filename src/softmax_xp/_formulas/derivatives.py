"""Derivatives, each defined once: for the analytic functions and for automatic differentiation.

A VJP maps a cotangent ``g`` of a result to one of the logits, a JVP a tangent ``t`` of the logits
to one of the result. All of them are formulas that can be differentiated again.
"""

from __future__ import annotations

from math import inf, nan
from typing import Any

from .._xp.dtypes import cast
from .._xp.expm1 import expm1
from .._xp.operations import positions, select
from .._xp.sums import row_sum
from .kinds import formula
from .states import shift


# Not marked as one to be cut: it takes so few passes that blocks would gain less than they cost.
def softmax_vjp(p: Any, g: Any, /, *, axis: tuple[int, ...], where: Any = None, xp: Any) -> Any:
    """Return p * (g - sum(p * g)); the Jacobian is symmetric, so this is the JVP as well."""
    # A cotangent of a masked entry may be NaN, and 0 * NaN is NaN.
    g = select(where, g, 0.0, xp)
    return p * (g - cast(row_sum(p * g, axis, xp), p.dtype, xp))


@formula("rows")
def softmax_hvp(p: Any, g: Any, t: Any, /, *, axis: tuple[int, ...], xp: Any) -> Any:
    """Return the derivative of ``softmax_vjp(p, g)`` along the tangent ``t`` of the logits."""
    # How p changes along t: by the symmetry of the Jacobian its VJP is its JVP.
    dp = softmax_vjp(p, t, axis=axis, xp=xp)
    mean, change = row_sum(p * g, axis, xp), row_sum(dp * g, axis, xp)
    return dp * (g - cast(mean, p.dtype, xp)) - p * cast(change, p.dtype, xp)


def softmax_jacobian(p: Any, /, *, axis: tuple[int, ...], xp: Any) -> Any:
    """Return p_i * ([i = j] - p_j), with j along the axis behind that of i."""
    (a,) = axis
    n, before = p.shape[a], (slice(None),) * a
    i, j = (positions(n, p.ndim + 1, k, p, xp) for k in (a, a + 1))
    return p[(*before, slice(None), None, ...)] * (cast(i == j, p.dtype, xp) - p[(*before, None, ...)])


@formula("rows")
def log_softmax_vjp(log_p: Any, g: Any, /, *, axis: tuple[int, ...], where: Any = None, xp: Any) -> Any:
    """Return p * (g - sum(g)) + g * (1 - p), where 1 - p is -expm1(log_p).

    That is g - p * sum(g), but keeps its digits where p is near 1.
    """
    g = select(where, g, 0.0, xp)
    total = cast(row_sum(g, axis, xp), g.dtype, xp)
    # Masked entries have log_p = -inf: exp(log_p) * total would be NaN there beside an infinite cotangent.
    return select(where, xp.exp(log_p) * (g - total) - g * expm1(log_p, xp), 0.0, xp)


@formula("rows")
def log_softmax_jvp(log_p: Any, t: Any, /, *, axis: tuple[int, ...], where: Any = None, xp: Any) -> Any:
    """Return the transpose of `log_softmax_vjp`, term by term."""
    t = select(where, t, 0.0, xp)
    u = xp.exp(log_p) * t
    # The diagonal apart, as t * (1 - p): t - sum(p * t) would lose its digits where p is near 1.
    others = cast(row_sum(u, axis, xp), t.dtype, xp) - u
    return select(where, -t * expm1(log_p, xp) - others, 0.0, xp)


@formula("rows")
def logsumexp_vjp(x: Any, g: Any, /, *, axis: tuple[int, ...], where: Any, xp: Any) -> Any:
    """Return g * softmax(x); 0 in a row of which nothing is above -inf."""
    row = shift(x, axis=axis, where=where, temperature=1.0, sink=None, xp=xp)
    e = xp.exp(row.d)
    # One value per row: NaN beside +inf or NaN; in a row of -inf e is 0, and 0 / 1 its gradient.
    total = select(xp.isfinite(row.m), row_sum(e, axis, xp), nan, xp)
    return g * (e / cast(select(row.m != -inf, total, 1.0, xp), e.dtype, xp))
