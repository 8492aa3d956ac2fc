"""logsumexp with weights, of signed sums, and of complex numbers."""

from __future__ import annotations

from math import frexp, inf, ldexp, log, nan
from typing import Any, NamedTuple

from .._xp.dtypes import accumulator, beside, cast, common_dtype, is_complex
from .._xp.namespace import stop_gradient
from .._xp.operations import select
from .._xp.sums import row_sum
from .kinds import formula
from .rows import drop_axes, finite_shift, row_max

Axes = tuple[int, ...]


class Sizes(NamedTuple):
    """The logarithms of the absolute values of terms; ``m``, ``origin`` and ``scale`` have one value per row."""

    t: Any  # x + log(abs(b)), -inf for what is masked, 0 by its weight, or exp(-inf)
    m: Any  # their maximum
    origin: Any  # the exponent that the others are measured from: the largest among those of about the largest terms
    scale: Any  # powers of two that keep sums of weights in range; None without weights
    unused: Any  # weights of 0, which still have a derivative; None without weights


@formula("rows")
def signed_logsumexp(x: Any, /, *, axis: Axes, b: Any, where: Any, keepdims: bool, xp: Any) -> tuple[Any, Any]:
    """Return log(abs(S)) and sign(S) of S = sum(b * exp(x)); the sign of a complex S is S / abs(S)."""
    dtype = x.dtype
    if isinstance(b, float):
        # In the widest type: what a number is beside x must not be lost.
        b = xp.full_like(x, b, dtype=accumulator(x, xp))
    if b is not None:
        dtype = common_dtype(x, b, xp) if is_complex(b.dtype) else dtype
        # In the common type: a weight of 1e-60 would be 0 in that of float32 logits.
        b = beside(b, x, xp)
        x = cast(x, b.dtype, xp)
    sizes = _sizes(x, b, axis=axis, where=where, xp=xp)
    terms = _terms(x, b, sizes, xp)
    # Terms with exp(0) are summed apart from the others: what is small is not lost beside them, and weights that sum
    # to 1 do so here. The result does not depend on which terms these are.
    at_top = (xp.real(x) if is_complex(x.dtype) else x) == sizes.origin
    first = row_sum(select(at_top, terms, 0.0, xp), axis, xp)
    rest = row_sum(select(~at_top, terms, 0.0, xp), axis, xp)
    total, m = first + rest, sizes.m
    finite = xp.isfinite(m)
    wide = cast(m, xp.abs(total).dtype, xp)
    # A maximum that is not finite is the answer itself: inf, -inf for a sum of nothing, or NaN.
    size = xp.where(finite, cast(sizes.origin, wide.dtype, xp) + _log_abs(first, rest, sizes.scale, xp), wide)
    sign = select(m != -inf, select(m == m, _sign(total, xp), nan, xp), 0.0, xp)
    # Infinite terms of both signs, or whose phases cancel: like inf - inf, they have no sum.
    unknown = (m == inf) & ((total == 0) | _is_mixed(b, sizes, axis, xp))
    size, sign = select(~unknown, size, nan, xp), cast(select(~unknown, sign, nan, xp), dtype, xp)
    size = cast(size, xp.real(sign).dtype if is_complex(dtype) else dtype, xp)
    return drop_axes(size, axis, keepdims, xp), drop_axes(sign, axis, keepdims, xp)


def _sizes(x: Any, b: Any, *, axis: Axes, where: Any, xp: Any) -> Sizes:
    """Return the sizes of the terms, cut off from derivatives: no result depends on what a row is measured from."""
    real = stop_gradient(xp.real(x) if is_complex(x.dtype) else x, xp)
    if b is None:
        t = select(where, real, -inf, xp)
        m = row_max(t, axis, xp)
        return Sizes(t, m, finite_shift(m, xp), None, None)
    b = stop_gradient(b, xp)
    # A weight of 0 has no size: log(0) would warn, and 0 * inf be NaN.
    some, unused = (b != 0) & (real != -inf), b == 0
    if where is not None:
        some, unused = some & where, unused & where
    size = select(some, xp.abs(b), 1.0, xp)
    t = select(some, select(some, real, 0.0, xp) + xp.log(size), -inf, xp)
    m = row_max(t, axis, xp)
    # All that are about as large, not the largest alone: a compiler may compute a logarithm twice, and t need then not
    # equal its own maximum.
    near = some & (t >= m - 1.0)
    origin = xp.where(xp.isfinite(m), row_max(select(near, real, -inf, xp), axis, xp), finite_shift(m, xp))
    return Sizes(t, m, origin, _scale(row_max(select(near, size, 0.0, xp), axis, xp), xp), unused)


def _scale(size: Any, xp: Any) -> Any:
    """Return a power of two for weights of about this size: 1 unless their sum might overflow, or have no digits."""
    # Multiplied by a power of two a weight keeps all its digits. 2**512 in float64: sums of weights below do not
    # overflow.
    exponent = frexp(float(xp.finfo(size.dtype).max))[1]
    limit, factor = ldexp(1.0, exponent // 2), ldexp(1.0, 75 * exponent // 128)
    small = select(size < 1.0 / limit, xp.full_like(size, factor), 1.0, xp)
    return select(~(size > limit), small, 1.0 / factor, xp)


def _terms(x: Any, b: Any, sizes: Sizes, xp: Any) -> Any:
    """Return b * exp(x - m); what is infinite has the size of its weight, and the phase of x."""
    t, _, top, scale, unused = sizes
    used = xp.isfinite(t)
    if unused is not None:
        real = xp.real(x) if is_complex(x.dtype) else x
        # Its derivative is exp(x - m), but the value must not be 0 * inf.
        unused = unused & (stop_gradient(real, xp) - top < log(float(xp.finfo(top.dtype).max)))
        used = used | (unused & xp.isfinite(stop_gradient(xp.imag(x), xp)) if is_complex(x.dtype) else unused)
    # Replaced before the difference: inf - inf is NaN, and so is its derivative, even where another is selected.
    d = select(used, x, 0.0, xp) - cast(select(used, top, 0.0, xp), x.dtype, xp)
    infinite = t == inf
    if is_complex(x.dtype):
        d = d + cast(select(infinite, xp.imag(x), 0.0, xp), x.dtype, xp) * 1j
    if b is None:
        return select(used | infinite, xp.exp(d), 0.0, xp)
    # In two steps: beside a tiny weight exp(d) alone would overflow, beside a huge one it would have no digits.
    half = xp.exp(0.5 * d)
    b = select(used, b, 0.0, xp) + select(infinite, _unit(b, xp), 0.0, xp)
    return b * cast(scale, b.dtype, xp) * half * half


def _unit(b: Any, xp: Any) -> Any:
    """Return b, with 1 in the direction of a weight that is infinite."""
    parts = (xp.real(b), xp.imag(b)) if is_complex(b.dtype) else (b,)
    limit = [select((v == inf) | (v == -inf), xp.sign(v), 0.0, xp) for v in parts]
    unit = cast(limit[0], b.dtype, xp) + (cast(limit[1], b.dtype, xp) * 1j if len(limit) == 2 else 0.0)
    return xp.where(xp.isfinite(b), b, unit)


def _sign(total: Any, xp: Any) -> Any:
    """Return total / abs(total), 0 for 0."""
    if not is_complex(total.dtype):
        return xp.sign(total)
    # 0 / 0 would be NaN.
    size = xp.abs(total)
    return total / cast(select(size != 0, size, 1.0, xp), total.dtype, xp)


def _is_mixed(b: Any, sizes: Sizes, axis: Axes, xp: Any) -> Any:
    """Whether infinite terms of both signs meet in a row of real numbers."""
    if b is None or is_complex(b.dtype):
        return sizes.m != sizes.m
    infinite = sizes.t == inf
    above, below = infinite & (b > 0), infinite & (b < 0)
    if not axis:
        return above & below
    return xp.any(above, axis=axis, keepdims=True) & xp.any(below, axis=axis, keepdims=True)


def _log_abs(first: Any, rest: Any, scale: Any, xp: Any) -> Any:
    """Return log(abs(first + rest) / scale), by log1p of what it is above 1 near 1: that is never rounded to 1."""
    total = first + rest
    size = xp.abs(total)
    # Only near 1, where the logarithm is small: of a sum of 1e-17, what it is above 1 would be -1, without its digits.
    near = (size > 0.5) & (size < 1.5)
    if is_complex(total.dtype):
        # abs(1 + s)**2 is 1 + re * (2 + re) + im**2: without the 1, which would swallow a small s.
        s = rest + (first - 1)
        re, im = xp.real(s), xp.imag(s)
        close = xp.log1p(select(near, re * (2 + re) + im * im, 0.0, xp)) / 2
    else:
        negative = total < 0
        s = xp.where(negative, -rest + (-first - 1), rest + (first - 1))
        close = xp.log1p(select(near, s, 0.0, xp))
    far = xp.log(select((size > 0) & ~near, size, 1.0, xp))
    result = select(size != 0, xp.where(near, close, far), -inf, xp)
    return result if scale is None else result - xp.log(cast(scale, result.dtype, xp))


@formula("rows")
def weighted_logsumexp(x: Any, /, *, axis: Axes, b: Any, where: Any, keepdims: bool, xp: Any) -> Any:
    """Return log(S); NaN where a real S is negative."""
    size, sign = signed_logsumexp(x, axis=axis, b=b, where=where, keepdims=keepdims, xp=xp)
    if not is_complex(sign.dtype):
        return select(~(sign < 0), size, nan, xp)
    angle = xp.atan2(xp.imag(sign), xp.real(sign))
    return xp.astype(size, sign.dtype) + xp.astype(angle, sign.dtype) * 1j
