"""Logarithms of sums: of integers that floating point does not hold, and their gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._engines import run
from .._formulas import derivatives
from .._formulas.kinds import formula
from .._formulas.normalizers import softmax_and_logsumexp as both
from .._formulas.rows import drop_axes, held, max_over_temperature
from .._xp.dtypes import cast, common_dtype
from .._xp.integers import Top
from .._xp.namespace import without_range_warnings

Axes = tuple[int, ...]


@formula("composed")
def with_top(
    x: Any, /, *, sums: Callable[..., Any], top: Top, axis: Axes, keepdims: bool, xp: Any, **options: Any
) -> Any:
    """Return the logarithms of sums of rows from which integers have been taken off, with a sign if there is one."""
    found = run(sums, x, axis=axis, keepdims=keepdims, xp=xp, **options)
    if isinstance(found, tuple):
        return above(found[0], top=top, axis=axis, keepdims=keepdims, xp=xp), found[1]
    return above(found, top=top, axis=axis, keepdims=keepdims, xp=xp)


@formula("composed")
def both_with_top(x: Any, /, *, top: Top, axis: Axes, temperature: Any, xp: Any, **options: Any) -> tuple[Any, Any]:
    """Return softmax and the logarithm of its denominator for rows from which integers have been taken off."""
    p, lse = run(both, x, axis=axis, temperature=temperature, xp=xp, **options)
    return p, above(lse, top=top, axis=axis, keepdims=True, temperature=temperature, xp=xp)


@formula("composed")
def vjp_of_sums(x: Any, g: Any, /, *, axis: Axes, xp: Any, **options: Any) -> Any:
    """Return the gradient of logits, given that of the logarithms of their sums, which have no reduced axes."""
    g = g[tuple(None if a in axis else slice(None) for a in range(x.ndim))]
    return run(derivatives.logsumexp_vjp, x, g, axis=axis, xp=xp, **options)


def above(lse: Any, *, top: Top, axis: Axes, keepdims: bool, temperature: Any = 1.0, xp: Any) -> Any:
    """Return a logarithm of a sum plus the integers that were taken off its rows, divided by the temperature."""
    wide = common_dtype(lse, top.pieces[0], xp)
    with without_range_warnings(xp):
        if isinstance(temperature, float) and temperature == 1.0:
            pieces = [cast(drop_axes(piece, axis, keepdims, xp), wide, xp) for piece in top.pieces]
            return cast(Top(pieces).above(cast(lse, wide, xp)), lse.dtype, xp)
        value = max_over_temperature(top.above(0.0), held(temperature, lse.dtype, xp), xp)
        return cast(cast(lse, wide, xp) + cast(value, wide, xp), lse.dtype, xp)
