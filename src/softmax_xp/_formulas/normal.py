"""The normal distribution, which the standard has no function for."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any, NamedTuple

from .._xp.expm1 import expm1, horner, narrow_or_wide
from .._xp.operations import select
from .elements import at_most, halves
from .kinds import Rule, formula

TAIL = {
    "float64": (
        0.45329496626782373,
        -0.044967420786888444,
        -0.02658583296166507,
        0.047149491016207905,
        -0.033761793196149734,
        0.013997449375944538,
        -0.0025914616252432805,
        -0.0005117098610410646,
        0.0003535512755630502,
        5.0544069786631395e-06,
        -4.017107533349401e-05,
        7.980710006170579e-07,
        5.069653738553805e-06,
        1.3030567488720688e-07,
        -6.890878596786809e-07,
        -9.722495365273751e-08,
        8.86459122508564e-08,
        3.0123381847583377e-08,
        -8.341101003990482e-09,
        -6.734736316547641e-09,
        -1.611640991225554e-11,
        1.1269243126861446e-09,
        1.8444924825458647e-10,
        -1.2780632630757326e-10,
        -2.6084628416545278e-11,
        7.246550519047836e-12,
    ),
    "float32": (
        0.45878200935930186,
        -0.030049549942067568,
        -0.03726438437340584,
        0.04401209648837075,
        -0.024501071484180088,
        0.007644726434338127,
        -0.0008012841327526319,
        -0.0003167099254665359,
        9.593907951975716e-05,
        1.5091186019787547e-05,
        -6.4916075485233745e-06,
        -9.372065508570647e-07,
    ),
}
"""P, with Phi(-a) exp(a**2 / 2) (a + FLAT) = P(s), where s is linear in 1 / (a + POLE) and goes from -1 to 1
for a from 0 to TOP; found by tests/contract/activations/coefficients.py."""

CENTER = {
    "float64": (
        0.39894228040143265,
        -0.06649038006690419,
        0.009973557009976547,
        -0.001187328214396983,
        0.00011543467768540948,
        -9.444605057900199e-06,
        6.658139159575593e-07,
        -4.0950399522417176e-08,
        2.005713145365612e-09,
    ),
    "float32": (
        0.39894227946005223,
        -0.06649029632146077,
        0.009972360943304425,
        -0.001181318903736044,
        0.00010297051487005196,
    ),
}
"""G, with Phi(y) = 1/2 + y G(y**2) for abs(y) <= MIDDLE; found by the same script."""

MIDDLE = 0.75
POLE, FLAT = 4.0, 0.75
TOP = {"float64": 39.0, "float32": 14.5}
"""From here on the tail is less than half the smallest number."""

GRID = {"float64": 2.0**20, "float32": 2.0**8}
"""The square of a multiple of 1 / GRID below TOP is exact."""


class Tail(NamedTuple):
    """The normal distribution beyond a >= 0: Phi(-a) is mills * exp(-a**2 / 2)."""

    a: Any  # at most TOP
    mills: Any
    times_a: Any  # a * mills, in a form that from MIDDLE on rounds less
    e: Any  # exp(-a**2 / 2) is e + e * excess
    excess: Any

    def decayed(self, factor: Any) -> Any:
        """Return factor * exp(-a**2 / 2)."""
        # The correction is added last: 1 + excess would round it to the digits of 1.
        product = factor * self.e
        return product + product * self.excess


def normal_tail(a: Any, xp: Any) -> Tail:
    """Return Phi(-a), the probability beyond a >= 0, in its factors.

    The rounding of a**2 / 2 would move its exponential by hundreds of ulp: a is split into a part of few digits,
    whose square is exact, and a rest that is small. Rounding has no derivative, hence that of the whole is right.
    """
    kind = narrow_or_wide(a)
    # Beyond TOP nothing changes any more, and a / (a + POLE) of an infinite a would be NaN.
    a = at_most(a, TOP[kind], xp)
    # exp(-a**2 / 2) = exp(-head**2 / 2) * exp(-(a - head) * (a + head) / 2), where the second exponent is small.
    head = xp.round(a * GRID[kind]) / GRID[kind]
    e, excess = xp.exp(-0.5 * (head * head)), expm1(-0.5 * ((a - head) * (a + head)), xp)
    # -1 at 0, and with all digits of a near it.
    s = (2.0 + 2.0 * POLE / TOP[kind]) * a / (a + POLE) - 1.0
    p = horner(TAIL[kind], s)
    mills = p / (a + FLAT)
    return Tail(a, mills, p - FLAT * mills, e, excess)


def gelu_slope(x: Any, g: Any, /, *, where: None = None, xp: Any) -> Any:
    """Return g * (Phi(x) + x * phi(x)); that of -x is 1 less that of x."""
    low, high = halves(x, xp)
    tail = normal_tail(high - low, xp)
    below = tail.decayed(tail.mills - tail.a / sqrt(2.0 * pi))
    return g * xp.where(x > 0, 1.0 - below, below)


@formula("elements", Rule(gelu_slope, gelu_slope, "argument", ()))
def gelu(x: Any, /, *, where: None = None, xp: Any) -> Any:
    """Return x * Phi(x): by a polynomial near 0, by the tail elsewhere, as 1 - Phi(-x) for x > 0."""
    low, high = halves(x, xp)
    near = high - low < MIDDLE
    # 0 where the polynomial is not taken: the powers of a large number would overflow and warn.
    y = select(near, x, 0.0, xp)
    middle = y * (0.5 + y * horner(CENTER[narrow_or_wide(x)], y * y))
    tail = normal_tail(high - low, xp)
    # 1 - Phi(-x) for x > 0, where Phi is near 1; below 0 the tail itself, which keeps its digits. 0 - 0 is 0, where a
    # minus sign would make it -0.
    far = xp.where(x > 0, high * (1.0 - tail.decayed(tail.mills)), 0.0 - tail.decayed(tail.times_a))
    return xp.where(near, middle, far)
