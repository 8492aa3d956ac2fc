"""Derivatives in closed form, in float64 on NumPy, and the contract's tolerance for them."""

from __future__ import annotations

from typing import Any

import numpy as np

OFFSETS = (0.0, 1e3, -1e3)
# Binary fractions: adding an offset of 1e3 rounds nothing, also in float32.
ROWS = {
    "distinct": (0.5, -1.25, 2.0, 0.0),
    "two tied maxima": (1.0, -0.5, 1.0, 0.25),
    "all tied": (0.0, 0.0, 0.0, 0.0),
    "saturated": (40.0, 0.0, 40.0, -40.0),
    "one entry -inf": (0.5, -np.inf, 0.5, 0.0),
}


def tolerance(g: Any, eps: float) -> float:
    """Return the largest error of a derivative whose cotangent is ``g`` (contract, section 2)."""
    return 8 * eps * float(np.max(np.abs(g)))


def assert_derivative(actual: Any, exact: Any, *, g: Any = 1.0, eps: float) -> None:
    """Raise unless ``actual`` is the derivative ``exact`` for the cotangent ``g``."""
    actual, exact = np.asarray(actual, dtype=np.float64), np.asarray(exact)
    assert actual.shape == exact.shape
    assert np.all(np.isfinite(actual)), actual
    assert np.max(np.abs(actual - exact)) <= tolerance(g, eps), f"{actual} is not {exact}"


def softmax(x: Any, where: Any = None) -> Any:
    """Return the softmax of one row, masked entries being 0."""
    x = np.asarray(x, dtype=np.float64)
    x = x if where is None else np.where(where, x, -np.inf)
    e = np.exp(x - np.max(x))
    return e / np.sum(e)


def softmax_jacobian(p: Any) -> Any:
    """Return d p[i] / d x[j], which is also the Hessian of logsumexp."""
    return np.diag(p) - np.outer(p, p)


def log_softmax_jacobian(p: Any) -> Any:
    """Return d log p[i] / d x[j]."""
    return np.eye(len(p)) - p


def softmax_hessian(p: Any) -> Any:
    """Return d^2 p[i] / d x[j] d x[k]."""
    rest = np.eye(len(p)) - p
    return p[:, None, None] * (rest[:, :, None] * rest[:, None, :] - softmax_jacobian(p))


def log_softmax_hessian(p: Any) -> Any:
    """Return d^2 log p[i] / d x[j] d x[k], the same for every i."""
    return np.broadcast_to(-softmax_jacobian(p), (len(p),) * 3)
