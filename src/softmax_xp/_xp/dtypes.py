"""Data types by name: the same few questions, answered for every library."""

from __future__ import annotations

from typing import Any

from .namespace import device_of, is_jax, is_numpy, is_torch

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

_CODES = {
    "b1": "bool",
    **{f"{kind[0]}{bits // 8}": f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)},
    **{f"f{bits // 8}": f"float{bits}" for bits in (16, 32, 64)},
    "c8": "complex64",
    "c16": "complex128",
}
"""The types of NumPy by what their ``str`` has behind the byte order."""


def dtype_name(dtype: Any) -> str:
    """Return ``float32`` for numpy.float32, torch.float32, numpy.dtype('>f4'), ..."""
    # What NumPy has as name is found anew each time, in Python.
    code = getattr(dtype, "str", None)
    if isinstance(code, str) and code[1:] in _CODES:
        return _CODES[code[1:]]
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
    if is_numpy(xp):
        return True
    if is_torch(xp):
        return bool(x.device.type != "mps")
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
