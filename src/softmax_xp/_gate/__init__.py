"""The gate: the only place that raises for bad input.

Everything is read from metadata (type, device, dtype, shape), never from values, so it
works the same under a compiler and on lazy arrays.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

from .axes import check_axes, check_axis, check_count
from .dtypes import (
    cast,
    check_held,
    check_labels,
    common_dtype,
    common_floats,
    default_float,
    kind_of,
    to_floating,
)
from .masks import (
    check_broadcast,
    check_lengths,
    check_mask,
    check_sink,
    check_temperature,
    check_weights,
    check_where,
    together,
)
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


def admit_sum(x: Any, *, axis: Any, where: Any, dtype: Any, xp: Any) -> tuple[Any, dict[str, Any]]:
    """Return ``x`` as floating point, and the options of a reduction, checked."""
    xp = common_namespace(xp, {"x": x}, {"where": where})
    axes = check_axes(axis, x.ndim)
    return to_floating(x, dtype, xp), {"axis": axes, "where": check_where(where, x), "xp": xp}


def admit_weighted_sum(x: Any, *, b: Any, axis: Any, where: Any, dtype: Any, xp: Any) -> tuple[Any, dict[str, Any]]:
    """Return ``x``, real or complex, in the type of the result, and the options of a sum with weights, checked.

    The axes are those of the shape that ``x`` and its weights broadcast to.
    """
    xp = common_namespace(xp, {"x": x}, {"where": where}, {"b": b})
    x, shape = to_floating(x, dtype, xp, allow_complex=True), x.shape
    if b is not None:
        is_number = isinstance(b, Real)
        x, b, shape = together("x", x, "b", check_weights(b, x, xp))
        if dtype is None and not is_number and kind_of(b.dtype) in ("real floating", "complex floating"):
            x = cast(x, common_dtype(x, b, xp), xp)
    where = None if where is None else check_mask("where", where, shape, "the entries to keep")
    return x, {"axis": check_axes(axis, len(shape)), "b": b, "where": where, "xp": xp}


def admit_indexed(x: Any, *, axis: Any, where: Any, xp: Any) -> tuple[Any, dict[str, Any]]:
    """Return ``x`` as floating point and the options of a function that counts along its axes, checked."""
    x, options = admit_sum(x, axis=axis, where=where, dtype=None, xp=xp)
    check_lengths(x, options["axis"])
    return x, options


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
