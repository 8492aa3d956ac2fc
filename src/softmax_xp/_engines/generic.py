"""The formula itself, executed by the array's own library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _autodiff
from .._formulas.kinds import cut_of, is_composed
from .._xp.dtypes import cast, is_half
from .._xp.namespace import called_without_range_warnings, differentiates
from .ways import Way


def prepare(formula: Callable[..., Any], arrays: tuple[Any, ...], options: dict[str, Any]) -> Way:
    """Return the way of the formula."""
    # It calls `run` for each formula that it is made of: types, rules and warnings are looked after there.
    if is_composed(formula):
        return lambda arrays, options: formula(*arrays, **options)
    # Losses widen half types themselves and round after their mean; all else is rounded once, here.
    xp = options["xp"]
    compute = call_wide if cut_of(formula) == "losses" else call_half if is_half(arrays[0].dtype) else call
    if differentiates(xp):
        return lambda arrays, options: _autodiff.enter(compute, formula, *arrays, **options)

    def way(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
        return compute(formula, *arrays, **options)

    return called_without_range_warnings(way, xp)


def call(formula: Callable[..., Any], *arrays: Any, **options: Any) -> Any:
    """Return ``formula(*arrays)``, differentiated by its rule."""
    result = _autodiff.execute(formula, *arrays, **options)
    # What a formula leaves as it is becomes an array of its own: who writes to it does not change the argument.
    return 1.0 * result if result is arrays[0] else result


def call_half(formula: Callable[..., Any], *arrays: Any, xp: Any, **options: Any) -> Any:
    """Return the same for half types: computed in float32 and rounded once."""
    dtype = arrays[0].dtype
    result = call(formula, *(cast(x, xp.float32, xp) for x in arrays), xp=xp, **options)
    if isinstance(result, tuple):
        return tuple(cast(r, dtype, xp) for r in result)
    return cast(result, dtype, xp)


def call_wide(formula: Callable[..., Any], *arrays: Any, **options: Any) -> Any:
    """Return ``formula(*arrays)``, which has one entry per row and widens half types itself."""
    return formula(*arrays, **options)
