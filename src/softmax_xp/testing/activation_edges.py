"""Activations in the contract: what is called, its gates, and values and derivatives at the edges."""

from __future__ import annotations

from math import frexp, nan
from typing import Any, NamedTuple

from .records.activations import RECORDS, ROUNDED
from .records.entry import Gate, Options

ACTIVATION_CASES = tuple((name, case) for name, record in RECORDS.items() for case in record.cases)
"""The functions and options that are checked over the whole range."""

ACTIVATION_GATES = {
    **{name: record.gate for name, record in RECORDS.items() if record.gate is not None},
    "softplus by beta": Gate(ROUNDED),
}
"""Gates by function; ``softplus by beta`` is that of a beta which is no power of 2."""


def activation_op(name: str, beta: float = 1.0, **_: Any) -> str:
    """Return the name under which a call has its gate."""
    return name if name != "softplus" or frexp(beta)[0] == 0.5 else "softplus by beta"


class ActivationEdges(NamedTuple):
    """The edge values of one function: numbers, its values there, and its derivatives."""

    name: str
    options: Options
    x: tuple[float, ...]
    values: tuple[float, ...]
    slopes: tuple[float, ...]


ACTIVATION_EDGES = tuple(
    ActivationEdges(name, edges.options, *zip(*edges.rows, (nan, nan, nan), strict=True))
    for name, record in RECORDS.items()
    for edges in record.edges
)
"""Values and derivatives; the derivative at NaN is no promise."""
