"""Labels that noise chooses, and what filters keep of the logits."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, log, nan, prod, sqrt
from typing import Any

from .._xp.dtypes import accumulator, cast
from .._xp.namespace import differentiates, is_chunked, stop_gradient
from .._xp.operations import move, positions, reorder, select, sort_down, whole_rows
from .._xp.sums import row_sum, running_sum
from .kinds import formula
from .normalizers import hardmax
from .ranks import leading, shortest
from .rows import finite_shift, row_max

UNDRAWN = -1
"""The label where there is nothing, or nothing left, to draw."""


def perturbed(x: Any, noise: Any, /, *, xp: Any) -> Any:
    """Return x + noise; an impossible entry stays so, whatever its noise is."""
    # -inf + inf would be NaN.
    return x + select(x != -inf, noise, 0.0, xp)


def straight_through(p: Any, z: Any, /, *, axis: tuple[int, ...], where: Any, xp: Any) -> Any:
    """Return 1 at the largest of z and 0 elsewhere, with the derivative of the probabilities p."""
    ones = hardmax(stop_gradient(z, xp), axis=axis, where=where, xp=xp)
    # 0 in value, with the derivative of p: what is 1 or 0 has none of its own.
    if differentiates(xp):
        ones = ones + (p - stop_gradient(p, xp))
    # A row of NaN stays NaN; it has no largest entry.
    return xp.where(p == p, ones, p)


def draws(
    x: Any, noise: Any, /, *, axis: tuple[int, ...], where: Any, shape: tuple[int, ...], replace: bool, xp: Any
) -> Any:
    """Return the labels with the largest x + noise, or UNDRAWN."""
    x = select(where, x, -inf, xp)
    possible = x != -inf
    z = perturbed(x, noise, xp=xp)
    # Along the axis counted from the end, which the draws stand in front of.
    at = axis[0] + z.ndim - x.ndim
    right = (row_max(x, axis, xp) != inf) & ~xp.any(z != z, axis=at, keepdims=True)
    # What is possible stays above what is not, also with a noise of -inf.
    lowest = float(xp.finfo(z.dtype).min)
    z = select(possible, select(z >= lowest, z, lowest, xp), -inf, xp)
    # Without classes there is no argmax, but still one label for each row: UNDRAWN.
    if x.shape[axis[0]] == 0:
        index = positions(0, z.ndim, at, z, xp)
        return xp.sum(cast(z, index.dtype, xp), axis=at, dtype=index.dtype) + UNDRAWN
    if replace:
        labels = _first_largest(z, at, xp)
        right = right & xp.any(possible, axis=axis[0], keepdims=True)
        return xp.squeeze(select(right, labels, UNDRAWN, xp), axis=at)
    return _different(z, right, axis, shape, xp)


def _first_largest(z: Any, a: int, xp: Any) -> Any:
    """Return the place of the largest entry of each row; the first of equal ones."""
    if not is_chunked(xp):
        return cast(xp.argmax(z, axis=a, keepdims=True), positions(z.shape[a], z.ndim, a, z, xp).dtype, xp)
    # As many as come before it: some of the chunks may be empty, and lengths unknown.
    seen = running_sum(xp.astype(z == row_max(z, (a,), xp), xp.int64), (a,), xp)
    return xp.sum(xp.astype(seen == 0, xp.int64), axis=a, keepdims=True)


def _different(z: Any, right: Any, axis: tuple[int, ...], shape: tuple[int, ...], xp: Any) -> Any:
    """Return the labels in falling order of z, as many as ``shape`` has places, which stand in front."""
    (a,) = axis
    index = positions(z.shape[a], z.ndim, a, z, xp)
    first = (*(slice(None),) * a, slice(0, prod(shape)), ...)
    # Stable, so that equal entries are drawn in the order of their classes, as an argmax finds the first.
    order = xp.argsort(whole_rows(z, axis, xp), axis=a, descending=True, stable=True)[first]
    left = index[first] < xp.sum(cast(z != -inf, index.dtype, xp), axis=a, keepdims=True, dtype=index.dtype)
    labels = select(right & left, cast(order, index.dtype, xp), UNDRAWN, xp)
    if not shape:
        return xp.squeeze(labels, axis=a)
    labels = move(labels, a, 0, xp)
    return labels if len(shape) == 1 else xp.reshape(labels, (*shape, *labels.shape[1:]))


@formula("maps")
def top_k(x: Any, /, *, k: Any, **options: Any) -> Any:
    """Return x where it is one of the k largest of its row, else ``fill``."""
    return _filtered(_top_k, x, valid=None if isinstance(k, int) else k >= 1, k=k, **options)


def _top_k(x: Any, /, *, axis: tuple[int, ...], where: Any, k: Any, ties: str, xp: Any) -> Any:
    return leading(x, k, axis=axis, among=where, ties=ties, xp=xp)


@formula("maps")
def top_p(x: Any, /, **options: Any) -> Any:
    """Return x where the mass of the larger entries of its row is below p, else ``fill``."""
    return _by_share(_top_p, x, zero=False, **options)


@formula("maps")
def min_p(x: Any, /, **options: Any) -> Any:
    """Return x where its probability is at least p times the largest of its row, else ``fill``."""
    return _by_share(_min_p, x, **options)


@formula("maps")
def epsilon(x: Any, /, **options: Any) -> Any:
    """Return x where its probability is at least p, else ``fill``."""
    return _by_share(_epsilon, x, **options)


@formula("maps")
def eta(x: Any, /, **options: Any) -> Any:
    """Return x where its probability is at least p, or the root of p times exp(-entropy), else ``fill``."""
    return _by_share(_eta, x, **options)


@formula("maps")
def typical(x: Any, /, **options: Any) -> Any:
    """Return x where the mass of what is nearer to the entropy of its row is below p, else ``fill``."""
    return _by_share(_typical, x, zero=False, **options)


def _by_share(mask: Callable[..., Any], x: Any, /, *, p: Any, zero: bool = True, xp: Any, **options: Any) -> Any:
    if isinstance(p, float):
        return _filtered(mask, x, p=p, xp=xp, **options)
    p = cast(p, accumulator(x, xp), xp)
    valid = (p >= 0 if zero else p > 0) & (p <= 1)
    # A number that the mask can work with: the row is NaN in the end.
    return _filtered(mask, x, p=select(valid, p, 1.0, xp), valid=valid, xp=xp, **options)


def _filtered(
    mask: Callable[..., Any],
    x: Any,
    /,
    *,
    axis: tuple[int, ...],
    where: Any,
    fill: float,
    valid: Any = None,
    values: Any = None,
    xp: Any,
    **options: Any,
) -> Any:
    """Return x, or its ``values``, where ``mask`` keeps it, else ``fill``; NaN in rows with NaN or a wrong option."""
    if x.shape[axis[0]] == 0:
        return x
    # Which entries stay does not change with a small step: the mask has no derivative, the logits that it keeps have.
    row = select(where, stop_gradient(x, xp), -inf, xp)
    keep = mask(row, axis=axis, where=where, xp=xp, **options)
    wrong = xp.any(row != row, axis=axis, keepdims=True)
    if valid is not None:
        wrong = wrong | ~valid
    if where is not None:
        # Masked entries get the fill in a row of NaN too.
        keep, wrong = keep & where, wrong & where
    return select(~wrong, select(keep, x if values is None else values, fill, xp), nan, xp)


def _relative(x: Any, axis: tuple[int, ...], xp: Any, m: Any = None) -> Any:
    """Return x less the maximum m of its row, in the widest type; beside +inf everything else is impossible.

    So +inf is the limit of large numbers, which share all the mass.
    """
    m = row_max(x, axis, xp) if m is None else m
    # Before the difference, as inf - inf is NaN.
    x = xp.where(m == inf, select(x != inf, xp.full_like(x, -inf), 0.0, xp), x)
    top = finite_shift(select(m != inf, m, 0.0, xp), xp)
    # What stays should not hang on the rounding of a difference or an exponential of float32.
    wide = accumulator(x, xp)
    return cast(x, wide, xp) - cast(top, wide, xp)


def _top_p(x: Any, /, *, axis: tuple[int, ...], where: Any, p: Any, min_keep: int, xp: Any) -> Any:
    falling = sort_down(x, axis, xp)
    # Sorted once: a softmax of the sorted logits is in the order in which entries are taken.
    d = _relative(falling, axis, xp)
    m = shortest(xp.exp(d), p, d != -inf, axis=axis, min_keep=min_keep, xp=xp)
    return leading(x, m, axis=axis, among=where, falling=falling, xp=xp)


def _min_p(x: Any, /, *, axis: tuple[int, ...], where: Any, p: Any, min_keep: int, xp: Any) -> Any:
    # In logarithms: exp(d) is the quotient of two probabilities, so that no sum is needed.
    if isinstance(p, float):
        least = log(p) if p > 0 else -inf
    else:
        least = select(p > 0, xp.log(select(p > 0, p, 1.0, xp)), -inf, xp)
    m = row_max(x, axis, xp)
    # In a row of -inf each is as likely as the largest.
    keep = (_relative(x, axis, xp, m) >= least) | (m == -inf)
    # Without this the largest stay, however many are tied.
    return keep if min_keep == 1 else keep | leading(x, min_keep, axis=axis, among=where, xp=xp)


def _epsilon(x: Any, /, *, axis: tuple[int, ...], where: Any, p: Any, min_keep: int, xp: Any) -> Any:
    e = xp.exp(_relative(x, axis, xp))
    # A product and not a quotient: in a row of -inf the sum is 0.
    return (e >= p * row_sum(e, axis, xp)) | leading(x, min_keep, axis=axis, among=where, xp=xp)


def _eta(x: Any, /, *, axis: tuple[int, ...], where: Any, p: Any, min_keep: int, xp: Any) -> Any:
    """Return the mask; exp(-entropy) is exp(mean d) over the sum of the exponentials, so the sum drops out."""
    d = _relative(x, axis, xp)
    e, mean = _mean(d, axis, xp)
    root = sqrt(p) if isinstance(p, float) else xp.sqrt(p)
    low, high = p * row_sum(e, axis, xp), root * xp.exp(mean)
    return (e >= xp.where(low < high, low, high)) | leading(x, min_keep, axis=axis, among=where, xp=xp)


def _typical(x: Any, /, *, axis: tuple[int, ...], where: Any, p: Any, min_keep: int, xp: Any) -> Any:
    """Return the mask; -log p - entropy is mean d - d: the logarithm of the sum drops out."""
    d = _relative(x, axis, xp)
    e, mean = _mean(d, axis, xp)
    near = -xp.abs(d - mean)
    # Stable: of two entries that are as near, which may be a larger and a smaller one, the first is taken first.
    order = xp.argsort(near, axis=axis[0], descending=True, stable=True)
    m = shortest(reorder(e, order, axis, xp), p, d != -inf, axis=axis, min_keep=min_keep, xp=xp)
    return leading(near, m, axis=axis, among=where, falling=reorder(near, order, axis, xp), xp=xp)


def _mean(d: Any, axis: tuple[int, ...], xp: Any) -> tuple[Any, Any]:
    """Return exp(d) and the mean of d with these weights, where 0 * -inf is 0."""
    e = xp.exp(d)
    total = row_sum(e, axis, xp)
    # In a row of -inf the sum is 0, and 0 / 0 would be NaN.
    total = select(total > 0, total, 1.0, xp)
    return e, row_sum(e * select(d != -inf, d, 0.0, xp), axis, xp) / total
