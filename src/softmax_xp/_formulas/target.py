"""What the rows of a loss are measured against."""

from __future__ import annotations

from math import nan
from typing import Any, NamedTuple

from .._xp.dtypes import beside, cast, common_dtype, dtype_name, kind_of
from .._xp.namespace import is_chunked
from .._xp.operations import positions, select
from .._xp.sums import row_sum

LEFT_OUT = -1
"""The label of a row that does not count."""


class Target(NamedTuple):
    """Labels (one per row) or probabilities (one per class) and their weights, with the dimensions of the logits."""

    labels: Any
    probs: Any
    weight: Any  # one per class, or None
    sample_weight: Any  # one per row, or None
    ignore_index: int | None


class RowTarget(NamedTuple):
    """A target for logits of one dtype; ``labels`` or ``probs`` is None.

    Numbers that losses are multiplied by have the common type of themselves and the logits.
    """

    labels: Any  # a class, LEFT_OUT, or the number of classes for a label that is none
    probs: Any
    weight: Any
    rows: Any  # how much each row counts: 0 not at all, NaN if its label is no class; None: 1
    mass: Any  # the sum of target * weight over the classes of each row
    is_weighted: bool = False  # whether weights are given, which may be 0 and have a derivative there

    def per_row(self, value: Any, xp: Any) -> Any:
        """Return one value per row, multiplied by how much the row counts."""
        return value if self.rows is None else weighted(self.rows, value, xp)


def target_of(
    x: Any, target: Any, *, axis: int, weight: Any, sample_weight: Any, ignore_index: int | None, xp: Any
) -> Target:
    """Return a target and its weights, given as they are, with the dimensions of the logits."""
    labels = kind_of(target.dtype) == "integer"
    return Target(
        beside_rows(target, axis, x.ndim) if labels else None,
        None if labels else target,
        beside_classes(weight, axis, x.ndim),
        beside_rows(sample_weight, axis, x.ndim),
        ignore_index,
    )


def beside_rows(value: Any, axis: int, ndim: int) -> Any:
    """Return one value per row (None: none) of logits, with as many dimensions as they have."""
    if value is None:
        return None
    missing = ndim - 1 - value.ndim
    value = value[(None,) * missing + (...,)] if missing else value
    return value[(*(slice(None),) * axis, None, ...)]


def beside_classes(value: Any, axis: int, ndim: int) -> Any:
    """Return one value per class (None: none) along the axis of logits, with as many dimensions as they have."""
    return None if value is None else value[tuple(slice(None) if a == axis else None for a in range(ndim))]


def product(w: Any, v: Any, xp: Any) -> Any:
    """Return w * v in their common type."""
    # Rounded only after the product: float64 weights of 1e-60 would be 0 in the type of float32 logits.
    dtype = common_dtype(w, v, xp)
    return cast(w, dtype, xp) * cast(v, dtype, xp)


def weighted(w: Any, v: Any, xp: Any) -> Any:
    """Return w * v, where 0 * inf and 0 * NaN are 0; the derivative of w at 0 stays v."""
    # Never select(w != 0, ...): the derivative in a weight of 0 would be 0, and it is v.
    return product(w, select((w != 0) | xp.isfinite(v), v, 0.0, xp), xp)


def counted(where: Any, rows: Any) -> Any:
    """Return the mask without the rows that do not count; ``rows`` are booleans."""
    if rows is None or where is None:
        return rows if where is None else where
    return where & rows


def resolve(x: Any, target: Target, *, axis: tuple[int, ...], xp: Any) -> RowTarget:
    """Return the target for the logits ``x``: which class each label is, and weights in the type of their products."""
    weight, rows = (None if w is None else beside(w, x, xp) for w in (target.weight, target.sample_weight))
    if target.probs is not None:
        probs = beside(target.probs, x, xp)
        mass = probs if weight is None else weighted(weight, probs, xp)
        return RowTarget(None, probs, weight, rows, cast(row_sum(mass, axis, xp), mass.dtype, xp))
    n = x.shape[axis[0]]
    labels = resolve_labels(target.labels, n, axis=axis, ignore_index=target.ignore_index, xp=xp)
    ones = xp.ones_like(labels, dtype=x.dtype)
    # NaN where the label is no class: its values cannot be refused, and it must not count as another class.
    valid = select(labels != LEFT_OUT, select(labels != n, ones, nan, xp), 0.0, xp)
    mass = ones if weight is None else pick(hits(labels, x, axis=axis, xp=xp), weight, axis, xp)
    if rows is None:
        return RowTarget(labels, None, weight, valid, mass, weight is not None)
    # A label that is no class has no loss that a weight of 0 could have for its derivative.
    labels = select((rows != 0) | (valid == 1), labels, LEFT_OUT, xp)
    return RowTarget(labels, None, weight, weighted(rows, valid, xp), mass, True)


def resolve_labels(labels: Any, n: int, *, axis: tuple[int, ...], ignore_index: int | None, xp: Any) -> Any:
    """Return labels of a wide signed type: those in 0..n - 1, LEFT_OUT for ignored ones, n for all others."""
    # In their own type the numbers of classes may not be held: torch finds uint8(44) == 300.
    wide = cast(labels, positions(n, labels.ndim, axis[0], labels, xp).dtype, xp)
    result = select((wide >= 0) & (wide < n), wide, n, xp)
    if ignore_index is None or not _can_be(labels, wide, ignore_index, xp):
        return result
    return select(wide != ignore_index, result, LEFT_OUT, xp)


def _can_be(labels: Any, wide: Any, value: int, xp: Any) -> bool:
    """Whether a label can have this value: an unsigned one that became negative has wrapped around."""
    # No comparison with a number that the type does not hold: torch raises OverflowError for 2**70.
    if value < 0:
        return not dtype_name(labels.dtype).startswith("uint") and value >= xp.iinfo(wide.dtype).min
    return bool(value <= xp.iinfo(wide.dtype).max)


def hits(labels: Any, x: Any, *, axis: tuple[int, ...], xp: Any) -> Any:
    """Return where the class of an entry of ``x`` is the label."""
    classes = positions(x.shape[axis[0]], x.ndim, axis[0], x, xp)
    # On Dask in the chunks of x: the classes alone are one chunk, and so would be each row of the comparison.
    return labels == (classes + xp.zeros_like(x, dtype=classes.dtype) if is_chunked(xp) else classes)


def pick(hit: Any, x: Any, axis: tuple[int, ...], xp: Any) -> Any:
    """Return the entry of each row at its label, 0 where there is none."""
    # A sum of one entry and zeros: Dask has no take_along_axis, and the chunks of the logits stay as they are.
    return cast(xp.sum(select(hit, x, 0.0, xp), axis=axis, keepdims=True), x.dtype, xp)


def coefficients(x: Any, to: RowTarget, *, axis: tuple[int, ...], kept: Any, smoothing: float, xp: Any) -> Any:
    """Return what the loss of each class is multiplied by: target * weight, smoothed over the kept classes."""
    a = to.probs if to.labels is None else cast(hits(to.labels, x, axis=axis, xp=xp), x.dtype, xp)
    if smoothing:
        # Kept classes alone: the logarithm of a masked one is -inf, and a share of it would make the loss infinite.
        size = row_sum(select(kept, xp.ones_like(x), 0.0, xp), axis, xp)
        # Probabilities need not sum to 1: smoothing keeps what they sum to.
        amount = smoothing if to.probs is None else smoothing * row_sum(a, axis, xp)
        share = cast(amount / select(size != 0, size, 1.0, xp), x.dtype, xp)
        a = (1.0 - smoothing) * a + select(kept, share, 0.0, xp)
    # Weights after smoothing, so that each class has the weight of its own, not that of the label.
    return a if to.weight is None else weighted(to.weight, a, xp)
