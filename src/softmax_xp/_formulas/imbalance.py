"""Weights and offsets for classes that are not equally frequent."""

from __future__ import annotations

from math import inf
from typing import Any

from .._xp.dtypes import cast, wide_dtype
from .._xp.operations import positions, select
from .._xp.sums import row_sum
from .target import resolve_labels


def balanced_class_weights(labels: Any, /, *, num_classes: int, dtype: Any, xp: Any) -> Any:
    """Return total / (num_classes * count) for each class, 0 for a class that does not occur."""
    samples = tuple(range(labels.ndim))
    # A label that is no class becomes num_classes, the position of no class: it is not counted.
    labels = resolve_labels(labels[..., None], num_classes, axis=(labels.ndim,), ignore_index=None, xp=xp)
    hit = labels == positions(num_classes, labels.ndim, labels.ndim - 1, labels, xp)
    # Not in a half type: float16 counts to 2048, where adding 1 changes nothing any more.
    counts = row_sum(cast(hit, wide_dtype(dtype, xp), xp), samples, xp)
    total = row_sum(counts, (labels.ndim - 1,), xp)
    seen = counts > 0
    # 1 in place of 0: a division by 0 would warn.
    weights = select(seen, total / (num_classes * select(seen, counts, 1.0, xp)), 0.0, xp)
    return cast(xp.reshape(weights, (num_classes,)), dtype, xp)


def logit_adjustment(x: Any, /, *, counts: Any, tau: float, axis: tuple[int, ...], xp: Any) -> Any:
    """Return x + tau * log(count / total)."""
    # 0 * -inf, for a class that does not occur, would be NaN.
    if tau == 0.0:
        return x
    counts = cast(counts, x.dtype, xp)
    total = cast(row_sum(counts, axis, xp), x.dtype, xp)
    seen = counts > 0
    log_prior = xp.log(select(seen, counts, 1.0, xp)) - xp.log(select(total > 0, total, 1.0, xp))
    return x + tau * select(seen, log_prior, -inf, xp)
