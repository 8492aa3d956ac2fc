"""torch: plain calls that need no checks, by torch's kernel or by those of softmax-xp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .._gate.dtypes import dtype_name
from . import kernels, selected, torch_kernels, torch_native
from .shortcut import PLAIN, PLAIN_LOSS

Way = Callable[[Any], Any]

_WAYS: dict[tuple[Any, ...], Way] = {}


def plain(name: str, x: Any, axis: Any) -> Any:
    """Return the result for a tensor and an axis; NotImplemented if there is anything to check."""
    # Nothing of this is for torch.compile, which gets the formula. 1 and True are one key, but True is no axis.
    if torch.compiler.is_compiling() or (type(axis) is not int and axis is not None):
        return NotImplemented
    key = (name, x.dtype, x.ndim, axis, selected.get())
    way = _WAYS.get(key)
    if way is None:
        way = _WAYS[key] = _way(*key)
    return way(x)


def _way(name: str, dtype: Any, ndim: int, axis: int | None, engine: str) -> Way:
    if axis is None:
        flat = _way(name, dtype, 1, 0, engine)
        return (lambda x: flat(x.reshape(-1))) if name == "logsumexp" and ndim else _none
    known = dtype_name(dtype) in ("float64", "float32", "float16", "bfloat16")
    if not known or not -ndim <= axis < ndim:
        return _none
    axis = axis % ndim
    native = engine in ("auto", "torch_native") and name == "softmax" and axis == ndim - 1
    by_kernel = engine in ("auto", "cpu_kernels") and kernels.find()[1] is None

    def way(x: Any) -> Any:
        if not torch_kernels.is_plain(x):
            return NotImplemented
        if native and torch_native.is_best(name, x):
            return torch.softmax(x, axis)
        if not by_kernel or torch_kernels.keeps_half(name, x):
            return NotImplemented
        result = torch_kernels.call(name, (x,), axis, None)
        return result.squeeze(axis) if name == "logsumexp" else result

    return way


def _none(x: Any) -> Any:
    return NotImplemented


def plain_loss(x: Any, labels: Any) -> Any:
    """Return the mean cross-entropy of rows of logits with one label each; NotImplemented if there is more to it."""
    if torch.compiler.is_compiling() or selected.get() not in ("auto", "cpu_kernels") or kernels.find()[1]:
        return NotImplemented
    if type(labels) is not torch.Tensor or labels.dtype != torch.int64 or x.dtype not in (torch.float32, torch.float64):
        return NotImplemented
    if x.ndim != 2 or labels.shape != x.shape[:1] or x.numel() == 0:
        return NotImplemented
    if not (torch_kernels.is_plain(x) and torch_kernels.is_plain(labels)):
        return NotImplemented
    at = labels.numpy()
    # Ignored labels are negative, or else they would be the label of a class.
    if at.min() < 0 or at.max() >= x.shape[1]:
        return NotImplemented
    at = labels.unsqueeze(1)
    if x.requires_grad and torch.is_grad_enabled():
        return torch_kernels.MeanLoss.apply(x, at)
    return torch_kernels.mean_loss(x, at)


PLAIN[torch.Tensor] = plain
PLAIN_LOSS[torch.Tensor] = plain_loss
