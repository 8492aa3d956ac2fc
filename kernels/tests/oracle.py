"""What the results should be, in extended precision, and how far from it something is.

Rows are the last axis. It shares no code with the kernels: a plain maximum, exp and sum.
"""

from __future__ import annotations

import numpy as np

Wide = np.longdouble
EXTENDED = np.finfo(Wide).nmant > 60


def measure(x: np.ndarray, keep: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return exp(x - m), m, and the sum of the exponentials but one maximum's, for rows with a finite maximum."""
    x = x.astype(Wide)
    if keep is not None:
        x = np.where(keep, x, -np.inf)
    m = x.max(axis=-1, keepdims=True)
    e = np.exp(x - m)
    rest = e.copy()
    np.put_along_axis(rest, x.argmax(axis=-1)[..., None], 0, axis=-1)
    return e, m, rest.sum(axis=-1, keepdims=True)


def softmax(x, keep=None):
    e, _, s = measure(x, keep)
    return e / (1 + s)


def log_softmax(x, keep=None):
    _, m, s = measure(x, keep)
    y = (x.astype(Wide) - m) - np.log1p(s)
    return y if keep is None else np.where(keep, y, -np.inf)


def logsumexp(x, keep=None):
    _, m, s = measure(x, keep)
    return m + np.log1p(s)


def label_nll(x, labels, keep=None):
    return -np.take_along_axis(log_softmax(x, keep), labels, axis=-1)


def label_grad(x, labels, scale, keep=None):
    e, _, s = measure(x, keep)
    others = e.copy()
    np.put_along_axis(others, labels, 0, axis=-1)
    g = e / (1 + s)
    np.put_along_axis(g, labels, -others.sum(axis=-1, keepdims=True) / (1 + s), axis=-1)
    g = g * scale.astype(Wide)
    return g if keep is None else np.where(keep, g, 0)


def softmax_vjp(p, g, keep=None):
    p, g = p.astype(Wide), g.astype(Wide)
    if keep is not None:
        p, g = np.where(keep, p, 0), np.where(keep, g, 0)
    return p * (g - (p * g).sum(axis=-1, keepdims=True))


def log_softmax_vjp(log_p, g, keep=None):
    y, g = log_p.astype(Wide), g.astype(Wide)
    if keep is not None:
        y, g = np.where(keep, y, -np.inf), np.where(keep, g, 0)
    others = g.sum(axis=-1, keepdims=True) - g
    out = -g * np.expm1(y) - np.exp(y) * others
    return out if keep is None else np.where(keep, out, 0)


def ulps(out: np.ndarray, exact: np.ndarray) -> float:
    """Return the largest error in units of the last place of the exact result, beyond the smallest normal number."""
    tiny = np.finfo(out.dtype).tiny
    with np.errstate(over="ignore", under="ignore"):
        unit = np.spacing(np.abs(exact).astype(out.dtype)).astype(Wide)
    same = (out == exact) | (np.isnan(out) & np.isnan(exact))
    with np.errstate(invalid="ignore"):
        error = np.where(same, 0, np.maximum(np.abs(out.astype(Wide) - exact) - tiny, 0) / unit)
    return float(error.max(initial=0))
