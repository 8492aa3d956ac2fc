"""The potential of a regularizer, whose derivative is its prediction."""

from __future__ import annotations

from typing import Any

from .._xp.dtypes import cast
from .._xp.operations import select
from .._xp.sums import row_sum
from .kinds import Rule, formula
from .sparse import entmax, normmax
from .thresholds import Axes


def prediction(x: Any, /, *, axis: Axes, where: Any, regularizer: str, alpha: float, xp: Any) -> Any:
    """Return the point of the simplex that a loss of these takes the logits to."""
    return (normmax if regularizer == "norm" else entmax)(x, axis=axis, where=where, alpha=alpha, xp=xp)


def potential_vjp(x: Any, g: Any, /, *, xp: Any, **options: Any) -> Any:
    """Return g times the prediction."""
    return g * prediction(x, xp=xp, **options)


def potential_jvp(x: Any, t: Any, /, *, axis: Axes, xp: Any, **options: Any) -> Any:
    """Return the mean of the tangent under the prediction."""
    p = prediction(x, axis=axis, xp=xp, **options)
    # Outside of the support a tangent has no influence: 0 * inf would be NaN.
    return cast(row_sum(p * select(p != 0.0, t, 0.0, xp), axis, xp), x.dtype, xp)


@formula("rows", Rule(potential_vjp, potential_jvp, "argument", ("axis", "regularizer", "alpha")))
def potential(x: Any, /, *, axis: Axes, where: Any, regularizer: str, alpha: float, xp: Any) -> Any:
    """Return zeros, one per row; their derivative is the prediction (`potential_vjp`)."""
    # In value nothing: a loss adds this to a number computed without derivatives, and so gets the right one.
    return cast(row_sum(xp.zeros_like(x), axis, xp), x.dtype, xp)
