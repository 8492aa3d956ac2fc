"""Arrays that accompany x: masks, weights, and options with one value per row."""

from __future__ import annotations

from numbers import Real
from typing import Any

from .._xp.dtypes import kind_of
from .dtypes import check_real


def check_where(where: Any, x: Any) -> Any:
    """Return the mask, which broadcasts to ``x``."""
    return None if where is None else check_mask("where", where, x.shape, "the entries to keep")


def check_mask(name: str, mask: Any, shape: tuple[Any, ...], meaning: str) -> Any:
    """Return a boolean array that broadcasts to ``shape``."""
    if kind_of(mask.dtype) != "bool":
        raise TypeError(f"{name} has dtype {mask.dtype}; use bool, with True for {meaning}")
    return check_aligned(name, mask, shape)


def check_weights(b: Any, xp: Any) -> Any:
    """Return the weights of logsumexp, a number as a float; booleans are the numbers 0 and 1."""
    if isinstance(b, Real):
        return float(b)
    if kind_of(b.dtype) is None:
        raise TypeError(f"b has dtype {b.dtype}; supported: numbers")
    return xp.astype(b, xp.uint8) if kind_of(b.dtype) == "bool" else b


def together(name_a: str, a: Any, name_b: str, b: Any) -> tuple[Any, Any, tuple[Any, ...]]:
    """Return two arrays with as many dimensions as the larger one has, and the shape that they broadcast to."""
    check_broadcast(name_a, a, name_b, b)
    ndim = max(a.ndim, b.ndim)
    a, b = (v[(None,) * (ndim - v.ndim) + (...,)] if v.ndim < ndim else v for v in (a, b))
    return a, b, tuple(m if n == 1 else n for n, m in zip(a.shape, b.shape, strict=True))


def check_temperature(temperature: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """Return the temperature as a number or as an array with one value per row."""
    if isinstance(temperature, Real):
        temperature = float(temperature)
        # NaN fails this too; math.isnan does not trace where torch.compile makes numbers symbolic.
        if not temperature >= 0:
            raise ValueError(f"temperature={temperature} is not allowed; use a number in [0, inf]")
        return temperature
    return per_row("temperature", temperature, x, axes)


def check_sink(sink: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """Return the extra logit as a number or as an array with one value per row."""
    if sink is None:
        return None
    return float(sink) if isinstance(sink, Real) else per_row("sink", sink, x, axes)


def per_row(name: str, value: Any, x: Any, axes: tuple[int, ...], *, booleans: bool = False) -> Any:
    """Return real numbers, one for each row along ``axes``."""
    check_real(name, value, booleans=booleans)
    return check_aligned(name, value, tuple(1 if a in axes else n for a, n in enumerate(x.shape)))


def check_aligned(name: str, value: Any, shape: tuple[Any, ...]) -> Any:
    """Return ``value``; ValueError if it would stretch ``shape``."""
    missing = len(shape) - len(value.shape)
    # A length that is not known yet (nan in Dask, None in ONNX) is left to the library.
    fits = missing >= 0 and all(
        n == 1 or n == size or not known(n) or not known(size)
        for n, size in zip(value.shape, shape[missing:], strict=True)
    )
    if not fits:
        raise ValueError(f"{name} has shape {tuple(value.shape)}, which does not broadcast to {tuple(shape)}")
    return value


def check_same_shape(name_a: str, a: Any, name_b: str, b: Any, hint: str = "") -> None:
    """Raise ValueError unless the two shapes are equal."""
    if not same_lengths(a.shape, b.shape):
        raise ValueError(f"{name_a} has shape {tuple(a.shape)}; use the shape of {name_b}, {tuple(b.shape)}{hint}")


def check_broadcast(name_a: str, a: Any, name_b: str, b: Any) -> None:
    """Raise ValueError unless the two shapes broadcast together."""
    for n, size in zip(reversed(a.shape), reversed(b.shape), strict=False):
        if 1 not in (n, size) and n != size and known(n) and known(size):
            raise ValueError(
                f"{name_a} has shape {tuple(a.shape)} and {name_b} has shape {tuple(b.shape)}; "
                "use shapes that broadcast together"
            )


def check_lengths(x: Any, axes: tuple[int, ...], name: str = "x") -> None:
    """Raise ValueError unless the length of each axis is known."""
    for a in axes:
        if not known(x.shape[a]):
            raise ValueError(
                f"the length of axis {a} of {name} is unknown; "
                f"compute it first, in Dask by {name}.compute_chunk_sizes()"
            )


def same_lengths(shape: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether two shapes are equal as far as they are known."""
    return len(shape) == len(other) and all(
        n == m or not known(n) or not known(m) for n, m in zip(shape, other, strict=True)
    )


def known(n: Any) -> bool:
    return n is not None and n == n
