"""Losses of one row in many-digit arithmetic, as their definitions say, and derivatives by fine differences.

The digits of a difference are those of the arithmetic less those of the step: more than enough for float64,
also where a derivative is much smaller than 1. Nothing is shared with the formulas of the package.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

DIGITS = 150
STEP = mpmath.mpf(10) ** -30
KINDS = {"log_probs": lambda x: x, "logits": lambda x: log_softmax(x), "probs": lambda x: _log(x)}

_exp, _tanh = (np.frompyfunc(f, 1, 1) for f in (mpmath.exp, mpmath.tanh))
_log = np.frompyfunc(lambda v: mpmath.log(v) if v > 0 else -mpmath.inf, 1, 1)
_number = np.frompyfunc(mpmath.mpf, 1, 1)
_times = np.frompyfunc(lambda a, b: a * b if a != 0 else mpmath.mpf(0), 2, 1)


def gradient(f: Callable[..., Any], x: Any) -> Any:
    """Return the derivative of the number ``f(x)`` by each entry of ``x``, rounded to float64."""
    with mpmath.workdps(DIGITS):
        x = _number(np.asarray(x, dtype=np.float64))
        return _rounded([(f(x + e) - f(x - e)) / (2 * STEP) for e in _steps(x)], x.shape)


def hessian(f: Callable[..., Any], x: Any) -> Any:
    """Return the second derivatives of the number ``f(x)``, rounded to float64."""
    with mpmath.workdps(DIGITS):
        x = _number(np.asarray(x, dtype=np.float64))
        found = [
            (f(x + a + b) - f(x + a - b) - f(x - a + b) + f(x - a - b)) / (4 * STEP**2)
            for a in _steps(x)
            for b in _steps(x)
        ]
        return _rounded(found, x.shape * 2)


def _steps(x: Any) -> list[Any]:
    return list(np.where(np.eye(x.size, dtype=bool), STEP, mpmath.mpf(0)).reshape(x.size, *x.shape))


def _rounded(values: list[Any], shape: tuple[int, ...]) -> Any:
    return np.asarray([float(v) for v in values]).reshape(shape)


def log_softmax(x: Any, keep: Any = None) -> Any:
    """Return x - log(sum(exp(x))) of the kept entries."""
    x = x if keep is None else np.where(keep, x, -mpmath.inf)
    return x - _log(np.sum(_exp(x)))


def class_loss(
    x: Any,
    t: Any,
    *,
    weight: Any = 1.0,
    keep: Any = None,
    smoothing: float = 0.0,
    z_loss: float = 0.0,
    cap: float | None = None,
    change: Callable[..., Any] = lambda nll: nll,
) -> Any:
    """Return the sum of w * t * change(-log p), t being smoothed, and z_loss * lse**2 * sum(w * t)."""
    t, w = _number(np.asarray(t, dtype=np.float64)), _number(np.asarray(weight, dtype=np.float64))
    x = x if cap is None else cap * _tanh(x / mpmath.mpf(cap))
    kept = np.ones(x.shape, dtype=bool) if keep is None else np.asarray(keep)
    # Nothing but the number that the caller has written is smoothed by: 0.1 is not a tenth.
    e = mpmath.mpf(smoothing)
    a = (1 - e) * t + np.where(kept, e * np.sum(t) / int(np.sum(kept)), mpmath.mpf(0))
    nll = np.frompyfunc(change, 1, 1)(-log_softmax(x, kept))
    lse = _log(np.sum(_exp(np.where(kept, x, -mpmath.inf))))
    return np.sum(_times(w * a, nll)) + mpmath.mpf(z_loss) * lse**2 * np.sum(w * t)


def focal(nll: Any, gamma: float) -> Any:
    """Return (1 - p)**gamma * nll."""
    return (1 - mpmath.exp(-nll)) ** mpmath.mpf(gamma) * nll


def poly(nll: Any, epsilon: float) -> Any:
    """Return nll + epsilon * (1 - p)."""
    return nll + mpmath.mpf(epsilon) * (1 - mpmath.exp(-nll))


def generalized(nll: Any, q: float) -> Any:
    """Return (1 - p**q) / q."""
    return (1 - mpmath.exp(-mpmath.mpf(q) * nll)) / mpmath.mpf(q)


def candidates_loss(x: Any, candidates: Any, *, keep: Any = None) -> Any:
    """Return -log of the mass on the candidates."""
    p = _exp(log_softmax(x, keep))
    return -_log(np.sum(np.where(candidates, p, mpmath.mpf(0))))


def binary_loss(
    x: Any, t: Any, *, gamma: float = 0.0, alpha: float | None = None, weight: Any = 1.0, pos_weight: float = 1.0
) -> Any:
    """Return the sum of the losses of independent decisions."""
    t, w = _number(np.asarray(t, dtype=np.float64)), _number(np.asarray(weight, dtype=np.float64))
    p, rest = 1 / (1 + _exp(-x)), 1 / (1 + _exp(x))
    a, b = (mpmath.mpf(v) for v in ((1.0, 1.0) if alpha is None else (alpha, 1.0 - alpha)))
    g = mpmath.mpf(gamma)
    yes, no = _times(a * pos_weight * t, rest**g * -_log(p)), _times(b * (1 - t), p**g * -_log(rest))
    return np.sum(w * (yes + no))


def kl(p: Any, q: Any, p_kind: str = "probs", q_kind: str = "probs") -> Any:
    """Return the sum of p * (log p - log q), where 0 * log 0 is 0."""
    log_p, log_q = _logs(p, p_kind), _logs(q, q_kind)
    p = _exp(log_p)
    return np.sum(_times(p, np.where(p != 0, log_p, mpmath.mpf(0)) - np.where(p != 0, log_q, mpmath.mpf(0))))


def js(p: Any, q: Any, p_kind: str = "probs", q_kind: str = "probs") -> Any:
    """Return the mean of the divergences of p and q from their mean."""
    p, q = _exp(_logs(p, p_kind)), _exp(_logs(q, q_kind))
    m = (p + q) / 2
    return (kl(p, m) + kl(q, m)) / 2


def _logs(x: Any, kind: str) -> Any:
    x = x if x.dtype == object else _number(x)
    return KINDS[kind](x)
