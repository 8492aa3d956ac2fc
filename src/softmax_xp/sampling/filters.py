"""Filters of logits: what is unlikely is removed before a draw."""

from __future__ import annotations

from math import inf
from typing import Any, TypeVar

from .._engines.planned import planned, prepared
from .._formulas import sampling as formulas
from .._gate import sampling as gate

__all__ = ["epsilon_logits", "eta_logits", "min_p_logits", "top_k_logits", "top_p_logits", "typical_logits"]

Array = TypeVar("Array")


@planned
def top_k_logits(
    x: Array,
    k: Any,
    /,
    *,
    axis: int = -1,
    where: Any = None,
    ties: str = "first",
    fill: float = -inf,
    xp: Any = None,
) -> Array:
    r"""Return the k largest logits of each row, and ``fill`` in place of the others.

    .. math:: y_i = x_i \text{ if } r_i < k, \text{ else fill}

    Parameters
    ----------
    x : array
        Logits of shape ``(..., n, ...)``; r_i is the number of entries before i in falling order.
    k : int or array of int
        How many to keep, at least 1: a number, or one value per row. More than n keeps all.
    axis : int
        The axis of the classes.
    where : boolean array, optional
        Entries to keep in the row, of a shape that broadcasts to that of ``x``. The others get ``fill``
        and count nowhere, whatever they hold.
    ties : {"first", "all"}
        Of entries that tie for the last place, keep those that come first, so that k are kept; or all.
    fill : float
        What stands in place of a removed entry.
    xp : namespace, optional
        The array namespace of ``x``, for callers who know it.

    Returns
    -------
    array
        Of the shape, library, device and (for floating input) dtype of ``x``; what is kept has the
        bits of ``x``.

    Raises
    ------
    TypeError
        If ``x`` is no array, or of complex or another unsupported dtype; if arrays come from two libraries;
        if ``where`` is not boolean, ``k`` not an integer, or ``fill`` not a number.
    ValueError
        If ``axis`` is out of range (also an IndexError), a shape does not broadcast, ``k`` is below
        1, ``ties`` is not known, or two arrays are on different devices.

    Notes
    -----
    The k-th value is a threshold; of what is equal to it, as many entries stay as there is room for [1]_. ``+inf`` is
    the largest. The derivative is 1 where an entry is kept, else 0. A row with NaN, or a k below 1 in an array, is NaN.

    References
    ----------
    .. [1] A. Fan, M. Lewis, Y. Dauphin, "Hierarchical neural story generation", ACL 2018,
       :doi:`10.18653/v1/P18-1082`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.sampling import top_k_logits
    >>> x = np.asarray([1.0, 3.0, 2.0, 2.0])
    >>> print(top_k_logits(x, 2))
    [-inf   3.   2. -inf]
    >>> print(top_k_logits(x, 2, ties="all"))
    [-inf   3.   2.   2.]
    """
    x, options = gate.admit_top_k(x, k, axis=axis, where=where, ties=ties, fill=fill, xp=xp)
    return prepared(formulas.top_k, x, **options)


@planned
def top_p_logits(
    x: Array,
    p: Any,
    /,
    *,
    axis: int = -1,
    where: Any = None,
    min_keep: int = 1,
    fill: float = -inf,
    xp: Any = None,
) -> Array:
    r"""Return the fewest largest logits that hold the share p of the mass, and ``fill`` in place of the others.

    .. math:: y_i = x_i \text{ if } \sum_{j \text{ before } i} \operatorname{softmax}(x)_j < p, \text{ else fill}

    Parameters
    ----------
    x : array
        Logits of shape ``(..., n, ...)``; j is before i if it is larger, or equal and nearer to the front.
    p : float or array
        In (0, 1]: a number, or one value per row.
    axis, where, fill, xp
        As for `top_k_logits`.
    min_keep : int
        How many entries of a row to keep at least.

    Returns
    -------
    array
        As from `top_k_logits`.

    Raises
    ------
    TypeError, ValueError
        As `top_k_logits`; and if ``p`` is out of range or ``min_keep`` below 1.

    Notes
    -----
    The entry that takes the mass to p or above is kept [1]_, and with p = 1 every entry above ``-inf`` is.
    As the probabilities are in the order of the logits, what is found is a k for each row. The mass is
    summed in float64 where the device has it: where it equals p up to rounding, the next entry may stay or
    go. Entries of ``+inf`` share all the mass. A row with NaN is NaN, and so is one with a p out of range
    in an array.

    References
    ----------
    .. [1] A. Holtzman, J. Buys, L. Du, M. Forbes, Y. Choi, "The curious case of neural text degeneration",
       ICLR 2020, :doi:`10.48550/arXiv.1904.09751`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.sampling import top_p_logits
    >>> x = np.log(np.asarray([0.125, 0.5, 0.25, 0.125]))
    >>> print(top_p_logits(x, 0.625).round(4))
    [   -inf -0.6931 -1.3863    -inf]
    """
    x, options = gate.admit_filter(
        x, p, name="p", axis=axis, where=where, fill=fill, min_keep=min_keep, zero=False, xp=xp
    )
    return prepared(formulas.top_p, x, **options)


@planned
def min_p_logits(
    x: Array,
    p: Any,
    /,
    *,
    axis: int = -1,
    where: Any = None,
    min_keep: int = 1,
    fill: float = -inf,
    xp: Any = None,
) -> Array:
    r"""Return the logits of at least p times the largest probability, and ``fill`` in place of the others.

    .. math:: y_i = x_i \text{ if } x_i - \max_j x_j \ge \log p, \text{ else fill}

    Parameters
    ----------
    x : array
        Logits of shape ``(..., n, ...)``.
    p : float or array
        In [0, 1]: a number, or one value per row.
    axis, where, fill, xp
        As for `top_k_logits`.
    min_keep : int
        How many entries of a row to keep at least, the first of tied ones.

    Returns
    -------
    array
        As from `top_k_logits`.

    Raises
    ------
    TypeError, ValueError
        As `top_k_logits`; and if ``p`` is out of range or ``min_keep`` below 1.

    Notes
    -----
    The condition of [1]_ holds for quotients of probabilities, which are differences of logits: no softmax is
    needed. The difference and log p are in float64 where the device has it. With p = 0 everything stays, with
    p = 1 the largest entries do. Special rows are as for `top_p_logits`.

    References
    ----------
    .. [1] M. Nguyen et al., "Turning up the heat: min-p sampling for creative and coherent LLM outputs",
       ICLR 2025, :doi:`10.48550/arXiv.2407.01082`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.sampling import min_p_logits
    >>> print(min_p_logits(np.asarray([4.0, 3.0, 1.0, 0.0]), 0.1))
    [  4.   3. -inf -inf]
    """
    x, options = gate.admit_filter(x, p, name="p", axis=axis, where=where, fill=fill, min_keep=min_keep, xp=xp)
    return prepared(formulas.min_p, x, **options)


@planned
def typical_logits(
    x: Array,
    p: Any,
    /,
    *,
    axis: int = -1,
    where: Any = None,
    min_keep: int = 1,
    fill: float = -inf,
    xp: Any = None,
) -> Array:
    r"""Return the fewest logits nearest to the entropy that hold the share p of the mass, and ``fill`` for the others.

    .. math:: y_i = x_i \text{ if } \sum_{j \text{ before } i} q_j < p, \text{ else fill}, \qquad
              q = \operatorname{softmax}(x)

    Parameters
    ----------
    x : array
        Logits of shape ``(..., n, ...)``; j is before i if ``abs(-log q_j - H)`` is smaller, or equal and nearer
        to the front, where H is the entropy of q.
    p : float or array
        In (0, 1]: a number, or one value per row.
    axis, where, fill, xp
        As for `top_k_logits`.
    min_keep : int
        How many entries of a row to keep at least, those nearest to the entropy.

    Returns
    -------
    array
        As from `top_k_logits`.

    Raises
    ------
    TypeError, ValueError
        As `top_k_logits`; and if ``p`` is out of range or ``min_keep`` below 1.

    Notes
    -----
    This may remove the most probable class [1]_. -log q_i - H is the mean of x under q less x_i: the
    logarithm of the denominator drops out of the difference, and its rounding with it. The mass is summed
    as in `top_p_logits`, and special rows are as there.

    References
    ----------
    .. [1] C. Meister, T. Pimentel, G. Wiher, R. Cotterell, "Locally typical sampling", TACL 11, 2023,
       :doi:`10.1162/tacl_a_00536`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.sampling import typical_logits
    >>> x = np.log(np.asarray([0.5, 0.3, 0.15, 0.05]))
    >>> print(typical_logits(x, 0.25).round(4))
    [  -inf -1.204   -inf   -inf]
    """
    x, options = gate.admit_filter(
        x, p, name="p", axis=axis, where=where, fill=fill, min_keep=min_keep, zero=False, xp=xp
    )
    return prepared(formulas.typical, x, **options)


@planned
def epsilon_logits(
    x: Array,
    epsilon: Any,
    /,
    *,
    axis: int = -1,
    where: Any = None,
    min_keep: int = 1,
    fill: float = -inf,
    xp: Any = None,
) -> Array:
    r"""Return the logits of a probability of at least epsilon, and ``fill`` in place of the others.

    .. math:: y_i = x_i \text{ if } \operatorname{softmax}(x)_i \ge \epsilon, \text{ else fill}

    Parameters
    ----------
    x : array
        Logits of shape ``(..., n, ...)``.
    epsilon : float or array
        In [0, 1]: a number, or one value per row.
    axis, where, fill, xp
        As for `top_k_logits`.
    min_keep : int
        How many entries of a row to keep at least: the largest, the first of tied ones.

    Returns
    -------
    array
        As from `top_k_logits`.

    Raises
    ------
    TypeError, ValueError
        As `top_k_logits`; and if ``epsilon`` is out of range or ``min_keep`` below 1.

    Notes
    -----
    The exponential of an entry is compared with epsilon times the sum of all [1]_, in float64 where the device has
    it. Special rows are as for `top_p_logits`.

    References
    ----------
    .. [1] J. Hewitt, C. D. Manning, P. Liang, "Truncation sampling as language model desmoothing", Findings
       of EMNLP 2022, :doi:`10.48550/arXiv.2210.15191`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.sampling import epsilon_logits
    >>> print(epsilon_logits(np.asarray([4.0, 3.0, 1.0, 0.0]), 0.03))
    [  4.   3.   1. -inf]
    """
    x, options = gate.admit_filter(
        x, epsilon, name="epsilon", axis=axis, where=where, fill=fill, min_keep=min_keep, xp=xp
    )
    return prepared(formulas.epsilon, x, **options)


@planned
def eta_logits(
    x: Array,
    epsilon: Any,
    /,
    *,
    axis: int = -1,
    where: Any = None,
    min_keep: int = 1,
    fill: float = -inf,
    xp: Any = None,
) -> Array:
    r"""Return the logits of a probability of at least eta, and ``fill`` in place of the others.

    .. math:: y_i = x_i \text{ if } q_i \ge \eta, \text{ else fill}, \qquad
              \eta = \min\left(\epsilon, \sqrt{\epsilon}\, e^{-H(q)}\right), \quad q = \operatorname{softmax}(x)

    Parameters
    ----------
    x : array
        Logits of shape ``(..., n, ...)``; H is the entropy.
    epsilon : float or array
        In [0, 1]: a number, or one value per row.
    axis, where, fill, xp
        As for `top_k_logits`.
    min_keep : int
        How many entries of a row to keep at least: the largest, the first of tied ones.

    Returns
    -------
    array
        As from `top_k_logits`.

    Raises
    ------
    TypeError, ValueError
        As `top_k_logits`; and if ``epsilon`` is out of range or ``min_keep`` below 1.

    Notes
    -----
    A flat distribution has a lower threshold than a peaked one [1]_. With Z the sum of the exponentials e_i,
    exp(-H) is exp(mean x) / Z, so e_i is compared with the smaller of epsilon Z and sqrt(epsilon) exp(mean x),
    x being measured from its maximum. Special rows are as for `top_p_logits`.

    References
    ----------
    .. [1] J. Hewitt, C. D. Manning, P. Liang, "Truncation sampling as language model desmoothing", Findings
       of EMNLP 2022, :doi:`10.48550/arXiv.2210.15191`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.sampling import eta_logits
    >>> print(eta_logits(np.asarray([4.0, 3.0, 1.0, 0.0]), 0.03))
    [  4.   3.   1. -inf]
    """
    x, options = gate.admit_filter(
        x, epsilon, name="epsilon", axis=axis, where=where, fill=fill, min_keep=min_keep, xp=xp
    )
    return prepared(formulas.eta, x, **options)
