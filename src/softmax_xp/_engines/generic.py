"""The formula itself, executed by the array's own library."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from .. import _autodiff
from .._gate.dtypes import cast, is_half
from .._gate.namespace import is_numpy
from . import blocks


def call(formula: Callable[..., Any], *arrays: Any, xp: Any, **options: Any) -> Any:
    """Return ``formula(*arrays)``; half types are computed in float32 and rounded once."""
    arrays = tuple(_autodiff.pinned(x, xp) for x in arrays)
    dtype = arrays[0].dtype
    half = is_half(dtype)
    if half:
        arrays = tuple(cast(x, xp.float32, xp) for x in arrays)
    with quiet(xp):
        result = _autodiff.execute(formula, *arrays, xp=xp, **options)
        if not half:
            return result
        if isinstance(result, tuple):
            return tuple(cast(r, dtype, xp) for r in result)
        return cast(result, dtype, xp)


def call_rows(formula: Callable[..., Any], x: Any, /, *, xp: Any, **options: Any) -> Any:
    """Return ``formula(x)``, which has one entry per row and widens half types itself."""
    with quiet(xp):
        if is_numpy(xp):
            return blocks.call(formula, x, xp=xp, **options)
        return formula(_autodiff.pinned(x, xp), xp=xp, **options)


def quiet(xp: Any) -> AbstractContextManager[Any]:
    """Return a context without NumPy's warnings of results that are right.

    [1e308, -1e308] overflows to the right answer, and so does a half type's cast to inf.
    """
    if not is_numpy(xp):
        return nullcontext()
    import numpy as np

    return np.errstate(over="ignore", under="ignore")
