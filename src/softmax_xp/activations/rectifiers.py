"""Functions that let the positive part through: relu and its smoother kin."""

from __future__ import annotations

from typing import Any, TypeVar

from .._engines.planned import planned, prepared
from .._formulas import activations as formulas
from .._formulas import elements
from .._gate import activations as gate
from .._gate.losses import check_number

__all__ = ["elu", "leaky_relu", "relu", "softplus"]

Array = TypeVar("Array")


@planned
def relu(x: Array, /, *, xp: Any = None) -> Array:
    r"""Return the positive part.

    .. math:: \max(x, 0)

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
    Exact. The derivative at 0 is 0, as below it. 0 at -inf, inf at inf; NaN stays NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.activations import relu
    >>> print(relu(np.asarray([-2.0, 0.0, 3.0])))
    [0. 0. 3.]
    """
    x, xp = gate.admit(x, xp=xp)
    return prepared(formulas.relu, x, xp=xp)


@planned
def leaky_relu(x: Array, /, *, negative_slope: float = 0.01, xp: Any = None) -> Array:
    r"""Return the argument, times a small slope where it is negative.

    .. math:: \max(x, 0) + s \min(x, 0)

    Parameters
    ----------
    x : array
        Of any shape. Integers and booleans are promoted.
    negative_slope : float
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
        If ``negative_slope`` is not a finite number.

    Notes
    -----
    One product, of the slope rounded to the type of the computation: at most 4 units in the last
    place. The derivative at 0 is ``negative_slope``, as below it. 0 * inf counts as 0.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.activations import leaky_relu
    >>> print(leaky_relu(np.asarray([-2.0, 0.0, 3.0])))
    [-0.02  0.    3.  ]
    """
    x, xp = gate.admit(x, xp=xp)
    slope = gate.check_finite("negative_slope", negative_slope)
    return prepared(formulas.leaky_relu, x, negative_slope=slope, xp=xp)


@planned
def elu(x: Array, /, *, alpha: float = 1.0, xp: Any = None) -> Array:
    r"""Return the argument, bent to a limit where it is negative.

    .. math:: \max(x, 0) + \alpha (e^{\min(x, 0)} - 1)

    Parameters
    ----------
    x : array
        Of any shape. Integers and booleans are promoted.
    alpha : float
        What the limit is the negative of in the equation, a finite number.
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
        If ``alpha`` is not a finite number.

    Notes
    -----
    exp(x) - 1 is taken by a polynomial for x > -1.1 and as it stands below, within 4 units in the last
    place. The derivative is ``alpha * exp(x)`` up to 0 and 1 above; that at 0 is ``alpha``. -``alpha`` at
    -inf, inf at inf.

    References
    ----------
    .. [1] D.-A. Clevert, T. Unterthiner, S. Hochreiter, "Fast and accurate deep network learning by
       exponential linear units (ELUs)", ICLR 2016, :doi:`10.48550/arXiv.1511.07289`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.activations import elu
    >>> print(elu(np.asarray([-np.inf, -1e-20, 3.0])))
    [-1.e+00 -1.e-20  3.e+00]
    """
    x, xp = gate.admit(x, xp=xp)
    return prepared(elements.elu, x, alpha=gate.check_finite("alpha", alpha), xp=xp)


@planned
def softplus(x: Array, /, *, beta: float = 1.0, xp: Any = None) -> Array:
    r"""Return a smooth positive part.

    .. math:: \frac{1}{\beta} \log(1 + e^{\beta x})

    Parameters
    ----------
    x : array
        Of any shape. Integers and booleans are promoted.
    beta : float
        A finite number above 0; the larger, the sharper.
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
        If ``beta`` is not a finite number above 0.

    Notes
    -----
    max(x, 0) + log1p(exp(-abs(beta x))) / beta, without a threshold beyond which it would be x, and
    with all digits of the lower tail. beta x is not rounded before its exponential is taken. The
    error is at most 4 units in the last place, 5 where ``beta`` is no power of 2. The derivative is
    sigma(beta x). 0 at -inf, inf at inf.

    References
    ----------
    .. [1] C. Dugas et al., "Incorporating second-order functional knowledge for better option
       pricing", NIPS 13, 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.activations import softplus
    >>> print(softplus(np.asarray([-40.0, 0.0, 1000.0])))
    [4.24835426e-18 6.93147181e-01 1.00000000e+03]
    """
    x, xp = gate.admit(x, xp=xp)
    return prepared(formulas.softplus, x, beta=check_number("beta", beta, above=0.0), xp=xp)
