"""Derivatives of the maps onto the simplex that reach its boundary, given their results."""

from __future__ import annotations

from typing import Any

from .._gate.dtypes import cast
from .rows import row_sum, select
from .sparse import LARGEST, entmax, normmax
from .thresholds import Axes


def entmax_vjp(p: Any, g: Any, /, *, alpha: Any, axis: Axes, where: Any = None, xp: Any) -> Any:
    """Return s * (g - sum(s * g) / sum(s)) with s = p**(2 - alpha), 0 where p is; it is the JVP as well."""
    g = select(where, g, 0.0, xp)
    s = _slopes(p, alpha, xp)
    total = row_sum(s, axis, xp)
    mean = row_sum(s * g, axis, xp) / select(total != 0.0, total, 1.0, xp)
    return select(where, s * (g - cast(mean, g.dtype, xp)), 0.0, xp)


def sparsemax_vjp(p: Any, g: Any, /, *, axis: Axes, where: Any = None, xp: Any) -> Any:
    """Return g less its mean over the support, 0 outside."""
    return entmax_vjp(p, g, alpha=2.0, axis=axis, where=where, xp=xp)


def _slopes(p: Any, alpha: Any, xp: Any) -> Any:
    """Return p**(2 - alpha) on the support, 0 outside, NaN where p is; 0 everywhere if alpha is infinite."""
    some = p > 0.0
    if isinstance(alpha, float):
        if alpha in (1.0, 2.0):
            return p if alpha == 1.0 else xp.where(some, xp.ones_like(p), 0.0 * p)
        if alpha > LARGEST:
            return 0.0 * p
        return xp.where(some, select(some, p, 1.0, xp) ** (2.0 - alpha), 0.0 * p)
    alpha = cast(alpha, p.dtype, xp)
    bounded = alpha <= LARGEST
    s = xp.where(some, select(some, p, 1.0, xp) ** (2.0 - select(bounded, alpha, 2.0, xp)), 0.0 * p)
    return select(bounded, s, 0.0, xp)


def potential(x: Any, /, *, axis: Axes, where: Any, regularizer: str, alpha: float, xp: Any) -> Any:
    """Return zeros, one per row; their derivative is the prediction (`potential_vjp`)."""
    return cast(row_sum(xp.zeros_like(x), axis, xp), x.dtype, xp)


def prediction(x: Any, /, *, axis: Axes, where: Any, regularizer: str, alpha: float, xp: Any) -> Any:
    """Return the point of the simplex that a loss of these takes the logits to."""
    return (normmax if regularizer == "norm" else entmax)(x, axis=axis, where=where, alpha=alpha, xp=xp)


def potential_vjp(x: Any, g: Any, /, *, xp: Any, **options: Any) -> Any:
    """Return g times the prediction."""
    return g * prediction(x, xp=xp, **options)


def potential_jvp(x: Any, t: Any, /, *, axis: Axes, xp: Any, **options: Any) -> Any:
    """Return the mean of the tangent under the prediction."""
    p = prediction(x, axis=axis, xp=xp, **options)
    return cast(row_sum(p * select(p != 0.0, t, 0.0, xp), axis, xp), x.dtype, xp)
