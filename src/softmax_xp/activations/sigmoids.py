"""Functions with two levels: sigmoid, tanh, and what belongs to them."""

from __future__ import annotations

from typing import Any, TypeVar

from .._engines.planned import planned, prepared
from .._formulas import activations as formulas
from .._formulas import elements
from .._gate import activations as gate
from .._gate.losses import check_number

__all__ = ["log_sigmoid", "logit", "sigmoid", "softcap", "tanh"]

Array = TypeVar("Array")


@planned
def sigmoid(x: Array, /, *, xp: Any = None) -> Array:
    r"""Return the probability of yes, of which the argument is the log-odds.

    .. math:: \sigma(x) = \frac{1}{1 + e^{-x}}

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
    With e = exp(-abs(x)) this is 1 / (1 + e) or e / (1 + e), so that nothing overflows and the lower
    tail exp(x) keeps its digits; the error is at most 4 units in the last place. The derivative
    sigma(x) sigma(-x) keeps them on both sides. 0 at -inf, 1 at inf.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.activations import sigmoid
    >>> print(sigmoid(np.asarray([-40.0, 0.0, 40.0])))
    [4.24835426e-18 5.00000000e-01 1.00000000e+00]
    """
    x, xp = gate.admit(x, xp=xp)
    return prepared(formulas.sigmoid, x, xp=xp)


@planned
def log_sigmoid(x: Array, /, *, xp: Any = None) -> Array:
    r"""Return the logarithm of the sigmoid.

    .. math:: \log \sigma(x) = -\log(1 + e^{-x})

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
    min(x, 0) - log1p(exp(-abs(x))), accurate to 4 units in the last place over the whole range:
    about x for very negative x, where the sigmoid itself is 0. The derivative is sigma(-x). -inf
    at -inf, 0 at inf.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.activations import log_sigmoid
    >>> print(log_sigmoid(np.asarray([-1000.0, 0.0, 40.0])))
    [-1.00000000e+03 -6.93147181e-01 -4.24835426e-18]
    """
    x, xp = gate.admit(x, xp=xp)
    return prepared(formulas.log_sigmoid, x, xp=xp)


@planned
def logit(p: Array, /, *, xp: Any = None) -> Array:
    r"""Return the log-odds of a probability: the inverse of the sigmoid.

    .. math:: \log \frac{p}{1 - p}

    Parameters
    ----------
    p : array
        Probabilities, of any shape.
    xp : namespace, optional
        The array namespace of ``p``, for callers who know it.

    Returns
    -------
    array
        Of the shape, library, device and (for floating input) dtype of ``p``.

    Raises
    ------
    TypeError
        If ``p`` is no array or of an unsupported dtype.

    Notes
    -----
    Between 1/4 and 3/4 by log1p of a quotient whose numerator 2 p - 1 is exact, so that results near 0
    keep their digits; elsewhere by the logarithm of the odds. The error is at most 4 units in the last
    place. The derivative 1 / (p (1 - p)) is inf at 0 and 1. -inf at 0, inf at 1, NaN outside [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.activations import logit
    >>> print(logit(np.asarray([0.0, 1e-300, 0.25, 0.5, 1.0])).round(4))
    [     -inf -690.7755   -1.0986    0.           inf]
    """
    p, xp = gate.admit(p, xp=xp, name="p")
    return prepared(formulas.logit, p, xp=xp)


@planned
def softcap(x: Array, /, *, cap: float, xp: Any = None) -> Array:
    r"""Return numbers kept within a cap, smoothly.

    .. math:: c \tanh(x / c)

    Parameters
    ----------
    x : array
        Of any shape. Integers and booleans are promoted.
    cap : float
        c in the equation, a finite number above 0.
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
        If ``cap`` is not a finite number above 0.

    Notes
    -----
    Near 0 this is about x, far from it nearly ``cap`` or -``cap``; the error is at most 5 units in the
    last place. The derivative 1 - tanh(x / c)**2 keeps its digits where tanh rounds to 1. -``cap`` at
    -inf, ``cap`` at inf.

    References
    ----------
    .. [1] Gemma Team, "Gemma 2: improving open language models at a practical size", 2024,
       :doi:`10.48550/arXiv.2408.00118`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.activations import softcap
    >>> print(softcap(np.asarray([-np.inf, 1.0, 30.0, 1000.0]), cap=30.0).round(4))
    [-30.       0.9996  22.8478  30.    ]
    """
    x, xp = gate.admit(x, xp=xp)
    return prepared(elements.softcap, x, cap=check_number("cap", cap, above=0.0), xp=xp)


@planned
def tanh(x: Array, /, *, xp: Any = None) -> Array:
    r"""Return the hyperbolic tangent.

    .. math:: \tanh x = \frac{e^x - e^{-x}}{e^x + e^{-x}}

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
    A polynomial up to 0.55, (1 - e) / (1 + e) with e = exp(-2 abs(x)) beyond. The error is at most 4
    units in the last place, where some libraries have 6; and the derivative 1 - tanh(x)**2 keeps
    its digits where tanh rounds to 1. -1 at -inf, 1 at inf.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.activations import tanh
    >>> print(tanh(np.asarray([-np.inf, 1e-20, 1.0])).round(4))
    [-1.      0.      0.7616]
    """
    x, xp = gate.admit(x, xp=xp)
    return prepared(elements.tanh, x, xp=xp)
