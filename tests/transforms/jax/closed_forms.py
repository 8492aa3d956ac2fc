"""Losses of one row, and their derivatives in closed form: in float64 on NumPy."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import mpmath
import numpy as np

import softmax_xp as sx
from softmax_xp import losses

from .. import analytic
from .arrays import array

N = 4
Q = np.asarray([0.125, 0.5, 0.25, 0.125])
SMOOTHING = 0.25
POS_WEIGHT = 3.0


class Jet(NamedTuple):
    """The derivatives of a loss with respect to one row of logits, and the size of what they are made of."""

    gradient: Any
    hessian: Any
    third: Any = None
    scale: float = 1.0


class Case(NamedTuple):
    """A loss of logits x and a label y, and its derivatives."""

    loss: Callable[..., Any]
    jet: Callable[..., Jet]
    finite: bool = False  # whether an entry of -inf makes the loss infinite
    shifts: bool = True  # whether a common offset of the logits changes nothing


def one_hot(y: int) -> Any:
    return np.eye(N)[y]


def cumulants(p: Any) -> Jet:
    """Return the derivatives of logsumexp."""
    return Jet(p, analytic.softmax_jacobian(p), analytic.softmax_hessian(p))


def less(a: Jet, b: Jet) -> Jet:
    return Jet(a.gradient - b.gradient, a.hessian - b.hessian, a.third - b.third)


def label(x: Any, y: int) -> Jet:
    """Return the derivatives of logsumexp(x) - x[y]."""
    jet = cumulants(analytic.softmax(x))
    p = jet.gradient
    others = np.sum(p[np.arange(N) != y])
    return jet._replace(gradient=np.where(one_hot(y) == 1, -others, p))


def smoothed(x: Any, y: int) -> Jet:
    jet = cumulants(analytic.softmax(x))
    return jet._replace(gradient=jet.gradient - ((1 - SMOOTHING) * one_hot(y) + SMOOTHING / N))


def in_set(y: Any, xp: Any) -> Any:
    """Return two neighbouring classes of four."""
    return (xp.arange(N) - y) % N < 2


def candidates(x: Any, y: int) -> Jet:
    return less(cumulants(analytic.softmax(x)), cumulants(analytic.softmax(x, in_set(y, np))))


def nll(x: Any, y: int) -> float:
    x = np.asarray(x, dtype=np.float64)
    rest = np.exp(np.delete(x, y) - x[y])
    return float(np.log1p(np.sum(rest)))


def focal(gamma: float, v: Any) -> Any:
    return (-mpmath.expm1(-v)) ** gamma * v


def poly(v: Any) -> Any:
    return v - 2 * mpmath.expm1(-v)


def generalized(v: Any) -> Any:
    return -mpmath.expm1(-mpmath.mpf(0.75) * v) / mpmath.mpf(0.75)


@cache
def slopes(curve: Callable[..., Any], v: float) -> tuple[float, float, float]:
    """Return the derivatives of a function of one number."""
    with mpmath.workprec(300):
        return tuple(float(mpmath.diff(curve, mpmath.mpf(v), k)) for k in (1, 2, 3))


def composed(curve: Callable[..., Any], v: float, inner: Jet) -> Jet:
    """Return the derivatives of a function of a loss, by the chain rule."""
    a, b, c = slopes(curve, v)
    g, h, t = inner.gradient, inner.hessian, inner.third
    mixed = np.einsum("i,jk->ijk", g, h)
    mixed = mixed + np.einsum("ijk->jik", mixed) + np.einsum("ijk->kij", mixed)
    cube = np.einsum("i,j,k->ijk", g, g, g)
    scale = max(1.0, abs(a), abs(b), abs(c))
    return Jet(a * g, b * np.outer(g, g) + a * h, c * cube + b * mixed + a * t, scale)


def curved(curve: Callable[..., Any]) -> Callable[..., Jet]:
    return lambda x, y: composed(curve, nll(x, y), label(x, y))


def decision(x: float, positive: bool) -> tuple[float, Jet]:
    """Return the loss of one decision and its derivatives."""
    s = -1.0 if positive else 1.0
    e = np.exp(-np.abs(x))
    near, far = e / (1 + e), 1 / (1 + e)
    q, r = (far, near) if s * x >= 0 else (near, far)
    one = np.ones(1)
    jet = Jet(s * q * one, q * r * one[:, None], s * q * r * (r - q) * one[:, None, None])
    return float(np.log1p(e) + max(s * x, 0.0)), jet


def diagonal(jets: list[Jet]) -> Jet:
    """Return the derivatives of a sum of losses, one for each entry."""
    g = np.asarray([j.gradient.item() for j in jets])
    third = np.zeros((N,) * 3)
    third[(np.arange(N),) * 3] = [j.third.item() for j in jets]
    return Jet(g, np.diag([j.hessian.item() for j in jets]), third, max(j.scale for j in jets))


def binary(x: Any, y: int) -> Jet:
    jets = [(POS_WEIGHT if k == y else 1.0, decision(v, k == y)[1]) for k, v in enumerate(x)]
    return diagonal([Jet(w * j.gradient, w * j.hessian, w * j.third, POS_WEIGHT) for w, j in jets])


def binary_focal(gamma: float, x: Any, y: int) -> Jet:
    curve = _focal(gamma)
    return diagonal([composed(curve, *decision(v, k == y)) for k, v in enumerate(x)])


@cache
def _focal(gamma: float) -> Callable[..., Any]:
    return partial(focal, gamma)


def _logs(x: Any) -> tuple[Any, Any]:
    p = analytic.softmax(x)
    return p, np.where(p > 0, np.asarray(x) - np.max(x) + np.log(np.max(p)), 0.0)


def kl_from_logits(x: Any, y: int) -> Jet:
    p, log_p = _logs(x)
    return _expectation(p, np.where(p > 0, log_p - np.log(Q), 0.0), np.ones(N))


def kl_to_logits(x: Any, y: int) -> Jet:
    jet = cumulants(analytic.softmax(x))
    return jet._replace(gradient=jet.gradient - Q)


def js_from_logits(x: Any, y: int) -> Jet:
    p, log_p = _logs(x)
    jet = _expectation(p, np.where(p > 0, log_p - np.log((p + Q) / 2), 0.0), Q / (p + Q))
    return Jet(jet.gradient / 2, jet.hessian / 2, None, jet.scale)


def _expectation(p: Any, e: Any, slope: Any) -> Jet:
    """Return p * (e - sum(p * e)) and its derivative, where the change of e is ``slope`` times that of log p.

    This is the gradient of both divergences: what the change of e adds to it is 0.
    """
    mean = np.sum(p * e)
    gradient = p * (e - mean)
    de = slope[:, None] * (np.eye(N) - p)
    hessian = analytic.softmax_jacobian(p) * (e - mean)[:, None] + p[:, None] * (de - gradient - p @ de)
    return Jet(gradient, hessian, None, max(1.0, float(np.max(np.abs(e)))))


def _distribution(x: Any) -> Any:
    return jnp.broadcast_to(array(Q), x.shape)


def _kl(x: Any, y: Any, f: Any = losses.kl_divergence) -> Any:
    return f(x, _distribution(x), p_kind="logits", reduction="sum")


def _class(name: str, **options: Any) -> Callable[..., Any]:
    return lambda x, y: getattr(losses, name)(x, y, reduction="sum", **options)


def _hot(name: str, **options: Any) -> Callable[..., Any]:
    return lambda x, y: getattr(losses, name)(x, array(jax.nn.one_hot(y, N)), reduction="sum", **options)


CASES = {
    "cross_entropy": Case(_class("cross_entropy"), label),
    "cross_entropy of probabilities": Case(_hot("cross_entropy"), label),
    "cross_entropy smoothed": Case(_class("cross_entropy", label_smoothing=SMOOTHING), smoothed, finite=True),
    "nll_loss": Case(lambda x, y: losses.nll_loss(sx.log_softmax(x), y, reduction="sum"), label),
    "partial_label_cross_entropy": Case(
        lambda x, y: losses.partial_label_cross_entropy(x, in_set(y[..., None], jnp), reduction="sum"), candidates
    ),
    "focal_loss": Case(_class("focal_loss"), curved(_focal(2.0))),
    "focal_loss with gamma 0.5": Case(_class("focal_loss", gamma=0.5), curved(_focal(0.5))),
    "focal_loss of probabilities": Case(_hot("focal_loss"), curved(_focal(2.0))),
    "poly_cross_entropy": Case(_class("poly_cross_entropy"), curved(poly)),
    "generalized_cross_entropy": Case(_class("generalized_cross_entropy", q=0.75), curved(generalized)),
    "kl_divergence": Case(_kl, kl_from_logits),
    "kl_divergence to logits": Case(
        lambda x, y: losses.kl_divergence(_distribution(x), x, q_kind="logits", reduction="sum"),
        kl_to_logits,
        finite=True,
    ),
    "js_divergence": Case(partial(_kl, f=losses.js_divergence), js_from_logits),
    "binary_cross_entropy_with_logits": Case(
        _hot("binary_cross_entropy_with_logits", pos_weight=POS_WEIGHT), binary, shifts=False
    ),
    "binary_focal_loss": Case(_hot("binary_focal_loss"), partial(binary_focal, 2.0), shifts=False),
    "binary_focal_loss with gamma 0.5": Case(
        _hot("binary_focal_loss", gamma=0.5), partial(binary_focal, 0.5), finite=True, shifts=False
    ),
}


def samples(case: Case) -> tuple[Any, Any]:
    """Return rows of logits and labels for which the loss is finite."""
    found = [
        (row, y)
        for row in map(np.asarray, analytic.ROWS.values())
        for y in range(N)
        if np.all(np.isfinite(row)) or (not case.finite and np.isfinite(row[y]))
    ]
    return np.stack([row for row, _ in found]), np.asarray([y for _, y in found])
