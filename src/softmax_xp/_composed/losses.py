"""Losses of classes: one weighted loss per row, and how rows are put together."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan, prod
from typing import Any

from .._autodiff import execute
from .._engines import run
from .._formulas import imbalance
from .._formulas.derivatives import log_softmax_vjp, logsumexp_vjp
from .._formulas.elements import softcap
from .._formulas.kinds import formula
from .._formulas.labels import candidates_nll, label_nll, label_nll_and_grad
from .._formulas.normalizers import log_softmax, logsumexp
from .._formulas.rows import drop_axes, row_max
from .._formulas.target import (
    RowTarget,
    Target,
    beside_classes,
    beside_rows,
    coefficients,
    counted,
    hits,
    pick,
    product,
    resolve,
    target_of,
    weighted,
)
from .._gate.dtypes import to_floating
from .._xp.dtypes import beside, cast, common_dtype, kind_of, widen
from .._xp.expm1 import expm1
from .._xp.namespace import has_derivatives, without_range_warnings
from .._xp.operations import select
from .._xp.sums import row_sum

Axes = tuple[int, ...]
Transform = Callable[..., Any]
Losses = Callable[..., tuple[Any, Any]]

PLAIN: dict[str, Any] = {
    "where": None,
    "weight": None,
    "sample_weight": None,
    "normalizer": None,
    "cap": None,
    "ignore_index": -100,
    "smoothing": 0.0,
    "z_loss": 0.0,
    "reduction": "mean",
}
"""The options of a plain cross-entropy."""


@formula("losses")
def class_losses(
    x: Any,
    /,
    *,
    axis: Axes,
    where: Any,
    target: Target,
    smoothing: float = 0.0,
    z_loss: float = 0.0,
    cap: float | None = None,
    xp: Any,
    **options: Any,
) -> tuple[Any, Any]:
    """Return one weighted loss per row, and what each row adds to the divisor of a mean."""
    extra: dict[str, Any] = {"smoothing": smoothing, "z_loss": z_loss, "cap": cap}
    x, to, total, kept = _prepared(x, target, axis=axis, where=where, xp=xp, **extra)
    loss = _losses(x, to, total, axis=axis, kept=kept, smoothing=smoothing, xp=xp, **options)
    if z_loss:
        lse = _size(x, total, axis=axis, where=kept, xp=xp)
        loss = loss + weighted(to.mass, z_loss * lse * lse, xp)
    return to.per_row(loss, xp), total


def _size(x: Any, total: Any, *, axis: Axes, where: Any, xp: Any) -> Any:
    """Return the logsumexp of each row; 0 where nothing counts, as the square of infinity has no derivative."""
    lse = run(logsumexp, x, axis=axis, where=where, keepdims=True, xp=xp)
    return select((lse != -inf) & ((total != 0) | xp.isfinite(lse)), lse, 0.0, xp)


def _prepared(
    x: Any, target: Target, *, axis: Axes, where: Any, smoothing: float, z_loss: float, cap: float | None, xp: Any
) -> tuple[Any, RowTarget, Any, Any]:
    """Return the capped logits, the target for them, the weight of each row, and the mask of what counts.

    The loss of a label finds out by itself what counts, and gets no mask if there is nothing beside it.
    """
    x = widen(x, xp)
    to = resolve(x, target, axis=axis, xp=xp)
    total = to.per_row(to.mass, xp)
    at_label = to.labels is not None and not smoothing
    if at_label and not z_loss and cap is None:
        return x, to, total, where
    # Smoothing gives a share to other classes, whose weight need not be 0 where that of the label is.
    rows = total if at_label else to.rows
    kept = where
    if rows is not None:
        given = target.sample_weight is not None or (at_label and target.weight is not None)
        kept = counted(where, counting(x, rows if given else None, rows != 0, axis=axis, where=where, xp=xp))
    if cap is not None:
        # What is masked must not reach the derivative of tanh.
        x = execute(softcap, x, cap=cap, where=kept, xp=xp)
    return x, to, total, kept


def counting(x: Any, weights: Any, rows: Any, *, axis: Axes, where: Any, xp: Any) -> Any:
    """Return which rows count: a weight of 0 has a derivative where the loss of its row is a number.

    Without ``weights`` those that do not count are ignored. NumPy and Dask have no derivatives to find them for.
    """
    if weights is None or not has_derivatives(xp):
        return rows
    return rows | xp.isfinite(row_max(select(where, x, -inf, xp), axis, xp))


def _unchanged(nll: Any, xp: Any) -> Any:
    return nll


def _losses(
    x: Any,
    to: RowTarget,
    total: Any,
    *,
    axis: Axes,
    kept: Any,
    smoothing: float,
    log_probs: bool = False,
    transform: Transform = _unchanged,
    factor: Any = None,
    bounded: bool = False,
    xp: Any,
) -> Any:
    """Return the loss of each row: that of its label, or the sum of those of all classes, by their coefficients.

    At a label nothing of the size of ``x`` is kept.
    """
    at_label = to.labels is not None and not smoothing
    factor = None if factor is None else beside(factor, x, xp)
    if at_label and (log_probs or factor is not None):
        hit = hits(to.labels, x, axis=axis, xp=xp)
        factor = None if factor is None else pick(hit, factor, axis, xp)
    if log_probs:
        log_p = select(kept, x, -inf, xp)
        nll = -(pick(hit, log_p, axis, xp) if at_label else log_p)
    elif at_label:
        idle = total == 0 if to.is_weighted else None
        nll = run(label_nll, x, axis=axis, where=kept, labels=to.labels, idle=idle, xp=xp)
    else:
        nll = -run(log_softmax, x, axis=axis, where=kept, temperature=1.0, sink=None, xp=xp)
    a = to.mass if at_label else coefficients(x, to, axis=axis, kept=kept, smoothing=smoothing, xp=xp)
    counts = a != 0 if to.rows is None else (a != 0) & (to.rows != 0)
    if factor is not None:
        a, counts = product(factor, a, xp), counts & (factor != 0)
    loss = product(a, transform(_clean(nll, counts, bounded, xp), xp=xp), xp)
    return loss if at_label else cast(row_sum(loss, axis, xp), loss.dtype, xp)


def _clean(nll: Any, counts: Any, bounded: bool, xp: Any) -> Any:
    """Return nll with 0 for what does not count and is not finite: a transform may have an infinite derivative there.

    One that is ``bounded`` makes a number of infinity, which is the derivative in a weight of 0.
    """
    return select(counts | (nll == nll if bounded else xp.isfinite(nll)), nll, 0.0, xp)


@formula("losses")
def class_losses_and_grad(
    x: Any,
    /,
    *,
    axis: Axes,
    where: Any,
    target: Target,
    divisor: Any,
    smoothing: float,
    z_loss: float,
    cap: float | None,
    xp: Any,
) -> tuple[Any, Any, Any]:
    """Return the losses of `class_losses` and their weights, and the gradient of the loss divided by ``divisor``."""
    dtype = x.dtype
    extra: dict[str, Any] = {"smoothing": smoothing, "z_loss": z_loss, "cap": cap}
    z, to, total, kept = _prepared(x, target, axis=axis, where=where, xp=xp, **extra)
    share = to.per_row(quotient(xp.ones_like(total), divisor, xp), xp)
    scale = cast(product(share, to.mass, xp), z.dtype, xp)
    if to.labels is not None and not smoothing:
        nll, grad = run(label_nll_and_grad, z, axis=axis, where=kept, labels=to.labels, scale=scale, xp=xp)
        loss = weighted(to.mass, nll, xp)
    else:
        log_p = run(log_softmax, z, axis=axis, where=kept, temperature=1.0, sink=None, xp=xp)
        a = coefficients(z, to, axis=axis, kept=kept, smoothing=smoothing, xp=xp)
        loss = weighted(a, -log_p, xp)
        loss = cast(row_sum(loss, axis, xp), loss.dtype, xp)
        g = cast(product(-cast(share, to.mass.dtype, xp), a, xp), z.dtype, xp)
        grad = log_softmax_vjp(log_p, g, axis=axis, where=kept, xp=xp)
    if z_loss:
        lse = _size(z, total, axis=axis, where=kept, xp=xp)
        loss = loss + weighted(to.mass, z_loss * lse * lse, xp)
        slope = weighted(scale, 2.0 * z_loss * lse, xp)
        grad = grad + logsumexp_vjp(z, slope, axis=axis, where=kept, xp=xp)
    if cap is not None:
        grad = grad * (1.0 - (z / cap) * (z / cap))
    # Also in a row that is NaN because its label is no class.
    grad = select(where, grad, 0.0, xp)
    return to.per_row(loss, xp), total, cast(grad, dtype, xp)


@formula("losses")
def candidate_losses(
    x: Any, /, *, axis: Axes, where: Any, candidates: Any, sample_weight: Any, xp: Any
) -> tuple[Any, Any]:
    """Return minus the logarithm of the candidates' probability per row, weighted, and the weight."""
    x = widen(x, xp)
    rows = None if sample_weight is None else beside(sample_weight, x, xp)
    to = RowTarget(None, None, None, rows, 1.0)
    idle = None if rows is None else rows == 0
    nll = candidates_nll(x, axis=axis, where=where, candidates=candidates, idle=idle, xp=xp)
    return to.per_row(nll, xp), to.per_row(xp.ones_like(nll), xp)


@formula("composed")
def loss_of_rows(
    x: Any,
    /,
    *,
    rows: Losses,
    axis: Axes,
    reduction: str,
    normalizer: Any,
    xp: Any,
    **options: Any,
) -> Any:
    """Return the loss whose rows a formula gives, reduced, in the dtype of ``x``."""
    loss, mass = run(rows, x, axis=axis, xp=xp, **options)
    return reduced(loss, mass, axis=axis, reduction=reduction, normalizer=normalizer, dtype=x.dtype, xp=xp)


@formula("composed")
def loss_of_classes(
    x: Any,
    target: Any,
    /,
    *,
    rows: Losses,
    axis: Axes,
    weight: Any,
    sample_weight: Any,
    ignore_index: int | None,
    factor: Any = None,
    xp: Any,
    **options: Any,
) -> Any:
    """Return the reduced loss of labels, or of probabilities of the classes."""
    beside = {"weight": weight, "sample_weight": sample_weight, "ignore_index": ignore_index}
    to = target_of(x, target, axis=axis[0], xp=xp, **beside)
    if factor is not None:
        options["factor"] = beside_classes(factor, axis[0], x.ndim)
    return loss_of_rows(x, rows=rows, target=to, axis=axis, xp=xp, **options)


@formula("composed")
def loss_of_candidates(x: Any, /, *, sample_weight: Any, axis: Axes, xp: Any, **options: Any) -> Any:
    """Return the loss of sets of candidates."""
    weights = beside_rows(sample_weight, axis[0], x.ndim)
    return loss_of_rows(x, rows=candidate_losses, sample_weight=weights, axis=axis, xp=xp, **options)


@formula("composed")
def mean_label_loss(x: Any, labels: Any, /, *, axis: Axes, xp: Any) -> Any:
    """Return the mean cross-entropy of labels, those of -100 being ignored, which engines may compute as one."""
    return loss_of_classes(x, labels, rows=class_losses, axis=axis, xp=xp, **PLAIN)


def cross_entropy(x: Any, target: Any, /, *, axis: Axes, xp: Any, **options: Any) -> tuple[Any, ...]:
    """Return the formula of cross-entropy for these options, its arrays and what it takes beside them."""
    plain = all(options[name] is None if v is None else options[name] == v for name, v in PLAIN.items())
    if plain and kind_of(target.dtype) == "integer":
        return mean_label_loss, (x, target), {"axis": axis, "xp": xp}
    return loss_of_classes, (x, target), {"rows": class_losses, "axis": axis, "xp": xp, **options}


def reduced(loss: Any, mass: Any, *, axis: Axes, reduction: str, normalizer: Any, dtype: Any, xp: Any) -> Any:
    """Return the rows of a loss, their sum, or their sum divided by the sum of their weights or by ``normalizer``."""
    if reduction != "none":
        batch, axis = [n for a, n in enumerate(loss.shape) if a not in axis], tuple(range(loss.ndim))
        loss = row_sum(loss, axis, xp)
        loss = loss if reduction == "sum" else quotient(loss, divisor_of(mass, normalizer, xp), xp)
        # The mean of the rows times the rows in each entry of the first axis, whose length may be unknown.
        loss = loss * float(prod(batch[1:])) if reduction == "batchmean" else loss
    with without_range_warnings(xp):
        return cast(drop_axes(loss, axis, False, xp), dtype, xp)


def divisor_of(mass: Any, normalizer: Any, xp: Any) -> Any:
    """Return the divisor of a mean; NaN if it is 0."""
    if isinstance(normalizer, float):
        return normalizer
    given = normalizer is not None
    divisor = to_floating(normalizer, None, xp) if given else row_sum(mass, tuple(range(mass.ndim)), xp)
    return select(divisor != 0, divisor, nan, xp)


def quotient(v: Any, divisor: Any, xp: Any) -> Any:
    """Return v divided by a number, or by an array in their common type."""
    if isinstance(divisor, float):
        return v if divisor == 1.0 else v / divisor
    dtype = common_dtype(v, divisor, xp)
    return cast(v, dtype, xp) / cast(divisor, dtype, xp)


@formula("composed")
def cross_entropy_and_grad(
    x: Any,
    target: Any,
    /,
    *,
    axis: Axes,
    weight: Any,
    sample_weight: Any,
    ignore_index: int | None,
    reduction: str,
    normalizer: Any,
    xp: Any,
    **options: Any,
) -> tuple[Any, Any]:
    """Return the reduced loss and its gradient."""
    beside = {"weight": weight, "sample_weight": sample_weight, "ignore_index": ignore_index}
    to = target_of(x, target, axis=axis[0], xp=xp, **beside)
    divisor: Any = 1.0
    if reduction == "mean":
        mass = run(masses, x, axis=axis, target=to, xp=xp) if normalizer is None else None
        divisor = divisor_of(mass, normalizer, xp)
    loss, mass, grad = run(class_losses_and_grad, x, axis=axis, target=to, divisor=divisor, xp=xp, **options)
    loss = reduced(loss, mass, axis=axis, reduction=reduction, normalizer=normalizer, dtype=x.dtype, xp=xp)
    return loss, grad


@formula("composed")
def logit_adjustment(x: Any, /, *, counts: Any, axis: Axes, xp: Any, **options: Any) -> Any:
    """Return the adjusted logits, given the count of each class."""
    counts = beside_classes(counts, axis[0], x.ndim)
    return run(imbalance.logit_adjustment, x, counts=counts, axis=axis, xp=xp, **options)


@formula("losses")
def masses(x: Any, /, *, axis: Axes, target: Target, xp: Any) -> Any:
    """Return what each row adds to the divisor of a mean."""
    to = resolve(widen(x, xp), target, axis=axis, xp=xp)
    return to.per_row(to.mass, xp)


def focal(nll: Any, *, gamma: float, scale: float, xp: Any) -> Any:
    """Return (1 - p)**gamma times nll; where p is 1 it is 0 with a derivative of 0, for every gamma."""
    if scale == 0.0:
        # As for a class of weight 0: 0 also where the loss is not finite, and where its derivative is not.
        nll = select(xp.isfinite(nll), nll, 0.0, xp)
    if gamma == 0.0:
        return scale * nll
    other = -expm1(-nll, xp)
    # The power of a subnormal number may have a derivative that overflows.
    some = other > float(xp.finfo(nll.dtype).smallest_normal)
    power = select(some, other, 1.0, xp) ** gamma
    return scale * (select(some, power, 0.0, xp) * nll)


def poly(nll: Any, *, epsilon: float, xp: Any) -> Any:
    """Return nll + epsilon * (1 - p)."""
    return nll - epsilon * expm1(-nll, xp)


def generalized(nll: Any, *, q: float, xp: Any) -> Any:
    """Return (1 - p**q) / q, whose limit at q = 0 is nll."""
    return nll if q == 0.0 else -expm1(-q * nll, xp) / q
