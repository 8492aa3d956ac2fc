"""The formula itself, executed by the array's own library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._gate.dtypes import cast, is_half
from .._gate.namespace import is_numpy


def call(formula: Callable[..., Any], *arrays: Any, xp: Any, **options: Any) -> Any:
    """Return ``formula(*arrays)``; half types are computed in float32 and rounded once."""
    if not is_half(arrays[0].dtype):
        return _quietly(formula, *arrays, xp=xp, **options)
    dtype = arrays[0].dtype
    result = _quietly(formula, *(cast(x, xp.float32, xp) for x in arrays), xp=xp, **options)
    if isinstance(result, tuple):
        return tuple(cast(r, dtype, xp) for r in result)
    return cast(result, dtype, xp)


def _quietly(formula: Callable[..., Any], *arrays: Any, xp: Any, **options: Any) -> Any:
    if not is_numpy(xp):
        return formula(*arrays, xp=xp, **options)
    import numpy as np

    # [1e308, -1e308] overflows to the right answer, and so does a half type's cast to inf.
    with np.errstate(over="ignore", under="ignore"):
        return formula(*arrays, xp=xp, **options)
