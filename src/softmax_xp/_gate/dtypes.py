"""Data types by name: the same few questions, answered for every library."""

from __future__ import annotations

from typing import Any

from .namespace import device_of, is_jax, is_torch, short_name

_INTEGER = "integer"
_REAL = "real floating"
_COMPLEX = "complex floating"

# Names and not `isdtype`: NumPy's raises on bfloat16, and others call float8 a floating type.
_KINDS = {
    "bool": "bool",
    "bool_": "bool",
    **dict.fromkeys(("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"), _INTEGER),
    **dict.fromkeys(("bfloat16", "float16", "float32", "float64", "float96", "float128", "longdouble"), _REAL),
    **dict.fromkeys(("complex64", "complex128", "complex192", "complex256", "clongdouble"), _COMPLEX),
}
_HALF = ("float16", "bfloat16")
_ALL = "bool, int8..int64, uint8..uint64, float16, bfloat16, float32, float64"


def dtype_name(dtype: Any) -> str:
    """Return ``float32`` for numpy.float32, torch.float32, numpy.dtype('>f4'), ..."""
    name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None)
    return name if isinstance(name, str) else str(dtype).rpartition(".")[2]


def kind_of(dtype: Any) -> str | None:
    """Return the standard's kind of ``dtype``, or None if it is not a numeric type we support."""
    return _KINDS.get(dtype_name(dtype))


def is_half(dtype: Any) -> bool:
    return dtype_name(dtype) in _HALF


def is_floating(dtype: Any) -> bool:
    return kind_of(dtype) in (_REAL, _COMPLEX)


def is_complex(dtype: Any) -> bool:
    return kind_of(dtype) == _COMPLEX


def has_float64(x: Any, xp: Any) -> bool:
    """Whether the device of ``x`` can hold float64 now."""
    if is_torch(xp):
        return x.device.type != "mps"
    if is_jax(xp):
        from jax import config

        return bool(config.jax_enable_x64)
    info = getattr(xp, "__array_namespace_info__", None)
    if info is None:
        return False
    return "float64" in info().dtypes(device=device_of(x), kind=_REAL)


def accumulator(x: Any, xp: Any, dtype: Any = None) -> Any:
    """Return the type to sum ``x``, or numbers of a ``dtype`` beside it, in: float64 for float32 where there is it."""
    dtype = x.dtype if dtype is None else dtype
    wide = {"float32": "float64", "complex64": "complex128"}.get(dtype_name(dtype))
    return getattr(xp, wide) if wide and has_float64(x, xp) else dtype


def default_float(x: Any, xp: Any) -> Any:
    """Return the floating type the namespace gives to numbers on the device of ``x``."""
    if is_torch(xp):
        import torch

        return torch.get_default_dtype()
    info = getattr(xp, "__array_namespace_info__", None)
    if info is None:
        return xp.float32
    device = None if is_jax(xp) else device_of(x)
    return info().default_dtypes(device=device)[_REAL]


def cast(x: Any, dtype: Any, xp: Any) -> Any:
    """Return ``x`` in ``dtype``, itself where it has it already."""
    return x if x.dtype == dtype else xp.astype(x, dtype)


def wide_dtype(dtype: Any, xp: Any) -> Any:
    """Return the type that ``dtype`` is computed in: float32 for half types."""
    return xp.float32 if is_half(dtype) else dtype


def widen(x: Any, xp: Any) -> Any:
    """Return ``x`` in the type it is computed in."""
    return cast(x, wide_dtype(x.dtype, xp), xp)


def common_dtype(a: Any, b: Any, xp: Any) -> Any:
    """Return the type that two arrays promote to."""
    if a.dtype == b.dtype:
        return a.dtype
    if is_torch(xp):
        # result_type does not trace under torch.compile.
        import torch

        return torch.promote_types(a.dtype, b.dtype)
    return xp.result_type(a, b)


def beside(w: Any, x: Any, xp: Any) -> Any:
    """Return weights in the common floating type of themselves and of ``x``: none of their digits is lost.

    Integers that this type does not hold are numbers of the widest type of the device, and booleans are 0 and 1.
    """
    if kind_of(w.dtype) in (_REAL, _COMPLEX):
        return cast(w, common_dtype(w, x, xp), xp)
    return cast(w, accumulator(x, xp) if dtype_name(w.dtype)[-2:] in ("32", "64") else x.dtype, xp)


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
