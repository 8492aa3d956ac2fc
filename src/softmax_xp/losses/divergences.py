"""How far two distributions are from each other."""

from __future__ import annotations

from typing import Any, TypeVar

from .._composed import losses as formulas
from .._composed.divergences import js_rows, kl_rows
from .._engines.planned import planned, prepared
from .._gate import losses as gate

__all__ = ["js_divergence", "kl_divergence"]

Array = TypeVar("Array")


@planned
def kl_divergence(
    p: Array,
    q: Any,
    /,
    *,
    axis: int = -1,
    p_kind: str = "probs",
    q_kind: str = "probs",
    where: Any = None,
    reduction: str = "none",
    xp: Any = None,
) -> Array:
    r"""Return the Kullback-Leibler divergence of p from q.

    .. math:: D(p \,\|\, q) = \sum_c p_c \log \frac{p_c}{q_c}

    Parameters
    ----------
    p, q : array
        Distributions over the classes along `axis`, of one shape ``(..., n, ...)``.
    axis : int
        The axis of the classes.
    p_kind, q_kind : {"probs", "log_probs", "logits"}
        What ``p`` and ``q`` hold. Logits are normalized, the others are taken as they are.
    where : boolean array, optional
        Classes to keep, of a shape that broadcasts to that of ``p``; the others have no influence.
    reduction : {"none", "mean", "sum", "batchmean"}
        One divergence per row, their mean, their sum, or their sum by the length of the first axis.
    xp : namespace, optional
        The array namespace of ``p``, for callers who know it.

    Returns
    -------
    array
        Of the library and device of ``p`` and the common floating dtype of both: of the shape of
        ``p`` without `axis`, or without dimensions.

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy`; also if a kind is not known.

    Notes
    -----
    A term with p = 0 is 0, and so is its derivative; p > 0 where q = 0 gives inf. The error is a few
    units in the last place of the largest term: the result itself is much smaller where p is near q,
    and may then be negative by that much.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.losses import kl_divergence
    >>> p, x = np.asarray([0.5, 0.5, 0.0]), np.asarray([1.0, 0.0, -np.inf])
    >>> print(kl_divergence(p, x, q_kind="logits").round(6))
    0.120115
    """
    x, options = gate.admit_distributions(
        p, q, axis=axis, p_kind=p_kind, q_kind=q_kind, where=where, reduction=reduction, xp=xp
    )
    return prepared(formulas.loss_of_rows, x, rows=kl_rows, **options)


@planned
def js_divergence(
    p: Array,
    q: Any,
    /,
    *,
    axis: int = -1,
    p_kind: str = "probs",
    q_kind: str = "probs",
    where: Any = None,
    reduction: str = "none",
    xp: Any = None,
) -> Array:
    r"""Return the Jensen-Shannon divergence of two distributions.

    .. math:: J(p, q) = \frac{D(p \,\|\, m) + D(q \,\|\, m)}{2}, \qquad m = \frac{p + q}{2}

    Parameters
    ----------
    p, q, axis, p_kind, q_kind, where, reduction, xp
        As for `kl_divergence`.

    Returns
    -------
    array
        As from `kl_divergence`; from 0 to log 2 for distributions. Its square root is a metric.

    Raises
    ------
    TypeError, ValueError
        As `kl_divergence`.

    Notes
    -----
    Computed from logarithms, so that it is finite also where probabilities are below the
    smallest number. It is symmetric and never negative.

    References
    ----------
    .. [1] J. Lin, "Divergence measures based on the Shannon entropy", IEEE Trans. Inf. Theory 37(1),
       1991, :doi:`10.1109/18.61115`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.losses import js_divergence
    >>> print(js_divergence(np.asarray([1.0, 0.0]), np.asarray([0.0, 1.0])).round(6))
    0.693147
    """
    x, options = gate.admit_distributions(
        p, q, axis=axis, p_kind=p_kind, q_kind=q_kind, where=where, reduction=reduction, xp=xp
    )
    return prepared(formulas.loss_of_rows, x, rows=js_rows, **options)
