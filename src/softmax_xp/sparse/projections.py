"""Nearest points of the simplex of any size, and of the simplex with an upper bound."""

from __future__ import annotations

from typing import Any, TypeVar

from .._engines.planned import planned, prepared
from .._formulas import sparse as formulas
from .._gate import sparse as gate

__all__ = ["k_subset", "project_simplex"]

Array = TypeVar("Array")


@planned
def project_simplex(
    x: Array,
    /,
    *,
    scale: Any = 1.0,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
    dtype: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return the nearest point to x of those that are not negative and sum to scale.

    .. math:: p_i = \max(0, x_i - \tau), \qquad \sum_i p_i = s

    Parameters
    ----------
    x : array
        Of shape ``(..., n, ...)``, as for `sparsemax`.
    scale : float or array
        s in the equation, finite and at least 0; an array has one value per row: its length along
        ``axis`` is 1.
    axis, where, dtype, xp
        As for `sparsemax`.

    Returns
    -------
    array
        Of the shape, library, device and (for floating input) dtype of ``x``.

    Raises
    ------
    TypeError, ValueError
        As `sparsemax`; ValueError for a scale that is negative, infinite or NaN. In an array those make
        their rows NaN.

    Notes
    -----
    This is scale times the sparsemax of x / scale, with its accuracy, special rows and derivatives. A point
    that is in the set already stays where it is, up to the rounding of its sum.

    References
    ----------
    .. [1] J. Duchi, S. Shalev-Shwartz, Y. Singer, T. Chandra, "Efficient projections onto the l1-ball for
       learning in high dimensions", ICML 2008, :doi:`10.1145/1390156.1390191`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.sparse import project_simplex
    >>> print(project_simplex(np.asarray([3.0, 1.0, -1.0]), scale=3.0))
    [2.5 0.5 0. ]
    """
    x, options = gate.admit_map(x, axis=axis, where=where, dtype=dtype, xp=xp, scale=scale)
    return prepared(formulas.project_simplex, x, **options)


@planned
def k_subset(
    x: Array,
    /,
    *,
    k: Any,
    axis: int | tuple[int, ...] | None = -1,
    where: Any = None,
    dtype: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return the nearest point to x of those between 0 and 1 that sum to k.

    .. math:: p_i = \min(1, \max(0, x_i - \tau)), \qquad \sum_i p_i = k

    Parameters
    ----------
    x : array
        Logits of shape ``(..., n, ...)``, as for `sparsemax`.
    k : float or array
        How many entries to choose, from 0 to n, also between two integers; an array has one value per row:
        its length along ``axis`` is 1.
    axis, where, dtype, xp
        As for `sparsemax`.

    Returns
    -------
    array
        Of the shape, library, device and (for floating input) dtype of ``x``.

    Raises
    ------
    TypeError, ValueError
        As `sparsemax`; ValueError for a k outside 0..n. In an array that makes its row NaN.

    Notes
    -----
    A relaxed choice of k entries: the result has entries of 1 where the choice is clear, and is `sparsemax`
    for k = 1. The sum is a broken line in the threshold; its piece is found in the 2 n sorted breaks in
    log2(2 n) steps of halving, and solved. The errors are at most 4 eps times k. On the entries strictly
    between 0 and 1 the gradient is g less its mean there, elsewhere it is 0. Entries of -inf get 0: a row with
    fewer than k above it is NaN, as are rows with NaN or +inf; a row that `where` masks altogether is 0.

    References
    ----------
    .. [1] M. Blondel, A. F. T. Martins, V. Niculae, "Learning with Fenchel-Young losses", JMLR 21(35), 2020,
       :doi:`10.48550/arXiv.1901.02324` (the polytope of k-subsets).
    .. [2] W. Wang, C. Lu, "Projection onto the capped simplex", 2015, :doi:`10.48550/arXiv.1503.01002`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.sparse import k_subset
    >>> print(k_subset(np.asarray([1.5, 2.2, -0.3, 0.8]), k=2).round(3))
    [0.85 1.   0.   0.15]
    """
    x, options = gate.admit_map(x, axis=axis, where=where, dtype=dtype, xp=xp, k=k)
    return prepared(formulas.k_subset, x, **options)
