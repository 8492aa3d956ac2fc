"""softmax and its kin: arrays in, arrays of the same library out."""

from __future__ import annotations

from typing import Any, TypeVar

from . import _gate
from ._engines import run
from ._formulas import normalizers as formulas
from ._formulas import weighted
from ._gate.dtypes import is_complex

__all__ = [
    "hardmax",
    "log1mexp",
    "log_softmax",
    "logmeanexp",
    "logsubexp",
    "logsumexp",
    "one_hot",
    "softmax",
    "softmax_and_logsumexp",
    "softmin",
]

Array = TypeVar("Array")


def softmax(
    x: Array,
    /,
    *,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
    temperature: Any = 1.0,
    sink: Any = None,
    dtype: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return the exponentials of x as shares of their sum.

    .. math:: p_i = \frac{\exp(x_i / T)}{\sum_j \exp(x_j / T)}

    Parameters
    ----------
    x : array
        Logits of shape ``(..., n, ...)``. Integers and booleans are promoted to the default
        floating type of the library before any arithmetic.
    axis : int, tuple of int or None
        The axes that share one sum; None means all of them, ``()`` makes each entry its own row.
    where : boolean array, optional
        Entries to keep, of a shape that broadcasts to that of ``x``. The others get 0 and
        have no influence on any value or gradient, whatever they hold.
    temperature : float or array
        T in the equation; an array has one value per row: its length along ``axis`` is 1.
        0 shares the mass among the largest entries, ``inf`` among all that are above ``-inf``.
    sink : float or array, optional
        An extra logit in the denominator only, one per row like `temperature` and divided by it;
        the result then sums to less than 1. ``sink=0.0`` is softmax-off-by-one.
    dtype : dtype, optional
        Floating type to cast ``x`` to before computing.
    xp : namespace, optional
        The array namespace of ``x``, for callers who know it.

    Returns
    -------
    array
        Of the shape, library, device and (for floating input) dtype of ``x``.

    Raises
    ------
    TypeError
        If ``x`` is no array, or of complex or another unsupported dtype; if arrays come from
        two libraries; if ``where`` is not boolean or ``dtype`` not floating.
    ValueError
        If ``axis`` is out of range (also an IndexError) or repeated, a shape does not broadcast,
        the temperature is negative or NaN, or two arrays are on different devices.

    Notes
    -----
    With m the row maximum and d = (x - m) / T, this is exp(d) / sum(exp(d)), where float32 is
    summed in float64 if the device has it. The error is at most a few units in the last place
    plus what the rounding of x - m costs (the contract has the bound for each dtype), after
    [1]_. float16 and bfloat16 are computed in float32 and rounded once. m is a constant to
    automatic differentiation, so derivatives of every order are right, also at ties. A row
    with NaN or +inf, or with nothing above -inf, is NaN; a row that `where` masks altogether is 0.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA J. Numer. Anal. 41(4), 2021, :doi:`10.1093/imanum/draa038`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp import softmax
    >>> print(softmax(np.asarray([1.5, 2.2, -0.3, 0.8])).round(2))
    [0.27 0.55 0.04 0.14]
    >>> print(softmax(np.asarray([0, 255], dtype=np.uint8)))
    [1.79148229e-111 1.00000000e+000]
    """
    x, options = _gate.admit_rows(
        x, axis=axis, where=where, temperature=temperature, sink=sink, dtype=dtype, xp=xp
    )
    return run(formulas.softmax, x, **options)


def log_softmax(
    x: Array,
    /,
    *,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
    temperature: Any = 1.0,
    sink: Any = None,
    dtype: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return the logarithm of softmax, exact also where softmax rounds to 0 or 1.

    .. math:: \log p_i = \frac{x_i}{T} - \log \sum_j \exp(x_j / T)

    Parameters
    ----------
    x : array
        Logits of shape ``(..., n, ...)``, as for `softmax`.
    axis, where, temperature, sink, dtype, xp
        As for `softmax`; masked entries get ``-inf``.

    Returns
    -------
    array
        Of the shape, library, device and (for floating input) dtype of ``x``.

    Raises
    ------
    TypeError, ValueError
        As `softmax`.

    Notes
    -----
    With m the row maximum, d = (x - m) / T and s = sum(exp(d)) - 1 taken without ever adding
    the maximum's own 1, this is d - log1p(s): a confident prediction keeps all digits of its
    small loss. The error is at most 4 or 5 units in the last place plus what the rounding of
    x - m costs [1]_. Special rows are as for `softmax`; a row that `where` masks altogether
    is ``-inf``. Derivatives of every order are right, also at ties.

    References
    ----------
    .. [1] P. Blanchard, D. J. Higham, N. J. Higham, "Accurately computing the log-sum-exp and
       softmax functions", IMA J. Numer. Anal. 41(4), 2021, :doi:`10.1093/imanum/draa038`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp import log_softmax
    >>> print(log_softmax(np.asarray([0.0, -40.0])))
    [-4.24835426e-18 -4.00000000e+01]
    """
    x, options = _gate.admit_rows(
        x, axis=axis, where=where, temperature=temperature, sink=sink, dtype=dtype, xp=xp
    )
    return run(formulas.log_softmax, x, **options)


def softmin(
    x: Array,
    /,
    *,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
    temperature: Any = 1.0,
    sink: Any = None,
    dtype: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return the softmax of -x: the smallest entry gets the largest share.

    .. math:: p_i = \frac{\exp(-x_i / T)}{\sum_j \exp(-x_j / T)}

    Parameters
    ----------
    x : array
        Costs of shape ``(..., n, ...)``; unsigned integers too, they are promoted first.
    axis, where, temperature, sink, dtype, xp
        As for `softmax`. The sink is a logit beside -x; it is not negated.

    Returns
    -------
    array
        Of the shape, library, device and (for floating input) dtype of ``x``.

    Raises
    ------
    TypeError, ValueError
        As `softmax`.

    Notes
    -----
    Negation is exact, so accuracy, special values and derivatives are those of `softmax`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp import softmin
    >>> print(softmin(np.asarray([1, 2, 3])).round(3))
    [0.665 0.245 0.09 ]
    """
    x, options = _gate.admit_rows(
        x, axis=axis, where=where, temperature=temperature, sink=sink, dtype=dtype, xp=xp
    )
    return run(formulas.softmax, -x, **options)  # type: ignore[operator]


def softmax_and_logsumexp(
    x: Array,
    /,
    *,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
    temperature: Any = 1.0,
    sink: Any = None,
    dtype: Any = None,
    xp: Any = None,
) -> tuple[Array, Array]:
    r"""Return softmax and the logarithm of its denominator, in one pass.

    .. math:: p_i = \exp\left(\frac{x_i}{T} - \ell\right), \qquad
              \ell = \log \sum_j \exp(x_j / T)

    Parameters
    ----------
    x : array
        Logits of shape ``(..., n, ...)``, as for `softmax`.
    axis, where, temperature, sink, dtype, xp
        As for `softmax`. A sink is part of the sum in both results.

    Returns
    -------
    p : array
        As from `softmax`.
    lse : array
        As from `logsumexp` of ``x / temperature``; the reduced axes are kept with length 1.

    Raises
    ------
    TypeError, ValueError
        As `softmax`.

    Notes
    -----
    The exponentials are computed once. Accuracy, special values and derivatives are those of
    `softmax` and `logsumexp`. At temperature 0, lse is the limit: inf with the sign of the
    row maximum, or the logarithm of the number of ties where the maximum is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp import softmax_and_logsumexp
    >>> p, lse = softmax_and_logsumexp(np.asarray([0.0, 0.0]))
    >>> print(p, lse.round(4))
    [0.5 0.5] [0.6931]
    """
    x, options = _gate.admit_rows(
        x, axis=axis, where=where, temperature=temperature, sink=sink, dtype=dtype, xp=xp
    )
    return run(formulas.softmax_and_logsumexp, x, **options)


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
        The axes to sum over; None means all of them.
    b : float or array, optional
        Weights, of a shape that broadcasts to that of ``x``. A weight of 0 removes its entry,
        whatever the entry is. Weights may be negative.
    where : boolean array, optional
        Entries to keep, of a shape that broadcasts to that of ``x``.
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
        Of the shape of ``x`` without the reduced axes, in its library, device and floating dtype.
        Without `return_sign`, the sum of a real ``x`` with a negative result gives NaN; a complex
        one gives the principal logarithm.
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
    of which nothing is kept or above -inf. The sum over nothing is -inf.

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
    x, b, options = _gate.admit_sum(
        x, axis=axis, b=b, where=where, dtype=dtype, xp=xp, allow_complex=True
    )
    options["keepdims"] = keepdims
    if return_sign:
        return run(weighted.signed_logsumexp, x, b=b, **options)
    if b is not None or is_complex(x.dtype):
        return run(weighted.weighted_logsumexp, x, b=b, **options)
    return run(formulas.logsumexp, x, **options)


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

    .. math:: \log rac{1}{n} \sum_{j=1}^{n} \exp(x_j)

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
    x, _, options = _gate.admit_sum(x, axis=axis, where=where, dtype=dtype, xp=xp)
    return run(formulas.logmeanexp, x, keepdims=keepdims, **options)  # type: ignore[no-any-return]


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
    return run(formulas.log1mexp, x, xp=xp)  # type: ignore[no-any-return]


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
    return run(formulas.logsubexp, a, b, xp=xp)  # type: ignore[no-any-return]


def hardmax(
    x: Array,
    /,
    *,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return 1 at the largest entry and 0 elsewhere.

    .. math:: p_i = [i = \min \arg\max_j x_j]

    Parameters
    ----------
    x : array
        Of shape ``(..., n, ...)``.
    axis : int, tuple of int or None
        The axes that make up a row; None means all of them.
    where : boolean array, optional
        Entries to keep, of a shape that broadcasts to that of ``x``; the others get 0.
    xp : namespace, optional
        The array namespace of ``x``, for callers who know it.

    Returns
    -------
    array
        Of the shape, library, device and (for floating input) dtype of ``x``.

    Raises
    ------
    TypeError, ValueError
        As `softmax`.

    Notes
    -----
    Of tied largest entries the first in C order gets the 1 (``softmax(x, temperature=0)`` shares
    it among them). Infinite entries compare like others; a row with NaN is NaN in its kept
    entries; a row that `where` masks altogether is 0. The derivative is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp import hardmax
    >>> print(hardmax(np.asarray([1, 3, 3])))
    [0. 1. 0.]
    """
    x, options = _gate.admit_sum(x, axis=axis, where=where, dtype=None, xp=xp)[::2]
    return run(formulas.hardmax, x, **options)  # type: ignore[no-any-return]


def one_hot(
    labels: Any,
    num_classes: int,
    /,
    *,
    axis: int = -1,
    dtype: Any = None,
    xp: Any = None,
) -> Any:
    r"""Return indicator vectors of class labels.

    .. math:: y_{i,c} = [c = \mathrm{labels}_i]

    Parameters
    ----------
    labels : array of integers
        Of any shape. A label outside 0..num_classes - 1 gives zeros only.
    num_classes : int
        Length of the new axis.
    axis : int
        Where the new axis stands in the result.
    dtype : dtype, optional
        Of the result; the default floating type of the library if not given.
    xp : namespace, optional
        The array namespace of ``labels``, for callers who know it.

    Returns
    -------
    array
        Of the shape of ``labels`` with one more axis.

    Raises
    ------
    TypeError
        If ``labels`` is no array of integers, or ``num_classes`` no integer.
    ValueError
        If ``axis`` is out of range (also an IndexError) or ``num_classes`` negative.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp import one_hot
    >>> print(one_hot(np.asarray([0, 2, -1]), 3))
    [[1. 0. 0.]
     [0. 0. 1.]
     [0. 0. 0.]]
    """
    options = _gate.admit_labels(labels, num_classes, axis=axis, dtype=dtype, xp=xp)
    return run(formulas.one_hot, labels, **options)
