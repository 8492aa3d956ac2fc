"""Data types: which are taken, and the floating type that each is computed in."""

from __future__ import annotations

from typing import Any

from .._xp import integers
from .._xp.dtypes import cast, common_dtype, default_float, dtype_name, has_float64, kind_of
from .._xp.namespace import device_of, is_jax, short_name

_INTEGER = "integer"
_REAL = "real floating"
_COMPLEX = "complex floating"
_ALL = "bool, int8..int64, uint8..uint64, float16, bfloat16, float32, float64"


def to_floating(x: Any, dtype: Any, xp: Any, *, allow_complex: bool = False, name: str = "x") -> Any:
    """Return ``x`` in ``dtype`` (default: its own floating type, or the namespace's default one).

    Promotion comes before any arithmetic: on integers ``x - max(x)`` wraps around.
    """
    return cast(x, floating_dtype(x, dtype, xp, allow_complex=allow_complex, name=name), xp)


def floating_dtype(x: Any, dtype: Any, xp: Any, *, allow_complex: bool = False, name: str = "x") -> Any:
    """Return the type that ``x`` is to have: ``dtype``, or else its own floating type or the default one."""
    kind = kind_of(x.dtype)
    if kind is None or (kind == _COMPLEX and not allow_complex):
        raise TypeError(f"{name} has dtype {x.dtype}; supported: {_supported(allow_complex)}")
    if dtype is not None:
        _check_dtype(x, dtype, kind, xp, allow_complex)
        return dtype
    return x.dtype if kind in (_REAL, _COMPLEX) else default_float(x, xp)


def common_floats(arrays: dict[str, Any], xp: Any) -> tuple[Any, ...]:
    """Return arrays, given by their names, in their common floating type."""
    floats = [to_floating(x, None, xp, name=name) for name, x in arrays.items()]
    widest = floats[0]
    for x in floats[1:]:
        widest = cast(widest, common_dtype(widest, x, xp), xp)
    return tuple(cast(x, widest.dtype, xp) for x in floats)


def _check_dtype(x: Any, dtype: Any, kind: str, xp: Any, allow_complex: bool) -> None:
    wanted = kind_of(dtype)
    if (wanted == _COMPLEX and not allow_complex) or wanted not in (_REAL, _COMPLEX):
        raise TypeError(f"dtype={dtype} is not a floating type; use float16, bfloat16, float32 or float64")
    if kind == _COMPLEX and wanted == _REAL:
        raise TypeError(
            f"dtype={dtype} would drop the imaginary part of x, which has dtype {x.dtype}; use a complex dtype"
        )
    check_held(x, dtype, xp)


def check_held(x: Any, dtype: Any, xp: Any) -> None:
    """Raise ValueError for double precision that the device of ``x`` cannot hold now."""
    if dtype_name(dtype) in ("float64", "complex128") and not has_float64(x, xp):
        raise ValueError(
            f"dtype={dtype} is not available in {short_name(xp)} on device {device_of(x)} now; use float32"
            + (" or jax.config.update('jax_enable_x64', True)" if is_jax(xp) else "")
        )


def _supported(allow_complex: bool) -> str:
    return _ALL + (", complex64, complex128" if allow_complex else "")


def check_real(name: str, x: Any, *, booleans: bool = False) -> None:
    """Raise TypeError unless ``x`` holds real numbers; where they are weights, booleans are the numbers 0 and 1."""
    if kind_of(x.dtype) not in (_INTEGER, _REAL, "bool" if booleans else _REAL):
        raise TypeError(f"{name} has dtype {x.dtype}; supported: real numbers")


def check_labels(x: Any) -> None:
    """Raise TypeError unless ``x`` holds integers."""
    if kind_of(x.dtype) != _INTEGER:
        raise TypeError(f"labels have dtype {x.dtype}; supported: int8..int64, uint8..uint64")


def from_top(
    x: Any, dtype: Any, *, xp: Any, name: str = "x", allow_complex: bool = False, **options: Any
) -> tuple[Any, integers.Top | None]:
    """Return what `integers.from_top` returns, in the type that ``x`` is to have."""
    return integers.from_top(x, floating_dtype(x, dtype, xp, allow_complex=allow_complex, name=name), xp=xp, **options)
