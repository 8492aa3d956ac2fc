"""Derivatives of the maps onto the simplex that reach its boundary, given their results."""

from __future__ import annotations

from typing import Any

from .._xp.dtypes import cast
from .._xp.operations import select
from .._xp.sums import row_sum
from .kinds import formula
from .thresholds import LARGEST, Axes


@formula("rows")
def entmax_vjp(p: Any, g: Any, /, *, alpha: Any, axis: Axes, where: Any = None, xp: Any) -> Any:
    """Return s * (g - sum(s * g) / sum(s)) with s = p**(2 - alpha), 0 where p is; it is the JVP as well."""
    # A cotangent of a masked entry may be NaN, and 0 * NaN is NaN.
    g = select(where, g, 0.0, xp)
    s = _slopes(p, alpha, xp)
    total = row_sum(s, axis, xp)
    # A row that is masked altogether has no slopes: 0 / 0 would be NaN.
    mean = row_sum(s * g, axis, xp) / select(total != 0.0, total, 1.0, xp)
    return select(where, s * (g - cast(mean, g.dtype, xp)), 0.0, xp)


@formula("rows")
def sparsemax_vjp(p: Any, g: Any, /, *, axis: Axes, where: Any = None, xp: Any) -> Any:
    """Return g less its mean over the support, 0 outside."""
    return entmax_vjp(p, g, alpha=2.0, axis=axis, where=where, xp=xp)


def _slopes(p: Any, alpha: Any, xp: Any) -> Any:
    """Return p**(2 - alpha) on the support, 0 outside, NaN where p is; 0 everywhere if alpha is infinite."""
    # 0 ** (2 - alpha) is infinite for alpha above 2. 0 * p instead of 0, so that NaN among the shares stays.
    some = p > 0.0
    if isinstance(alpha, float):
        if alpha in (1.0, 2.0):
            return p if alpha == 1.0 else xp.where(some, xp.ones_like(p), 0.0 * p)
        # The limit: the map is locally constant, and the power of a share would overflow.
        if alpha > LARGEST:
            return 0.0 * p
        return xp.where(some, select(some, p, 1.0, xp) ** (2.0 - alpha), 0.0 * p)
    alpha = cast(alpha, p.dtype, xp)
    bounded = alpha <= LARGEST
    s = xp.where(some, select(some, p, 1.0, xp) ** (2.0 - select(bounded, alpha, 2.0, xp)), 0.0 * p)
    return select(bounded, s, 0.0, xp)
