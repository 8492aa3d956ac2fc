"""The records of draws and of the filters of logits."""

from __future__ import annotations

from typing import Any

from ..sampling_edges import DRAW_EDGES, FILTER_EDGES
from .entry import LOGITS, MASK, NOISE, ROW_COUNTS, ROW_FRACTIONS, ROW_NUMBERS, Example, Record

_OFTEN = {"axis": (0,), "where": (MASK,)}


def _filter(name: str, number: str, few: float, many: float, rows: Any = ROW_FRACTIONS) -> Record:
    """Return the record of a filter: its number, and what is tried as that, first a value that removes much."""
    more: dict[str, tuple[Any, ...]] = {"ties": ("all",)} if number == "k" else {"min_keep": (2,)}
    return Record(
        "filter",
        {"x": LOGITS, number: few},
        {},
        {**_OFTEN, "fill": (0.0, -9.0), **more},
        (
            Example({number: many}, {"fill": -9.0}),
            Example({number: rows}, {"where": MASK, "fill": 0.0, **{key: value[0] for key, value in more.items()}}),
        ),
        ("x",),
        cases=({number: few}, {number: many}),
        edges=FILTER_EDGES[name],
    )


RECORDS = {
    "gumbel_softmax": Record(
        "draw",
        {"logits": LOGITS},
        {"noise": NOISE},
        {**_OFTEN, "temperature": (0.5, ROW_NUMBERS), "hard": (True,)},
        (
            Example({}, {"hard": True, "where": MASK, "temperature": 0.5}),
            Example({}, {"where": MASK, "temperature": ROW_NUMBERS}),
        ),
        ("logits", "noise", "temperature"),
        "nothing",
        edges=DRAW_EDGES,
    ),
    "sample_categorical": Record(
        "draw",
        {"logits": LOGITS},
        {"noise": NOISE},
        _OFTEN,
        (Example({}, {"shape": (2, 1), "replace": False}), Example({}, {"shape": 3, "replace": False, "where": MASK})),
        offset="nothing",
        edges=DRAW_EDGES,
    ),
    "top_k_logits": _filter("top_k_logits", "k", 1, 7, ROW_COUNTS),
    "top_p_logits": _filter("top_p_logits", "p", 0.4, 0.9),
    "min_p_logits": _filter("min_p_logits", "p", 0.05, 0.5),
    "typical_logits": _filter("typical_logits", "p", 0.4, 0.9),
    "epsilon_logits": _filter("epsilon_logits", "epsilon", 0.01, 0.1),
    "eta_logits": _filter("eta_logits", "epsilon", 0.01, 0.1),
}
