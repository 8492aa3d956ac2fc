"""The contract of activations, run on one library, device and dtype."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from .. import activations
from .arrays import from_numpy, to_numpy
from .compare import allowance, distance, ulp
from .contract import ACTIVATION_CASES, ACTIVATION_EDGES, MAX_ELEMENTARY_ERROR, activation_op
from .exact_activations import exact_activation
from .oracle import Exact, Floats
from .records.entry import name_of as name_of
from .report import Line

_LIMITS = {
    "float64": (1e-305, 1e307, 760.0),
    "float32": (1e-36, 1e38, 110.0),
    "float16": (1e-4, 6e4, 20.0),
    "bfloat16": (1e-36, 1e38, 110.0),
}
"""The smallest and the largest number to call with, and where the exponential of a number is 0 from."""


def activation_numbers(name: str, dtype: str) -> Floats:
    """Return numbers over the whole range of a function, to be rounded to ``dtype``."""
    small, large, reach = _LIMITS[dtype]
    if name == "logit":
        near = np.geomspace(2e-16 if dtype == "float64" else 2e-7, 0.4, 60)
        return np.concatenate([np.geomspace(small, 0.5, 80), 1.0 - near, 0.5 - near / 1.01, 0.5 + near / 1.01])
    rng = np.random.default_rng(0)
    half = np.concatenate(
        [
            np.geomspace(small, large, 60),
            reach * rng.uniform(size=80),
            np.minimum(reach, 40.0) * rng.uniform(size=120),
            2.0 * rng.uniform(size=120),
            [0.0],
        ]
    )
    return np.concatenate([-half, half])


def activation_lines(xp: Any, device: Any, dtype: str) -> Iterator[Line]:
    """Yield one line per function: for its edge values, and for its whole range."""
    yield _worst_edge(xp, device, dtype)
    for name, options in ACTIVATION_CASES:
        x = from_numpy(activation_numbers(name, dtype), dtype, xp, device)
        exact = _exact(name, tuple(options.items()), to_numpy(x).tobytes())
        yield _line("range", dtype, name, options, getattr(activations, name)(x, **options), exact)


@cache
def _exact(name: str, options: tuple[tuple[str, Any], ...], numbers: bytes) -> Exact:
    return exact_activation(name, np.frombuffer(numbers), **dict(options))


def _worst_edge(xp: Any, device: Any, dtype: str) -> Line:
    lines = []
    for name, options, x, values, _ in ACTIVATION_EDGES:
        hi = np.asarray(values)
        y = getattr(activations, name)(from_numpy(x, dtype, xp, device), **options)
        lines.append(_line("edges", dtype, name, options, y, Exact(hi, np.zeros_like(hi), np.zeros_like(hi), 1)))
    worst = max(lines, key=lambda line: line.share_of_gate)
    return worst._replace(op="activations", case=worst.op)


def _line(section: str, dtype: str, name: str, options: dict[str, Any], found: Any, exact: Exact) -> Line:
    gap = distance(to_numpy(found), exact)
    share = gap / allowance(activation_op(name, **options), dtype, exact, elementary=MAX_ELEMENTARY_ERROR)
    worst = int(np.argmax(share))
    units = gap / ulp(exact.hi, dtype)
    return Line(section, dtype, name_of(name, options), float(units.flat[worst]), float(share.flat[worst]), "")
