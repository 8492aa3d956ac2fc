"""What the maps onto the simplex and their losses take beside an array."""

from __future__ import annotations

from math import inf, prod
from numbers import Real
from sys import float_info
from typing import Any

from .arrays import common_namespace
from .axes import check_axes
from .dtypes import from_top
from .losses import admit_cotangent, check_number
from .masks import check_lengths, check_where, per_row

REGULARIZERS = ("shannon", "gini", "tsallis", "norm")


def admit_map(
    x: Any, *, axis: Any, where: Any, dtype: Any = None, xp: Any, **numbers: Any
) -> tuple[Any, dict[str, Any]]:
    """Return ``x`` as floating point and the options of a map, checked; each of ``numbers`` may be one per row."""
    xp = common_namespace(xp, {"x": x}, {"where": where}, numbers)
    axes = check_axes(axis, x.ndim)
    # Rows of several axes are laid out as one, for which all lengths must be known.
    check_lengths(x, axes if len(axes) == 1 else tuple(range(x.ndim)))
    options = {name: _check_row_number(name, value, x, axes) for name, value in numbers.items()}
    keep = check_where(where, x)
    x, _ = from_top(x, dtype, axis=axes, where=keep, xp=xp)
    return x, {"axis": axes, "where": keep, "xp": xp, **options}


def _check_row_number(name: str, value: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """Return a number in its range, or an array with one for each row."""
    if value is not None and not isinstance(value, Real):
        return per_row(name, value, x, axes)
    low = 1.0 if name == "alpha" else 0.0
    high = {"alpha": inf, "scale": float_info.max}.get(name)
    # A list: torch.compile does not trace a generator here.
    return check_number(name, value, low=low, high=float(prod([x.shape[a] for a in axes])) if high is None else high)


def admit_entmax_cotangent(
    p: Any, g: Any, *, alpha: Any, axis: Any, where: Any, xp: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the shares and their cotangent, and the options of the derivative, checked."""
    common_namespace(xp, {"p": p}, numbers={"alpha": alpha})
    arrays, options = admit_cotangent({"p": p, "g": g}, axis=axis, where=where, xp=xp)
    return arrays, {**options, "alpha": _check_row_number("alpha", alpha, p, options["axis"])}


def admit_regularizer(regularizer: Any, alpha: Any) -> dict[str, Any]:
    """Return the regularizer and its order; Tsallis entropies of the orders 1 and 2 are those of Shannon and Gini."""
    if regularizer not in REGULARIZERS:
        names = ", ".join(map(repr, REGULARIZERS))
        raise ValueError(f"regularizer={regularizer!r} is not known; use one of {names}")
    orders = {"shannon": 1.0, "gini": 2.0}
    if alpha is not None and regularizer in orders:
        raise ValueError(f"alpha is the order of 'tsallis' and 'norm'; with regularizer={regularizer!r} leave it out")
    if regularizer == "norm":
        return {"regularizer": regularizer, "alpha": check_number("alpha", 2.0 if alpha is None else alpha, above=1.0)}
    alpha = orders.get(regularizer, 1.5 if alpha is None else alpha)
    alpha = check_number("alpha", alpha, low=1.0, high=float_info.max)
    return {"regularizer": "shannon" if alpha == 1.0 else "tsallis", "alpha": alpha}
