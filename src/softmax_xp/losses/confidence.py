"""Losses that change how much a confident or a wrong prediction counts."""

from __future__ import annotations

from functools import partial
from typing import Any, TypeVar

from .._composed import losses as formulas
from .._engines.planned import planned, prepared
from .._gate import losses as gate

__all__ = ["focal_loss", "generalized_cross_entropy", "poly_cross_entropy"]

Array = TypeVar("Array")


@planned
def focal_loss(
    logits: Array,
    target: Any,
    /,
    *,
    gamma: float = 2.0,
    alpha: Any = None,
    axis: int = -1,
    weight: Any = None,
    sample_weight: Any = None,
    where: Any = None,
    ignore_index: int | None = -100,
    reduction: str = "mean",
    normalizer: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return a cross-entropy in which well classified samples count less.

    .. math:: \ell = -\sum_c w_c\, t_c\, \alpha_c (1 - p_c)^\gamma \log p_c, \qquad
              p = \mathrm{softmax}(x)

    Parameters
    ----------
    logits, target
        As for `cross_entropy`.
    gamma : float
        At least 0, where the loss is `cross_entropy`.
    alpha : float or array, optional
        A factor, or one for each class of shape ``(n,)``. Other than `weight` it does not count in
        the divisor of the mean.
    axis, weight, sample_weight, where, ignore_index, reduction, normalizer, xp
        As for `cross_entropy`.

    Returns
    -------
    array
        As from `cross_entropy`.

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy`.

    Notes
    -----
    1 - p is -expm1(log p), so that it keeps its digits where p is near 1; where p rounds to 1 the
    loss and its derivative are 0, also for gamma below 1.

    References
    ----------
    .. [1] T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollar, "Focal loss for dense object
       detection", ICCV 2017, :doi:`10.1109/ICCV.2017.324`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.losses import focal_loss
    >>> print(focal_loss(np.asarray([1.0, 2.0, 0.5]), np.asarray(1)).round(6))
    0.064078
    """
    x, options = gate.admit_classes(
        logits,
        target,
        axis=axis,
        weight=weight,
        sample_weight=sample_weight,
        where=where,
        ignore_index=ignore_index,
        reduction=reduction,
        normalizer=normalizer,
        xp=xp,
    )
    scale, factor = gate.admit_alpha(alpha, x, options)
    change = partial(formulas.focal, gamma=gate.check_number("gamma", gamma, low=0.0), scale=scale)
    return _transformed(x, transform=change, factor=factor, **options)


@planned
def poly_cross_entropy(
    logits: Array,
    target: Any,
    /,
    *,
    epsilon: float = 2.0,
    axis: int = -1,
    weight: Any = None,
    sample_weight: Any = None,
    where: Any = None,
    ignore_index: int | None = -100,
    reduction: str = "mean",
    normalizer: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return a cross-entropy with another first coefficient of its expansion in 1 - p.

    .. math:: \ell = \sum_c w_c\, t_c \left(-\log p_c + \epsilon (1 - p_c)\right), \qquad
              p = \mathrm{softmax}(x)

    Parameters
    ----------
    logits, target
        As for `cross_entropy`.
    epsilon : float
        At least -1; 0 gives `cross_entropy`.
    axis, weight, sample_weight, where, ignore_index, reduction, normalizer, xp
        As for `cross_entropy`.

    Returns
    -------
    array
        As from `cross_entropy`.

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy`.

    Notes
    -----
    1 - p is -expm1(log p), so that it keeps its digits where p is near 1.

    References
    ----------
    .. [1] Z. Leng et al., "PolyLoss: a polynomial expansion perspective of classification loss
       functions", ICLR 2022, :doi:`10.48550/arXiv.2204.12511`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.losses import poly_cross_entropy
    >>> print(poly_cross_entropy(np.asarray([1.0, 2.0, 0.5]), np.asarray(1)).round(6))
    1.207305
    """
    x, options = gate.admit_classes(
        logits,
        target,
        axis=axis,
        weight=weight,
        sample_weight=sample_weight,
        where=where,
        ignore_index=ignore_index,
        reduction=reduction,
        normalizer=normalizer,
        xp=xp,
    )
    change = partial(formulas.poly, epsilon=gate.check_number("epsilon", epsilon, low=-1.0))
    return _transformed(x, transform=change, **options)


@planned
def generalized_cross_entropy(
    logits: Array,
    target: Any,
    /,
    *,
    q: float = 0.7,
    axis: int = -1,
    weight: Any = None,
    sample_weight: Any = None,
    where: Any = None,
    ignore_index: int | None = -100,
    reduction: str = "mean",
    normalizer: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return a bounded loss between cross-entropy and 1 - p, for labels that may be wrong.

    .. math:: \ell = \sum_c w_c\, t_c\, \frac{1 - p_c^q}{q}, \qquad p = \mathrm{softmax}(x)

    Parameters
    ----------
    logits, target
        As for `cross_entropy`.
    q : float
        From 0, where the loss is `cross_entropy`, to 1, where it is 1 - p.
    axis, weight, sample_weight, where, ignore_index, reduction, normalizer, xp
        As for `cross_entropy`.

    Returns
    -------
    array
        As from `cross_entropy`.

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy`.

    Notes
    -----
    1 - p**q is -expm1(q log p), so that it keeps its digits where p is near 1 and where q is near 0.

    References
    ----------
    .. [1] Z. Zhang, M. Sabuncu, "Generalized cross entropy loss for training deep neural networks
       with noisy labels", NeurIPS 31, 2018, :doi:`10.48550/arXiv.1805.07836`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.losses import generalized_cross_entropy
    >>> print(generalized_cross_entropy(np.asarray([1.0, 2.0, 0.5]), np.asarray(1)).round(6))
    0.39645
    """
    x, options = gate.admit_classes(
        logits,
        target,
        axis=axis,
        weight=weight,
        sample_weight=sample_weight,
        where=where,
        ignore_index=ignore_index,
        reduction=reduction,
        normalizer=normalizer,
        xp=xp,
    )
    q = gate.check_number("q", q, low=0.0, high=1.0)
    change = partial(formulas.generalized, q=q)
    return _transformed(x, transform=change, bounded=q > 0.0, **options)


def _transformed(x: Any, *, target: Any, **options: Any) -> Any:
    return prepared(formulas.loss_of_classes, x, target, rows=formulas.class_losses, **options)
