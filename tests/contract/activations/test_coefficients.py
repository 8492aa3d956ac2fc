"""The polynomials in the formulas are those that the script finds."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("mpmath")

from softmax_xp._formulas import normal
from softmax_xp._xp import expm1

from . import coefficients

pytestmark = pytest.mark.formula

dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


@dtypes
def test_the_normal_tail_has_the_coefficients_of_the_script(dtype):
    assert normal.TAIL[dtype] == coefficients.normal_tail(dtype)
    assert (normal.POLE, normal.FLAT, normal.TOP[dtype]) == (
        coefficients.POLE,
        coefficients.FLAT,
        coefficients.TAILS[dtype][0],
    )


@dtypes
def test_the_middle_of_the_normal_distribution_has_the_coefficients_of_the_script(dtype):
    assert normal.CENTER[dtype] == coefficients.normal_middle(dtype)
    assert normal.MIDDLE == coefficients.MIDDLE


@dtypes
def test_tanh_has_the_coefficients_of_the_script(dtype):
    assert expm1.TANH[dtype] == coefficients.tanh_near_0(dtype)
    assert expm1.NEAR == coefficients.NEAR


@dtypes
def test_the_square_of_the_leading_part_is_exact(dtype):
    kind = np.dtype(dtype).type
    heads = np.arange(1, int(normal.TOP[dtype] * normal.GRID[dtype]), 997, dtype=np.int64)
    squares = (heads / normal.GRID[dtype]).astype(kind) ** 2
    assert [int(float(s) * normal.GRID[dtype] ** 2) for s in squares] == [int(h) ** 2 for h in heads]
