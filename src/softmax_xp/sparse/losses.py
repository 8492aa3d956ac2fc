"""Losses whose gradient is a prediction less the target."""

from __future__ import annotations

from typing import Any, TypeVar

from .._composed import fenchel_young
from .._composed.losses import loss_of_classes
from .._engines.planned import planned, prepared
from .._gate.losses import admit_classes
from .._gate.sparse import admit_regularizer

__all__ = ["entmax_loss", "fenchel_young_loss"]

Array = TypeVar("Array")


@planned
def entmax_loss(
    x: Array,
    target: Any,
    /,
    *,
    alpha: float = 1.5,
    axis: int = -1,
    sample_weight: Any = None,
    where: Any = None,
    ignore_index: int | None = -100,
    reduction: str = "mean",
    normalizer: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return the loss that trains logits for entmax.

    .. math:: \ell = \max_p \left(\langle p, x \rangle - \Omega(p)\right) + \Omega(t) - \langle t, x \rangle,
              \qquad \Omega(p) = \frac{\sum_i p_i^\alpha - \sum_i p_i}{\alpha (\alpha - 1)}

    Parameters
    ----------
    x : array
        Logits of shape ``(..., n, ...)`` with n classes along `axis`.
    target : array
        t in the equation: labels, of any integer dtype and the shape of ``x`` without `axis`; or
        probabilities that sum to 1, of a floating dtype and the shape of ``x``.
    alpha : float
        From 1, where the loss of a label is `cross_entropy`; 2 belongs to `sparsemax`. A number only.
    axis : int
        The axis of the classes.
    sample_weight, where, ignore_index, reduction, normalizer, xp
        As for `cross_entropy`; each sample has the weight 1 if none is given.

    Returns
    -------
    array
        As from `cross_entropy`.

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy`; ValueError for an alpha below 1, infinite or NaN.

    Notes
    -----
    The gradient is the prediction less the target, ``entmax(x, alpha=alpha) - t``, with torch and JAX
    too; at a label it is minus the sum of the other shares. The loss of a label is 0, and stays so, once
    its logit is ahead of all others by 1 / (alpha - 1). It is computed as a sum of numbers that are not
    negative: what separates t from p, and what t has below the threshold. A label on a logit of -inf or a masked
    class has the loss inf, and no gradient there.

    References
    ----------
    .. [1] B. Peters, V. Niculae, A. F. T. Martins, "Sparse sequence-to-sequence models", ACL 2019,
       :doi:`10.18653/v1/P19-1146`.
    .. [2] M. Blondel, A. F. T. Martins, V. Niculae, "Learning with Fenchel-Young losses", JMLR 21(35), 2020,
       :doi:`10.48550/arXiv.1901.02324`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.sparse import entmax_loss
    >>> x = np.asarray([[1.0, 2.0, 0.5], [0.0, 3.0, 0.5]])
    >>> print(entmax_loss(x, np.asarray([1, 1]), reduction="none").round(4))
    [0.0642 0.    ]
    """
    return fenchel_young_loss(
        x,
        target,
        regularizer="tsallis",
        alpha=alpha,
        axis=axis,
        sample_weight=sample_weight,
        where=where,
        ignore_index=ignore_index,
        reduction=reduction,
        normalizer=normalizer,
        xp=xp,
    )


@planned
def fenchel_young_loss(
    x: Array,
    target: Any,
    /,
    *,
    regularizer: str,
    alpha: float | None = None,
    axis: int = -1,
    sample_weight: Any = None,
    where: Any = None,
    ignore_index: int | None = -100,
    reduction: str = "mean",
    normalizer: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return the loss that trains logits for the prediction of a regularizer.

    .. math:: \ell = \max_p \left(\langle p, x \rangle - \Omega(p)\right) + \Omega(t) - \langle t, x \rangle

    Parameters
    ----------
    x, target
        As for `entmax_loss`.
    regularizer : {"shannon", "gini", "tsallis", "norm"}
        Omega in the equation, which decides the prediction: minus the Shannon entropy (`softmax`), minus
        the Gini entropy (`sparsemax`), minus the Tsallis entropy of order `alpha` (`entmax`), or the norm of order
        `alpha` less 1 (`normmax`).
    alpha : float, optional
        The order: for "tsallis" from 1, 1.5 if not given; for "norm" above 1, 2 if not given. These are the
        defaults of `entmax` and `normmax`.
    axis, sample_weight, where, ignore_index, reduction, normalizer, xp
        As for `entmax_loss`.

    Returns
    -------
    array
        As from `cross_entropy`.

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy`; ValueError for an unknown regularizer or an order that it does not have.

    Notes
    -----
    The gradient is the prediction less the target. The loss is not negative, 0 only where they are equal, and
    convex in x. With "shannon" it is the divergence of the prediction from the target: `cross_entropy` for labels.
    Otherwise as `entmax_loss`.

    References
    ----------
    .. [1] M. Blondel, A. F. T. Martins, V. Niculae, "Learning with Fenchel-Young losses", JMLR 21(35), 2020,
       :doi:`10.48550/arXiv.1901.02324`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.sparse import fenchel_young_loss
    >>> x = np.asarray([1.5, 2.0, 0.5])
    >>> for regularizer in ("shannon", "gini", "norm"):
    ...     print(regularizer, fenchel_young_loss(x, np.asarray(1), regularizer=regularizer).round(4))
    shannon 0.6041
    gini 0.0625
    norm 0.0886
    """
    x, options = admit_classes(
        x,
        target,
        axis=axis,
        weight=None,
        sample_weight=sample_weight,
        where=where,
        ignore_index=ignore_index,
        reduction=reduction,
        normalizer=normalizer,
        xp=xp,
        name="x",
    )
    options.update(admit_regularizer(regularizer, alpha), rows=fenchel_young.fenchel_young_losses)
    return prepared(loss_of_classes, x, options.pop("target"), **options)
