"""Losses of classes: one weighted loss per row, and how rows are put together."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan, prod
from typing import Any

from .._autodiff import execute
from .._engines import quiet, rows_engine, run, run_rows
from .._engines.generic import call_rows
from .._gate.dtypes import cast, wide_dtype, widen
from .._gate.losses import Target
from .derivatives import log_softmax_vjp, logsumexp_vjp
from .elements import expm1, softcap
from .labels import candidates_nll, label_nll, label_nll_and_grad
from .normalizers import log_softmax, logsumexp
from .rows import drop_axes, row_sum, select
from .target import LEFT_OUT, Aim, aim, coefficients, counted, hits, pick, weighted

Axes = tuple[int, ...]
Transform = Callable[..., Any]


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
    x, to, total, kept = _prepared(x, target, axis=axis, where=where, smoothing=smoothing, cap=cap, xp=xp)
    if to.labels is not None and not smoothing:
        loss = _label_losses(x, to, total, axis=axis, where=where, xp=xp, **options)
    else:
        loss = _dense_losses(x, to, axis=axis, kept=kept, smoothing=smoothing, xp=xp, **options)
    if z_loss:
        lse = run(logsumexp, x, axis=axis, where=kept, keepdims=True, xp=xp)
        loss = loss + weighted(to.mass, z_loss * lse * lse, xp)
    return to.per_row(loss, xp), total


def _prepared(
    x: Any, target: Target, *, axis: Axes, where: Any, smoothing: float, cap: float | None, xp: Any
) -> tuple[Any, Aim, Any, Any]:
    """Return the capped logits, the settled target, the weight of each row, and the mask of what counts."""
    x = widen(x, xp)
    to = aim(x, target, axis=axis, xp=xp)
    total = to.per_row(to.mass, xp)
    # Smoothing spreads over classes that may have a weight where that of the label is 0.
    rows = total if to.labels is not None and not smoothing else to.rows
    kept = counted(where, None if rows is None else rows != 0)
    if cap is not None:
        # What is masked must not reach the derivative of tanh.
        x = execute(softcap, x, cap=cap, where=kept, xp=xp)
    return x, to, total, kept


def _unchanged(nll: Any, xp: Any) -> Any:
    return nll


def _label_losses(
    x: Any,
    to: Aim,
    total: Any,
    *,
    axis: Axes,
    where: Any,
    log_probs: bool = False,
    transform: Transform = _unchanged,
    factor: Any = None,
    xp: Any,
) -> Any:
    """Return the loss of each row at its label; nothing of the size of ``x`` is kept."""
    labels = select(total != 0, to.labels, LEFT_OUT, xp)
    if log_probs:
        nll = -pick(hits(labels, x, axis=axis, xp=xp), select(where, x, -inf, xp), axis, xp)
    else:
        nll = run(label_nll, x, axis=axis, where=where, labels=labels, xp=xp)
    loss = to.mass * transform(select(total != 0, nll, 0.0, xp), xp=xp)
    if factor is None:
        return loss
    return pick(hits(to.labels, x, axis=axis, xp=xp), cast(factor, x.dtype, xp), axis, xp) * loss


def _dense_losses(
    x: Any,
    to: Aim,
    *,
    axis: Axes,
    kept: Any,
    smoothing: float,
    log_probs: bool = False,
    transform: Transform = _unchanged,
    factor: Any = None,
    xp: Any,
) -> Any:
    """Return the sum of the losses of all classes, by their coefficients."""
    if log_probs:
        log_p = select(kept, x, -inf, xp)
    else:
        log_p = run(log_softmax, x, axis=axis, where=kept, temperature=1.0, sink=None, xp=xp)
    a = coefficients(x, to, axis=axis, kept=kept, smoothing=smoothing, xp=xp)
    a = a if factor is None else cast(factor, x.dtype, xp) * a
    # An infinite loss of a class that does not count becomes 0, where no transform has an infinite derivative.
    nll = select((a != 0) | xp.isfinite(log_p), -log_p, 0.0, xp)
    return cast(row_sum(a * transform(nll, xp=xp), axis, xp), x.dtype, xp)


def class_losses_and_grad(
    x: Any,
    /,
    *,
    axis: Axes,
    where: Any,
    target: Target,
    share: Any,
    smoothing: float,
    z_loss: float,
    cap: float | None,
    xp: Any,
) -> tuple[Any, Any, Any]:
    """Return what `class_losses` does, and the gradient of the loss times ``share``."""
    dtype = x.dtype
    z, to, total, kept = _prepared(x, target, axis=axis, where=where, smoothing=smoothing, cap=cap, xp=xp)
    share = xp.full_like(to.mass, share) if isinstance(share, float) else cast(share, z.dtype, xp)
    share = to.per_row(share, xp)
    if to.labels is not None and not smoothing:
        nll, grad = run(label_nll_and_grad, z, axis=axis, where=where, labels=to.labels, scale=share * to.mass, xp=xp)
        loss = weighted(to.mass, nll, xp)
    else:
        log_p = run(log_softmax, z, axis=axis, where=kept, temperature=1.0, sink=None, xp=xp)
        a = coefficients(z, to, axis=axis, kept=kept, smoothing=smoothing, xp=xp)
        loss = cast(row_sum(weighted(a, -log_p, xp), axis, xp), z.dtype, xp)
        grad = log_softmax_vjp(log_p, -share * a, axis=axis, where=kept, xp=xp)
    if z_loss:
        lse = run(logsumexp, z, axis=axis, where=kept, keepdims=True, xp=xp)
        loss = loss + weighted(to.mass, z_loss * lse * lse, xp)
        slope = weighted(share * to.mass, 2.0 * z_loss * select(lse != -inf, lse, 0.0, xp), xp)
        grad = grad + logsumexp_vjp(z, slope, axis=axis, where=kept, xp=xp)
    if cap is not None:
        grad = grad * (1.0 - (z / cap) * (z / cap))
    # Also in a row that is NaN because its label is no class.
    grad = select(where, grad, 0.0, xp)
    return to.per_row(loss, xp), total, cast(grad, dtype, xp)


def candidate_losses(
    x: Any, /, *, axis: Axes, where: Any, candidates: Any, sample_weight: Any, xp: Any
) -> tuple[Any, Any]:
    """Return minus the logarithm of the candidates' probability per row, weighted, and the weight."""
    x = widen(x, xp)
    rows = None if sample_weight is None else cast(sample_weight, x.dtype, xp)
    to = Aim(None, None, None, rows, 1.0)
    nll = candidates_nll(
        x, axis=axis, where=counted(where, None if rows is None else rows != 0), candidates=candidates, xp=xp
    )
    return to.per_row(nll, xp), to.per_row(xp.ones_like(nll), xp)


def of_rows(
    losses: Callable[..., tuple[Any, Any]],
    x: Any,
    /,
    *,
    axis: Axes,
    reduction: str,
    normalizer: Any,
    xp: Any,
    **options: Any,
) -> Any:
    """Return the reduced loss, in the dtype of ``x``."""
    loss, mass = run_rows(losses, x, axis=axis, xp=xp, **options)
    return reduced(loss, mass, axis=axis, reduction=reduction, normalizer=normalizer, dtype=x.dtype, xp=xp)


def reduced(loss: Any, mass: Any, *, axis: Axes, reduction: str, normalizer: Any, dtype: Any, xp: Any) -> Any:
    """Return the rows of a loss, their sum, or their sum by what they add to the divisor."""
    if reduction != "none":
        batch, axis = [n for a, n in enumerate(loss.shape) if a not in axis], tuple(range(loss.ndim))
        loss = row_sum(loss, axis, xp)
        loss = loss if reduction == "sum" else loss * share_of(mass, normalizer, loss.dtype, xp)
        # The mean of the rows times the rows in each entry of the first axis, whose length may be unknown.
        loss = loss * float(prod(batch[1:])) if reduction == "batchmean" else loss
    with quiet(xp):
        return cast(drop_axes(loss, axis, False, xp), dtype, xp)


def share_of(mass: Any, normalizer: Any, dtype: Any, xp: Any) -> Any:
    """Return 1 by the divisor of a mean; NaN if that is 0."""
    if isinstance(normalizer, float):
        return 1.0 / normalizer
    given = normalizer is not None
    divisor = cast(normalizer, dtype, xp) if given else row_sum(mass, tuple(range(mass.ndim)), xp)
    return 1.0 / select(divisor != 0, divisor, nan, xp)


def cross_entropy_and_grad(
    x: Any, /, *, axis: Axes, target: Target, reduction: str, normalizer: Any, xp: Any, **options: Any
) -> tuple[Any, Any]:
    """Return the reduced loss and its gradient."""
    options = {"axis": axis, "target": target, "xp": xp, **options}
    execute = rows_engine(class_losses_and_grad, x, **options)
    share: Any = 1.0
    if reduction == "mean":
        mass = call_rows(masses, x, axis=axis, target=target, xp=xp) if normalizer is None else None
        share = share_of(mass, normalizer, wide_dtype(x.dtype, xp), xp)
    loss, mass, grad = execute(x, share=share, **options)
    loss = reduced(loss, mass, axis=axis, reduction=reduction, normalizer=normalizer, dtype=x.dtype, xp=xp)
    return loss, grad


def masses(x: Any, /, *, axis: Axes, target: Target, xp: Any) -> Any:
    """Return what each row adds to the divisor of a mean."""
    to = aim(widen(x, xp), target, axis=axis, xp=xp)
    return to.per_row(to.mass, xp)


def focal(nll: Any, *, gamma: float, scale: float, xp: Any) -> Any:
    """Return (1 - p)**gamma times nll; where p is 1 it is 0 with a derivative of 0, for every gamma."""
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
