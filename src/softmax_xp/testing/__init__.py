"""The contract as data, and the means to check it: for libraries that embed this one.

It needs NumPy, and mpmath for the oracle (the extra ``check``).
"""

from __future__ import annotations

from . import contract, records
from .check import Report, check_backend
from .compare import assert_derivative, assert_ulp
from .exact_activations import exact_activation, exact_slope
from .exact_sparse import exact_entmax_vjp, exact_fenchel_young, exact_map
from .oracle import (
    Derivative,
    Exact,
    exact_binary_cross_entropy,
    exact_cross_entropy,
    exact_derivative,
    exact_rows,
)

__all__ = [
    "Derivative",
    "Exact",
    "Report",
    "assert_derivative",
    "assert_ulp",
    "check_backend",
    "contract",
    "exact_activation",
    "exact_binary_cross_entropy",
    "exact_cross_entropy",
    "exact_derivative",
    "exact_entmax_vjp",
    "exact_fenchel_young",
    "exact_map",
    "exact_rows",
    "exact_slope",
    "records",
]
