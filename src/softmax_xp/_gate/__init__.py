"""The checks of arguments: the only place that raises for bad input.

Everything is read from metadata (type, device, dtype, shape), never from values, so it
works the same under a compiler and on lazy arrays.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from .._xp import integers
from .._xp.dtypes import cast, common_dtype, default_float, is_complex, is_floating, kind_of
from .._xp.integers import Top
from .arrays import common_namespace
from .axes import check_axes, check_axis, check_count
from .dtypes import check_held, check_labels, common_floats, floating_dtype, from_top, to_floating
from .masks import (
    check_broadcast,
    check_mask,
    check_sink,
    check_temperature,
    check_weights,
    check_where,
    together,
)


def admit_rows(
    x: Any, *, axis: Any, where: Any, temperature: Any, sink: Any, dtype: Any, xp: Any, down: bool = False
) -> tuple[Any, dict[str, Any]]:
    """Return ``x``, or -x where ``down``, as floating point and the options of a normalizer, checked.

    The option ``convert`` of a converted ``x`` makes it of the argument once more, without a check.
    """
    floating, top, options = admit_measured(
        x, axis=axis, where=where, temperature=temperature, sink=sink, dtype=dtype, xp=xp, down=down
    )
    # Integers that are measured from the largest need the mask, and move the sink.
    if floating is not x and (top is None or (where is None and sink is None)):
        made = {"axis": options["axis"], "where": None, "xp": options["xp"], "down": down}
        options["convert"] = partial(integers.from_top, floating=floating.dtype, **made)
    return floating, options


def admit_measured(
    x: Any, *, axis: Any, where: Any, temperature: Any, sink: Any, dtype: Any, xp: Any, down: bool = False
) -> tuple[Any, Top | None, dict[str, Any]]:
    """Return what `admit_rows` returns, and between the two the integers that are taken off each row, or None."""
    xp = common_namespace(xp, {"x": x}, {"where": where}, {"temperature": temperature, "sink": sink})
    axes = check_axes(axis, x.ndim)
    options = {
        "axis": axes,
        "where": check_where(where, x),
        "temperature": check_temperature(temperature, x, axes),
        "sink": check_sink(sink, x, axes),
        "xp": xp,
    }
    x, top = from_top(x, dtype, axis=axes, where=options["where"], xp=xp, down=down)
    if top is not None and options["sink"] is not None:
        options["sink"] = top.below(options["sink"])
    return x, top, options


def admit_sum(
    x: Any, *, axis: Any, where: Any, dtype: Any, xp: Any, allow_complex: bool = False
) -> tuple[Any, Top | None, dict[str, Any]]:
    """Return ``x`` as floating point, the integers that are taken off each row, and the options of a reduction."""
    xp = common_namespace(xp, {"x": x}, {"where": where})
    options = {"axis": check_axes(axis, x.ndim), "where": check_where(where, x), "xp": xp}
    x, top = from_top(x, dtype, axis=options["axis"], where=options["where"], xp=xp, allow_complex=allow_complex)
    return x, top, options


def admit_weighted_sum(
    x: Any, *, b: Any, axis: Any, where: Any, dtype: Any, xp: Any
) -> tuple[Any, Top | None, dict[str, Any]]:
    """Return what `admit_sum` returns, for ``x`` real or complex, in the type of the result, and with its weights.

    The axes are those of the shape that ``x`` and its weights broadcast to.
    """
    xp = common_namespace(xp, {"x": x}, {"where": where}, {"b": b})
    floating, shape = floating_dtype(x, dtype, xp, allow_complex=True), x.shape
    b = None if b is None else check_weights(b, xp)
    alike = b is None or isinstance(b, float)
    if not alike:
        x, b, shape = together("x", x, "b", b)
    axes = check_axes(axis, len(shape))
    where = None if where is None else check_mask("where", where, shape, "the entries to keep")
    # An integer whose weight is 0 is not in the sum: the others must not be measured from it.
    counts = where if alike else b != 0 if where is None else (b != 0) & where
    top = None
    if is_complex(floating):
        x = cast(x, floating, xp)
    else:
        x, top = from_top(x, dtype, axis=axes, where=counts, xp=xp)
    # Weights that are numbers, integers or booleans do not change the type of the result.
    if dtype is None and not alike and is_floating(b.dtype):
        x = cast(x, common_dtype(x, b, xp), xp)
    return x, top, {"axis": axes, "b": b, "where": where, "xp": xp}


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
