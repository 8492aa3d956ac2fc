"""The maps onto the simplex in the contract: what is called, gates, and values at the edges."""

from __future__ import annotations

from math import inf, nan
from typing import Any, NamedTuple

from .records.sparse import RECORDS

_BY_FAMILY = {name: record for name, record in RECORDS.items() if record.exact is None}
"""Those that `exact_map` and `exact_fenchel_young` have the exact results of."""

SPARSE_CASES = tuple(
    (name, case) for name, record in _BY_FAMILY.items() if record.kind == "map" for case in record.cases
)
"""The maps and options that are checked."""

LOSS_CASES = RECORDS["fenchel_young_loss"].cases
"""The regularizers of `fenchel_young_loss` that are checked."""

SPARSE_GATES = {name: record.gate for name, record in _BY_FAMILY.items() if record.gate is not None}
"""Gates of an entry in units u of one rounding, times the slack of the oracle: the spread of the support, or 1."""


def sparse_op(name: str, alpha: float = 1.5, **_: Any) -> str:
    """Return the name under which a call has its gate: entmax for 1.5 and 2 has that of sparsemax."""
    return "sparsemax" if name == "entmax" and alpha in (1.5, 2.0) else name


def total_of(k: float = 1.0, scale: float = 1.0, **_: Any) -> float:
    """Return what the result of a map with these options sums to."""
    return k * scale


class SparseEdge(NamedTuple):
    """One row of the table of edge values, the same for all the maps whose result sums to 1."""

    name: str
    x: tuple[float, ...]
    where: tuple[bool, ...] | None
    p: tuple[float, ...]


_ODD = (True, False, True)

SPARSE_EDGES = (
    SparseEdge("ties", (0.5, 0.5, 0.5, 0.5), None, (0.25, 0.25, 0.25, 0.25)),
    SparseEdge("far apart", (2e4, 0.0, -2e4), None, (1.0, 0.0, 0.0)),
    SparseEdge("one entry", (5.0,), None, (1.0,)),
    SparseEdge("some -inf", (0.0, -inf, 0.0), None, (0.5, 0.0, 0.5)),
    SparseEdge("all -inf", (-inf, -inf), None, (nan, nan)),
    SparseEdge("kept all -inf", (-inf, 3.0), (True, False), (nan, 0.0)),
    SparseEdge("fully masked", (1.0, nan), (False, False), (0.0, 0.0)),
    SparseEdge("+inf", (inf, 1.0), None, (nan, nan)),
    SparseEdge("+inf and masked", (inf, 1.0, 2.0), (True, True, False), (nan, nan, 0.0)),
    SparseEdge("NaN", (nan, 1.0), None, (nan, nan)),
    SparseEdge("NaN and masked", (nan, 1.0, 2.0), (True, True, False), (nan, nan, 0.0)),
    SparseEdge("masked NaN", (0.0, nan, 0.0), _ODD, (0.5, 0.0, 0.5)),
    SparseEdge("masked inf", (0.0, inf, 0.0), _ODD, (0.5, 0.0, 0.5)),
    SparseEdge("masked huge", (0.0, 3e4, 0.0), _ODD, (0.5, 0.0, 0.5)),
    SparseEdge("largest numbers", (6e4, -6e4, 0.0), None, (1.0, 0.0, 0.0)),
)


class Edges(NamedTuple):
    """Rows of the table as one array: every call of another shape is compiled again by some libraries."""

    x: list[list[float]]
    where: list[list[bool]] | None
    p: list[list[float]]


def plain_edges() -> Edges:
    """Return the rows without a mask, filled up by -inf, which gets 0, or NaN in a row of it."""
    edges = [edge for edge in SPARSE_EDGES if edge.where is None]
    shares = [_filled(edge.p, nan if any(v != v for v in edge.p) else 0.0) for edge in edges]
    return Edges([_filled(edge.x, -inf) for edge in edges], None, shares)


def masked_edges() -> Edges:
    """Return all rows, filled up by masked entries."""
    x, p = [_filled(edge.x, 7.0) for edge in SPARSE_EDGES], [_filled(edge.p, 0.0) for edge in SPARSE_EDGES]
    return Edges(x, [_filled(edge.where or (True,) * len(edge.x), False) for edge in SPARSE_EDGES], p)


def _filled(row: tuple[Any, ...], value: Any) -> list[Any]:
    return [*row, *[value] * (4 - len(row))]
