"""softmax and its kin: arrays in, arrays of the same library out."""

from __future__ import annotations

from typing import Any, TypeVar

from . import _gate
from ._composed import logsums
from ._engines.planned import planned, prepared
from ._formulas import normalizers as formulas

__all__ = [
    "hardmax",
    "log_softmax",
    "one_hot",
    "softmax",
    "softmax_and_logsumexp",
    "softmin",
]

Array = TypeVar("Array")


@planned
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
        floating type of the library before any arithmetic; integers that it does not hold are
        measured from the largest of their row first.
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
    [1.79848622e-111 1.00000000e+000]
    """
    x, options = _gate.admit_rows(x, axis=axis, where=where, temperature=temperature, sink=sink, dtype=dtype, xp=xp)
    return prepared(formulas.softmax, x, **options)


@planned
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
    x, options = _gate.admit_rows(x, axis=axis, where=where, temperature=temperature, sink=sink, dtype=dtype, xp=xp)
    return prepared(formulas.log_softmax, x, **options)


@planned
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
        x, axis=axis, where=where, temperature=temperature, sink=sink, dtype=dtype, xp=xp, down=True
    )
    return prepared(formulas.softmax, x, **options)


@planned
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
    r"""Return softmax and the logarithm of its denominator, in one call.

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
    The formula computes the exponentials once; the C engine has a kernel for each result. Accuracy,
    special values and derivatives are those of `softmax` and `logsumexp`. At temperature 0, lse is
    the limit: inf with the sign of the row maximum, or the logarithm of the number of ties where
    the maximum is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp import softmax_and_logsumexp
    >>> p, lse = softmax_and_logsumexp(np.asarray([0.0, 0.0]))
    >>> print(p, lse.round(4))
    [0.5 0.5] [0.6931]
    """
    x, top, options = _gate.admit_measured(
        x, axis=axis, where=where, temperature=temperature, sink=sink, dtype=dtype, xp=xp
    )
    if top is None:
        return prepared(formulas.softmax_and_logsumexp, x, **options)
    return prepared(logsums.both_with_top, x, top=top, **options)


@planned
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
    x, _, options = _gate.admit_sum(x, axis=axis, where=where, dtype=None, xp=xp)
    return prepared(formulas.hardmax, x, **options)


@planned
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
    return prepared(formulas.one_hot, labels, **options)
