"""The contract as data, and the means to check it: for libraries that embed this one.

It needs NumPy, and mpmath for the oracle (the extra ``check``).
"""

from __future__ import annotations

from . import contract
from .check import Report, check_backend
from .compare import assert_ulp
from .oracle import Exact, exact_rows

__all__ = ["Exact", "Report", "assert_ulp", "check_backend", "contract", "exact_rows"]
