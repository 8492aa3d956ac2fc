"""Find the polynomials that the formulas use: ``python -m tests.contract.activations.coefficients`` prints them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath

DIGITS = 60
"""Decimal digits to compute with; coefficients are rounded once."""

POLE, FLAT = 4.0, 0.75
TAILS = {"float64": (39.0, 25), "float32": (14.5, 11)}
"""The argument beyond which the normal tail is 0, and the degree of its polynomial.

POLE makes the polynomial short; FLAT makes it nearly constant, so that nothing in it cancels.
"""

MIDDLE = 0.75
MIDDLES = {"float64": 8, "float32": 4}
"""The degrees of the polynomials of the normal distribution up to MIDDLE."""

NEAR = 0.55
TANHS = {"float64": 10, "float32": 4}
"""The degrees of the polynomials of tanh up to NEAR."""


def interpolate(f: Callable[[Any], Any], low: Any, high: Any, degree: int) -> list[float]:
    """Return the coefficients of the polynomial through f at Chebyshev points, which is nearly the best one."""
    n = degree + 1
    points = [mpmath.cos(mpmath.pi * (2 * k + 1) / (2 * n)) for k in range(n)]
    points = [(low + high) / 2 + (high - low) / 2 * p for p in points]
    powers = mpmath.matrix([[p**k for k in range(n)] for p in points])
    return [float(c) for c in mpmath.lu_solve(powers, mpmath.matrix([f(p) for p in points]))]


def normal_tail(dtype: str) -> tuple[float, ...]:
    """Return P, with Phi(-a) exp(a**2 / 2) (a + FLAT) = P(s) and s, which is linear in 1 / (a + POLE), in [-1, 1]."""
    with mpmath.workdps(DIGITS):
        top, degree = TAILS[dtype]
        least, most = 1 / mpmath.mpf(top + POLE), 1 / mpmath.mpf(POLE)

        def f(s: Any) -> Any:
            y = (least + most) / 2 - s * (most - least) / 2
            a = 1 / y - POLE
            return mpmath.erfc(a / mpmath.sqrt(2)) / 2 * mpmath.exp(a * a / 2) * (a + FLAT)

        return tuple(interpolate(f, -1, 1, degree))


def normal_middle(dtype: str) -> tuple[float, ...]:
    """Return G, with Phi(y) = 1/2 + y G(y**2) for abs(y) <= MIDDLE."""
    with mpmath.workdps(DIGITS):

        def f(square: Any) -> Any:
            y = mpmath.sqrt(square)
            return mpmath.erf(y / mpmath.sqrt(2)) / 2 / y

        return tuple(interpolate(f, mpmath.mpf(0), mpmath.mpf(MIDDLE) ** 2, MIDDLES[dtype]))


def tanh_near_0(dtype: str) -> tuple[float, ...]:
    """Return R, with tanh(y) = y + y**3 R(y**2) for abs(y) <= NEAR."""
    with mpmath.workdps(DIGITS):

        def f(square: Any) -> Any:
            y = mpmath.sqrt(square)
            return (mpmath.tanh(y) / y - 1) / square

        return tuple(interpolate(f, mpmath.mpf(0), mpmath.mpf(NEAR) ** 2, TANHS[dtype]))


if __name__ == "__main__":
    for find in (normal_tail, normal_middle, tanh_near_0):
        for dtype in TAILS:
            print(find.__name__, dtype, *map(repr, find(dtype)), sep="\n    ")
