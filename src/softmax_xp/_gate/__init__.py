"""The gate: the only place that raises for bad input.

Everything is read from metadata (type, device, dtype, shape), never from values, so it
works the same under a compiler and on lazy arrays.
"""

from __future__ import annotations

from typing import Any

from .axes import check_axes, check_axis, check_count
from .dtypes import check_held, check_labels, common_floats, default_float, kind_of, to_floating
from .masks import check_broadcast, check_sink, check_temperature, check_weights, check_where
from .namespace import common_namespace


def admit_rows(
    x: Any, *, axis: Any, where: Any, temperature: Any, sink: Any, dtype: Any, xp: Any
) -> tuple[Any, dict[str, Any]]:
    """Return ``x`` as floating point and the options of a normalizer, checked."""
    xp = common_namespace(xp, {"x": x}, {"where": where}, {"temperature": temperature, "sink": sink})
    axes = check_axes(axis, x.ndim)
    options = {
        "axis": axes,
        "where": check_where(where, x),
        "temperature": check_temperature(temperature, x, axes),
        "sink": check_sink(sink, x, axes),
        "xp": xp,
    }
    return to_floating(x, dtype, xp), options


def admit_sum(
    x: Any, *, axis: Any, b: Any = None, where: Any, dtype: Any, xp: Any, allow_complex: bool = False
) -> tuple[Any, Any, dict[str, Any]]:
    """Return ``x`` as floating point, its weights, and the options of a reduction, checked."""
    xp = common_namespace(xp, {"x": x}, {"where": where}, {"b": b})
    axes = check_axes(axis, x.ndim)
    x = to_floating(x, dtype, xp, allow_complex=allow_complex)
    return x, check_weights(b, x, xp), {"axis": axes, "where": check_where(where, x), "xp": xp}


def admit_elements(x: Any, *, xp: Any) -> tuple[Any, Any]:
    """Return ``x`` as floating point and its namespace."""
    xp = common_namespace(xp, {"x": x})
    return to_floating(x, None, xp), xp


def admit_pair(a: Any, b: Any, *, xp: Any) -> tuple[Any, Any, Any]:
    """Return two arrays in their common floating type, and their namespace."""
    xp = common_namespace(xp, {"a": a, "b": b})
    check_broadcast("a", a, "b", b)
    a, b = common_floats({"a": a, "b": b}, xp)
    return a, b, xp


def admit_labels(labels: Any, num_classes: Any, *, axis: Any, dtype: Any, xp: Any) -> dict[str, Any]:
    """Return the options of one_hot, checked."""
    xp = common_namespace(xp, {"labels": labels})
    check_labels(labels)
    if dtype is not None and kind_of(dtype) is None:
        raise TypeError(f"dtype={dtype} is not supported; use a boolean, integer or floating type")
    if dtype is not None:
        check_held(labels, dtype, xp)
    return {
        "num_classes": check_count("num_classes", num_classes),
        "axis": check_axis(axis, labels.ndim + 1, "an integer"),
        "dtype": default_float(labels, xp) if dtype is None else dtype,
        "xp": xp,
    }
