"""logsumexp with weights, of signed sums, and of complex numbers."""

from __future__ import annotations

from math import inf, nan
from typing import Any

from .._gate.dtypes import cast, common_dtype, is_complex
from .rows import anchor, drop_axes, row_max, row_sum, select


def signed_logsumexp(
    x: Any, /, *, axis: tuple[int, ...], b: Any, where: Any, keepdims: bool, xp: Any
) -> tuple[Any, Any]:
    """Return log(abs(S)) and sign(S) of S = sum(b * exp(x)); the sign of a complex S is S / abs(S)."""
    if b is not None:
        dtype = common_dtype(x, b, xp) if is_complex(b.dtype) else x.dtype
        x, b = cast(x, dtype, xp), cast(b, dtype, xp)
        # A weight of 0 removes its entry, whatever the entry is.
        where = (b != 0) if where is None else (b != 0) & where
    real = select(where, xp.real(x) if is_complex(x.dtype) else x, -inf, xp)
    m = row_max(real, axis, xp)
    finite = xp.isfinite(m)
    s = _weighted_excess(x, real, anchor(m, xp), axis=axis, b=b, xp=xp)
    s = select(finite, s, 0.0, xp)
    size = _log_abs_1p(s, xp)
    wide = cast(m, size.dtype, xp)
    size = xp.where(finite, select(finite, wide, 0.0, xp) + size, wide)
    sign = select(m != -inf, select(m == m, xp.sign(s + 1), nan, xp), 0.0, xp)
    size, sign = cast(size, real.dtype, xp), cast(sign, x.dtype, xp)
    return drop_axes(size, axis, keepdims, xp), drop_axes(sign, axis, keepdims, xp)


def _weighted_excess(x: Any, real: Any, top: Any, *, axis: tuple[int, ...], b: Any, xp: Any) -> Any:
    """Return sum(b * exp(x - top)) - 1, without losing what is small beside 1."""
    # Entries that are +inf or NaN settle their row through its maximum.
    alive = xp.isfinite(real)
    e = select(alive, xp.exp(select(alive, x, 0.0, xp) - select(alive, top, 0.0, xp)), 0.0, xp)
    tops = cast(real == top, x.dtype, xp)
    rest = e - tops
    if b is not None:
        rest, tops = b * rest, b * tops
    return row_sum(rest, axis, xp) + (row_sum(tops, axis, xp) - 1)


def _log_abs_1p(s: Any, xp: Any) -> Any:
    """Return log(abs(1 + s)), accurate for small s and for s near -1 alike."""
    if is_complex(s.dtype):
        re, im = xp.real(s), xp.imag(s)
        size, square = xp.abs(1 + s), re * (2 + re) + im * im
    else:
        size, square = xp.abs(1 + s), s * (2 + s)
    near = (size > 0.5) & (size < 1.5)
    far = xp.log(select((size > 0) & ~near, size, 1.0, xp))
    return select(size != 0, xp.where(near, xp.log1p(select(near, square, 0.0, xp)) / 2, far), -inf, xp)


def weighted_logsumexp(x: Any, /, *, axis: tuple[int, ...], b: Any, where: Any, keepdims: bool, xp: Any) -> Any:
    """Return log(S); NaN where a real S is negative."""
    size, sign = signed_logsumexp(x, axis=axis, b=b, where=where, keepdims=keepdims, xp=xp)
    if not is_complex(sign.dtype):
        return select(~(sign < 0), size, nan, xp)
    angle = xp.atan2(xp.imag(sign), xp.real(sign))
    return xp.astype(size, sign.dtype) + xp.astype(angle, sign.dtype) * 1j
