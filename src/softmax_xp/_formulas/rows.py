"""Quantities with one value per row: the maximum, the temperature, and what replaces them in special rows."""

from __future__ import annotations

from math import inf, nan
from typing import Any

from .._xp.dtypes import cast, dtype_name
from .._xp.namespace import flushes_subnormals, stop_gradient
from .._xp.operations import largest, select


def row_max(x: Any, axis: tuple[int, ...], xp: Any) -> Any:
    """Return the maximum, cut off from automatic differentiation; that of nothing is -inf.

    The logits are measured from it, and no result depends on what they are measured from: a derivative of 0 is
    exact to every order, and right at ties.
    """
    return largest(stop_gradient(x, xp), axis, -inf, xp)


def drop_axes(x: Any, axis: tuple[int, ...], keepdims: bool, xp: Any) -> Any:
    """Return ``x`` without its reduced axes, which have length 1, unless they are to be kept."""
    return x if keepdims or not axis else xp.squeeze(x, axis=axis)


def finite_shift(m: Any, xp: Any) -> Any:
    """Return the row maximum made finite, so that ``x`` less it is NaN only where ``x`` is."""
    # inf - inf would be NaN. The largest number and not 0: beside an infinite maximum exp(x) would overflow.
    return select(xp.isfinite(m), m, float(xp.finfo(m.dtype).max), xp)


def with_special_rows(q: Any, m: Any, where: Any, axis: tuple[int, ...], masked: float, xp: Any) -> Any:
    """Return the row quantity ``q`` with NaN in rows without a finite maximum.

    A row that the mask excludes altogether gets ``masked``: nothing in it is wrong.
    """
    # On one value per row, before it divides or has its logarithm taken: elements that came out wrong would each have
    # to be replaced, and NumPy would have warned of them.
    right = xp.isfinite(m)
    if where is not None:
        # Without axes each entry is a row of its own: there is nothing to reduce.
        some = xp.any(where, axis=axis, keepdims=True) if axis else where
        q, right = select(right | some, q, masked, xp), right | ~some
    return select(right, q, nan, xp)


def over_temperature(x: Any, m: Any, temperature: Any, xp: Any) -> Any:
    """Return ``(x - m) / temperature``, its limits at temperature 0 and inf included."""
    # The difference is divided, not x: with a temperature of 0.1, 1e308 alone would overflow.
    d = x - m
    temperature = held(temperature, x.dtype, xp)
    if not isinstance(temperature, float):
        return _over_temperatures(x, d, temperature, xp)
    if temperature == 1.0:
        return d
    # The limit, as 0 / 0 at the maximum is NaN: ties of the maximum share the mass.
    if temperature == 0.0:
        return select(d == 0, _flat(d, xp), -inf, xp)
    # -inf / inf is NaN. The mask is of x and not of d: 1e308 beside -1e308 makes d overflow to -inf, but that entry
    # counts.
    if temperature == inf:
        return select(x != -inf, _flat(d, xp), -inf, xp)
    return d / temperature


def held(temperature: Any, dtype: Any, xp: Any) -> Any:
    """Return a temperature as ``dtype`` holds it: 0 or inf where that holds it no longer."""
    is_number = isinstance(temperature, float)
    # Every type holds these, float16 too (6.1e-5 to 65504): the common case needs no limits.
    if is_number and (1e-4 < temperature < 1e4 or temperature in (0.0, inf)):
        return temperature
    limits = xp.finfo(dtype)
    most = float(limits.max)
    least = float(limits.smallest_normal) if is_number or flushes_subnormals(xp) else 0.0
    if not is_number:
        # inf in place of what the type does not hold, before the cast: NumPy warns of one that overflows.
        wide = dtype_name(temperature.dtype) == "float64" != dtype_name(dtype)
        temperature = cast(select(~(temperature > most), temperature, inf, xp) if wide else temperature, dtype, xp)
        return select(~(abs(temperature) < least), temperature, 0.0, xp) if flushes_subnormals(xp) else temperature
    # Libraries that keep subnormal numbers round half of the smallest of them, and less, to 0.
    least = least if flushes_subnormals(xp) else 0.5 * least * float(limits.eps)
    return 0.0 if temperature <= least else inf if temperature > most else temperature


def _flat(d: Any, xp: Any) -> Any:
    """Return zeros that automatic differentiation still knows to come from ``d``."""
    # 0 * inf would be NaN, in value and derivative.
    return 0.0 * select(xp.isfinite(d), d, 0.0, xp)


def _over_temperatures(x: Any, d: Any, t: Any, xp: Any) -> Any:
    # The values of an array cannot be refused without reading them: a negative temperature makes its row NaN.
    t = select(t >= 0, t, nan, xp)
    # 0 and inf are replaced before they divide: a quotient that is not selected in the end still has a derivative.
    ordinary = (t != 0) & (t != inf)
    # Beside d = -inf the derivative of d / t would be inf * 0: divide 0 there instead.
    gone = d == -inf
    q = select(~gone, d, 0.0, xp) / select(ordinary, t, 1.0, xp)
    cold = select(d == 0, _flat(d, xp), -inf, xp)
    hot = select(x != -inf, _flat(d, xp), -inf, xp)
    return xp.where(t == 0, cold, xp.where(t == inf, hot, select(~gone, q, -inf, xp)))


def max_over_temperature(m: Any, temperature: Any, xp: Any) -> Any:
    """Return ``m / temperature``, where 0 / 0 counts as 0."""
    if not isinstance(temperature, float):
        temperature = cast(temperature, m.dtype, xp)
        cold = temperature == 0
        return xp.where(cold, _signed_inf(m, xp), m / select(~cold, temperature, 1.0, xp))
    if temperature == 0.0:
        return _signed_inf(m, xp)
    return m if temperature == 1.0 else m / temperature


def _signed_inf(m: Any, xp: Any) -> Any:
    # By comparisons: m / 0 would warn in NumPy, and 0 / 0 be NaN.
    return select(m <= 0, select(m >= 0, m, -inf, xp), inf, xp)
