"""The numerical contract as data: values at the edges, accuracy gates, dangerous inputs."""

from __future__ import annotations

from math import ceil, inf, log, log2, nan, sqrt
from typing import NamedTuple

OPS = ("softmax", "log_softmax", "logsumexp")
FLOATS = ("float64", "float32", "float16", "bfloat16")

MAX_ELEMENTARY_ERROR = 4.0
"""Largest error of the library's own exp and log1p, in ulp, that the contract can be kept with."""


class Format(NamedTuple):
    """A binary floating type: digits of its significand and exponent of its smallest normal number."""

    digits: int
    min_exponent: int

    @property
    def unit(self) -> float:
        """The unit roundoff u."""
        return 2.0**-self.digits

    @property
    def tiny(self) -> float:
        """The smallest normal number."""
        return 2.0**self.min_exponent


FORMATS = {
    "float64": Format(53, -1022),
    "float32": Format(24, -126),
    "float16": Format(11, -14),
    "bfloat16": Format(8, -126),
}


class Gate(NamedTuple):
    """What is allowed for one op and dtype: ``ulps * ulp(y) + units * u`` (+ c where ``conditioned``)."""

    ulps: float
    units: float
    conditioned: bool


def gate(op: str, dtype: str, n: int, elementary: float, *, sequential: bool = False) -> Gate:
    """Return the accuracy gate for rows of length ``n``.

    ``elementary`` is the library's own worst error of exp and log1p in ulp; ``sequential`` says
    that it sums float64 one after the other (NumPy and torch along a strided axis).
    """
    if dtype in ("float16", "bfloat16"):
        return Gate(1.0, 0.0, False)
    terms = ceil(log2(max(n, 1))) / 4
    slack = sqrt(n) if sequential and dtype == "float64" else 0.0
    if op == "softmax":
        return Gate(elementary + (4 + terms if dtype == "float64" else 3) + slack, 0.0, True)
    if op == "log_softmax":
        return Gate((5 if dtype == "float64" else 4) + slack, 0.0, True)
    if op == "logsumexp":
        return Gate(1.0, (elementary + 3 + terms) * max(1.0, log(max(n, 1))), False)
    raise ValueError(f"there is no gate for {op!r}; use one of {', '.join(OPS)}")


def underflow(op: str, dtype: str, n: int) -> float:
    """Return what a library that flushes subnormal numbers to 0 may lose: one per term of a sum.

    float16 is computed in float32, where its whole range is normal.
    """
    if dtype == "float16":
        return 0.0
    return FORMATS[dtype].tiny * (1 if op == "softmax" else n)


def sum_gate(dtype: str, n: int) -> float:
    """Return the largest allowed distance of a row's sum of probabilities from 1."""
    u = FORMATS[dtype].unit
    if dtype == "float16":
        return n * 2.0**-25 + u
    return u if dtype == "bfloat16" else 8 * u


class Edge(NamedTuple):
    """One row of the table of edge values; a result of None is not part of the row."""

    name: str
    x: list[float]
    where: list[bool] | None
    softmax: list[float]
    log_softmax: list[float]
    logsumexp: float


_THIRD, _LOG_3 = 1 / 3, 1.0986122886681098
_YES, _NO = True, False

EDGES = (
    Edge("ordinary", [0.0, 0.0, 0.0], None, [_THIRD] * 3, [-_LOG_3] * 3, _LOG_3),
    Edge("some -inf", [0.0, -inf], None, [1.0, 0.0], [0.0, -inf], 0.0),
    Edge("all -inf", [-inf, -inf], None, [nan, nan], [nan, nan], -inf),
    Edge("kept all -inf", [-inf, 3.0], [_YES, _NO], [nan, 0.0], [nan, -inf], -inf),
    Edge("fully masked", [1.0, 2.0], [_NO, _NO], [0.0, 0.0], [-inf, -inf], -inf),
    Edge("fully masked NaN", [nan, inf], [_NO, _NO], [0.0, 0.0], [-inf, -inf], -inf),
    Edge("+inf", [inf, 1.0], None, [nan, nan], [nan, nan], inf),
    Edge("+inf beside huge", [inf, 1e30], None, [nan, nan], [nan, nan], inf),
    Edge("two +inf", [inf, inf], None, [nan, nan], [nan, nan], inf),
    Edge("+inf and masked", [inf, 1.0, 2.0], [_YES, _YES, _NO], [nan, nan, 0.0], [nan, nan, -inf], inf),
    Edge("NaN", [nan, 1.0], None, [nan, nan], [nan, nan], nan),
    Edge("NaN beside huge", [nan, 1e30], None, [nan, nan], [nan, nan], nan),
    Edge("NaN and masked", [nan, 1.0, 2.0], [_YES, _YES, _NO], [nan, nan, 0.0], [nan, nan, -inf], nan),
    Edge("masked NaN", [0.0, nan, 0.0], [_YES, _NO, _YES], [0.5, 0.0, 0.5], [-log(2), -inf, -log(2)], log(2)),
    Edge("masked inf", [0.0, inf, 0.0], [_YES, _NO, _YES], [0.5, 0.0, 0.5], [-log(2), -inf, -log(2)], log(2)),
    Edge("masked 1e30", [0.0, 1e30, 0.0], [_YES, _NO, _YES], [0.5, 0.0, 0.5], [-log(2), -inf, -log(2)], log(2)),
    Edge("one entry", [5.0], None, [1.0], [0.0], 5.0),
    Edge("1e30", [1e30, 0.0], None, [1.0, 0.0], [0.0, -1e30], 1e30),
    Edge(
        "ties",
        [7.0, 7.0, -inf, 7.0],
        None,
        [_THIRD, _THIRD, 0.0, _THIRD],
        [-_LOG_3, -_LOG_3, -inf, -_LOG_3],
        7 + _LOG_3,
    ),
    Edge(
        "confident",
        [0.0, -40.0],
        None,
        [1.0, 4.248354255291589e-18],
        [-4.248354255291589e-18, -40.0],
        4.248354255291589e-18,
    ),
)

SPREADS = (10.0, 20.0, 40.0, 88.0, 104.0, 709.0, 745.0)
LENGTHS = (1, 2, 3, 127, 128, 129, 1023, 1024, 1025, 4097)
OFFSETS = (1e3, 1e30)
WIDEST = 4097


def sampled_widths(count: int = 60) -> list[int]:
    """Return about ``count`` widths of 1..4097: the small ones, those around powers of 2, a few between."""
    around = {2**k + d for k in range(3, 13) for d in (-1, 0, 1)}
    step = max(1, WIDEST // max(1, count - len(around) - 8))
    return sorted({*range(1, 9), *around, *range(step // 2, WIDEST, step), WIDEST})
