"""Find the coefficients of the polynomials in ``polynomials.h`` again, and prove the bounds of their errors.

    python kernels/tests/polynomials.py

The coefficients, the intervals and the stated bounds are read from the C source. A bound is proved, not sampled: the
error is a power series, and in each of many small cells it is at most the sum of its absolute Taylor terms there.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import mpmath
from mpmath import mpf

SOURCE = Path(__file__).resolve().parents[1] / "src" / "c" / "polynomials.h"
DIGITS = {"float": 24, "double": 53}
TERMS, CELLS = 25, 200
WORKING = 200  # bits, far more than the series leaves out

Series = Callable[[int], mpf]


def exp_series(k: int) -> mpf:
    """Return the coefficient of r^k in (exp(r) - 1 - r) / r^2."""
    return 1 / mpmath.factorial(k + 2)


def atanh_series(k: int) -> mpf:
    """Return the coefficient of z^2k in (atanh(z) / z - 1) / z^2."""
    return 1 / mpf(2 * k + 3)


class Quantity(NamedTuple):
    """What a polynomial is used for: its error is that of p times a power, relative to something that increases."""

    series: Series
    power: int
    size: Callable[[mpf], mpf]


QUANTITIES = {
    "exp(r)": Quantity(exp_series, 2, mpmath.exp),
    "exp(r) - 1": Quantity(exp_series, 1, lambda r: mpmath.expm1(r) / r if r else mpf(1)),
    "log(1 + f)": Quantity(atanh_series, 1, lambda w: mpmath.atanh(mpmath.sqrt(w)) / mpmath.sqrt(w) if w else mpf(1)),
}


class Polynomial(NamedTuple):
    """A polynomial as the C source has it."""

    coefficients: list[mpf]  # the lowest power first
    low: mpf
    high: mpf
    stated: dict[tuple[str, str], float]  # the bound in ulp, for a quantity in a type


def number(text: str) -> mpf:
    """Return the value of a constant of C, a quotient of two among them, as a double holds it."""
    parts = [float.fromhex(t) if "x" in t else float(Fraction(t)) for t in re.sub("f?$", "", text.strip()).split("/")]
    return mpf(parts[0] / parts[1] if len(parts) == 2 else parts[0])


def read(source: str) -> dict[str, Polynomial]:
    """Return all polynomials by name."""
    found: dict[str, Polynomial] = {}
    joined = source.replace("\\\n", "")
    for comment, name, body in re.findall(r"/\*((?:(?!\*/)[\s\S])*)\*/\n#define (\w+) (.*)", joined):
        if interval := re.search(r"(abs\(\w\)|0 <= \w) <= ([\d.]+)\n", comment):
            high = mpf(interval[2])
            stated = {(q, t): float(b) for q, b, t in re.findall(r"^ +(\S.*): ([\d.]+) ulp of (\w+)", comment, re.M)}
            if name == "EXP_DOUBLE_MORE_THAN_FLOAT":
                coefficients = found["EXP_DOUBLE"].coefficients[: -int(body)]
            else:
                coefficients = [number(c) for c in body.split(",")][::-1]
            found[name] = Polynomial(coefficients, -high if interval[1][0] == "a" else mpf(0), high, stated)
    return found


def value(coefficients: list[mpf], x: mpf) -> mpf:
    return mpmath.polyval(coefficients[::-1], x)


def taylor(coefficients: list[mpf], x: mpf) -> list[mpf]:
    """Return the coefficients of the same polynomial in powers of the distance from x."""
    c = list(coefficients)
    for i in range(len(c) - 1):
        for j in range(len(c) - 2, i - 1, -1):
            c[j] += x * c[j + 1]
    return c


def bound(p: Polynomial, quantity: Quantity, digits: int) -> float:
    """Return a bound of the error in ulp that is a few percent above the largest error, and never below it."""
    with mpmath.workprec(WORKING):
        error = [-quantity.series(k) for k in range(TERMS)]
        for k, c in enumerate(p.coefficients):
            error[k] += c
        error = [mpf(0)] * quantity.power + error
        # The terms left out fall by more than half from one to the next.
        tail = 2 * quantity.series(TERMS) * p.high ** (TERMS + quantity.power)
        half = (p.high - p.low) / (2 * CELLS)
        worst = mpf(0)
        for i in range(CELLS):
            middle = p.low + (2 * i + 1) * half
            most = sum(abs(c) * half**j for j, c in enumerate(taylor(error, middle)))
            worst = max(worst, (most + tail) / quantity.size(middle - half))
        return float(worst * 2**digits)


def interpolated(terms: int, digits: int) -> list[mpf]:
    """Return p for exp, by interpolation in the Chebyshev nodes of 1.001 times abs(r) <= log(2) / 2, rounded."""
    with mpmath.workprec(WORKING):
        reach = mpmath.mpf("1.001") * mpmath.log(2) / 2
        nodes = [reach * mpmath.cospi(mpf(2 * i + 1) / (2 * terms)) for i in range(terms)]
        powers = mpmath.matrix([[x**j for j in range(terms)] for x in nodes])
        series = [exp_series(k) for k in range(TERMS)]
        solution = mpmath.lu_solve(powers, mpmath.matrix([value(series, x) for x in nodes]))
        with mpmath.workprec(digits):
            return [+c for c in solution]


def found_again(name: str, p: Polynomial) -> bool:
    """Return whether the coefficients are, bit for bit, those that the comment in the C source describes."""
    n = len(p.coefficients)
    if name == "ATANH_SERIES":
        return p.coefficients == [mpf(1 / (2 * k + 3)) for k in range(n)]
    if name == "EXP_FLOAT":
        return p.coefficients == interpolated(n, DIGITS["float"])
    return p.coefficients == interpolated(10, DIGITS["double"])[:n]


def bounds(p: Polynomial) -> Iterator[tuple[str, str, float, float]]:
    """Yield each quantity, its type, the bound that was proved and the one that is stated."""
    for (quantity, type_), stated in p.stated.items():
        yield quantity, type_, bound(p, QUANTITIES[quantity], DIGITS[type_]), stated


def main() -> int:
    wrong = 0
    for name, p in read(SOURCE.read_text(encoding="utf-8")).items():
        again = found_again(name, p)
        wrong += not again
        print(f"{name}: {len(p.coefficients)} coefficients, {'found again' if again else 'NOT those found'}")
        for quantity, type_, proved, stated in bounds(p):
            wrong += proved > stated
            interval = f"{float(p.low):.4f} to {float(p.high):.4f}"
            verdict = "" if proved <= stated else " WRONG"
            print(f"    {quantity}, {interval}: at most {proved:.3g} ulp of {type_}, stated {stated:g}{verdict}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
