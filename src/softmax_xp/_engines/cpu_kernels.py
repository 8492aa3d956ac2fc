"""The C engine of the distribution ``softmax-xp-kernels``, for NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._formulas.rows import drop_axes
from .._gate.dtypes import dtype_name
from .._gate.namespace import is_torch
from . import kernels
from .layout import layout_of, rows_shape

FUNCTIONS = (
    "softmax",
    "log_softmax",
    "logsumexp",
    "softmax_and_logsumexp",
    "label_nll",
    "label_nll_and_grad",
    "softmax_vjp",
    "log_softmax_vjp",
    "logsumexp_vjp",
)


def supports(name: str, x: Any, xp: Any, options: dict[str, Any]) -> str | None:
    """Return None if a call can be executed here, or the reason why not."""
    _, reason = kernels.find()
    if reason is not None:
        return reason
    if name not in FUNCTIONS:
        return f"does not have {name}"
    if options.get("sink") is not None:
        return "has no sink"
    temperature = options.get("temperature", 1.0)
    if not isinstance(temperature, float) or temperature != 1.0:
        return "has no temperature"
    if x.ndim == 0 or not options["axis"] or dtype_name(x.dtype) not in ("float64", "float32", "float16", "bfloat16"):
        return "for logits of float64, float32 and half types with at least one dimension"
    if is_torch(xp):
        from .torch_kernels import reason_against

        return reason_against(name, x, options)
    if not isinstance(x, np.ndarray) or not x.dtype.isnative:
        return "for arrays in the byte order of this machine"
    return None if len(options["axis"]) == 1 or layout_of(x, options["axis"]) else "for one axis, or axes side by side"


def softmax(x: Any, /, *, xp: Any, axis: tuple[int, ...], where: Any, temperature: float, sink: None) -> Any:
    """Return what the formula does."""
    return _elements("softmax", x, xp=xp, axis=axis, where=where)


def log_softmax(x: Any, /, *, xp: Any, axis: tuple[int, ...], where: Any, temperature: float, sink: None) -> Any:
    """Return what the formula does."""
    return _elements("log_softmax", x, xp=xp, axis=axis, where=where)


def softmax_vjp(p: Any, g: Any, /, *, xp: Any, axis: tuple[int, ...], where: Any = None) -> Any:
    """Return what the formula does."""
    return _elements("softmax_vjp", p, g, xp=xp, axis=axis, where=where)


def log_softmax_vjp(log_p: Any, g: Any, /, *, xp: Any, axis: tuple[int, ...], where: Any = None) -> Any:
    """Return what the formula does."""
    return _elements("log_softmax_vjp", log_p, g, xp=xp, axis=axis, where=where)


def logsumexp(x: Any, /, *, xp: Any, axis: tuple[int, ...], where: Any, keepdims: bool) -> Any:
    """Return what the formula does."""
    return drop_axes(_rows("logsumexp", x, xp=xp, axis=axis, where=where), axis, keepdims, xp)


def softmax_and_logsumexp(
    x: Any, /, *, xp: Any, axis: tuple[int, ...], where: Any, temperature: float, sink: None
) -> tuple[Any, Any]:
    """Return what the formula does, by two kernels: its own single pass would round x - m."""
    options = {"xp": xp, "axis": axis, "where": where}
    return _elements("softmax", x, **options), _rows("logsumexp", x, **options)


def logsumexp_vjp(x: Any, g: Any, /, *, xp: Any, axis: tuple[int, ...], where: Any) -> Any:
    """Return what the formula does."""
    return _elements("logsumexp_vjp", x, g, xp=xp, axis=axis, where=where)


def label_nll(x: Any, /, *, xp: Any, axis: tuple[int, ...], where: Any, labels: Any, idle: Any = None) -> Any:
    """Return what the formula does: the gradient is 0 in rows of which the cotangent is 0, so none need be known."""
    return _rows("label_nll", x, labels, xp=xp, axis=axis, where=where)


def label_nll_and_grad(
    x: Any, /, *, xp: Any, axis: tuple[int, ...], where: Any, labels: Any, scale: Any
) -> tuple[Any, Any]:
    """Return what the formula does."""
    if is_torch(xp):
        from . import torch_kernels

        return torch_kernels.label_nll_and_grad(x, labels, scale, axis[0], where)
    loss, grad = np.empty(labels.shape, x.dtype), np.empty_like(x, subok=False)
    kernels.execute("label_nll_grad", (x, labels, np.broadcast_to(scale, labels.shape), loss, grad), axis[0], where)
    return loss, grad


def _elements(name: str, *arrays: Any, xp: Any, axis: tuple[int, ...], where: Any) -> Any:
    return _call(kernels.elements, name, arrays, xp, axis, where)


def _rows(name: str, *arrays: Any, xp: Any, axis: tuple[int, ...], where: Any) -> Any:
    return _call(kernels.rows, name, arrays, xp, axis, where)


def _call(
    call: Callable[..., Any], name: str, arrays: tuple[Any, ...], xp: Any, axis: tuple[int, ...], where: Any
) -> Any:
    """Return the result of a kernel, of several axes as if they were one."""
    if is_torch(xp):
        from . import torch_kernels

        return torch_kernels.call(name, arrays, axis[0], where)
    if len(axis) == 1:
        return call(name, arrays, axis[0], where)
    x = arrays[0]
    layout = layout_of(x, axis)
    assert layout is not None
    joined = tuple(layout.view(v) for v in arrays)
    keep = None if where is None else layout.view(np.broadcast_to(where, x.shape))
    out = call(name, joined, 1, keep)
    return layout.undo(out, x.shape if out.shape == joined[0].shape else rows_shape(x, axis))
