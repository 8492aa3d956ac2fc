"""Functions of single numbers: what several formulas are made of."""

from __future__ import annotations

from math import frexp, inf, ldexp
from typing import Any

from .._xp.expm1 import CLOSE, NEAR, expm1, expm1_in_parts, narrow_or_wide, small_tanh
from .._xp.operations import select
from .kinds import Rule, formula


def halves(x: Any, xp: Any) -> tuple[Any, Any]:
    """Return min(x, 0) and max(x, 0), which sum to x; NaN is in the first.

    Not by `minimum`: at 0 the first has the derivative 1 and the second 0, so that a sum of two functions of
    them has one derivative there, not the mean of two.
    """
    positive = x > 0
    return select(~positive, x, 0.0, xp), select(positive, x, 0.0, xp)


def at_most(a: Any, top: float, xp: Any) -> Any:
    """Return min(a, top), keeping NaN; beyond ``top`` its derivative is 0."""
    return select(~(a > top), a, top, xp)


def times(factor: float, x: Any, xp: Any) -> Any:
    """Return factor * x, where 0 * inf is 0."""
    return factor * (x if factor else select(~((x == inf) | (x == -inf)), x, 0.0, xp))


def tanh_slope(x: Any, g: Any, /, *, where: None = None, xp: Any) -> Any:
    """Return g / cosh(x)**2; 1 - tanh(x)**2 would be 0 where tanh(x) rounds to 1."""
    low, high = halves(x, xp)
    # exp(-abs(x)) cannot overflow, as cosh(x) does.
    e = xp.exp(low - high)
    sech = 2.0 * e / (1.0 + e * e)
    return g * (sech * sech)


@formula("elements", Rule(tanh_slope, tanh_slope, "argument", ()))
def tanh(x: Any, /, *, where: None = None, xp: Any) -> Any:
    """Return tanh(x), by a polynomial near 0 and by exp elsewhere; libraries miss it by up to 6 ulp."""
    low, high = halves(x, xp)
    near = high - low < NEAR
    e = xp.exp(-2.0 * select(~near, high - low, 1.0, xp))
    far = (1.0 - e) / (1.0 + e)
    # 0 where the polynomial is not taken: the powers of a large number would overflow and warn.
    return xp.where(near, small_tanh(select(near, x, 0.0, xp)), xp.where(x > 0, far, -far))


def softcap_slope(x: Any, g: Any, /, *, cap: float, where: Any = None, xp: Any) -> Any:
    """Return g / cosh(x / cap)**2, where x counts."""
    return tanh_slope(select(where, x, 0.0, xp) / cap, select(where, g, 0.0, xp), xp=xp)


@formula("elements", Rule(softcap_slope, softcap_slope, "argument", ("cap",)))
def softcap(x: Any, /, *, cap: float, where: Any = None, xp: Any) -> Any:
    """Return cap * tanh(x / cap); what ``where`` leaves out is taken as 0, so that its derivative is 0."""
    return cap * tanh(select(where, x, 0.0, xp) / cap, xp=xp)


def elu_slope(x: Any, g: Any, /, *, alpha: float, where: None = None, xp: Any) -> Any:
    """Return g where x > 0, and g * alpha * exp(x) elsewhere."""
    # exp of the negative part alone: of a large x it would overflow.
    low, _ = halves(x, xp)
    # Asked as not above 0, so that NaN, which is in the negative part, has the slope NaN.
    return g * select(~(x > 0), alpha * xp.exp(low), 1.0, xp)


@formula("elements", Rule(elu_slope, elu_slope, "argument", ("alpha",)))
def elu(x: Any, /, *, alpha: float, where: None = None, xp: Any) -> Any:
    """Return max(x, 0) + alpha * expm1(min(x, 0)); libraries miss expm1 by up to 4 ulp."""
    low, high = halves(x, xp)
    return high + alpha * expm1_in_parts(low, low > -CLOSE, xp)


def exp_of_product(factor: float, t: Any, xp: Any) -> Any:
    """Return exp(factor * t) for t <= 0 as if the product were not rounded.

    The rounding of a product of 700 would move its exponential by 350 ulp. So t is split into a part of few
    digits, whose product with the leading half of the factor is exact, and a rest that is small.
    """
    share, exponent = frexp(factor)
    # A power of two multiplies without rounding. The largest and smallest factors would take the grid below out of the
    # range of float32.
    if share == 0.5 or abs(exponent) > 60:
        return xp.exp(factor * t)
    # Half of the digits of the type, and the power of two beyond which exp is 0: exp(-2**7), exp(-2**10).
    digits, reach = (12, 7) if narrow_or_wide(t) == "float32" else (26, 10)
    t = -at_most(-t, ldexp(1.0, reach) / factor, xp)
    grid = ldexp(1.0, digits - reach - 1 + exponent)
    # Near 0 the product is small, and so is its rounding: there the first of the two exponentials is left 1.
    head = select(t <= -0.25 / factor, xp.round(t * grid) / grid, 0.0, xp)
    leading = ldexp(round(ldexp(share, digits)), exponent - digits)
    rest = (factor - leading) * head + factor * (t - head)
    e = xp.exp(leading * head)
    # Not e * exp(rest), whose second factor would have rounded what is small beside 1.
    return e + e * expm1(rest, xp)
