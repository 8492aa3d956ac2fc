"""The records of the maps onto the simplex and of their losses."""

from __future__ import annotations

from math import inf
from typing import Any

from .entry import LABELS, LOGITS, MASK, ROW_NUMBERS, ROW_WEIGHTS, Example, Gate, Record
from .losses import SAMPLES, examples

LOSS_GATE = Gate(8.0, 16.0)
"""That of a loss: in ulp, and in units u times its slack."""


def _map(cases: tuple[dict[str, Any], ...], units: float, number: str = "", **given: float) -> Record:
    """Return the record of a map with one number; ``units`` of one rounding are its gate, times its slack."""
    options = {"axis": (0, (), None), "where": (MASK,), **({number: (ROW_NUMBERS,)} if number else {})}
    also = (Example({}, {number: ROW_NUMBERS, "where": MASK}),) if number else ()
    return Record(
        "map",
        {"x": LOGITS},
        given,
        options,
        also,
        ("x", number) if number else ("x",),
        "nothing",
        cases,
        Gate(0.0, units),
    )


def _loss(options: dict[str, tuple[Any, ...]], together: dict[str, Any], **given: Any) -> Record:
    return Record(
        "loss",
        {"x": LOGITS, "target": LABELS},
        given,
        {**SAMPLES, **options, "axis": (1,), "ignore_index": (0,)},
        examples({"sample_weight": ROW_WEIGHTS, "where": MASK, **together}),
        ("x", "target", "sample_weight"),
        "nothing",
        gate=LOSS_GATE,
    )


def _each(key: str, *values: float) -> tuple[dict[str, Any], ...]:
    return tuple({key: value} for value in values)


RECORDS = {
    "sparsemax": _map(({},), 8.0),
    "entmax": _map(({}, *_each("alpha", 1.0, 1.001, 1.25, 1.9, 2.0, 2.5, 10.0, inf)), 16.0, "alpha"),
    "normmax": _map(({}, *_each("alpha", 1.0, 1.2, 5.0, inf)), 16.0, "alpha"),
    "k_subset": _map(_each("k", 1.0, 1.75), 8.0, "k", k=0.75),
    "project_simplex": _map(({}, *_each("scale", 2.5, 0.0)), 8.0, "scale"),
    "entmax_loss": _loss({"alpha": (1.3,)}, {"alpha": 1.3}),
    "fenchel_young_loss": _loss({}, {"alpha": 1.2}, regularizer="tsallis")._replace(
        cases=(
            {"regularizer": "shannon"},
            {"regularizer": "gini"},
            {"regularizer": "tsallis"},
            {"regularizer": "tsallis", "alpha": 1.2},
            {"regularizer": "tsallis", "alpha": 3.0},
            {"regularizer": "norm"},
            {"regularizer": "norm", "alpha": 1.5},
            {"regularizer": "norm", "alpha": 3.0},
        )
    ),
}
