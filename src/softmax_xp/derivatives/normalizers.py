"""Derivatives of softmax, log_softmax and logsumexp, in closed form."""

from __future__ import annotations

from typing import Any, TypeVar

from .._composed import logsums
from .._engines.planned import planned, prepared
from .._formulas import derivatives as formulas
from .._gate import losses as gate

__all__ = [
    "log_softmax_vjp",
    "logsumexp_vjp",
    "softmax_hvp",
    "softmax_jacobian",
    "softmax_jvp",
    "softmax_vjp",
]

Array = TypeVar("Array")


@planned
def softmax_vjp(
    p: Array,
    g: Any,
    /,
    *,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return the gradient of the sum of g * softmax(x) with respect to x.

    .. math:: \bar x_i = p_i \left(g_i - \sum_j p_j g_j\right)

    Parameters
    ----------
    p : array
        softmax(x), of shape ``(..., n, ...)``.
    g : array
        Cotangent of p, of the same shape.
    axis : int, tuple of int or None
        As it was for `softmax`.
    where : boolean array, optional
        As it was for `softmax`; what g holds at masked entries then has no influence. Without it, the
        result is 0 there all the same, p being 0, as long as g is finite.
    xp : namespace, optional
        The array namespace of ``p``, for callers who know it.

    Returns
    -------
    array
        Of the shape, library and device of ``p``, in the common floating dtype of ``p`` and ``g``.

    Raises
    ------
    TypeError
        If an argument is no array or of an unsupported dtype, or arrays come from two libraries.
    ValueError
        If ``axis`` is out of range (also an IndexError) or two shapes differ.

    Notes
    -----
    The error is at most 8 roundings of the largest abs(g); each row sums to 0 within 4 of them. With a
    temperature T, divide by it.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp import softmax
    >>> from softmax_xp.derivatives import softmax_vjp
    >>> p = softmax(np.asarray([0.0, 0.0]))
    >>> print(softmax_vjp(p, np.asarray([1.0, 0.0])))
    [ 0.25 -0.25]
    """
    arrays, options = gate.admit_cotangent({"p": p, "g": g}, axis=axis, where=where, xp=xp)
    return prepared(formulas.softmax_vjp, *arrays, **options)


@planned
def softmax_jvp(
    p: Array,
    t: Any,
    /,
    *,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return the change of softmax(x) along a tangent of x.

    .. math:: \dot p_i = p_i \left(t_i - \sum_j p_j t_j\right)

    Parameters
    ----------
    p : array
        softmax(x), of shape ``(..., n, ...)``.
    t : array
        Tangent of x, of the same shape.
    axis, where, xp
        As for `softmax_vjp`.

    Returns
    -------
    array
        As from `softmax_vjp`.

    Raises
    ------
    TypeError, ValueError
        As `softmax_vjp`.

    Notes
    -----
    The Jacobian of softmax is symmetric: this is the map of `softmax_vjp`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp import softmax
    >>> from softmax_xp.derivatives import softmax_jvp
    >>> p = softmax(np.asarray([0.0, 0.0]))
    >>> print(softmax_jvp(p, np.asarray([1.0, 0.0])))
    [ 0.25 -0.25]
    """
    arrays, options = gate.admit_cotangent({"p": p, "t": t}, axis=axis, where=where, xp=xp)
    return prepared(formulas.softmax_vjp, *arrays, **options)


@planned
def softmax_hvp(
    p: Array,
    g: Any,
    t: Any,
    /,
    *,
    axis: int | tuple[int, ...] | None = -1,
    xp: Any = None,
) -> Array:
    r"""Return the Hessian of the sum of g * softmax(x), times a tangent of x.

    .. math:: \dot{\bar x}_i = \dot p_i \left(g_i - \sum_j p_j g_j\right) - p_i \sum_j \dot p_j g_j,
              \qquad \dot p_i = p_i \left(t_i - \sum_j p_j t_j\right)

    Parameters
    ----------
    p : array
        softmax(x), of shape ``(..., n, ...)``.
    g : array
        Cotangent of p, of the same shape.
    t : array
        Tangent of x, of the same shape.
    axis, xp
        As for `softmax_vjp`.

    Returns
    -------
    array
        As from `softmax_vjp`.

    Raises
    ------
    TypeError, ValueError
        As `softmax_vjp`.

    Notes
    -----
    Costs about three times `softmax_vjp` and never makes a matrix. The error is at most 8 roundings
    of the largest abs(g) times the largest abs(t).

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.derivatives import softmax_hvp
    >>> p = np.asarray([0.25, 0.75])
    >>> print(softmax_hvp(p, np.asarray([1.0, 0.0]), np.asarray([1.0, 0.0])))
    [ 0.09375 -0.09375]
    """
    arrays, options = gate.admit_cotangent({"p": p, "g": g, "t": t}, axis=axis, xp=xp)
    return prepared(formulas.softmax_hvp, *arrays, **options)


@planned
def softmax_jacobian(p: Array, /, *, axis: int = -1, xp: Any = None) -> Array:
    r"""Return all partial derivatives of softmax(x).

    .. math:: J_{ij} = \frac{\partial p_i}{\partial x_j} = p_i \left([i = j] - p_j\right)

    Parameters
    ----------
    p : array
        softmax(x), of shape ``(..., n, ...)``.
    axis : int
        The axis of the sum.
    xp : namespace, optional
        The array namespace of ``p``, for callers who know it.

    Returns
    -------
    array
        Of shape ``(..., n, n, ...)``: i runs along `axis`, j along the next axis.

    Raises
    ------
    TypeError, ValueError
        As `softmax_vjp`.

    Notes
    -----
    Each row of it takes the memory of ``p``; for a product with a vector, `softmax_vjp` makes no matrix.
    It is also the Hessian of `logsumexp`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.derivatives import softmax_jacobian
    >>> print(softmax_jacobian(np.asarray([0.25, 0.75])))
    [[ 0.1875 -0.1875]
     [-0.1875  0.1875]]
    """
    x, options = gate.admit_jacobian(p, axis=axis, xp=xp)
    return prepared(formulas.softmax_jacobian, x, **options)


@planned
def log_softmax_vjp(
    log_p: Array,
    g: Any,
    /,
    *,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return the gradient of the sum of g * log_softmax(x) with respect to x.

    .. math:: \bar x_i = g_i - p_i \sum_j g_j = g_i (1 - p_i) - p_i \sum_{j \ne i} g_j

    Parameters
    ----------
    log_p : array
        log_softmax(x), of shape ``(..., n, ...)``.
    g : array
        Cotangent of log p, of the same shape.
    axis : int, tuple of int or None
        As it was for `log_softmax`.
    where : boolean array, optional
        As it was for `log_softmax`. Masked entries of g then have no influence, and those of the
        result are 0; without it, an entry of g counts also where log p is -inf.
    xp : namespace, optional
        The array namespace of ``log_p``, for callers who know it.

    Returns
    -------
    array
        Of the shape, library and device of ``log_p``, in the common floating dtype of both.

    Raises
    ------
    TypeError, ValueError
        As `softmax_vjp`.

    Notes
    -----
    1 - p is taken as -expm1(log p): where p is near 1 the small result keeps its digits, as for
    g = [1, 0, ...] and a confident prediction of the first class.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp import log_softmax
    >>> from softmax_xp.derivatives import log_softmax_vjp
    >>> log_p = log_softmax(np.asarray([40.0, 0.0]))
    >>> print(log_softmax_vjp(log_p, np.asarray([1.0, 0.0])))
    [ 4.24835426e-18 -4.24835426e-18]
    """
    arrays, options = gate.admit_cotangent({"log_p": log_p, "g": g}, axis=axis, where=where, xp=xp)
    return prepared(formulas.log_softmax_vjp, *arrays, **options)


@planned
def logsumexp_vjp(
    x: Array,
    g: Any,
    /,
    *,
    axis: int | tuple[int, ...] | None = None,
    where: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return the gradient of the sum of g * logsumexp(x) with respect to x.

    .. math:: \bar x_i = g\, p_i, \qquad p = \mathrm{softmax}(x)

    Parameters
    ----------
    x : array
        As it was for `logsumexp`.
    g : array
        Cotangent of the result, of the shape of ``x`` without the reduced axes.
    axis, where
        As they were for `logsumexp`.
    xp : namespace, optional
        The array namespace of ``x``, for callers who know it.

    Returns
    -------
    array
        Of the shape, library and device of ``x``, in the common floating dtype of both.

    Raises
    ------
    TypeError, ValueError
        As `softmax_vjp`.

    Notes
    -----
    0 in a row of which nothing is kept or above -inf; NaN in a row with NaN or +inf.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.derivatives import logsumexp_vjp
    >>> print(logsumexp_vjp(np.asarray([0.0, 0.0]), np.asarray(3.0)))
    [1.5 1.5]
    """
    arrays, options = gate.admit_sum_cotangent(x, g, axis=axis, where=where, xp=xp)
    return prepared(logsums.vjp_of_sums, *arrays, **options)
