"""Losses with their gradients."""

from __future__ import annotations

from typing import Any, TypeVar

from .._composed import losses as formulas
from .._engines.planned import planned, prepared
from .._gate import losses as gate

__all__ = ["cross_entropy_and_grad"]

Array = TypeVar("Array")


@planned
def cross_entropy_and_grad(
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
) -> tuple[Array, Array]:
    r"""Return cross_entropy and its gradient with respect to the logits.

    .. math:: \frac{\partial \ell}{\partial x_c} = p_c \sum_{k \ne c} w_k t_k
              - w_c t_c \sum_{k \ne c} p_k

    Parameters
    ----------
    logits : array
        Of shape ``(..., n, ...)`` with n classes along `axis`.
    target, axis, weight, sample_weight, where, ignore_index
        As for `cross_entropy`.
    label_smoothing, z_loss, softcap, reduction, normalizer, xp
        As for `cross_entropy`.

    Returns
    -------
    loss : array
        As from `cross_entropy`.
    grad : array
        Of the shape, library, device and floating dtype of ``logits``: the derivative of the loss; with
        ``reduction="none"`` that of each sample's loss with respect to its logits.

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy`.

    Notes
    -----
    The equation is that without smoothing, z-loss and cap. At a label the gradient is minus the sum
    of the other probabilities, not p - 1, so that it does not vanish for a confident prediction. Each
    row sums to 0 within 4 roundings of its largest weight; masked entries and ignored samples
    are exactly 0. The exponentials are computed once for both results.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.derivatives import cross_entropy_and_grad
    >>> loss, grad = cross_entropy_and_grad(np.asarray([[20.0, 0.0, 0.0]]), np.asarray([0]))
    >>> print(f"{loss:.6g}", grad)
    4.12231e-09 [[-4.12230723e-09  2.06115361e-09  2.06115361e-09]]
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
    return prepared(formulas.cross_entropy_and_grad, x, options.pop("target"), **extra, **options)
