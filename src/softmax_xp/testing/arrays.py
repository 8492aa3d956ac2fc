"""Numbers into and out of any array library."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._gate.arrays import namespace_of
from .._xp.dtypes import dtype_name, has_float64, is_half
from .._xp.namespace import is_jax, is_torch

FLOATS = ("float64", "float32", "float16", "bfloat16")


def dtype_of(x: Any) -> str:
    """Return the name of the dtype of ``x``."""
    return dtype_name(x.dtype)


def from_numpy(values: Any, dtype: str, xp: Any, device: Any) -> Any:
    """Return ``values`` as an array of ``xp``."""
    # Dask names no half type, and takes NumPy's.
    kind = getattr(xp, dtype, None) or getattr(xp, f"{dtype}_", None) or np.dtype(dtype)
    if is_jax(xp) or device is None:
        return xp.asarray(np.asarray(values).tolist(), dtype=kind)
    return xp.asarray(np.asarray(values).tolist(), dtype=kind, device=device)


def to_numpy(x: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return ``x`` as float64 numbers in NumPy."""
    if isinstance(x, np.ndarray | np.generic | float):
        return np.asarray(x).astype(np.float64)
    xp = namespace_of(x)
    if is_half(x.dtype):
        x = xp.astype(x, xp.float32)
    if is_torch(xp):
        return np.asarray(x.detach().cpu().double())
    for name in ("get", "compute"):
        x = getattr(x, name, lambda x=x: x)()
    if not is_jax(xp) and hasattr(x, "to_device") and not isinstance(getattr(x, "device", "cpu"), str):
        x = x.to_device(xp.__array_namespace_info__().default_device())
    return np.asarray(x).astype(np.float64)


def floats_of(xp: Any, device: Any) -> list[str]:
    """Return the names of the floating types that ``xp`` holds on ``device``."""
    probe = from_numpy([0.0], "float32", xp, device)
    return [name for name in FLOATS if hasattr(xp, name) and (name != "float64" or has_float64(probe, xp))]
