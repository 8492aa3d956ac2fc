"""Losses of yes-or-no decisions that are independent of each other."""

from __future__ import annotations

from typing import Any, TypeVar

from .._composed import losses as formulas
from .._engines.planned import planned, prepared
from .._formulas.binary import binary_losses
from .._gate import losses as gate

__all__ = ["binary_cross_entropy_with_logits", "binary_focal_loss"]

Array = TypeVar("Array")


@planned
def binary_cross_entropy_with_logits(
    logits: Array,
    target: Any,
    /,
    *,
    weight: Any = None,
    pos_weight: Any = None,
    reduction: str = "mean",
    normalizer: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return minus the logarithm of the probability that the sigmoid gives to the target.

    .. math:: \ell = w \left(-v\, t \log \sigma(x) - (1 - t) \log(1 - \sigma(x))\right)

    Parameters
    ----------
    logits : array
        x in the equation, of any shape. Integers and booleans are promoted.
    target : array
        t in the equation, of the shape of ``logits``: probabilities of a floating dtype, or 0 and 1
        of an integer or boolean dtype; another integer gives NaN.
    weight : array, optional
        w in the equation, of a shape that broadcasts to that of ``logits``. A weight of 0 removes
        its element; the derivative of a sum is the loss of the element.
    pos_weight : float or array, optional
        v in the equation, of a shape that broadcasts to that of ``logits``.
    reduction : {"mean", "sum", "none"}
        Whether to return the mean of the elements, their sum, or one loss per element.
    normalizer : float or array of one element, optional
        Replaces the divisor of the mean, which is the total weight: the sum of w (v t + 1 - t), as
        for `cross_entropy` with the logits [0, x] and the class weights [1, v].
    xp : namespace, optional
        The array namespace of ``logits``, for callers who know it.

    Returns
    -------
    array
        Of the library, device and floating dtype of ``logits``: without dimensions, or with
        ``reduction="none"`` of the shape of ``logits``.

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy`.

    Notes
    -----
    -log sigma(x) is taken as max(-x, 0) + log1p(exp(-abs(x))), accurate to 4 units in the last
    place over the whole range. A product of 0 and infinity counts as 0, so that infinite logits
    give 0 or inf. The gradient sigma(x) - t keeps its digits for confident predictions.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.losses import binary_cross_entropy_with_logits
    >>> logits, target = np.asarray([40.0, -np.inf, 0.0]), np.asarray([1, 0, 1])
    >>> print(binary_cross_entropy_with_logits(logits, target, reduction="none"))
    [4.24835426e-18 0.00000000e+00 6.93147181e-01]
    """
    x, options = gate.admit_decisions(
        logits, target, weight=weight, pos_weight=pos_weight, reduction=reduction, normalizer=normalizer, xp=xp
    )
    return prepared(formulas.loss_of_rows, x, rows=binary_losses, **options)


@planned
def binary_focal_loss(
    logits: Array,
    target: Any,
    /,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    weight: Any = None,
    reduction: str = "mean",
    normalizer: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return a binary cross-entropy in which well classified elements count less.

    .. math:: \ell = -w \left(\alpha\, t (1 - p)^\gamma \log p
              + (1 - \alpha) (1 - t)\, p^\gamma \log(1 - p)\right), \qquad p = \sigma(x)

    Parameters
    ----------
    logits, target, weight, reduction, normalizer, xp
        As for `binary_cross_entropy_with_logits`.
    gamma : float
        At least 0, where the loss is that of `binary_cross_entropy_with_logits`.
    alpha : float, optional
        From 0 to 1; without it, both factors are 1. It does not count in the divisor of the mean.

    Returns
    -------
    array
        As from `binary_cross_entropy_with_logits`.

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy`.

    Notes
    -----
    (1 - p)**gamma is exp(-gamma softplus(x)): value and gradient are finite for every finite logit
    and every gamma, and infinite logits give 0 or inf.

    References
    ----------
    .. [1] T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollar, "Focal loss for dense object
       detection", ICCV 2017, :doi:`10.1109/ICCV.2017.324`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.losses import binary_focal_loss
    >>> print(binary_focal_loss(np.asarray([2.0, -1.0]), np.asarray([1, 0]), reduction="none").round(6))
    [0.001804 0.022658]
    """
    x, options = gate.admit_decisions(logits, target, weight=weight, reduction=reduction, normalizer=normalizer, xp=xp)
    options["gamma"] = gate.check_number("gamma", gamma, low=0.0)
    options["alpha"] = None if alpha is None else gate.check_number("alpha", alpha, low=0.0, high=1.0)
    return prepared(formulas.loss_of_rows, x, rows=binary_losses, **options)
