"""NumPy: plain calls that need no checks, by the kernels or in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import kernels, numpy_rows, selected
from .numpy_inplace import BLOCK
from .shortcut import PLAIN, PLAIN_LOSS, Ways, nowhere
from .threads import BYTES

Way = Callable[[Any], Any]


def plain(name: str, x: Any, axis: Any) -> Any:
    """Return the result for an array and an axis; NotImplemented if there is anything to check."""
    # 1 and True are one key, but True is no axis.
    if type(axis) is not int and axis is not None:
        return NotImplemented
    return WAYS[name, x.dtype, x.ndim, axis, selected.get()](x)


def _way(name: str, dtype: Any, ndim: int, axis: int | None, engine: str) -> Way:
    if axis is None:
        flat = _way(name, dtype, 1, 0, engine)
        return (lambda x: flat(x.reshape(-1))) if name == "logsumexp" and ndim else nowhere
    if not -ndim <= axis < ndim or not dtype.isnative or dtype.char not in "dfe":
        return nowhere
    if engine in ("auto", "cpu_kernels") and kernels.find()[1] is None:
        return _by_kernel(name, axis % ndim)
    if engine in ("auto", "numpy_inplace") and dtype.char != "e":
        return _in_place(name, axis % ndim)
    return nowhere


def _by_kernel(name: str, axis: int) -> Way:
    kernel, empty, empty_like = getattr(kernels.find()[0], name), np.empty, np.empty_like

    def elements(x: Any) -> Any:
        if x.nbytes >= 2 * BYTES:
            return kernels.elements(name, (x,), axis, None)
        out = empty_like(x)
        kernel(x, out, axis, None)
        return out

    def rows(x: Any) -> Any:
        if x.nbytes >= 2 * BYTES:
            return kernels.rows(name, (x,), axis, None).squeeze(axis)
        out = empty((*x.shape[:axis], 1, *x.shape[axis + 1 :]), x.dtype)
        kernel(x, out, axis, None)
        return out.squeeze(axis)

    return rows if name == "logsumexp" else elements


def _in_place(name: str, axis: int) -> Way:
    rows = getattr(numpy_rows, name)

    def elements(x: Any) -> Any:
        return rows(x, axis) if 0 < x.nbytes <= BLOCK else NotImplemented

    def sums(x: Any) -> Any:
        found = rows(x, axis) if 0 < x.nbytes <= BLOCK else NotImplemented
        return found if found is NotImplemented else found.squeeze(axis)

    return sums if name == "logsumexp" else elements


def plain_loss(x: Any, labels: Any, axis: Any) -> Any:
    """Return the mean cross-entropy of logits with one label for each row; NotImplemented if there is more to it."""
    if type(labels) is not np.ndarray or labels.dtype.kind not in "iu" or type(axis) is not int:
        return NotImplemented
    if x.dtype.char not in "fd" or not x.dtype.isnative or x.size == 0 or not -x.ndim <= axis < x.ndim:
        return NotImplemented
    shape, axis = x.shape, axis % x.ndim
    if labels.shape != shape[:axis] + shape[axis + 1 :]:
        return NotImplemented
    at = labels.astype(np.int64, copy=False).reshape(*shape[:axis], 1, *shape[axis + 1 :])
    engine = selected.get()
    if engine in ("auto", "cpu_kernels") and kernels.find()[1] is None:
        loss = kernels.rows("label_nll", (x, at), axis, None)
    # Ignored labels are negative, or else they would be the label of a class.
    elif engine in ("auto", "numpy_inplace") and x.nbytes <= BLOCK and at.min() >= 0 and at.max() < shape[axis]:
        loss = numpy_rows.label_nll(x, axis, at)
        if loss is NotImplemented:
            return NotImplemented
    else:
        return NotImplemented
    mean = np.add.reduce(loss, None, np.float64) / loss.size
    # NaN may come from a label that is to be ignored.
    return np.asarray(mean, dtype=x.dtype) if mean == mean else NotImplemented


WAYS = Ways(_way)
PLAIN[np.ndarray] = plain
PLAIN_LOSS[np.ndarray] = plain_loss
