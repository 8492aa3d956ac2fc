"""Draws from a categorical distribution: labels, and vectors that can be differentiated."""

from __future__ import annotations

from typing import Any, TypeVar

from .._composed import sampling as composed
from .._engines.planned import planned, prepared
from .._gate import sampling as gate

__all__ = ["gumbel_softmax", "sample_categorical"]

Array = TypeVar("Array")


@planned
def gumbel_softmax(
    logits: Array,
    /,
    *,
    noise: Any = None,
    rng: Any = None,
    temperature: Any = 1.0,
    hard: bool = False,
    axis: int = -1,
    where: Any = None,
    xp: Any = None,
) -> Array:
    r"""Return a draw from a categorical distribution that is relaxed to a vector of shares.

    .. math:: y = \operatorname{softmax}\left(\frac{x + g}{T}\right)

    Parameters
    ----------
    logits : array
        x in the equation, of shape ``(..., n, ...)``.
    noise : array, optional
        g in the equation: standard Gumbel numbers, one for each logit.
    rng : generator, optional
        What makes the noise, if none is given: a ``numpy.random.Generator`` for NumPy, Dask and
        array-api-strict, a ``cupy.random.Generator``, a ``torch.Generator`` on the device of the
        logits, or a key of ``jax.random``.
    temperature : float or array
        T in the equation, as for `softmax`: a number, or one value per row.
    hard : bool
        Whether to return 1 at the largest entry and 0 elsewhere, with the derivative of y.
    axis : int
        The axis of the classes.
    where : boolean array, optional
        Classes to keep, of a shape that broadcasts to that of the logits. The others get 0, whatever
        their logits and noise are.
    xp : namespace, optional
        The array namespace of ``logits``, for callers who know it.

    Returns
    -------
    array
        Of the shape, library, device and (for floating input) dtype of ``logits``.

    Raises
    ------
    TypeError
        As `softmax`; and if ``rng`` makes no noise for this library, or ``noise`` is not floating.
    ValueError
        As `softmax`; and if not exactly one of ``noise`` and ``rng`` is given, the noise has another
        shape, or the generator is on another device.

    Notes
    -----
    The largest entry of x + g is class i with probability softmax(x)_i, whatever T is [1]_; as T falls
    to 0, y turns into its indicator. x + g is computed in at least float32, and softmax has its own
    accuracy, derivatives and special values; a logit of ``-inf`` has 0 and a derivative of 0 whatever its
    noise is. With ``hard=True`` torch and JAX get ``hard + (y - constant(y))``: values of exactly 0 and
    1, the first of tied largest entries being 1, and the derivatives of y [2]_; elsewhere it is the values
    alone. Noise from ``rng`` is -log(E), E exponential, in float64 where the device has it: it reaches
    35, and 32 in float32, beyond which standard Gumbel numbers are with a probability of 6e-16 and 1e-14.

    References
    ----------
    .. [1] C. J. Maddison, A. Mnih, Y. W. Teh, "The Concrete distribution: a continuous relaxation of
       discrete random variables", ICLR 2017, :doi:`10.48550/arXiv.1611.00712`.
    .. [2] E. Jang, S. Gu, B. Poole, "Categorical reparameterization with Gumbel-softmax", ICLR 2017,
       :doi:`10.48550/arXiv.1611.01144`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.sampling import gumbel_softmax
    >>> x, noise = np.asarray([2.0, 1.0, 0.0]), np.asarray([0.5, 1.75, -0.25])
    >>> print(gumbel_softmax(x, noise=noise).round(4))
    [0.4259 0.5469 0.0272]
    >>> print(gumbel_softmax(x, noise=noise, temperature=0.1, hard=True))
    [0. 1. 0.]
    >>> print(gumbel_softmax(x, rng=np.random.default_rng(0)).sum().round(12))
    1.0
    """
    x, source, options = gate.admit_noisy(
        logits, noise=noise, rng=rng, temperature=temperature, axis=axis, where=where, xp=xp
    )
    return prepared(composed.gumbel_softmax, x, **source._asdict(), hard=bool(hard), **options)


@planned
def sample_categorical(
    logits: Any,
    /,
    *,
    noise: Any = None,
    rng: Any = None,
    axis: int = -1,
    shape: int | tuple[int, ...] = (),
    replace: bool = True,
    where: Any = None,
    xp: Any = None,
) -> Any:
    r"""Return labels drawn with the probabilities of softmax.

    .. math:: i = \arg\max_j \, (x_j + g_j)

    Parameters
    ----------
    logits : array
        x in the equation, of shape ``(..., n, ...)``.
    noise : array, optional
        g in the equation: standard Gumbel numbers, of shape ``(*shape, ..., n, ...)``, or of the
        shape of the logits with ``replace=False``.
    rng : generator, optional
        What makes the noise, if none is given, as for `gumbel_softmax`.
    axis : int
        The axis of the classes, counted in ``logits``.
    shape : int or tuple of int
        How many labels to draw for each row; they stand along axes in front.
    replace : bool
        Whether a class may be drawn again for the same row. If not, there are at most n draws,
        and they stand in the order drawn.
    where : boolean array, optional
        Classes to keep, of a shape that broadcasts to that of the logits. The others are never
        drawn, whatever their logits and noise are.
    xp : namespace, optional
        The array namespace of ``logits``, for callers who know it.

    Returns
    -------
    array
        Labels of the default integer type, of shape ``(*shape, ...)``; -1 where there is none.

    Raises
    ------
    TypeError
        If ``logits`` is no array, or of complex or another unsupported dtype; if ``rng`` makes no
        noise for this library, ``noise`` is not floating, ``where`` not boolean, or ``shape`` no shape.
    ValueError
        If not exactly one of ``noise`` and ``rng`` is given; if ``axis`` is out of range (also an
        IndexError), a shape does not fit, the generator is on another device, or without replacement
        more labels are asked for than there are classes.

    Notes
    -----
    The largest of x + g is a draw from softmax(x) [1]_, and the m largest in falling order are m draws
    without replacement [2]_: neither probabilities nor their sums are formed, so nothing small is lost in
    them. x + g is computed in the wider type of the two, and in at least float32; of tied sums the first is
    drawn. A class of probability 0, with a logit of ``-inf`` or masked, is never drawn. The label is -1
    where there is nothing, or nothing left, to draw, and in rows with NaN (also in the noise) or ``+inf``.
    Noise from ``rng`` is as for `gumbel_softmax`. The same noise gives the same labels in every library;
    the same seed does not.

    References
    ----------
    .. [1] C. J. Maddison, D. Tarlow, T. Minka, "A* sampling", NeurIPS 2014, :doi:`10.48550/arXiv.1411.0030`.
    .. [2] W. Kool, H. van Hoof, M. Welling, "Stochastic beams and where to find them: the Gumbel-top-k
       trick for sampling sequences without replacement", ICML 2019, :doi:`10.48550/arXiv.1903.06059`.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.sampling import sample_categorical
    >>> x = np.asarray([2.0, 1.0, -np.inf, 0.0])
    >>> rng = np.random.default_rng(0)
    >>> draws = sample_categorical(x, rng=rng, shape=(10_000,))
    >>> print(np.bincount(draws, minlength=4) / 10_000)
    [0.6687 0.239  0.     0.0923]
    >>> print(sample_categorical(x, rng=rng, shape=(4,), replace=False))
    [ 1  0  3 -1]
    """
    x, source, options = gate.admit_draws(
        logits, noise=noise, rng=rng, axis=axis, shape=shape, replace=replace, where=where, xp=xp
    )
    return prepared(composed.sample_categorical, x, **source._asdict(), replace=bool(replace), **options)
