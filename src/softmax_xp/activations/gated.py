"""Functions that multiply their argument by how likely it is to count."""

from __future__ import annotations

from typing import Any, TypeVar

from .._engines.planned import planned, prepared
from .._formulas import activations as formulas
from .._formulas import normal
from .._gate import activations as gate

__all__ = ["gelu", "silu"]

Array = TypeVar("Array")


@planned
def silu(x: Array, /, *, xp: Any = None) -> Array:
    r"""Return the argument times its sigmoid; also called swish.

    .. math:: x\, \sigma(x)

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
    max(x, 0) - a sigma(-a) with a = abs(x), so that no infinity meets a 0; the lower tail x exp(x)
    keeps its digits also where exp(x) is subnormal. The error is at most 5 units in the last place.
    0 at -inf, inf at inf.

    References
    ----------
    .. [1] S. Elfwing, E. Uchibe, K. Doya, "Sigmoid-weighted linear units for neural network function
       approximation in reinforcement learning", Neural Networks 107, 2018,
       :doi:`10.1016/j.neunet.2017.12.012`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.activations import silu
    >>> print(silu(np.asarray([-np.inf, -40.0, 0.0, 2.0])))
    [ 0.00000000e+00 -1.69934170e-16  0.00000000e+00  1.76159416e+00]
    """
    x, xp = gate.admit(x, xp=xp)
    return prepared(formulas.silu, x, xp=xp)


@planned
def gelu(x: Array, /, *, approximate: bool = False, xp: Any = None) -> Array:
    r"""Return the argument times the normal probability of what lies below it.

    .. math:: x\, \Phi(x) \quad \text{or} \quad
              \frac{x}{2} \left(1 + \tanh\left(\sqrt{2 / \pi}\, (x + 0.044715\, x^3)\right)\right)

    Parameters
    ----------
    x : array
        Of any shape. Integers and booleans are promoted.
    approximate : bool
        Take the second form, which models were trained with.
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
        Or if ``approximate`` is not a bool.

    Notes
    -----
    Phi(x) is a polynomial for a = abs(x) below 3/4. Beyond, Phi(-a) is exp(-a**2 / 2) times a
    polynomial in a / (a + 4), divided by a + 3/4; a is split so that its square is exact. The lower
    tail keeps its digits, and the error is at most 5 units in the last place. The derivative
    Phi(x) + x phi(x) is computed likewise.

    The approximate form is x sigma(2 y), where y is the argument of tanh: it does not cancel. Its error
    against itself is at most 5 units in the last place, and as much as three roundings of 2 y move it.
    Both are 0 at -inf and inf at inf.

    References
    ----------
    .. [1] D. Hendrycks, K. Gimpel, "Gaussian error linear units (GELUs)", 2016,
       :doi:`10.48550/arXiv.1606.08415`.
    .. [2] M. M. Shepherd, J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x**2) erfc(x) in
       0 <= x < infinity", Math. Comp. 36, 1981, :doi:`10.1090/S0025-5718-1981-0595058-X`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.activations import gelu
    >>> x = np.asarray([-np.inf, -10.0, -1.0, 0.0, 1.0])
    >>> print(gelu(x))
    [ 0.00000000e+00 -7.61985302e-23 -1.58655254e-01  0.00000000e+00
      8.41344746e-01]
    >>> print(gelu(x, approximate=True).round(6))
    [ 0.       -0.       -0.158808  0.        0.841192]
    """
    x, xp = gate.admit(x, xp=xp)
    formula = formulas.gelu_by_tanh if gate.check_flag("approximate", approximate) else normal.gelu
    return prepared(formula, x, xp=xp)
