"""Row quantities: maximum, sum, and how a special row is settled before either is used."""

from __future__ import annotations

from math import inf, nan
from typing import Any

from .._gate.dtypes import accumulator, cast, dtype_name
from .._gate.integers import dask_max
from .._gate.namespace import constant, device_of, is_dask, is_jax, is_mlx, is_numpy, is_torch

BLOCK = 128


def select(keep: Any, x: Any, other: float, xp: Any) -> Any:
    """Return ``x`` where ``keep`` (None: everywhere), else the number ``other``."""
    if keep is None:
        return x
    # `where` takes Python scalars only from 2024.12 on; these two have always done so, and save an array.
    if is_numpy(xp) or is_torch(xp):
        return xp.where(keep, x, other)
    if other != other and is_jax(xp):
        # 0 / 0 only where it is needed: with jax_debug_nans JAX refuses to make a NaN that is never selected.
        return xp.where(keep, x, xp.zeros_like(keep, dtype=x.dtype) / xp.astype(keep, x.dtype))
    return xp.where(keep, x, xp.full_like(x, other))


def row_max(x: Any, axis: tuple[int, ...], xp: Any) -> Any:
    """Return the maximum, as a constant: no result here depends on it, so its derivative is 0.

    That is exact to every order of differentiation, and right at ties. The maximum of
    nothing is -inf.
    """
    x = constant(x, xp)
    if is_dask(xp) and axis:
        return dask_max(x, axis, -inf)
    if 0 in x.shape:
        return xp.sum(x, axis=axis, keepdims=True) - inf
    return xp.max(x, axis=axis, keepdims=True) if axis else x


def row_sum(x: Any, axis: tuple[int, ...], xp: Any) -> Any:
    """Return the sum, in the widest accumulator the device has."""
    wide = accumulator(x, xp)
    if not axis:
        return cast(x, wide, xp)
    if wide == x.dtype and dtype_name(wide) == "float32" and not is_jax(xp):
        return _sum_in_blocks(x, axis, xp)
    if wide != x.dtype and not is_mlx(xp):
        return xp.sum(x, axis=axis, dtype=wide, keepdims=True)
    # MLX sums in the type that it is given.
    return xp.sum(cast(x, wide, xp), axis=axis, keepdims=True)


def _sum_in_blocks(x: Any, axis: tuple[int, ...], xp: Any) -> Any:
    """Return the sum of float32 where there is no float64: its error grows with a block, not with the axis.

    XLA sums in a tree by itself, so JAX has no need of it.
    """
    for a in axis:
        while x.shape[a] > BLOCK:
            x = _fold(x, a, xp)
        x = xp.sum(x, axis=a, keepdims=True)
    return x


def _fold(x: Any, a: int, xp: Any) -> Any:
    """Return the sums of the blocks along one axis, what is left over being a block too."""
    before, blocks, after = x.shape[:a], x.shape[a] // BLOCK, x.shape[a + 1 :]
    here = (slice(None),) * a
    head = xp.reshape(x[(*here, slice(0, blocks * BLOCK), ...)], (*before, blocks, BLOCK, *after))
    rest = x[(*here, slice(blocks * BLOCK, None), ...)]
    return xp.concat([xp.sum(head, axis=a + 1), xp.sum(rest, axis=a, keepdims=True)], axis=a)


def drop_axes(x: Any, axis: tuple[int, ...], keepdims: bool, xp: Any) -> Any:
    """Return ``x`` without its reduced axes, which have length 1, unless they are to be kept."""
    return x if keepdims or not axis else xp.squeeze(x, axis=axis)


def anchor(m: Any, xp: Any) -> Any:
    """Return the row maximum made finite, so that ``x - anchor`` is NaN only where ``x`` is."""
    # The largest number and not 0: beside an infinite maximum exp(x) would overflow.
    return select(xp.isfinite(m), m, float(xp.finfo(m.dtype).max), xp)


def settle(q: Any, m: Any, where: Any, axis: tuple[int, ...], masked: float, xp: Any) -> Any:
    """Return the row quantity ``q`` with NaN in rows without a finite maximum.

    A row that the mask excludes altogether gets ``masked``: nothing in it is wrong.
    """
    right = xp.isfinite(m)
    if where is not None:
        some = xp.any(where, axis=axis, keepdims=True) if axis else where
        q, right = select(right | some, q, masked, xp), right | ~some
    return select(right, q, nan, xp)


def temper(x: Any, m: Any, temperature: Any, xp: Any) -> Any:
    """Return ``(x - m) / temperature``, its limits at temperature 0 and inf included."""
    d = x - m
    temperature = held(temperature, x.dtype, xp)
    if not isinstance(temperature, float):
        return _temper_rows(x, d, temperature, xp)
    if temperature == 1.0:
        return d
    if temperature == 0.0:
        return select(d == 0, _flat(d, xp), -inf, xp)
    if temperature == inf:
        return select(x != -inf, _flat(d, xp), -inf, xp)
    return d / temperature


def held(temperature: Any, dtype: Any, xp: Any) -> Any:
    """Return a temperature as ``dtype`` holds it: 0 or inf where that holds it no longer."""
    is_number = isinstance(temperature, float)
    if is_number and (1e-4 < temperature < 1e4 or temperature in (0.0, inf)):
        return temperature
    limits = xp.finfo(dtype)
    most = float(limits.max)
    least = float(limits.smallest_normal) if is_number or is_jax(xp) else 0.0
    if not is_number:
        # Before the cast, which may warn.
        wide = dtype_name(temperature.dtype) == "float64" != dtype_name(dtype)
        temperature = cast(select(~(temperature > most), temperature, inf, xp) if wide else temperature, dtype, xp)
        return select(~(abs(temperature) < least), temperature, 0.0, xp) if is_jax(xp) else temperature
    # XLA takes subnormal numbers for 0; to the others half of the smallest one is 0.
    least = least if is_jax(xp) else 0.5 * least * float(limits.eps)
    return 0.0 if temperature <= least else inf if temperature > most else temperature


def _flat(d: Any, xp: Any) -> Any:
    """Return zeros that automatic differentiation still knows to come from ``d``."""
    return 0.0 * select(xp.isfinite(d), d, 0.0, xp)


def _temper_rows(x: Any, d: Any, t: Any, xp: Any) -> Any:
    t = select(t >= 0, t, nan, xp)
    ordinary = (t != 0) & (t != inf)
    # Beside d = -inf the derivative of d / t would be inf * 0: divide 0 there instead.
    gone = d == -inf
    q = select(~gone, d, 0.0, xp) / select(ordinary, t, 1.0, xp)
    cold = select(d == 0, _flat(d, xp), -inf, xp)
    hot = select(x != -inf, _flat(d, xp), -inf, xp)
    return xp.where(t == 0, cold, xp.where(t == inf, hot, select(~gone, q, -inf, xp)))


def temper_max(m: Any, temperature: Any, xp: Any) -> Any:
    """Return ``m / temperature``, where 0 / 0 counts as 0."""
    if not isinstance(temperature, float):
        temperature = cast(temperature, m.dtype, xp)
        cold = temperature == 0
        return xp.where(cold, _signed_inf(m, xp), m / select(~cold, temperature, 1.0, xp))
    if temperature == 0.0:
        return _signed_inf(m, xp)
    return m if temperature == 1.0 else m / temperature


def _signed_inf(m: Any, xp: Any) -> Any:
    return select(m <= 0, select(m >= 0, m, -inf, xp), inf, xp)


def positions(n: int, ndim: int, axis: int, like: Any, xp: Any) -> Any:
    """Return 0, 1, ..., n - 1 along ``axis`` of an array with ``ndim`` dimensions."""
    # JAX places constants itself; its tracers and sharded arrays have no device to pass on.
    index = xp.arange(n) if is_jax(xp) or is_mlx(xp) else xp.arange(n, device=device_of(like))
    return xp.reshape(index, tuple(n if a == axis else 1 for a in range(ndim)))
