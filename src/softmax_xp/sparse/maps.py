"""sparsemax, entmax and normmax: softmax with exact zeros."""

from __future__ import annotations

from typing import Any, TypeVar

from .._engines.planned import planned, prepared
from .._formulas import normalizers
from .._formulas import sparse as formulas
from .._gate import sparse as gate

__all__ = ["entmax", "normmax", "sparsemax"]

Array = TypeVar("Array")


@planned
def sparsemax(
    x: Array,
    /,
    *,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
    dtype: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return the point of the simplex nearest to x.

    .. math:: p_i = \max(0, x_i - \tau), \qquad \sum_i p_i = 1

    Parameters
    ----------
    x : array
        Logits of shape ``(..., n, ...)``. Integers and booleans are promoted to the default
        floating type of the library before any arithmetic.
    axis : int, tuple of int or None
        The axes that make up a row; None means all of them, ``()`` makes each entry its own row.
    where : boolean array, optional
        Entries to keep, of a shape that broadcasts to that of ``x``. The others get 0 and
        have no influence on any value or gradient, whatever they hold.
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
        two arrays are on different devices, or the length of an axis is unknown.

    Notes
    -----
    The threshold is found from the sorted row and its running sums, and then corrected by two steps
    of Newton's method on the entries above it, which are not rounded to a threshold: each entry is
    within 4 eps of the exact one, and they sum to 1 as nearly. One sort is most of the cost.
    Entries at the threshold get 0. On the support the gradient is g less its mean there, elsewhere
    it is 0; second derivatives are 0. A row with NaN or +inf, or with nothing above -inf, is NaN; a
    row that `where` masks altogether is 0.

    References
    ----------
    .. [1] A. F. T. Martins, R. F. Astudillo, "From softmax to sparsemax: a sparse model of attention
       and multi-label classification", ICML 2016, :doi:`10.48550/arXiv.1602.02068`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.sparse import sparsemax
    >>> print(sparsemax(np.asarray([1.5, 2.2, -0.3, 0.8])).round(2))
    [0.15 0.85 0.   0.  ]
    """
    x, options = gate.admit_map(x, axis=axis, where=where, dtype=dtype, xp=xp)
    return prepared(formulas.sparsemax, x, **options)


@planned
def entmax(
    x: Array,
    /,
    *,
    alpha: Any = 1.5,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
    dtype: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return softmax at alpha = 1, sparsemax at 2, and what lies between and beyond.

    .. math:: p_i = \max(0, (\alpha - 1) x_i - \tau)^{1 / (\alpha - 1)}, \qquad \sum_i p_i = 1

    Parameters
    ----------
    x : array
        Logits of shape ``(..., n, ...)``, as for `sparsemax`.
    alpha : float or array
        From 1 to infinity; an array has one value per row: its length along ``axis`` is 1. The larger,
        the fewer entries get a share; ``inf`` shares it among the largest.
    axis, where, dtype, xp
        As for `sparsemax`.

    Returns
    -------
    array
        Of the shape, library, device and (for floating input) dtype of ``x``.

    Raises
    ------
    TypeError, ValueError
        As `sparsemax`; ValueError for an alpha below 1 or NaN. In an array those make their rows NaN.

    Notes
    -----
    The result maximizes the sum of p x plus the Tsallis entropy of order alpha [1]_ [2]_. For the
    number 1 it is computed as `softmax`, for 2 as `sparsemax`, and for 1.5 likewise, from the sorted
    row and its running sums. For any other alpha, and for arrays, the smallest entry with a share is found
    in the sorted row in log2(n) steps of halving; eight steps of Newton's method on a convex function, or
    14 for alpha above 2, then reach the last digit. The errors are at most 4 eps for 1.5 and 2 and 8 eps
    for any alpha; the sum is 1 within as many. The result is continuous in alpha, also at 1.

    The gradient in x is s (g - sum(s g) / sum(s)) with s = p**(2 - alpha) on the support. An array
    has a gradient in alpha too. Derivatives are right to second order. Special rows are as for `sparsemax`.

    References
    ----------
    .. [1] B. Peters, V. Niculae, A. F. T. Martins, "Sparse sequence-to-sequence models", ACL 2019,
       :doi:`10.18653/v1/P19-1146`.
    .. [2] M. Blondel, A. F. T. Martins, V. Niculae, "Learning with Fenchel-Young losses", JMLR 21(35), 2020,
       :doi:`10.48550/arXiv.1901.02324`.
    .. [3] G. M. Correia, V. Niculae, A. F. T. Martins, "Adaptively sparse transformers", EMNLP 2019,
       :doi:`10.18653/v1/D19-1223` (the gradient in alpha).

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.sparse import entmax
    >>> x = np.asarray([1.5, 2.2, -0.3, 0.8])
    >>> print(entmax(x).round(3))
    [0.252 0.725 0.    0.023]
    >>> print(entmax(np.stack([x, x]), alpha=np.asarray([[1.0], [4.0]])).round(3))
    [[0.272 0.548 0.045 0.135]
     [0.    1.    0.    0.   ]]
    """
    x, options = gate.admit_map(x, axis=axis, where=where, dtype=dtype, xp=xp, alpha=alpha)
    # Softmax and sparsemax have engines of their own, or may have them.
    if isinstance(options["alpha"], float):
        if alpha == 1:
            return prepared(normalizers.softmax, x, temperature=options.pop("alpha"), sink=None, **options)
        if alpha == 2:
            return prepared(formulas.sparsemax, x, temperature=options.pop("alpha") - 1.0, **options)
    return prepared(formulas.entmax, x, **options)


@planned
def normmax(
    x: Array,
    /,
    *,
    alpha: Any = 2.0,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
    dtype: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return the shares that maximize their mean logit less their norm of order alpha.

    .. math:: p_i \propto \max(0, x_i - \tau)^{1 / (\alpha - 1)}, \qquad
              \sum_i \max(0, x_i - \tau)^{\alpha / (\alpha - 1)} = 1

    Parameters
    ----------
    x : array
        Logits of shape ``(..., n, ...)``, as for `sparsemax`.
    alpha : float or array
        From 1, which shares among the largest entries, to ``inf``, which shares evenly among all entries
        that `sparsemax` gives a share; an array has one value per row.
    axis, where, dtype, xp
        As for `sparsemax`.

    Returns
    -------
    array
        Of the shape, library, device and (for floating input) dtype of ``x``.

    Raises
    ------
    TypeError, ValueError
        As `entmax`.

    Notes
    -----
    With q the entmax of x / (1 - 1 / alpha) for 2 - 1 / alpha, this is q**(1 / alpha) divided by its sum. Unlike
    entmax it is more even the larger alpha is. The error is at most 8 eps, except near entries whose share begins
    like a root, for alpha above 2. Special rows are as for `sparsemax`; derivatives are right to second order.

    References
    ----------
    .. [1] M. Blondel, A. F. T. Martins, V. Niculae, "Learning with Fenchel-Young losses", JMLR 21(35), 2020,
       :doi:`10.48550/arXiv.1901.02324` (norm entropies).
    .. [2] S. J. R. Santos, V. Niculae, D. McNamee, A. F. T. Martins, "Sparse and structured Hopfield
       networks", ICML 2024, :doi:`10.48550/arXiv.2402.13725`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.sparse import normmax
    >>> print(normmax(np.asarray([1.5, 2.2, -0.3, 0.8])).round(3))
    [0.215 0.785 0.    0.   ]
    """
    x, options = gate.admit_map(x, axis=axis, where=where, dtype=dtype, xp=xp, alpha=alpha)
    return prepared(formulas.normmax, x, **options)
