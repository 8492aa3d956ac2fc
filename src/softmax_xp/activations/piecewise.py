"""Functions made of straight lines and one parabola."""

from __future__ import annotations

from typing import Any, TypeVar

from .._engines.planned import planned, prepared
from .._formulas import activations as formulas
from .._gate import activations as gate
from .._gate.losses import check_number

__all__ = ["binary_step", "linear", "sparse_plus", "sparse_sigmoid"]

Array = TypeVar("Array")


@planned
def binary_step(x: Array, /, *, threshold: float = 0.0, xp: Any = None) -> Array:
    r"""Return 1 from a threshold on and 0 below it.

    .. math:: [x \ge t]

    Parameters
    ----------
    x : array
        Of any shape. Integers and booleans are promoted.
    threshold : float
        t in the equation, any number but NaN.
    xp : namespace, optional
        The array namespace of ``x``, for callers who know it.

    Returns
    -------
    array
        Of the shape, library, device and (for floating input) dtype of ``x``.

    Raises
    ------
    TypeError
        If ``x`` is no array or of an unsupported dtype.
    TypeError, ValueError
        If ``threshold`` is not a number.

    Notes
    -----
    The result has a floating dtype. The threshold is rounded to the type of the computation, that of ``x``
    or float32 for half types. The derivative is 0 everywhere, at the threshold too, and automatic
    differentiation finds it. NaN stays NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.activations import binary_step
    >>> print(binary_step(np.asarray([-2.0, 0.0, 3.0])))
    [0. 1. 1.]
    """
    x, xp = gate.admit(x, xp=xp)
    return prepared(formulas.binary_step, x, threshold=check_number("threshold", threshold), xp=xp)


@planned
def linear(x: Array, /, *, slope: float = 1.0, xp: Any = None) -> Array:
    r"""Return the argument times a slope.

    .. math:: s\, x

    Parameters
    ----------
    x : array
        Of any shape. Integers and booleans are promoted.
    slope : float
        s in the equation, a finite number.
    xp : namespace, optional
        The array namespace of ``x``, for callers who know it.

    Returns
    -------
    array
        Of the shape, library, device and (for floating input) dtype of ``x``.

    Raises
    ------
    TypeError
        If ``x`` is no array or of an unsupported dtype.
    TypeError, ValueError
        If ``slope`` is not a finite number.

    Notes
    -----
    One product, of the slope rounded to the type of the computation: at most 4 units in the last
    place. The derivative is ``slope``. 0 * inf counts as 0.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.activations import linear
    >>> print(linear(np.asarray([-2.0, 0.0, 3.0]), slope=0.5))
    [-1.   0.   1.5]
    """
    x, xp = gate.admit(x, xp=xp)
    return prepared(formulas.linear, x, slope=gate.check_finite("slope", slope), xp=xp)


@planned
def sparse_plus(x: Array, /, *, xp: Any = None) -> Array:
    r"""Return a smooth positive part that is exactly 0 up to -1 and exactly x from 1 on.

    .. math:: \begin{cases} 0 & x \le -1 \\ (x + 1)^2 / 4 & -1 < x < 1 \\ x & x \ge 1 \end{cases}

    Parameters
    ----------
    x : array
        Of any shape. Integers and booleans are promoted.
    xp : namespace, optional
        The array namespace of ``x``, for callers who know it.

    Returns
    -------
    array
        Of the shape, library, device and (for floating input) dtype of ``x``.

    Raises
    ------
    TypeError
        If ``x`` is no array or of an unsupported dtype.

    Notes
    -----
    What softplus is to softmax, this is to sparsemax [1]_. The error is at most 4 units in the last
    place. The derivative is `sparse_sigmoid`, continuous everywhere; the second one is 1/2
    between -1 and 1 and 0 elsewhere, at -1 and 1 too. 0 at -inf, inf at inf.

    References
    ----------
    .. [1] A. F. T. Martins, R. F. Astudillo, "From softmax to sparsemax: a sparse model of attention and
       multi-label classification", ICML 2016, :doi:`10.48550/arXiv.1602.02068`.
    .. [2] M. Blondel, A. F. T. Martins, V. Niculae, "Learning with Fenchel-Young losses", JMLR 21(35),
       2020, :doi:`10.48550/arXiv.1901.02324`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.activations import sparse_plus
    >>> print(sparse_plus(np.asarray([-2.0, -1.0, 0.0, 1.0, 3.0])))
    [0.   0.   0.25 1.   3.  ]
    """
    x, xp = gate.admit(x, xp=xp)
    return prepared(formulas.sparse_plus, x, xp=xp)


@planned
def sparse_sigmoid(x: Array, /, *, xp: Any = None) -> Array:
    r"""Return a probability of yes that reaches 0 and 1.

    .. math:: \min\left(\max\left(\frac{x + 1}{2}, 0\right), 1\right)

    Parameters
    ----------
    x : array
        Of any shape. Integers and booleans are promoted.
    xp : namespace, optional
        The array namespace of ``x``, for callers who know it.

    Returns
    -------
    array
        Of the shape, library, device and (for floating input) dtype of ``x``.

    Raises
    ------
    TypeError
        If ``x`` is no array or of an unsupported dtype.

    Notes
    -----
    The first entry of the sparsemax of [x, 0], and the derivative of `sparse_plus`. One rounding.
    The derivative is 1/2 between -1 and 1 and 0 elsewhere, at -1 and 1 too. 0 at -inf, 1 at inf.

    References
    ----------
    .. [1] A. F. T. Martins, R. F. Astudillo, "From softmax to sparsemax: a sparse model of attention and
       multi-label classification", ICML 2016, :doi:`10.48550/arXiv.1602.02068`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.activations import sparse_sigmoid
    >>> print(sparse_sigmoid(np.asarray([-2.0, -1.0, 0.0, 0.5, 3.0])))
    [0.   0.   0.5  0.75 1.  ]
    """
    x, xp = gate.admit(x, xp=xp)
    return prepared(formulas.sparse_sigmoid, x, xp=xp)
