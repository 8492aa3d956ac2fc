"""Weights and offsets for classes that are not equally frequent."""

from __future__ import annotations

from typing import Any, TypeVar

from .. import _gate
from .._composed import losses
from .._engines.planned import planned, prepared
from .._formulas import imbalance as formulas
from .._gate import losses as gate

__all__ = ["balanced_class_weights", "logit_adjustment"]

Array = TypeVar("Array")


@planned
def balanced_class_weights(target: Any, num_classes: int, /, *, dtype: Any = None, xp: Any = None) -> Any:
    r"""Return class weights by which all classes count the same.

    .. math:: w_c = \frac{\sum_k n_k}{C\, n_c}

    Parameters
    ----------
    target : array of integers
        Labels, of any shape; n_c of them are c. Labels outside 0..C - 1 are not counted.
    num_classes : int
        C in the equation.
    dtype : dtype, optional
        Floating type of the result; the default one of the library if not given.
    xp : namespace, optional
        The array namespace of ``target``, for callers who know it.

    Returns
    -------
    array
        Of shape ``(num_classes,)``, for the option ``weight`` of the losses; 0 for a class that
        does not occur.

    Raises
    ------
    TypeError
        If ``target`` is no array of integers, ``num_classes`` no integer, or ``dtype`` not floating.
    ValueError
        If ``num_classes`` is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.losses import balanced_class_weights
    >>> print(balanced_class_weights(np.asarray([0, 0, 0, 1]), 2).round(4))
    [0.6667 2.    ]
    """
    options = _gate.admit_labels(target, num_classes, axis=-1, dtype=dtype, xp=xp)
    gate.check_floating(options["dtype"])
    del options["axis"]
    return prepared(formulas.balanced_class_weights, target, **options)


@planned
def logit_adjustment(logits: Array, class_counts: Any, /, *, tau: float = 1.0, axis: int = -1, xp: Any = None) -> Array:
    r"""Return logits with the logarithm of each class's share of the samples added.

    .. math:: x_c + \tau \log \frac{n_c}{\sum_k n_k}

    Parameters
    ----------
    logits : array
        x in the equation, of shape ``(..., n, ...)`` with n classes along `axis`.
    class_counts : array
        Counts or shares of the classes in the training data, of shape ``(n,)``.
    tau : float
        Strength. Train with the cross-entropy of the adjusted logits and predict with the plain ones;
        or train as usual and predict with a negative ``tau``.
    axis : int
        The axis of the classes.
    xp : namespace, optional
        The array namespace of ``logits``, for callers who know it.

    Returns
    -------
    array
        Of the shape, library, device and floating dtype of ``logits``.

    Raises
    ------
    TypeError, ValueError
        As `cross_entropy`.

    Notes
    -----
    A class that does not occur gets ``-inf`` (``inf`` with a negative ``tau``); with ``tau=0``
    nothing changes.

    References
    ----------
    .. [1] A. K. Menon et al., "Long-tail learning via logit adjustment", ICLR 2021,
       :doi:`10.48550/arXiv.2007.07314`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.losses import logit_adjustment
    >>> print(logit_adjustment(np.asarray([0.0, 0.0]), np.asarray([3, 1])).round(4))
    [-0.2877 -1.3863]
    """
    x, options = gate.admit_counts(logits, class_counts, axis=axis, tau=tau, xp=xp)
    return prepared(losses.logit_adjustment, x, **options)
