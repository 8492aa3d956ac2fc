"""The records of the activations: their gates, what is called over the whole range, and the values at the edges."""

from __future__ import annotations

from math import inf, log, nan, tanh
from typing import Any, NamedTuple

from .entry import FRACTIONS, LOGITS, Gate, Options, Record

ROUNDED = 5.0
"""The gate, in ulp, of a function with one more rounding than the others, which have 4."""


class Edges(NamedTuple):
    """Values and derivatives of one call: rows of a number, its value there, and the derivative."""

    options: Options
    rows: tuple[tuple[float, float, float], ...]


_HUGE = 2.0**15  # which every type holds
_LOG_2 = log(2.0)
_RISING = ((-inf, 0, 0), (-_HUGE, 0, 0), (0, 0, 0.5), (_HUGE, _HUGE, 1), (inf, inf, 1))
"""The edges of what goes from 0 to x, through 0 with half of the slope."""


def _activation(
    *edges: Edges, cases: tuple[Options, ...] = ({},), ulps: float = 4.0, conditioned: float = 0.0, **given: Any
) -> Record:
    names = {name for case in cases for name in case} - set(given)
    options = {name: tuple(case[name] for case in cases if name in case) for name in sorted(names)}
    gate = Gate(ulps, 0.0, conditioned)
    return Record("elementwise", {"x": LOGITS}, given, options, (), ("x",), "", cases, gate, edges=edges)


RECORDS = {
    "sigmoid": _activation(Edges({}, ((-inf, 0, 0), (-_HUGE, 0, 0), (0, 0.5, 0.25), (_HUGE, 1, 0), (inf, 1, 0)))),
    "log_sigmoid": _activation(
        Edges({}, ((-inf, -inf, 1), (-_HUGE, -_HUGE, 1), (0, -_LOG_2, 0.5), (_HUGE, 0, 0), (inf, 0, 0)))
    ),
    "logit": _activation(
        Edges(
            {},
            (
                (-inf, nan, nan),
                (-1, nan, nan),
                (0, -inf, inf),
                (0.5, 0, 4),
                (1, inf, inf),
                (2, nan, nan),
                (inf, nan, nan),
            ),
        )
    )._replace(arguments={"p": FRACTIONS}, differentiable=("p",)),
    "softplus": _activation(
        Edges({}, ((-inf, 0, 0), (-_HUGE, 0, 0), (0, _LOG_2, 0.5), (_HUGE, _HUGE, 1), (inf, inf, 1))),
        Edges({"beta": 3.0}, ((-inf, 0, 0), (-_HUGE, 0, 0), (0, _LOG_2 / 3, 0.5), (_HUGE, _HUGE, 1), (inf, inf, 1))),
        cases=({}, {"beta": 0.25}, {"beta": 0.3}, {"beta": 7.0}),
    ),
    "tanh": _activation(Edges({}, ((-inf, -1, 0), (-_HUGE, -1, 0), (0, 0, 1), (_HUGE, 1, 0), (inf, 1, 0)))),
    "relu": _activation(Edges({}, ((-inf, 0, 0), (-_HUGE, 0, 0), (0, 0, 0), (_HUGE, _HUGE, 1), (inf, inf, 1)))),
    "leaky_relu": _activation(
        Edges({"negative_slope": 0.25}, ((-inf, -inf, 0.25), (-2, -0.5, 0.25), (0, 0, 0.25), (inf, inf, 1))),
        Edges({"negative_slope": 0.0}, ((-inf, 0, 0), (-2, 0, 0), (0, 0, 0), (2, 2, 1), (inf, inf, 1))),
        cases=({}, {"negative_slope": 0.3}),
    ),
    "elu": _activation(
        Edges({"alpha": 2.0}, ((-inf, -2, 0), (-_HUGE, -2, 0), (0, 0, 2), (_HUGE, _HUGE, 1), (inf, inf, 1))),
        cases=({}, {"alpha": 1.67}),
    ),
    "silu": _activation(Edges({}, _RISING), ulps=ROUNDED),
    # The approximate form also has what three roundings of its exponent move; the slack of the exact one is 0.
    "gelu": _activation(
        Edges({}, _RISING),
        Edges({"approximate": True}, _RISING),
        cases=({}, {"approximate": True}),
        ulps=ROUNDED,
        conditioned=1.0,
    ),
    "linear": _activation(
        Edges({"slope": -0.5}, ((-inf, inf, -0.5), (0, 0, -0.5), (2, -1, -0.5), (inf, -inf, -0.5))),
        Edges({"slope": 0.0}, ((-inf, 0, 0), (0, 0, 0), (2, 0, 0), (inf, 0, 0))),
        cases=({}, {"slope": -0.3}),
    ),
    "binary_step": _activation(
        Edges({"threshold": 0.5}, ((-inf, 0, 0), (0.25, 0, 0), (0.5, 1, 0), (_HUGE, 1, 0), (inf, 1, 0))),
        cases=({}, {"threshold": 0.5}),
    ),
    "softcap": _activation(
        Edges(
            {"cap": 2.0},
            (
                (-inf, -2, 0),
                (-_HUGE, -2, 0),
                (0, 0, 1),
                (1, 2 * tanh(0.5), 1 - tanh(0.5) ** 2),
                (_HUGE, 2, 0),
                (inf, 2, 0),
            ),
        ),
        cases=({"cap": 30.0}, {"cap": 0.7}),
        ulps=ROUNDED,
        cap=2.0,
    ),
    "sparse_plus": _activation(
        Edges({}, ((-inf, 0, 0), (-1, 0, 0), (0, 0.25, 0.5), (1, 1, 1), (_HUGE, _HUGE, 1), (inf, inf, 1)))
    ),
    "sparse_sigmoid": _activation(
        Edges({}, ((-inf, 0, 0), (-1, 0, 0), (0, 0.5, 0.5), (1, 1, 0), (_HUGE, 1, 0), (inf, 1, 0)))
    ),
}
