"""Logits that a compiled function computes itself, from arrays that it is given.

A compiler may compute them again at every use, contract a product and the subtraction of the row maximum into one
fused step, or keep a half type in float32: each of these is one way to do so. All are written with operators alone,
for any library; ``cast(x, name)`` is the library's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Cast = Callable[[Any, str], Any]

PRODUCERS: dict[str, Callable[[Any, Any, Cast], Any]] = {
    "product": lambda v, w, cast: v * 3.3,
    "product of arrays": lambda v, w, cast: v * w,
    "quotient": lambda v, w, cast: v / 0.7,
    "two products": lambda v, w, cast: v * 1.3 + w * 0.7,
    "matrix product": lambda v, w, cast: (v @ (w.T @ w)) / 2.7,
    "half product": lambda v, w, cast: cast(cast(v, "bfloat16") * 1.7, "float32"),
    "half quotient": lambda v, w, cast: cast(v, "bfloat16") / 0.7,
    "float16 product": lambda v, w, cast: cast(cast(v, "float16") * 1.7, "float32"),
}
"""By their names: functions of two matrices of float32, ``v`` of logits and ``w`` of factors near 1."""
