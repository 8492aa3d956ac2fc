"""The numerical contract as data: values at the edges, accuracy gates, dangerous inputs."""

from __future__ import annotations

from math import ceil, frexp, inf, isfinite, log, log2, nan, sqrt
from typing import Any, NamedTuple

from .activation_edges import ACTIVATION_CASES as ACTIVATION_CASES
from .activation_edges import ACTIVATION_EDGES as ACTIVATION_EDGES
from .activation_edges import ACTIVATION_GATES
from .activation_edges import activation_op as activation_op
from .arrays import FLOATS as FLOATS
from .records.entry import Gate as Gate
from .sampling_edges import DRAW_EDGES as DRAW_EDGES
from .sampling_edges import FILTER_EDGES as FILTER_EDGES
from .sampling_edges import FILTER_FILL as FILTER_FILL
from .sampling_edges import FILTERS as FILTERS
from .sampling_edges import DrawEdge as DrawEdge
from .sampling_edges import FilterEdge as FilterEdge
from .sparse_edges import LOSS_CASES as LOSS_CASES
from .sparse_edges import SPARSE_CASES as SPARSE_CASES
from .sparse_edges import SPARSE_EDGES as SPARSE_EDGES
from .sparse_edges import SPARSE_GATES as SPARSE_GATES
from .sparse_edges import SparseEdge as SparseEdge
from .sparse_edges import sparse_op as sparse_op
from .sparse_edges import total_of as total_of
from .sum_edges import SUM_EDGES as SUM_EDGES
from .sum_edges import SumEdge as SumEdge

OPS = ("softmax", "log_softmax", "logsumexp")
LOSS_OPS = ("cross_entropy", "binary_cross_entropy")
DERIVATIVES = ("softmax_vjp", "softmax_hvp", "log_softmax_vjp", "logsumexp_vjp", "cross_entropy_grad")

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


COMPILED = {"softmax": 5.0, "log_softmax": 2.5, "cross_entropy": 2.5}
"""The gates of compiled engines in ulp, at any spread of the logits. That of logsumexp is the same as elsewhere."""


def gate(op: str, dtype: str, n: int, elementary: float, *, sequential: bool = False, compiled: bool = False) -> Gate:
    """Return the accuracy gate for rows of length ``n``.

    ``elementary`` is the library's own worst error of exp and log1p in ulp; ``sequential`` says
    that it sums float64 one after the other (NumPy and torch along a strided axis); ``compiled``
    that a compiled engine computes, which shifts exactly. The loss of a label, one per row, has the
    gate of log_softmax.
    """
    if op in SPARSE_GATES:
        return _sparse_gate(op, dtype)
    if dtype in ("float16", "bfloat16"):
        return Gate(1.0, 0.0, False)
    if compiled and op in COMPILED:
        return Gate(COMPILED[op], 0.0, False)
    if op in ACTIVATION_GATES:
        return ACTIVATION_GATES[op]
    terms = ceil(log2(max(n, 1))) / 4
    slack = sqrt(n) if sequential and dtype == "float64" else 0.0
    if op == "softmax":
        return Gate(elementary + (4 + terms if dtype == "float64" else 3) + slack, 0.0, True)
    if op == "binary_cross_entropy":
        return Gate(4.0, 0.0, False)
    if op in ("log_softmax", "cross_entropy"):
        return Gate((5 if dtype == "float64" else 4) + slack, 0.0, True)
    if op == "logsumexp":
        return Gate(1.0, (elementary + 3 + terms) * max(1.0, log(max(n, 1))), False)
    raise ValueError(
        f"there is no gate for {op!r}; use one of {', '.join((*OPS, *LOSS_OPS, *ACTIVATION_GATES, *SPARSE_GATES))}"
    )


def _sparse_gate(op: str, dtype: str) -> Gate:
    """Return the gate of a map onto the simplex or of its loss; half types have that of float32, and 2 ulp."""
    ulps, units, _ = SPARSE_GATES[op]
    if dtype in ("float16", "bfloat16"):
        return Gate(2.0, 0.0, units * FORMATS["float32"].unit / FORMATS[dtype].unit)
    return Gate(ulps, 0.0, units)


def underflow(op: str, dtype: str, n: int) -> float:
    """Return what a library that flushes subnormal numbers to 0 may lose: one per term of a sum.

    float16 is computed in float32, where its whole range is normal.
    """
    if dtype == "float16":
        return 0.0
    return FORMATS[dtype].tiny * (1 if op in ("softmax", "binary_cross_entropy") else n)


def sum_gate(dtype: str, n: int) -> float:
    """Return the largest allowed distance of a row's sum of probabilities from 1."""
    u = FORMATS[dtype].unit
    if dtype == "float16":
        return n * 2.0**-25 + u
    return u if dtype == "bfloat16" else 8 * u


class Slope(NamedTuple):
    """What is allowed for a derivative: ``ulps * ulp(y) + scale * largest + floor``.

    ``largest`` is the largest absolute value of the row's cotangent, and of its tangent where there is one.
    For log_softmax_vjp it is the sum of the absolute values: its results can be that large.
    """

    ulps: float
    scale: float
    floor: float = 0.0


def derivative_gate(dtype: str) -> Slope:
    """Return the accuracy gate for each entry of a derivative.

    Half types are computed in float32, whose gate they have, and rounded once to 2 ulp of their own.
    """
    if dtype in ("float16", "bfloat16"):
        return Slope(2.0, derivative_gate("float32").scale)
    return Slope(0.0, 16 * FORMATS[dtype].unit)


def row_sum_gate(dtype: str, n: int) -> Slope:
    """Return the largest allowed distance of the sum of a derivative's row from 0.

    For log_softmax_vjp it is the distance from the sum of the exact result, which is 0 as far as the
    given log p are exact. Entries of a half type are rounded one by one, each by u of itself, which is
    2 u in all; subnormals of float16 by 2**-25; and the given p miss 1 by up to `sum_gate`.
    """
    u = FORMATS[dtype].unit
    if dtype in ("float16", "bfloat16"):
        return Slope(0.0, 2 * u + sum_gate(dtype, n), n * 2.0**-25 if dtype == "float16" else 0.0)
    return Slope(0.0, 8 * u)


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


class LossEdge(NamedTuple):
    """One row of the table of edge values of cross_entropy: one sample, its loss and the gradient of that.

    A target is a label, or a list of probabilities; ``options`` are those of the loss, arrays as lists.
    """

    name: str
    logits: list[float]
    target: int | list[float]
    options: dict[str, Any]
    loss: float
    grad: list[float]
    labels: str = "int32"

    def fits(self, dtype: str) -> bool:
        """Whether ``dtype`` holds the logits as they are; other rows are not part of the table for it."""
        digits = FORMATS[dtype].digits
        finite = [v for v in self.logits if isfinite(v)]
        exact = all((frexp(v)[0] * 2.0**digits).is_integer() for v in finite)
        return exact and not (dtype == "float16" and any(abs(v) > 65504.0 for v in finite))


_NOT_NUMBERS = [nan, nan]
_ODD_ONE_OUT = {"where": [_YES, _NO, _YES]}

LOSS_EDGES = (
    LossEdge("ordinary label", [0.0, 0.0, 0.0], 1, {}, _LOG_3, [_THIRD, -2 / 3, _THIRD]),
    LossEdge(
        "confident by 17",
        [17.0, 0.0, 0.0],
        0,
        {},
        8.279875094788666e-08,
        [-8.279874752007018e-08, 4.139937376003509e-08, 4.139937376003509e-08],
    ),
    LossEdge(
        "confident by 20",
        [20.0, 0.0, 0.0],
        0,
        {},
        4.1223072363804075e-09,
        [-4.122307227883698e-09, 2.061153613941849e-09, 2.061153613941849e-09],
    ),
    LossEdge(
        "confident by 60",
        [60.0, 0.0, 0.0],
        0,
        {},
        1.751302152539304e-26,
        [-1.751302152539304e-26, 8.75651076269652e-27, 8.75651076269652e-27],
    ),
    LossEdge(
        "confident by 20 at 1e6",
        [1000020.0, 1e6, 1e6],
        0,
        {},
        4.1223072363804075e-09,
        [-4.122307227883698e-09, 2.061153613941849e-09, 2.061153613941849e-09],
    ),
    LossEdge(
        "confident by 60 at 1e6",
        [1000060.0, 1e6, 1e6],
        0,
        {},
        1.751302152539304e-26,
        [-1.751302152539304e-26, 8.75651076269652e-27, 8.75651076269652e-27],
    ),
    LossEdge(
        "confident and wrong",
        [20.0, 0.0, 0.0],
        1,
        {},
        20.000000004122306,
        [0.9999999958776927, -0.9999999979388464, 2.061153613941849e-09],
    ),
    LossEdge("tied labels", [7.0, 7.0, -inf, 7.0], 3, {}, _LOG_3, [_THIRD, _THIRD, 0.0, -2 / 3]),
    LossEdge("one class", [5.0], 0, {}, 0.0, [0.0]),
    LossEdge("-inf beside the label", [0.0, -inf, 0.0], 0, {}, log(2), [-0.5, 0.0, 0.5]),
    LossEdge("-inf at the label", [-inf, 0.0], 0, {}, inf, [-1.0, 1.0]),
    LossEdge("label and all -inf", [-inf, -inf], 0, {}, nan, _NOT_NUMBERS),
    LossEdge("label and kept all -inf", [-inf, 3.0], 0, {"where": [_YES, _NO]}, nan, [nan, 0.0]),
    LossEdge("+inf at the label", [inf, 1.0], 0, {}, nan, _NOT_NUMBERS),
    LossEdge("+inf beside the label", [inf, 1.0], 1, {}, nan, _NOT_NUMBERS),
    LossEdge("NaN at the label", [nan, 1.0], 0, {}, nan, _NOT_NUMBERS),
    LossEdge("NaN beside the label", [nan, 1.0], 1, {}, nan, _NOT_NUMBERS),
    LossEdge("label and masked NaN", [0.0, nan, 0.0], 0, _ODD_ONE_OUT, log(2), [-0.5, 0.0, 0.5]),
    LossEdge("label and masked inf", [0.0, inf, 0.0], 2, _ODD_ONE_OUT, log(2), [0.5, 0.0, -0.5]),
    LossEdge("masked label", [0.0, 1.0, 0.0], 1, _ODD_ONE_OUT, inf, [0.5, 0.0, 0.5]),
    LossEdge("fully masked label", [1.0, nan], 0, {"where": [_NO, _NO]}, inf, [0.0, 0.0]),
    LossEdge("ignored label", [0.0, 1.0], -100, {}, 0.0, [0.0, 0.0]),
    LossEdge("ignored label of NaN", [nan, 1.0], -100, {}, 0.0, [0.0, 0.0]),
    LossEdge("ignored label of a class", [inf, nan], 1, {"ignore_index": 1}, 0.0, [0.0, 0.0]),
    LossEdge("ignored uint8 255", [nan, 1.0], 255, {"ignore_index": 255}, 0.0, [0.0, 0.0], "uint8"),
    LossEdge("sample of weight 0", [nan, 1.0], 0, {"sample_weight": [0.0]}, 0.0, [0.0, 0.0]),
    LossEdge("sample of weight 0 and +inf", [inf, 1.0], 1, {"sample_weight": [0.0]}, 0.0, [0.0, 0.0]),
    LossEdge("sample of weight 0 and all -inf", [-inf, -inf], 1, {"sample_weight": [0.0]}, 0.0, [0.0, 0.0]),
    LossEdge("sample of weight 0, its label no class", [0.0, 1.0], 2, {"sample_weight": [0.0]}, 0.0, [0.0, 0.0]),
    LossEdge("class of weight 0 and NaN", [nan, 1.0], 0, {"weight": [0.0, 1.0]}, 0.0, [0.0, 0.0]),
    LossEdge(
        "sample of weight 0 and its probabilities", [nan, 1.0], [0.5, 0.5], {"sample_weight": [0.0]}, 0.0, [0.0, 0.0]
    ),
    LossEdge("class of weight 0", [0.0, 1.0], 0, {"weight": [0.0, 1.0]}, 0.0, [0.0, 0.0]),
    LossEdge("label -1", [0.0, 1.0], -1, {}, nan, _NOT_NUMBERS),
    LossEdge("label n", [0.0, 1.0], 2, {}, nan, _NOT_NUMBERS),
    LossEdge("label uint8 255", [0.0, 1.0], 255, {}, nan, _NOT_NUMBERS, "uint8"),
    LossEdge("label -100, none ignored", [0.0, 1.0], -100, {"ignore_index": None}, nan, _NOT_NUMBERS),
    LossEdge("0 * -inf", [0.0, 0.0, -inf], [1.0, 0.0, 0.0], {}, log(2), [-0.5, 0.5, 0.0]),
    LossEdge("0 * -inf, sure", [0.0, -inf], [1.0, 0.0], {}, 0.0, [0.0, 0.0]),
    LossEdge("probability of -inf", [0.0, -inf], [0.5, 0.5], {}, inf, [0.5, -0.5]),
    LossEdge("probability of NaN", [nan, 0.0], [0.5, 0.5], {}, nan, _NOT_NUMBERS),
    LossEdge("uniform probabilities", [0.0, 0.0], [0.5, 0.5], {}, log(2), [0.0, 0.0]),
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
