"""The C engine of the distribution ``softmax-xp-kernels``, for NumPy arrays and torch tensors on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..._formulas.rows import drop_axes
from ..._xp.dtypes import dtype_name, is_half
from ..._xp.namespace import is_torch
from ..layout import is_flat, layout_of, rows_shape
from ..ways import Passed, Way, lacks, sure
from . import found as kernels

ELEMENTS = ("softmax", "log_softmax", "softmax_vjp", "log_softmax_vjp", "logsumexp_vjp")
"""Formulas that a kernel executes as it is, with a result of the shape of the logits."""

OTHERS = ("logsumexp", "softmax_and_logsumexp", "label_nll", "label_nll_and_grad", "mean_label_loss")


def prepare(formula: Callable[..., Any], arrays: tuple[Any, ...], options: dict[str, Any]) -> Way | str:
    """Return the way to execute a formula, or the reason why there is none."""
    _, reason = kernels.find()
    if reason is not None:
        return reason
    name, x = formula.__name__, arrays[0]
    if name not in ELEMENTS and name not in OTHERS:
        return f"does not have {name}"
    reason = lacks(options)
    if reason is not None:
        return reason
    if x.ndim == 0 or not options["axis"] or dtype_name(x.dtype) not in ("float64", "float32", "float16", "bfloat16"):
        return "for logits of float64, float32 and half types with at least one dimension"
    # The formula widens half types to float32 and rounds the mean alone; here each loss would be written as a half
    # type.
    if name == "mean_label_loss" and is_half(x.dtype):
        return "losses of half types are rounded after their mean"
    if is_torch(options["xp"]):
        from . import tensors

        return tensors.prepare(name, arrays, options)
    # The kernels read memory as it is: nobody would swap bytes for them.
    if not isinstance(x, np.ndarray) or not x.dtype.isnative:
        return "for arrays in the byte order of this machine"
    # The mean of nothing is NaN, of which the formula does not warn.
    if name == "mean_label_loss" and x.size == 0:
        return "for at least one row"
    return _way(name, x, options)


def _way(name: str, x: Any, options: dict[str, Any]) -> Way:
    axes, where = options["axis"], options.get("where")
    if name == "logsumexp" and is_flat(x, options):
        # The sum of everything is that of one row, whose entries are side by side.
        flat = _sums(x.reshape(-1), 0, False)
        return sure(lambda arrays, options: flat((arrays[0].reshape(-1),), options))
    if len(axes) == 1 and where is None:
        # A subclass has an empty_like of its own.
        if name in ELEMENTS and type(x) is np.ndarray:
            return _elements(name, x, axes[0])
        if name == "logsumexp":
            return _sums(x, axes[0], options["keepdims"])
        if name == "mean_label_loss":
            return _mean_loss(x, axes[0])
    if name in ELEMENTS:
        return lambda arrays, options: _call(kernels.elements, name, arrays, options)
    return {
        "logsumexp": _logsumexp,
        "softmax_and_logsumexp": _softmax_and_logsumexp,
        "label_nll": _label_nll,
        "label_nll_and_grad": _label_nll_and_grad,
    }[name]


# Ways of one axis without a mask, with as few steps as there can be. They have their axis in them, and read no option.


def _elements(name: str, x: Any, axis: int) -> Way:
    kernel, empty_like = kernels.of(name, x), np.empty_like

    def of_one(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
        (x,) = arrays
        out = empty_like(x)
        kernel(x, out, axis, None)
        return out

    def of_two(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
        x, g = arrays
        out = empty_like(x)
        kernel(x, g, out, axis, None)
        return out

    return sure(of_two if name.endswith("vjp") else of_one)


def _sums(x: Any, axis: int, keepdims: bool) -> Way:
    kernel, empty, dtype = kernels.of("logsumexp", x), np.empty, x.dtype
    kept, dropped = rows_shape(x, (axis,)), (*x.shape[:axis], *x.shape[axis + 1 :])

    def way(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
        (x,) = arrays
        out = empty(kept, dtype)
        kernel(x, out, axis, None)
        return out if keepdims else out.reshape(dropped)

    return sure(way)


def _mean_loss(x: Any, axis: int) -> Way:
    kernel, empty, add, dtype = kernels.of("label_nll", x), np.empty, np.add.reduce, x.dtype
    kept = rows_shape(x, (axis,))

    def way(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
        x, labels = arrays
        loss = empty(kept, dtype)
        kernel(x, labels.astype(np.int64, copy=False).reshape(kept), loss, axis, None)
        # Summed in float64, and rounded once with the quotient.
        mean = add(loss, None, np.float64) / loss.size
        # NaN may come from a label that is to be ignored.
        return np.asarray(mean, dtype=dtype) if mean == mean else Passed("where no loss is NaN")

    return way


def _logsumexp(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
    lse = _call(kernels.rows, "logsumexp", arrays, options)
    return lse if isinstance(lse, Passed) else drop_axes(lse, options["axis"], options["keepdims"], options["xp"])


def _softmax_and_logsumexp(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return both, by two kernels: the formula's own single pass would round x - m."""
    p = _call(kernels.elements, "softmax", arrays, options)
    return p if isinstance(p, Passed) else (p, _call(kernels.rows, "logsumexp", arrays, options))


def _label_nll(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return the losses; ``idle`` is of no use: the gradient is 0 in rows of which the cotangent is."""
    return _call(kernels.rows, "label_nll", (*arrays, options["labels"]), options)


def _label_nll_and_grad(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
    (x,), at, where = arrays, options["labels"], options["where"]
    loss, grad = np.empty(at.shape, x.dtype), np.empty_like(x, subok=False)
    # One for all rows is read by a stride of 0, and not copied for each.
    scale = np.broadcast_to(options["scale"], at.shape)
    kernels.execute("label_nll_grad", (x, at, scale, loss, grad), options["axis"][0], where)
    return loss, grad


def _call(call: Callable[..., Any], name: str, arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return the result of a kernel, of several axes as if they were one."""
    axes, where = options["axis"], options.get("where")
    if len(axes) == 1:
        return call(name, arrays, axes[0], where)
    x = arrays[0]
    layout = layout_of(x, axes)
    if layout is None:
        return Passed("for one axis, or axes side by side")
    # Views where memory allows: axes side by side are one axis with the same stride.
    joined = tuple(layout.view(v) for v in arrays)
    keep = None if where is None else layout.view(np.broadcast_to(where, x.shape))
    out = call(name, joined, 1, keep)
    return layout.undo(out, x.shape if out.shape == joined[0].shape else rows_shape(x, axes))
