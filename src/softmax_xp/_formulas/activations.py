"""Activations: functions of single numbers."""

from __future__ import annotations

from math import exp, inf, nan, pi, sqrt
from typing import Any

from .._xp.dtypes import cast
from .._xp.operations import select
from .elements import at_most, exp_of_product, halves, times
from .kinds import Rule, formula

DEEP = 64.0
"""exp(-DEEP) is a normal number in float32 too, and adds nothing to 1 in any type."""

SOLID = 800.0
"""exp(-SOLID) is 0 in every type."""


@formula("elements")
def sigmoid(x: Any, /, *, xp: Any) -> Any:
    """Return 1 / (1 + exp(-x)), where exp is never of a positive number."""
    low, high = halves(x, xp)
    e = xp.exp(low - high)
    # 1 / (1 + e) above 0 and e / (1 + e) below: the lower tail is a quotient of numbers with all their digits.
    return select(~(x > 0), e, 1.0, xp) / (1.0 + e)


@formula("elements")
def log_sigmoid(x: Any, /, *, xp: Any) -> Any:
    """Return min(x, 0) - log1p(exp(-abs(x)))."""
    low, high = halves(x, xp)
    # Both parts are at most 0, so that nothing cancels.
    return low - xp.log1p(xp.exp(low - high))


@formula("elements")
def softplus(x: Any, /, *, beta: float, xp: Any) -> Any:
    """Return max(x, 0) + log1p(exp(-abs(beta * x))) / beta."""
    low, high = halves(x, xp)
    # Both parts are at least 0. A rounded beta * x would move a small exponential by up to hundreds of ulp.
    return high + xp.log1p(exp_of_product(beta, low - high, xp)) / beta


def logit_slope(p: Any, g: Any, /, *, where: None = None, xp: Any) -> Any:
    """Return g / (p * (1 - p)), which is infinite at 0 and 1."""
    # Outside of [0, 1] there is no logit; p * (1 - p) would be negative, and the slope a number.
    return g / select((p >= 0) & (p <= 1), p * (1.0 - p), nan, xp)


@formula("elements", Rule(logit_slope, logit_slope, "argument", ()))
def logit(p: Any, /, *, where: None = None, xp: Any) -> Any:
    """Return log(p / (1 - p)): by log1p of a difference that is exact where the result is near 0."""
    upper = p >= 0.5
    valid = (p > 0) & (p < 1)
    # Neither 0 nor 1 may stay: NumPy would warn of the division and of the logarithm.
    inner = select(valid, p, 0.25, xp)
    rest = 1.0 - inner
    small, large = xp.where(upper, rest, inner), xp.where(upper, inner, rest)
    # Between 1/4 and 3/4 the difference is exact, by Sterbenz's lemma; elsewhere the logarithm is not small.
    middle = small > 0.25
    difference = xp.where(upper, 2.0 * inner - 1.0, 1.0 - 2.0 * inner)
    near = xp.log1p(difference / select(middle, small, 1.0, xp))
    size = xp.where(middle, near, -xp.log(small / large))
    size = select(valid, size, inf, xp)
    return select((p >= 0) & (p <= 1), xp.where(upper, size, -size), nan, xp)


@formula("elements")
def relu(x: Any, /, *, xp: Any) -> Any:
    """Return max(x, 0)."""
    # Asked as not at most 0, so that NaN stays; 0 itself has the derivative 0.
    return select(~(x <= 0), x, 0.0, xp)


@formula("elements")
def leaky_relu(x: Any, /, *, negative_slope: float, xp: Any) -> Any:
    """Return max(x, 0) + negative_slope * min(x, 0)."""
    low, high = halves(x, xp)
    return high + times(negative_slope, low, xp)


@formula("elements")
def silu(x: Any, /, *, xp: Any) -> Any:
    """Return x * sigmoid(x)."""
    low, high = halves(x, xp)
    # For an infinite a, a * sigmoid(-a) would be inf * 0; beyond SOLID it is 0.
    a = at_most(high - low, SOLID, xp)
    return high - _times_sigmoid(a, a, xp)


@formula("elements")
def gelu_by_tanh(x: Any, /, *, xp: Any) -> Any:
    """Return x * sigmoid(2 y) = 0.5 * x * (1 + tanh(y)), with y = sqrt(2 / pi) * (x + 0.044715 * x**3)."""
    low, high = halves(x, xp)
    # Where exp is 0 in every type, as y is above 4600; the cube of a large x would overflow, and inf * 0 be NaN.
    a = at_most(high - low, 40.0, xp)
    c = 2.0 * sqrt(2.0 / pi)
    return high - _times_sigmoid(a, a * (c + 0.044715 * c * (a * a)), xp)


def _times_sigmoid(a: Any, y: Any, xp: Any) -> Any:
    """Return a * sigmoid(-y) for a, y >= 0. With it, x * sigmoid(x) is max(x, 0) less an even function of x.

    Where exp(-y) may be subnormal, which costs digits or is flushed to 0, it is first taken for a larger number.
    """
    deep = y > DEEP
    e = xp.exp(DEEP * cast(deep, y.dtype, xp) - y)
    # Where deep, e is exp(-y) times exp(DEEP); beside 1 exp(-y) itself vanishes.
    shallow = a * e / (1.0 + select(~deep, e, 0.0, xp))
    return xp.where(deep, exp(-DEEP) * shallow, shallow)


@formula("elements")
def linear(x: Any, /, *, slope: float, xp: Any) -> Any:
    """Return slope * x."""
    return times(slope, x, xp)


@formula("elements")
def binary_step(x: Any, /, *, threshold: float, xp: Any) -> Any:
    """Return 1 where x >= threshold, else 0, with a derivative of 0 that automatic differentiation finds."""
    return cast(x >= threshold, x.dtype, xp) + times(0.0, x, xp)


@formula("elements")
def sparse_plus(x: Any, /, *, xp: Any) -> Any:
    """Return 0, ((x + 1) / 2)**2 and x below, within and above [-1, 1]."""
    # By two negations, so that NaN is in the middle and stays NaN; -1 elsewhere, as the square would overflow.
    middle = ~(x <= -1) & ~(x >= 1)
    half = 0.5 * (select(middle, x, -1.0, xp) + 1.0)
    return half * half + select(x >= 1, x, 0.0, xp)


@formula("elements")
def sparse_sigmoid(x: Any, /, *, xp: Any) -> Any:
    """Return (x + 1) / 2, kept in [0, 1]."""
    middle = ~(x <= -1) & ~(x >= 1)
    return select(~(x >= 1), 0.5 * (select(middle, x, -1.0, xp) + 1.0), 1.0, xp)
