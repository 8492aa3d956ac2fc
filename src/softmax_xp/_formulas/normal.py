"""The normal distribution, which the standard has no function for."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any, NamedTuple

from .elements import at_most, halves, horner, narrow_or_wide
from .rows import select

TAIL = {
    "float64": (
        0.45329496626782373,
        -0.044967420786888444,
        -0.026585832961666018,
        0.04714949101620815,
        -0.03376179319610501,
        0.013997449375932948,
        -0.002591461626071696,
        -0.000511709860823819,
        0.00035355128349844896,
        5.0544048765071506e-06,
        -4.017112021579493e-05,
        7.980829947950475e-07,
        5.069814760896456e-06,
        1.3026231380101624e-07,
        -6.894683339441144e-07,
        -9.712180499870505e-08,
        8.924588785609884e-08,
        2.995974977849759e-08,
        -8.966238625152398e-09,
        -6.563328082536768e-09,
        3.9708145190663667e-10,
        1.013082518417265e-09,
        2.7512239005282573e-11,
        -8.43796340129693e-11,
    ),
    "float32": (
        0.4587820096219802,
        -0.030049560256448164,
        -0.037264397419188716,
        0.04401230109693454,
        -0.02450096758353332,
        0.007643587218021557,
        -0.0008015741287410438,
        -0.00031411716362639606,
        9.626971305862401e-05,
        1.250702914352031e-05,
        -6.6236157418496814e-06,
    ),
}
"""P, with Phi(-a) exp(a**2 / 2) (a + FLAT) = P(s), where s is linear in 1 / (a + POLE) and goes from -1 to 1
for a from 0 to TOP; found by tests/activations/coefficients.py."""

POLE, FLAT = 4.0, 0.75
TOP = {"float64": 39.0, "float32": 14.5}
"""From here on the tail is less than half the smallest number."""

GRID = {"float64": 2.0**20, "float32": 2.0**8}
"""The square of a multiple of 1 / GRID below TOP is exact."""


class Tail(NamedTuple):
    """The normal distribution beyond a >= 0: Phi(-a) is mills * exp(-a**2 / 2)."""

    a: Any  # at most TOP
    mills: Any
    times_a: Any  # a * mills
    e: Any  # exp(-a**2 / 2) is e + e * excess
    excess: Any

    def decayed(self, factor: Any) -> Any:
        """Return factor * exp(-a**2 / 2)."""
        product = factor * self.e
        return product + product * self.excess


def normal_tail(a: Any, xp: Any) -> Tail:
    """Return Phi(-a), the probability beyond a >= 0, in its factors.

    The rounding of a**2 / 2 would move its exponential by hundreds of ulp: a is split into a part of few digits,
    whose square is exact, and a rest that is small. Rounding has no derivative, hence that of the whole is right.
    """
    kind = narrow_or_wide(a)
    a = at_most(a, TOP[kind], xp)
    large = a >= FLAT
    # Near 0 the first factor is better left 1.
    head = select(large, xp.round(a * GRID[kind]) / GRID[kind], 0.0, xp)
    e, excess = xp.exp(-0.5 * (head * head)), xp.expm1(-0.5 * ((a - head) * (a + head)))
    # -1 at 0, and with all digits of a near it.
    s = (2.0 + 2.0 * POLE / TOP[kind]) * a / (a + POLE) - 1.0
    p = horner(TAIL[kind], s)
    mills = p / (a + FLAT)
    # The second is the same with the rounding errors of a smaller number.
    return Tail(a, mills, xp.where(large, p - FLAT * mills, a * mills), e, excess)


def gelu(x: Any, /, *, where: None = None, xp: Any) -> Any:
    """Return x * Phi(x), where Phi(x) is 1 - Phi(-x) for x > 0."""
    low, high = halves(x, xp)
    tail = normal_tail(high - low, xp)
    return xp.where(x > 0, high * (1.0 - tail.decayed(tail.mills)), 0.0 - tail.decayed(tail.times_a))


def gelu_slope(x: Any, g: Any, /, *, where: None = None, xp: Any) -> Any:
    """Return g * (Phi(x) + x * phi(x)); that of -x is 1 less that of x."""
    low, high = halves(x, xp)
    tail = normal_tail(high - low, xp)
    below = tail.decayed(tail.mills - tail.a / sqrt(2.0 * pi))
    return g * xp.where(x > 0, 1.0 - below, below)
