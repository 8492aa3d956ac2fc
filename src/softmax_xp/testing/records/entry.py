"""What a record says about one public function, and the arrays that calls are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

Options = dict[str, Any]

_NONE: Mapping[str, Any] = MappingProxyType({})


class Array(NamedTuple):
    """An array of a call, by what it holds; `numbers` makes it.

    ``axes`` are those of rows (r) and of classes (c), 1 being an axis of length 1; ``kind`` is float, int or bool.
    """

    holds: str
    axes: str = "rc"
    kind: str = "float"

    def __str__(self) -> str:
        return self.holds.replace(" ", "-")


LOGITS = Array("logits")
OTHER_LOGITS = Array("other logits")
LOWER_LOGITS = Array("lower logits")
LOGS = Array("log probabilities")
SHARES = Array("shares")
OTHER_SHARES = Array("other shares")
FRACTIONS = Array("fractions")
POSITIVE = Array("positive numbers")
NOISE = Array("noise")
COTANGENT = Array("cotangent")
TANGENT = Array("tangent")
MASK = Array("mask", "rc", "bool")
CANDIDATES = Array("candidates", "rc", "bool")

LABELS = Array("labels", "r", "int")
"""Labels of which one is -100: the row that has no weight and is masked altogether."""

CLASSES = Array("classes", "r", "int")
ROW_WEIGHTS = Array("row weights", "r")
ROW_COTANGENT = Array("row cotangent", "r")
CLASS_WEIGHTS = Array("class weights", "c")
CLASS_COUNTS = Array("class counts", "c", "int")
ROW_NUMBERS = Array("row numbers", "r1")
"""One number from 1 to 2.5 per row."""

ROW_FRACTIONS = Array("row fractions", "r1")
ROW_COUNTS = Array("row counts", "r1", "int")
DIVISOR = Array("divisor", "")


class Gate(NamedTuple):
    """What is allowed for one op and dtype: ``ulps * ulp(y) + units * u``, and ``conditioned`` times c."""

    ulps: float
    units: float = 0.0
    conditioned: float = 0.0


class Example(NamedTuple):
    """What another call has in place of the example of its record."""

    arguments: dict[str, Any]
    options: Options


class Record(NamedTuple):
    """One public function: how it is called, and what is promised of it.

    Values of arguments and options may be an `Array`. What is said of an option by ``options`` is tried alone.
    """

    kind: str
    """elementwise, rows, reduction, map, loss, divergence, filter, draw, derivative or labels"""

    arguments: dict[str, Any]
    """The positional arguments of the example call, in order."""

    given: Mapping[str, Any] = _NONE
    """The options of the example call."""

    options: Mapping[str, tuple[Any, ...]] = _NONE
    """Other values of each option, an `Array` where one per row, class or entry is taken."""

    also: tuple[Example, ...] = ()
    """Calls with other arguments, or with several options; the last has the most."""

    differentiable: tuple[str, ...] = ()
    """The arguments and options that the result has a derivative in."""

    offset: str = ""
    """What a number that is added to all logits does to the result: nothing, or adds (itself), if one can say."""

    cases: tuple[Options, ...] = ()
    """The options with which the result is compared with the exact one over its whole range."""

    gate: Gate | None = None
    """The accuracy of each entry in float32 and float64; half types are computed in float32 and rounded once."""

    exact: Callable[..., Any] | None = None
    """The exact result of a row of numbers of mpmath (elementwise: of a number), written by the definition."""

    edges: tuple[Any, ...] = ()
    """The rows of the table of edge values: what the family's table has, or pairs of a row and its result."""


UNTRIED = ("dtype", "rng", "xp")
"""Options that mean the same in every function, and that are no numbers."""


def name_of(name: str, options: Options) -> str:
    """Return a call as text."""
    return name + "".join(f" {key}={value}" for key, value in options.items())
