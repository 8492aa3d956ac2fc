"""The kernels as functions that return their results, whatever the axis."""

from __future__ import annotations

import numpy as np
import softmax_xp_kernels as kernels

REDUCING = ("logsumexp", "label_nll")
OPERATIONS = (
    "softmax",
    "log_softmax",
    "logsumexp",
    "softmax_vjp",
    "log_softmax_vjp",
    "logsumexp_vjp",
    "label_nll",
    "label_nll_grad",
)


def wide(dtype) -> np.dtype:
    """Return the type of a loss."""
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)


def reduced(shape, axis):
    return tuple(1 if a == axis else n for a, n in enumerate(shape))


def operands(name: str, shape: tuple[int, ...], axis: int, dtype, rng, scale=4.0) -> list[np.ndarray]:
    """Return random inputs of an operation, without the mask."""
    x = (rng.normal(size=shape) * scale).astype(dtype)
    small = reduced(shape, axis)
    if name in ("softmax", "log_softmax", "logsumexp"):
        return [x]
    if name == "softmax_vjp":
        return [softmax(x.astype(np.float64), axis).astype(dtype), rng.normal(size=shape).astype(dtype)]
    if name == "log_softmax_vjp":
        return [log_softmax(x.astype(np.float64), axis).astype(dtype), rng.normal(size=shape).astype(dtype)]
    if name == "logsumexp_vjp":
        return [x, rng.normal(size=small).astype(dtype)]
    labels = rng.integers(0, max(shape[axis], 1), size=small)
    return [x, labels] if name == "label_nll" else [x, labels, rng.normal(size=small).astype(wide(dtype))]


def call(name: str, inputs, axis: int, where=None, outs=None) -> tuple[np.ndarray, ...]:
    """Return all results of an operation, written to ``outs`` if given."""
    x = inputs[0]
    if outs is None:
        outs = results(name, x, axis)
    getattr(kernels, name)(*inputs, *outs, axis, where)
    return tuple(outs)


def results(name: str, x: np.ndarray, axis: int) -> list[np.ndarray]:
    small = reduced(x.shape, axis)
    dtype = wide(x.dtype)
    if name == "label_nll":
        return [np.empty(small, dtype)]
    if name == "label_nll_grad":
        return [np.empty(small, dtype), np.empty(x.shape, x.dtype)]
    return [np.empty(small if name in REDUCING else x.shape, x.dtype)]


def softmax(x, axis=-1, where=None):
    return call("softmax", [x], axis % x.ndim, where)[0]


def log_softmax(x, axis=-1, where=None):
    return call("log_softmax", [x], axis % x.ndim, where)[0]


def logsumexp(x, axis=-1, where=None):
    return call("logsumexp", [x], axis % x.ndim, where)[0]


def label_nll(x, labels, axis=-1, where=None):
    return call("label_nll", [x, labels], axis % x.ndim, where)[0]


def label_nll_grad(x, labels, scale, axis=-1, where=None):
    return call("label_nll_grad", [x, labels, scale], axis % x.ndim, where)
