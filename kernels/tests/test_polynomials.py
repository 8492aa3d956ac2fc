"""The polynomials of the C source are as near as it says."""

import mpmath
import pytest
from polynomials import DIGITS, QUANTITIES, SOURCE, TERMS, WORKING, bound, found_again, read, value

POLYNOMIALS = read(SOURCE.read_text(encoding="utf-8"))
STATED = [(name, quantity, type_) for name, p in POLYNOMIALS.items() for quantity, type_ in p.stated]


def largest_sample(p, quantity, digits):
    """Return the largest error in ulp at some places, the ends of the interval among them."""
    with mpmath.workprec(WORKING):
        places = [p.low + (p.high - p.low) * i / 200 for i in range(201)]
        series = [quantity.series(k) for k in range(TERMS)]
        errors = [(value(p.coefficients, x) - value(series, x)) * x**quantity.power / quantity.size(x) for x in places]
        return float(max(map(abs, errors)) * 2**digits)


def test_each_polynomial_states_its_error():
    source = SOURCE.read_text(encoding="utf-8")
    assert source.count("#define ") - 1 == len(POLYNOMIALS)
    assert all(p.stated for p in POLYNOMIALS.values())


@pytest.mark.parametrize(("name", "quantity", "type_"), STATED)
def test_the_stated_error_is_a_bound_and_a_close_one(name, quantity, type_):
    p, q = POLYNOMIALS[name], QUANTITIES[quantity]
    proved, stated = bound(p, q, DIGITS[type_]), p.stated[quantity, type_]
    assert 0.9 * stated <= proved <= stated
    assert 0.9 * proved <= largest_sample(p, q, DIGITS[type_]) <= proved


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_the_coefficients_are_those_that_the_source_describes(name):
    assert found_again(name, POLYNOMIALS[name])


@pytest.mark.parametrize(("name", "quantity", "type_"), STATED)
def test_a_wrong_coefficient_breaks_the_bound(name, quantity, type_):
    p = POLYNOMIALS[name]
    wrong = p._replace(coefficients=[*p.coefficients[:-1], p.coefficients[-1] * 0.95])
    assert bound(wrong, QUANTITIES[quantity], DIGITS[type_]) > p.stated[quantity, type_]
