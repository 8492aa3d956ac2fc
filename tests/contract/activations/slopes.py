"""Where the derivatives of activations are compared with exact ones."""

from __future__ import annotations

from typing import Any

import numpy as np

_DEEPEST = {"float64": 700.0, "float32": 80.0, "float16": 15.0, "bfloat16": 80.0}
_OF_GELU = {"float64": (36.0, 18.0), "float32": (12.0, 8.5), "float16": (5.0, 3.5), "bfloat16": (12.0, 8.5)}
"""Farther out, derivatives are subnormal or nearly so: libraries that flush such numbers to 0 lose them."""


def slope_numbers(
    name: str, dtype: str, order: int = 1, beta: float = 1.0, cap: float = 2.0, approximate: bool = False, **_: Any
) -> Any:
    """Return numbers whose derivatives are normal ones."""
    if name == "logit":
        small = 1e-3 if dtype == "float16" else 1e-15 if order == 2 else 1e-30
        near = np.geomspace({"float64": 1e-15, "float32": 1e-6}.get(dtype, 1e-2), 0.4, 20)
        return np.concatenate([np.geomspace(small, 0.5, 40), 1.0 - near])
    # The exponent of a derivative is that of exp(beta x), or exp(2 x / cap).
    scale = 0.5 if name == "tanh" else cap / 2 / max(beta, 1.0)
    reach = _OF_GELU[dtype][approximate] if name == "gelu" else _DEEPEST[dtype] * scale
    rng = np.random.default_rng(3)
    half = np.concatenate([rng.uniform(size=40) * top for top in (1.0, 10.0, reach)])
    half = np.concatenate([half[half <= reach], np.geomspace(1e-3, 1.0, 10)])
    return np.concatenate([-half, half])
