"""The table of edge values of logsumexp with weights, as data."""

from __future__ import annotations

from math import frexp, inf, isfinite, log, nan
from typing import NamedTuple


class SumEdge(NamedTuple):
    """One row of the table: exponents, weights, the logarithm of the size of the sum, and its sign."""

    name: str
    x: list[float]
    b: list[float]
    value: float
    sign: float

    def fits(self, digits: int, tiny: float) -> bool:
        """Whether a type with so many digits, and with numbers down to ``tiny``, holds the row as it is."""
        numbers = [abs(v) for v in (*self.x, *self.b) if isfinite(v) and v != 0.0]
        return all((frexp(v)[0] * 2.0**digits).is_integer() and tiny <= v <= 1.0 / tiny for v in numbers)


SUM_EDGES = (
    SumEdge("ordinary", [0.0, 0.0], [3.0, -1.0], log(2.0), 1.0),
    SumEdge("one tiny weight", [0.0], [2.0**-60], -41.58883083359672, 1.0),
    SumEdge("a tiny weight beside a tiny term", [-30.0, 0.0], [1.0, 2.0**-40], -27.627954890145823, 1.0),
    SumEdge("a tiny negative weight", [0.0, 0.0], [-(2.0**-60), 0.0], -41.58883083359672, -1.0),
    SumEdge("a small weight", [0.0], [2.0**-13], -9.010913347279288, 1.0),
    SumEdge("huge beside tiny", [-1000.0, 0.0], [2.0**1000, 2.0**-1000], -306.8528194400547, 1.0),
    SumEdge("negative, near 1", [0.0, -40.0], [-1.0, -1.0], 4.248354255291589e-18, -1.0),
    SumEdge("weights that sum to 1", [0.0, 0.0, -40.0], [0.25, 0.75, 1.0], 4.248354255291589e-18, 1.0),
    SumEdge("weights that leave 1", [0.0, 0.0, 0.0], [7.0, -3.0, -3.0], 0.0, 1.0),
    SumEdge("nothing is left", [1.0, 1.0], [1.0, -1.0], -inf, 0.0),
    SumEdge("weights of 0", [1.0, 2.0], [0.0, 0.0], -inf, 0.0),
    SumEdge("weight of 0 at NaN", [nan, 1.0], [0.0, 1.0], 1.0, 1.0),
    SumEdge("weight of 0 at +inf", [inf, 1.0], [0.0, 1.0], 1.0, 1.0),
    SumEdge("weight of 0 far above", [1000.0, 1.0], [0.0, -1.0], 1.0, -1.0),
    SumEdge("weight NaN", [0.0, 1.0], [nan, 1.0], nan, nan),
    SumEdge("weight inf", [0.0, 1.0], [inf, -1.0], inf, 1.0),
    SumEdge("weight -inf", [0.0, 1.0], [-inf, 1.0], inf, -1.0),
    SumEdge("weights of both infinities", [0.0, 1.0], [-inf, inf], nan, nan),
    SumEdge("weight inf at -inf", [-inf, 0.0], [inf, 1.0], 0.0, 1.0),
    SumEdge("negative weight at +inf", [inf, 1.0], [-2.0, 1.0], inf, -1.0),
    SumEdge("+inf less +inf", [inf, inf], [2.0, -1.0], nan, nan),
    SumEdge("all -inf", [-inf, -inf], [1.0, -1.0], -inf, 0.0),
    SumEdge("NaN", [nan, 1.0], [1.0, 1.0], nan, nan),
)
