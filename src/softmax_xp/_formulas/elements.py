"""Functions of single numbers: what several formulas are made of."""

from __future__ import annotations

from collections.abc import Iterable
from math import frexp, inf, ldexp
from typing import Any

from .._autodiff import execute
from .._gate.dtypes import dtype_name
from .._gate.namespace import is_compiling, is_jax
from .rows import select

TANH = {
    "float64": (
        -0.3333333333333333,
        0.13333333333332714,
        -0.053968253967434016,
        0.021869488493666944,
        -0.008863234397814355,
        0.003592110378689024,
        -0.001455661830100716,
        0.0005889360520074057,
        -0.0002346347410887237,
        8.511313685577671e-05,
        -2.060276537636634e-05,
    ),
    "float32": (
        -0.3333333200797698,
        0.1333311372902087,
        -0.05390942882746055,
        0.021309388664443474,
        -0.006610227831114734,
    ),
}
"""R, with tanh(y) = y + y**3 R(y**2) for abs(y) <= NEAR; found by tests/activations/coefficients.py."""

NEAR = 0.55

CLOSE = 0.7
"""For x beyond it exp(x) - 1 loses nothing: there exp(x) is below 1/2 or above 2."""


def narrow_or_wide(x: Any) -> str:
    """Return the name of the type whose constants ``x`` takes."""
    return "float32" if dtype_name(x.dtype) == "float32" else "float64"


def horner(coefficients: Iterable[float], x: Any) -> Any:
    """Return a polynomial, given by its coefficients from the constant one on."""
    highest, *rest = reversed(tuple(coefficients))
    total = highest * x + rest[0]
    for c in rest[1:]:
        total = total * x + c
    return total


def halves(x: Any, xp: Any) -> tuple[Any, Any]:
    """Return min(x, 0) and max(x, 0), which sum to x; NaN is in the first.

    Not by `minimum`: at 0 the first has the derivative 1 and the second 0, so that a sum of two functions of
    them has one derivative there, not the mean of two.
    """
    positive = x > 0
    return select(~positive, x, 0.0, xp), select(positive, x, 0.0, xp)


def at_most(a: Any, top: float, xp: Any) -> Any:
    """Return min(a, top), keeping NaN; beyond ``top`` it is a constant."""
    return select(~(a > top), a, top, xp)


def times(factor: float, x: Any, xp: Any) -> Any:
    """Return factor * x, where 0 * inf is 0."""
    return factor * (x if factor else select(~((x == inf) | (x == -inf)), x, 0.0, xp))


def small_tanh(y: Any) -> Any:
    """Return tanh(y) for abs(y) <= NEAR."""
    square = y * y
    return y + y * (square * horner(TANH[narrow_or_wide(y)], square))


def tanh(x: Any, /, *, where: None = None, xp: Any) -> Any:
    """Return tanh(x), by a polynomial near 0 and by exp elsewhere; libraries miss it by up to 6 ulp."""
    low, high = halves(x, xp)
    near = high - low < NEAR
    e = xp.exp(-2.0 * select(~near, high - low, 1.0, xp))
    far = (1.0 - e) / (1.0 + e)
    return xp.where(near, small_tanh(select(near, x, 0.0, xp)), xp.where(x > 0, far, -far))


def tanh_slope(x: Any, g: Any, /, *, where: None = None, xp: Any) -> Any:
    """Return g / cosh(x)**2; 1 - tanh(x)**2 would be 0 where tanh(x) rounds to 1."""
    low, high = halves(x, xp)
    e = xp.exp(low - high)
    sech = 2.0 * e / (1.0 + e * e)
    return g * (sech * sech)


def softcap(x: Any, /, *, cap: float, where: Any = None, xp: Any) -> Any:
    """Return cap * tanh(x / cap); what ``where`` leaves out is taken as 0, so that its derivative is 0."""
    return cap * tanh(select(where, x, 0.0, xp) / cap, xp=xp)


def softcap_slope(x: Any, g: Any, /, *, cap: float, where: Any = None, xp: Any) -> Any:
    """Return g / cosh(x / cap)**2, where x counts."""
    return tanh_slope(select(where, x, 0.0, xp) / cap, select(where, g, 0.0, xp), xp=xp)


def expm1(x: Any, xp: Any) -> Any:
    """Return exp(x) - 1, which keeps its digits near 0 in a compiled graph too.

    Inductor writes the vectors of torch's own on the CPU as exp(x) - 1: 0 where the result is small. XLA on the CPU
    (jaxlib 0.10) fuses two of JAX's own with a sum, and one of them then has the argument of the other.
    """
    if is_jax(xp):
        return execute(exp_less_1, x, xp=xp)
    return own_expm1(x, xp) if is_compiling(xp) else xp.expm1(x)


def exp_less_1(x: Any, /, *, where: None = None, xp: Any) -> Any:
    """Return exp(x) - 1 with exp(x) as its derivative: XLA flushes what a tiny cotangent has in a polynomial to 0."""
    return own_expm1(x, xp)


def exp_slope(x: Any, g: Any, /, *, where: None = None, xp: Any) -> Any:
    """Return g * exp(x)."""
    return g * xp.exp(x)


def own_expm1(x: Any, xp: Any) -> Any:
    """Return exp(x) - 1, by the polynomial of tanh near 0; it has the right derivatives, to a few ulp."""
    return _expm1_in_parts(x, xp.abs(x) < CLOSE, xp)


def _expm1_in_parts(x: Any, near: Any, xp: Any) -> Any:
    half = small_tanh(0.5 * select(near, x, 0.0, xp))
    return xp.where(near, 2.0 * half / (1.0 - half), xp.exp(select(~near, x, -1.0, xp)) - 1.0)


def elu(x: Any, /, *, alpha: float, where: None = None, xp: Any) -> Any:
    """Return max(x, 0) + alpha * expm1(min(x, 0)); libraries miss expm1 by up to 4 ulp."""
    low, high = halves(x, xp)
    return high + alpha * _expm1_in_parts(low, low > -CLOSE, xp)


def elu_slope(x: Any, g: Any, /, *, alpha: float, where: None = None, xp: Any) -> Any:
    """Return g where x > 0, and g * alpha * exp(x) elsewhere."""
    low, _ = halves(x, xp)
    return g * select(~(x > 0), alpha * xp.exp(low), 1.0, xp)


def exp_of_product(factor: float, t: Any, xp: Any) -> Any:
    """Return exp(factor * t) for t <= 0 as if the product were not rounded.

    The rounding of a product of 700 would move its exponential by 350 ulp. So t is split into a part of few
    digits, whose product with the leading half of the factor is exact, and a rest that is small.
    """
    share, exponent = frexp(factor)
    if share == 0.5 or abs(exponent) > 60:
        return xp.exp(factor * t)
    # Digits of half a number, and of the product beyond which exp is 0.
    digits, reach = (12, 7) if narrow_or_wide(t) == "float32" else (26, 10)
    t = -at_most(-t, ldexp(1.0, reach) / factor, xp)
    grid = ldexp(1.0, digits - reach - 1 + exponent)
    # Near 0 the first factor is better left 1.
    head = select(t <= -0.25 / factor, xp.round(t * grid) / grid, 0.0, xp)
    leading = ldexp(round(ldexp(share, digits)), exponent - digits)
    rest = (factor - leading) * head + factor * (t - head)
    e = xp.exp(leading * head)
    return e + e * expm1(rest, xp)
