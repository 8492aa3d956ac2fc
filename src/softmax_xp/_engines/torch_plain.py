"""torch: plain calls that need no checks, by torch's kernel or by those of softmax-xp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from .._gate.dtypes import dtype_name
from . import kernels, selected, torch_kernels, torch_native
from .shortcut import PLAIN, PLAIN_LOSS, Ways, nowhere
from .threads import BYTES

Way = Callable[[Any], Any]


def plain(name: str, x: Any, axis: Any) -> Any:
    """Return the result for a tensor and an axis; NotImplemented if there is anything to check."""
    # Nothing of this is for torch.compile, which gets the formula. 1 and True are one key, but True is no axis.
    if torch.compiler.is_compiling() or (type(axis) is not int and axis is not None):
        return NotImplemented
    return WAYS[name, x.dtype, x.ndim, axis, selected.get()](x)


def _way(name: str, dtype: Any, ndim: int, axis: int | None, engine: str) -> Way:
    if axis is None:
        flat = _way(name, dtype, 1, 0, engine)
        return (lambda x: flat(x.reshape(-1))) if name == "logsumexp" and ndim else nowhere
    known = dtype_name(dtype) in ("float64", "float32", "float16", "bfloat16")
    if not known or not -ndim <= axis < ndim:
        return nowhere
    axis = axis % ndim
    row = torch_native.row_of(name, dtype) if engine in ("auto", "torch_native") and axis == ndim - 1 else None
    by_kernel = engine in ("auto", "cpu_kernels") and kernels.find()[1] is None
    kernel: Any = getattr(kernels.find()[0], name) if by_kernel else None
    half, reduces = dtype_name(dtype) == "bfloat16", name == "logsumexp"

    def way(x: Any) -> Any:
        if row is not None and x.is_cpu and torch_native.is_best(row, x):
            return torch.softmax(x, axis)
        if not by_kernel or not torch_kernels.is_plain(x) or torch_kernels.keeps_half(name, x):
            return NotImplemented
        if not x.requires_grad and not half and not reduces and x.nbytes < 2 * BYTES:
            # What `torch_kernels.call` does, without what is not needed here.
            given = x.numpy()
            out = np.empty_like(given)
            kernel(given, out, axis, None)
            return torch.from_numpy(out)
        result = torch_kernels.call(name, (x,), axis, None)
        return result.squeeze(axis) if reduces else result

    return way


def plain_loss(x: Any, labels: Any, axis: Any) -> Any:
    """Return the mean cross-entropy of logits with one label for each row; NotImplemented if there is more to it."""
    if torch.compiler.is_compiling() or selected.get() not in ("auto", "cpu_kernels") or kernels.find()[1]:
        return NotImplemented
    if type(labels) is not torch.Tensor or labels.dtype != torch.int64 or x.dtype not in (torch.float32, torch.float64):
        return NotImplemented
    if type(axis) is not int or not -x.ndim <= axis < x.ndim or x.numel() == 0:
        return NotImplemented
    shape, axis = x.shape, axis % x.ndim
    if labels.shape != shape[:axis] + shape[axis + 1 :]:
        return NotImplemented
    if not (torch_kernels.is_plain(x) and torch_kernels.is_plain(labels)):
        return NotImplemented
    followed = x.requires_grad and torch.is_grad_enabled()
    mean = (torch_kernels.MeanLoss.apply if followed else torch_kernels.mean_loss)(x, labels.unsqueeze(axis), axis)
    # NaN may come from a label that is to be ignored.
    return mean if mean.item() == mean.item() else NotImplemented


WAYS = Ways(_way)
PLAIN[torch.Tensor] = plain
PLAIN_LOSS[torch.Tensor] = plain_loss
