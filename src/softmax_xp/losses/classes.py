"""Cross-entropy and its nearest kin."""

from __future__ import annotations

from typing import Any, TypeVar

from .._composed import losses as formulas
from .._engines.planned import planned, prepared
from .._gate import losses as gate

__all__ = ["cross_entropy", "nll_loss", "partial_label_cross_entropy"]

Array = TypeVar("Array")


@planned
def cross_entropy(
    logits: Array,
    target: Any,
    /,
    *,
    axis: int = -1,
    weight: Any = None,
    sample_weight: Any = None,
    where: Any = None,
    ignore_index: int | None = -100,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
    reduction: str = "mean",
    normalizer: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return minus the logarithm of the probability that softmax gives to the target.

    .. math:: \ell = -\sum_c w_c\, t_c \log p_c, \qquad p = \mathrm{softmax}(x)

    Parameters
    ----------
    logits : array
        x in the equation, of shape ``(..., n, ...)`` with n classes along `axis`. Integers and
        booleans are promoted to the default floating type of the library.
    target : array
        Labels, of any integer dtype and the shape of ``logits`` without `axis`; or probabilities
        t, of a floating dtype and the shape of ``logits``. A label y means t_c = [c = y].
    axis : int
        The axis of the classes.
    weight : array, optional
        w in the equation, of shape ``(n,)``.
    sample_weight : array, optional
        How much each sample counts, of a shape that broadcasts to that of labels. A weight of 0
        removes its sample, whatever its logits are; the derivative of a sum is the loss of the sample.
    where : boolean array, optional
        Classes to keep, of a shape that broadcasts to that of ``logits``. The others have
        probability 0 and no influence on any gradient; a target among them has the loss inf.
    ignore_index : int or None
        The label of samples that do not count: their loss, their weight and their gradient are 0.
        None ignores no label. It has no meaning for probabilities.
    label_smoothing : float
        The share e of the target, from 0 to 1, that is spread evenly over the k classes that are
        kept: t becomes (1 - e) t + e sum(t) / k.
    z_loss : float
        Adds this times the squared logsumexp of the logits to the loss of each sample, times its
        target weight.
    softcap : float, optional
        Replaces x by softcap * tanh(x / softcap) first, also before `where`.
    reduction : {"mean", "sum", "none"}
        Whether to return the mean of the samples, their sum, or one loss per sample.
    normalizer : float or array of one element, optional
        Replaces the divisor of the mean, which is the total weight of the target as given: the sum
        of t times w times the sample weight over all samples and classes. With one normalizer,
        the losses of several batches add up to that of all of them.
    xp : namespace, optional
        The array namespace of ``logits``, for callers who know it.

    Returns
    -------
    array
        Of the library, device and floating dtype of ``logits``: without dimensions, or with
        ``reduction="none"`` of the shape of labels.

    Raises
    ------
    TypeError
        If an argument is no array or of an unsupported dtype, arrays come from two libraries, or
        an option is not a number.
    ValueError
        If ``axis`` is out of range (also an IndexError), a shape does not fit (labels of the shape
        of ``logits``, say), an option is out of its range, or two arrays are on different devices.

    Notes
    -----
    With m the row maximum and s the sum of exp(x - m) over the classes other than the label, the
    loss of a label is log1p(s) if it is the maximum, else log(s + exp(x_y - m)) + (m - x_y): a
    confident prediction keeps all digits of its small loss, and no probability is clipped. Its error
    is that of `log_softmax`: at most 4 or 5 units in the last place plus what the rounding of
    x - m costs. float16 and bfloat16 are computed in float32 and rounded once, after the reduction.

    The gradient is softmax less the target; at a label it is taken as minus the sum of the other
    probabilities, with torch and JAX too, to any order. A product of 0 and infinity counts as 0.
    A label outside 0..n - 1, other than `ignore_index`, makes its sample NaN. A mean over
    nothing is NaN. Weights of a wider type than the logits are rounded only after they have
    been multiplied; boolean ones are 0 and 1. No array of the size of the logits is made from labels, unless smoothed.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA J. Numer. Anal. 41(4), 2021, :doi:`10.1093/imanum/draa038`.
    .. [2] C. Szegedy et al., "Rethinking the Inception architecture for computer vision" (label
       smoothing), CVPR 2016, :doi:`10.1109/CVPR.2016.308`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.losses import cross_entropy
    >>> logits = np.asarray([[20.0, 0.0, 0.0], [1.0, 2.0, 0.5]])
    >>> print(cross_entropy(logits, np.asarray([0, 1]), reduction="none"))
    [4.12230724e-09 4.64368784e-01]
    """
    extra = gate.admit_extras(label_smoothing=label_smoothing, z_loss=z_loss, softcap=softcap)
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
        relative=extra["cap"] is None and not extra["z_loss"],
    )
    formula, arrays, options = formulas.cross_entropy(x, options.pop("target"), **extra, **options)
    return prepared(formula, *arrays, **options)


@planned
def nll_loss(
    log_probs: Array,
    target: Any,
    /,
    *,
    axis: int = -1,
    weight: Any = None,
    sample_weight: Any = None,
    where: Any = None,
    ignore_index: int | None = -100,
    reduction: str = "mean",
    normalizer: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return minus the log-probability of the target.

    .. math:: \ell = -\sum_c w_c\, t_c \log p_c

    Parameters
    ----------
    log_probs : array
        log p in the equation, of shape ``(..., n, ...)``: from `log_softmax`, say.
    target, axis, weight, sample_weight, where, ignore_index, reduction, normalizer, xp
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
    Nothing is normalized. A product of 0 and infinity counts as 0. The result for labels is
    exact up to the weights and the rounding of a mean.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp import log_softmax
    >>> from softmax_xp.losses import nll_loss
    >>> loss = nll_loss(log_softmax(np.asarray([20.0, 0.0, 0.0])), np.asarray(0))
    >>> print(f"{loss:.6g}")
    4.12231e-09
    """
    x, options = gate.admit_classes(
        log_probs,
        target,
        axis=axis,
        weight=weight,
        sample_weight=sample_weight,
        where=where,
        ignore_index=ignore_index,
        reduction=reduction,
        normalizer=normalizer,
        xp=xp,
        name="log_probs",
        relative=False,
    )
    return prepared(
        formulas.loss_of_classes, x, options.pop("target"), rows=formulas.class_losses, log_probs=True, **options
    )


@planned
def partial_label_cross_entropy(
    logits: Array,
    candidates: Any,
    /,
    *,
    axis: int = -1,
    sample_weight: Any = None,
    where: Any = None,
    reduction: str = "mean",
    normalizer: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return minus the logarithm of the probability of a set of classes.

    .. math:: \ell = -\log \sum_{c \in S} p_c, \qquad p = \mathrm{softmax}(x)

    Parameters
    ----------
    logits : array
        x in the equation, of shape ``(..., n, ...)`` with n classes along `axis`.
    candidates : boolean array
        True for the classes of the set S of each sample, of a shape that broadcasts to that of
        ``logits``.
    axis, sample_weight, where, reduction, normalizer, xp
        As for `cross_entropy`; each sample has the weight 1 if none is given.

    Returns
    -------
    array
        As from `cross_entropy`.

    Raises
    ------
    TypeError
        If ``candidates`` is not boolean; and as `cross_entropy`.
    ValueError
        As `cross_entropy`.

    Notes
    -----
    With r the mass of the other classes divided by that of the candidates, this is log1p(r): a set
    that has nearly all the mass keeps all digits of its small loss. With one candidate it is
    `cross_entropy`. A set without a class that is kept has the loss inf. The gradient is right
    to every order.

    References
    ----------
    .. [1] R. Jin, Z. Ghahramani, "Learning with multiple labels", NeurIPS 15, 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.losses import partial_label_cross_entropy
    >>> logits = np.asarray([3.0, 2.0, -20.0])
    >>> loss = partial_label_cross_entropy(logits, np.asarray([True, True, False]))
    >>> print(f"{loss:.6g}")
    7.50204e-11
    """
    x, options = gate.admit_candidates(
        logits,
        candidates,
        axis=axis,
        sample_weight=sample_weight,
        where=where,
        reduction=reduction,
        normalizer=normalizer,
        xp=xp,
    )
    return prepared(formulas.loss_of_candidates, x, **options)
