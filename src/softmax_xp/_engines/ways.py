"""Ways to execute a formula, as engines prepare them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._formulas.kinds import is_composed

Way = Callable[[tuple[Any, ...], dict[str, Any]], Any]
"""Takes the arrays of a formula and its options, and returns its result, or `Passed`."""


class Passed(str):
    """Why an engine does not take a call of a kind that it has a way for."""

    __slots__ = ()


def sure(way: Way) -> Way:
    """Mark a way that takes every call of its kind, and has the options in it: it is all that a plan need call."""
    way.is_sure = True  # type: ignore[attr-defined]
    return way


def is_sure(way: Way) -> bool:
    """Whether a way has that mark."""
    return getattr(way, "is_sure", False)


def aligned(formula: Callable[..., Any], way: Way, arrays: tuple[Any, ...], options: dict[str, Any]) -> Way:
    """Return a way for options that are arrays with fewer dimensions than the first argument."""
    if is_composed(formula):
        return way
    ndim = arrays[0].ndim
    front: dict[str, Any] = {}
    for name, value in options.items():
        # Types and namespaces of NumPy have one of these too; a number may be symbolic, of which nothing can be asked.
        if isinstance(value, (int, float, str, tuple)) or not hasattr(value, "dtype"):
            continue
        own = getattr(value, "ndim", None)
        if isinstance(own, int) and own < ndim:
            # NumPy's rule, in front; engines and blocks look for the axes of x in an option.
            front[name] = (None,) * (ndim - own) + (...,)
    # Without a function around it: a plain call is little more than the way itself.
    if not front:
        return way
    return lambda arrays, options: way(arrays, {**options, **{name: options[name][at] for name, at in front.items()}})


def lacks(options: dict[str, Any]) -> str | None:
    """Return which option an engine of plain rows does not have; None if there is nothing but an axis and a mask."""
    if options.get("sink") is not None:
        return "has no sink"
    temperature = options.get("temperature", 1.0)
    return None if isinstance(temperature, float) and temperature == 1.0 else "has no temperature"
