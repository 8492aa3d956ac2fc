"""Derivatives of the maps of `softmax_xp.sparse`, in closed form."""

from __future__ import annotations

from typing import Any, TypeVar

from .._engines.planned import planned, prepared
from .._formulas import sparse_derivatives as formulas
from .._gate.losses import admit_cotangent
from .._gate.sparse import admit_entmax_cotangent

__all__ = ["entmax_vjp", "sparsemax_vjp"]

Array = TypeVar("Array")


@planned
def sparsemax_vjp(
    p: Array,
    g: Any,
    /,
    *,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return the gradient of the sum of g * sparsemax(x) with respect to x.

    .. math:: \bar x_i = [p_i > 0] \left(g_i - \frac{1}{k} \sum_{p_j > 0} g_j\right), \qquad k = |\{j : p_j > 0\}|

    Parameters
    ----------
    p : array
        sparsemax(x), of shape ``(..., n, ...)``.
    g : array
        Cotangent of p, of the same shape.
    axis, where, xp
        As for `softmax_vjp`.

    Returns
    -------
    array
        Of the shape, library and device of ``p``, in the common floating dtype of ``p`` and ``g``.

    Raises
    ------
    TypeError, ValueError
        As `softmax_vjp`.

    Notes
    -----
    The Jacobian is symmetric, so this is the JVP as well. The error is at most 8 roundings of the largest
    abs(g); each row sums to 0 within 4 of them per entry of the support.

    References
    ----------
    .. [1] A. F. T. Martins, R. F. Astudillo, "From softmax to sparsemax: a sparse model of attention
       and multi-label classification", ICML 2016, :doi:`10.48550/arXiv.1602.02068`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.derivatives import sparsemax_vjp
    >>> print(sparsemax_vjp(np.asarray([0.25, 0.75, 0.0]), np.asarray([1.0, 0.0, 5.0])))
    [ 0.5 -0.5  0. ]
    """
    arrays, options = admit_cotangent({"p": p, "g": g}, axis=axis, where=where, xp=xp)
    return prepared(formulas.sparsemax_vjp, *arrays, **options)


@planned
def entmax_vjp(
    p: Array,
    g: Any,
    /,
    *,
    alpha: Any = 1.5,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return the gradient of the sum of g * entmax(x, alpha=alpha) with respect to x.

    .. math:: \bar x_i = s_i \left(g_i - \frac{\sum_j s_j g_j}{\sum_j s_j}\right), \qquad
              s_i = [p_i > 0]\, p_i^{2 - \alpha}

    Parameters
    ----------
    p : array
        entmax(x), of shape ``(..., n, ...)``.
    g : array
        Cotangent of p, of the same shape.
    alpha : float or array
        As it was for `entmax`.
    axis, where, xp
        As for `softmax_vjp`.

    Returns
    -------
    array
        Of the shape, library and device of ``p``, in the common floating dtype of ``p`` and ``g``.

    Raises
    ------
    TypeError, ValueError
        As `softmax_vjp`; ValueError for an alpha below 1 or NaN.

    Notes
    -----
    The Jacobian is symmetric, so this is the JVP as well. At alpha = 1 it is `softmax_vjp`, at 2 `sparsemax_vjp`.
    The error is at most 8 roundings of the largest abs(g) times the largest s, which is at most 1 for alpha up to 2;
    each row sums to 0 within 4 of them times the sum of s. It is 0 where alpha is infinite.

    References
    ----------
    .. [1] B. Peters, V. Niculae, A. F. T. Martins, "Sparse sequence-to-sequence models", ACL 2019,
       :doi:`10.18653/v1/P19-1146`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.derivatives import entmax_vjp
    >>> print(entmax_vjp(np.asarray([0.25, 0.25, 0.5, 0.0]), np.asarray([1.0, 0.0, 0.0, 5.0])).round(4))
    [ 0.3536 -0.1464 -0.2071  0.    ]
    """
    arrays, options = admit_entmax_cotangent(p, g, alpha=alpha, axis=axis, where=where, xp=xp)
    return prepared(formulas.entmax_vjp, *arrays, **options)
