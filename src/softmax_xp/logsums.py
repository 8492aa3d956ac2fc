"""Logarithms of sums, means and differences of exponentials."""

from __future__ import annotations

from typing import Any, Literal, TypeVar, overload

from . import _gate
from ._composed import logsums
from ._engines.planned import planned, prepared
from ._formulas import normalizers as formulas
from ._formulas import weighted
from ._xp.dtypes import is_complex

__all__ = ["log1mexp", "logmeanexp", "logsubexp", "logsumexp"]

Array = TypeVar("Array")


@overload
def logsumexp(
    x: Array,
    /,
    *,
    axis: int | tuple[int, ...] | None = None,
    b: Any = None,
    where: Any = None,
    keepdims: bool = False,
    return_sign: Literal[False] = False,
    dtype: Any = None,
    xp: Any = None,
) -> Array: ...


@overload
def logsumexp(
    x: Array,
    /,
    *,
    axis: int | tuple[int, ...] | None = None,
    b: Any = None,
    where: Any = None,
    keepdims: bool = False,
    return_sign: Literal[True],
    dtype: Any = None,
    xp: Any = None,
) -> tuple[Array, Array]: ...


@planned
def logsumexp(
    x: Array,
    /,
    *,
    axis: int | tuple[int, ...] | None = None,
    b: Any = None,
    where: Any = None,
    keepdims: bool = False,
    return_sign: bool = False,
    dtype: Any = None,
    xp: Any = None,
) -> Any:
    r"""Return the logarithm of a sum of exponentials.

    .. math:: \log \sum_j b_j \exp(x_j)

    Parameters
    ----------
    x : array
        Exponents of shape ``(..., n, ...)``, real or complex.
    axis : int, tuple of int or None
        The axes to sum over, those of the shape that ``x`` and ``b`` broadcast to; None means all
        of them.
    b : float or array, optional
        Weights, of a shape that broadcasts with that of ``x``. A weight of 0 removes its entry,
        whatever the entry is, and has a derivative. Weights may be negative or infinite.
    where : boolean array, optional
        Entries to keep, of a shape that broadcasts to that of ``x`` and ``b``.
    keepdims : bool
        Keep the reduced axes with length 1.
    return_sign : bool
        Return also the sign of the sum; the logarithm is then that of its absolute value.
    dtype : dtype, optional
        Floating type to cast ``x`` to before computing.
    xp : namespace, optional
        The array namespace of ``x``, for callers who know it.

    Returns
    -------
    lse : array
        Of the shape of ``x`` and ``b`` without the reduced axes, in their library, device and common
        floating dtype; weights that are integers, booleans or a number take that of ``x``. Without `return_sign`,
        the sum of a real ``x`` with a negative result gives NaN; a complex one gives the
        principal logarithm.
    sign : array
        Only with `return_sign`: -1, 0 or 1, for complex sums S the number S / abs(S).

    Raises
    ------
    TypeError, ValueError
        As `softmax`, except that complex ``x`` is supported.

    Notes
    -----
    With m the maximum and s = sum(exp(x - m)) - 1 taken without ever adding the maximum's own 1,
    this is m + log1p(s), after [1]_. The error is a few units in the last place of the result
    plus a few roundings of log n. The gradient is softmax, right also at ties; it is 0 in a row
    of which nothing is kept or above -inf. The sum over nothing is -inf. With weights, m is the
    maximum of x + log(abs(b)), and the logarithm is that of the sum of b exp(x - m) itself, by
    log1p where that is near 1.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA J. Numer. Anal. 41(4), 2021, :doi:`10.1093/imanum/draa038`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp import logsumexp
    >>> print(logsumexp(np.asarray([0.0, -40.0])))
    4.248354255291589e-18
    >>> lse, sign = logsumexp(np.asarray([1.0, 2.0]), b=np.asarray([1.0, -1.0]), return_sign=True)
    >>> print(lse.round(4), sign)
    1.5413 -1.0
    """
    if b is None and not return_sign and not any(is_complex(d) for d in (dtype, getattr(x, "dtype", None))):
        z, top, options = _gate.admit_sum(x, axis=axis, where=where, dtype=dtype, xp=xp, allow_complex=True)
        return _measured(formulas.logsumexp, z, top, keepdims=keepdims, **options)
    z, top, options = _gate.admit_weighted_sum(x, b=b, axis=axis, where=where, dtype=dtype, xp=xp)
    formula = weighted.signed_logsumexp if return_sign else weighted.weighted_logsumexp
    return _measured(formula, z, top, keepdims=keepdims, **options)


@planned
def logmeanexp(
    x: Array,
    /,
    *,
    axis: int | tuple[int, ...] | None = None,
    where: Any = None,
    keepdims: bool = False,
    dtype: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return the logarithm of a mean of exponentials.

    .. math:: \log \frac{1}{n} \sum_{j=1}^{n} \exp(x_j)

    Parameters
    ----------
    x : array
        Exponents of shape ``(..., n, ...)``.
    axis : int, tuple of int or None
        The axes to average over; None means all of them.
    where : boolean array, optional
        Entries to keep, of a shape that broadcasts to that of ``x``; n counts these only.
    keepdims : bool
        Keep the reduced axes with length 1.
    dtype : dtype, optional
        Floating type to cast ``x`` to before computing.
    xp : namespace, optional
        The array namespace of ``x``, for callers who know it.

    Returns
    -------
    array
        Of the shape of ``x`` without the reduced axes, in its library, device and floating dtype.

    Raises
    ------
    TypeError, ValueError
        As `softmax`.

    Notes
    -----
    This is m + (log1p(s) - log(n)) in the notation of `logsumexp`, with the same error. The mean
    over nothing is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp import logmeanexp
    >>> print(logmeanexp(np.asarray([1000.0, 1000.0])))
    1000.0
    """
    x, top, options = _gate.admit_sum(x, axis=axis, where=where, dtype=dtype, xp=xp)
    return _measured(formulas.logmeanexp, x, top, keepdims=keepdims, **options)


@planned
def log1mexp(x: Array, /, *, xp: Any = None) -> Array:
    r"""Return the logarithm of 1 - exp(-x), for x > 0.

    .. math:: \log(1 - e^{-x})

    Parameters
    ----------
    x : array
        Of any shape.
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
    log(-expm1(-x)) up to log 2 and log1p(-exp(-x)) above, after [1]_; the error is at most
    4 units in the last place over the whole range. -inf at 0, NaN below. The derivative is
    1 / expm1(x).

    References
    ----------
    .. [1] M. Mächler, "Accurately computing log(1 - exp(-\|a\|))", 2012, vignette of the R package
       Rmpfr, :doi:`10.32614/CRAN.package.Rmpfr`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp import log1mexp
    >>> print(log1mexp(np.asarray([1e-20, 50.0])))
    [-4.60517019e+01 -1.92874985e-22]
    """
    x, xp = _gate.admit_elements(x, xp=xp)
    return prepared(formulas.log1mexp, x, xp=xp)


@planned
def logsubexp(a: Array, b: Array, /, *, xp: Any = None) -> Array:
    r"""Return the logarithm of a difference of exponentials, for a >= b.

    .. math:: \log(e^a - e^b)

    Parameters
    ----------
    a, b : array
        Of shapes that broadcast together.
    xp : namespace, optional
        The array namespace of ``a`` and ``b``, for callers who know it.

    Returns
    -------
    array
        Of the broadcast shape, in the common floating dtype.

    Raises
    ------
    TypeError
        If an argument is no array or of an unsupported dtype, or the two come from two libraries.
    ValueError
        If the shapes do not broadcast, or the arrays are on different devices.

    Notes
    -----
    This is a + log1mexp(a - b). -inf where a = b, NaN where a < b or both are +inf.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp import logsubexp
    >>> print(logsubexp(np.asarray([1000.0]), np.asarray([999.0])).round(4))
    [999.5413]
    """
    a, b, xp = _gate.admit_pair(a, b, xp=xp)
    return prepared(formulas.logsubexp, a, b, xp=xp)


def _measured(formula: Any, x: Any, top: Any, **options: Any) -> Any:
    """Return a sum to be executed; of integers that no floating point holds, with what was taken off their rows."""
    return (
        prepared(formula, x, **options)
        if top is None
        else prepared(logsums.with_top, x, sums=formula, top=top, **options)
    )
