"""Losses whose gradient is a prediction less the target: one weighted loss per row.

The loss of a regularizer is the distance between target and prediction that it measures, plus what the
target has where the prediction is 0 and the logits are below the threshold. Both are sums of numbers that
are not negative, so that a small loss keeps its digits. Its derivative is not that of these sums, in which
they would be lost again, but the prediction, by a rule.
"""

from __future__ import annotations

from math import inf
from typing import Any

from .._engines import run
from .._formulas.kinds import formula
from .._formulas.potential import potential
from .._formulas.rows import finite_shift, row_max
from .._formulas.sparse import entmax
from .._formulas.target import RowTarget, Target, counted, hits, pick, product, resolve, weighted
from .._formulas.thresholds import Axes, above
from .._xp.dtypes import cast, widen
from .._xp.expm1 import expm1
from .._xp.namespace import differentiates, stop_gradient
from .._xp.operations import select
from .._xp.sums import row_sum
from .losses import class_losses, counting

TERMS = 26
"""Terms of the series in `_label_gap`: enough for the digits of float64 where the other shares sum to a quarter."""


@formula("losses")
def fenchel_young_losses(
    x: Any, /, *, axis: Axes, where: Any, target: Target, regularizer: str, alpha: float, xp: Any
) -> tuple[Any, Any]:
    """Return one weighted loss per row, and its weight."""
    x = widen(x, xp)
    to = resolve(x, target, axis=axis, xp=xp)
    one = to.per_row(cast(row_sum(xp.zeros_like(x), axis, xp), x.dtype, xp) + 1.0, xp)
    if regularizer == "shannon":
        loss, _ = class_losses(x, axis=axis, where=where, target=target, xp=xp)
        return (loss if to.probs is None else loss - to.per_row(_entropy(to.probs, axis, xp), xp)), one
    kept = where
    if to.rows is not None:
        given = None if target.sample_weight is None else to.rows
        kept = counted(where, counting(x, given, to.rows != 0, axis=axis, where=where, xp=xp))
    options = {"axis": axis, "where": kept, "xp": xp}
    distance = _norm_distance if regularizer == "norm" else _tsallis_distance
    loss = distance(stop_gradient(x, xp), to, alpha, **options)
    if differentiates(xp):
        loss = loss + _slope(x, to, regularizer=regularizer, alpha=alpha, **options)
    return to.per_row(loss, xp), one


def _entropy(t: Any, axis: Axes, xp: Any) -> Any:
    logs = xp.log(select(t > 0.0, t, 1.0, xp))
    return -cast(row_sum(t * logs, axis, xp), t.dtype, xp)


def _slope(x: Any, to: RowTarget, *, axis: Axes, where: Any, xp: Any, **options: Any) -> Any:
    """Return zeros whose derivative is the prediction less the target; at a label it is minus the other shares."""
    finite = select(where, select(xp.isfinite(x), x, 0.0, xp), 0.0, xp)
    if to.labels is None:
        reached = row_sum(product(to.probs, finite - stop_gradient(finite, xp), xp), axis, xp)
        return run(potential, x, axis=axis, where=where, xp=xp, **options) - cast(reached, x.dtype, xp)
    hit = hits(to.labels, x, axis=axis, xp=xp)
    at_label = pick(hit, finite, axis, xp)
    others = xp.where(hit, stop_gradient(x, xp), x - (at_label - stop_gradient(at_label, xp)))
    return run(potential, others, axis=axis, where=where, xp=xp, **options)


def _depths(x: Any, p: Any, power: float, unit: float, *, axis: Axes, where: Any, xp: Any) -> Any:
    """Return how far each logit is below the threshold, 0 above it, where ``unit * p**power`` is the height above it.

    The largest entry tells where the threshold is.
    """
    x = select(where, x, -inf, xp)
    top = unit * row_max(p, axis, xp) ** power
    return above((finite_shift(row_max(x, axis, xp), xp) - top) - x, xp)


def _tsallis_distance(x: Any, to: RowTarget, alpha: float, *, axis: Axes, where: Any, xp: Any) -> Any:
    """Return the loss of the Tsallis entropy, with p**beta / beta as the height above the threshold."""
    beta = alpha - 1.0
    p = run(entmax, x, axis=axis, where=where, alpha=alpha, xp=xp)
    depth = _depths(x, p, beta, 1.0 / beta, axis=axis, where=where, xp=xp)
    if to.labels is None:
        gaps = _gaps(to.probs, cast(p, to.probs.dtype, xp), alpha, xp) + weighted(to.probs, depth, xp)
        return cast(row_sum(gaps, axis, xp), x.dtype, xp)
    hit = hits(to.labels, x, axis=axis, xp=xp)
    others = select(~hit, p, 0.0, xp)
    rest = cast(row_sum(_power(others, alpha, xp), axis, xp), x.dtype, xp) / alpha
    gap = _label_gap(pick(hit, p, axis, xp), cast(row_sum(others, axis, xp), x.dtype, xp), alpha, xp)
    return rest + gap + pick(hit, depth, axis, xp)


def _power(p: Any, alpha: float, xp: Any) -> Any:
    return p * p if alpha == 2.0 else p * xp.sqrt(p) if alpha == 1.5 else p**alpha


def _root(t: Any, xp: Any) -> Any:
    """Return the square root, with a derivative of 0 at 0."""
    some = t != 0.0
    return select(some, xp.sqrt(select(some, t, 1.0, xp)), 0.0, xp)


def _gaps(t: Any, p: Any, alpha: float, xp: Any) -> Any:
    """Return (t**alpha - p**alpha - alpha p**beta (t - p)) / (alpha beta), which is not negative."""
    if alpha == 2.0:
        return 0.5 * (t - p) * (t - p)
    if alpha == 1.5:
        a, b = _root(t, xp), xp.sqrt(p)
        # The last term is 0 in value, and the derivative in t where t is 0.
        return (2.0 / 3.0) * (a - b) * (a - b) * (2.0 * a + b) - select(t == 0.0, 2.0 * b * t, 0.0, xp)
    beta = alpha - 1.0
    both = (p > 0.0) & (t > 0.0)
    power = p**beta
    ratio = xp.log(select(both, t, 1.0, xp)) - xp.log(select(both, p, 1.0, xp))
    alone = select(t > 0.0, select(t > 0.0, t, 1.0, xp) ** beta, 0.0, xp)
    growth = xp.where(both, power * expm1(beta * ratio, xp), alone - power)
    return (t * growth / beta - power * (t - p)) / alpha


def _label_gap(p: Any, rest: Any, alpha: float, xp: Any) -> Any:
    """Return the gap of `_gaps` for t = 1: the integral of r (1 - r)**(beta - 1) from 0 to ``rest``, which is 1 - p."""
    if alpha == 2.0:
        return 0.5 * rest * rest
    if alpha == 1.5:
        b = xp.sqrt(p)
        a = rest / (1.0 + b)
        return (2.0 / 3.0) * a * a * (2.0 + b)
    beta = alpha - 1.0
    near = rest < 0.25 / max(beta, 1.0)
    r = select(near, rest, 0.0, xp)
    factors = [1.0]
    for j in range(TERMS):
        factors.append(factors[-1] * (1.0 - beta + j) / (j + 1))
    series = 0.0 * r
    for j in range(TERMS, -1, -1):
        series = series * r + factors[j] / (j + 2)
    power = p**beta
    return xp.where(near, series * r * r, ((1.0 - power) / beta - power * rest) / alpha)


def _norm_distance(x: Any, to: RowTarget, alpha: float, *, axis: Axes, where: Any, xp: Any) -> Any:
    """Return the loss of the norm of order alpha, with q**share as the height above the threshold."""
    share = 1.0 - 1.0 / alpha
    q = run(entmax, x, axis=axis, where=where, alpha=1.0 + share, temperature=share, xp=xp)
    depth = _depths(x, q, share, 1.0, axis=axis, where=where, xp=xp)
    if to.labels is None:
        t = to.probs
        power = t * _root(t, xp) if alpha == 1.5 else _power(t, alpha, xp)
        size = row_sum(power, axis, xp) ** (1.0 / alpha)
        rest = row_sum(weighted(t, depth, xp) - product(t, q**share, xp), axis, xp)
        return cast(size + rest, x.dtype, xp)
    hit = hits(to.labels, x, axis=axis, xp=xp)
    rest = cast(row_sum(select(~hit, q, 0.0, xp), axis, xp), x.dtype, xp)
    near = rest < 0.5
    small = -expm1(share * xp.log1p(-select(near, rest, 0.0, xp)), xp)
    return xp.where(near, small, 1.0 - pick(hit, q, axis, xp) ** share) + pick(hit, depth, axis, xp)
