"""Activations in the contract: what is called, its gates, and values and derivatives at the edges."""

from __future__ import annotations

from math import frexp, inf, log, nan, tanh
from typing import Any, NamedTuple

Options = dict[str, Any]

ACTIVATION_CASES: tuple[tuple[str, Options], ...] = (
    ("sigmoid", {}),
    ("log_sigmoid", {}),
    ("logit", {}),
    ("softplus", {}),
    ("softplus", {"beta": 0.25}),
    ("softplus", {"beta": 0.3}),
    ("softplus", {"beta": 7.0}),
    ("tanh", {}),
    ("relu", {}),
    ("leaky_relu", {}),
    ("leaky_relu", {"negative_slope": 0.3}),
    ("elu", {}),
    ("elu", {"alpha": 1.67}),
    ("silu", {}),
    ("gelu", {}),
    ("gelu", {"approximate": True}),
    ("linear", {}),
    ("linear", {"slope": -0.3}),
    ("binary_step", {}),
    ("binary_step", {"threshold": 0.5}),
    ("softcap", {"cap": 30.0}),
    ("softcap", {"cap": 0.7}),
    ("sparse_plus", {}),
    ("sparse_sigmoid", {}),
)
"""The functions and options that are checked over the whole range."""

ACTIVATION_ULPS = {
    **{name: 4.0 for name, _ in ACTIVATION_CASES},
    **dict.fromkeys(("silu", "gelu", "softcap", "softplus by beta"), 5.0),
}
"""Gates in ulp, by function; ``softplus by beta`` is that of a beta which is no power of 2."""

CONDITIONED = ("gelu",)
"""The approximate form also has what three roundings of its exponent move; the slack of the exact one is 0."""


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


_HUGE = 2.0**15  # which every type holds
_LOG_2 = log(2.0)

_ROWS: tuple[tuple[str, Options, tuple[tuple[float, float, float], ...]], ...] = (
    ("sigmoid", {}, ((-inf, 0, 0), (-_HUGE, 0, 0), (0, 0.5, 0.25), (_HUGE, 1, 0), (inf, 1, 0))),
    ("log_sigmoid", {}, ((-inf, -inf, 1), (-_HUGE, -_HUGE, 1), (0, -_LOG_2, 0.5), (_HUGE, 0, 0), (inf, 0, 0))),
    (
        "logit",
        {},
        ((-inf, nan, nan), (-1, nan, nan), (0, -inf, inf), (0.5, 0, 4), (1, inf, inf), (2, nan, nan), (inf, nan, nan)),
    ),
    ("softplus", {}, ((-inf, 0, 0), (-_HUGE, 0, 0), (0, _LOG_2, 0.5), (_HUGE, _HUGE, 1), (inf, inf, 1))),
    (
        "softplus",
        {"beta": 3.0},
        ((-inf, 0, 0), (-_HUGE, 0, 0), (0, _LOG_2 / 3, 0.5), (_HUGE, _HUGE, 1), (inf, inf, 1)),
    ),
    ("tanh", {}, ((-inf, -1, 0), (-_HUGE, -1, 0), (0, 0, 1), (_HUGE, 1, 0), (inf, 1, 0))),
    ("relu", {}, ((-inf, 0, 0), (-_HUGE, 0, 0), (0, 0, 0), (_HUGE, _HUGE, 1), (inf, inf, 1))),
    ("leaky_relu", {"negative_slope": 0.25}, ((-inf, -inf, 0.25), (-2, -0.5, 0.25), (0, 0, 0.25), (inf, inf, 1))),
    ("leaky_relu", {"negative_slope": 0.0}, ((-inf, 0, 0), (-2, 0, 0), (0, 0, 0), (2, 2, 1), (inf, inf, 1))),
    ("elu", {"alpha": 2.0}, ((-inf, -2, 0), (-_HUGE, -2, 0), (0, 0, 2), (_HUGE, _HUGE, 1), (inf, inf, 1))),
    ("silu", {}, ((-inf, 0, 0), (-_HUGE, 0, 0), (0, 0, 0.5), (_HUGE, _HUGE, 1), (inf, inf, 1))),
    ("gelu", {}, ((-inf, 0, 0), (-_HUGE, 0, 0), (0, 0, 0.5), (_HUGE, _HUGE, 1), (inf, inf, 1))),
    (
        "gelu",
        {"approximate": True},
        ((-inf, 0, 0), (-_HUGE, 0, 0), (0, 0, 0.5), (_HUGE, _HUGE, 1), (inf, inf, 1)),
    ),
    ("linear", {"slope": -0.5}, ((-inf, inf, -0.5), (0, 0, -0.5), (2, -1, -0.5), (inf, -inf, -0.5))),
    ("linear", {"slope": 0.0}, ((-inf, 0, 0), (0, 0, 0), (2, 0, 0), (inf, 0, 0))),
    ("binary_step", {"threshold": 0.5}, ((-inf, 0, 0), (0.25, 0, 0), (0.5, 1, 0), (_HUGE, 1, 0), (inf, 1, 0))),
    (
        "softcap",
        {"cap": 2.0},
        ((-inf, -2, 0), (-_HUGE, -2, 0), (0, 0, 1), (1, 2 * tanh(0.5), 1 - tanh(0.5) ** 2), (_HUGE, 2, 0), (inf, 2, 0)),
    ),
    ("sparse_plus", {}, ((-inf, 0, 0), (-1, 0, 0), (0, 0.25, 0.5), (1, 1, 1), (_HUGE, _HUGE, 1), (inf, inf, 1))),
    ("sparse_sigmoid", {}, ((-inf, 0, 0), (-1, 0, 0), (0, 0.5, 0.5), (1, 1, 0), (_HUGE, 1, 0), (inf, 1, 0))),
)

ACTIVATION_EDGES = tuple(
    ActivationEdges(name, options, *zip(*rows, (nan, nan, nan), strict=True)) for name, options, rows in _ROWS
)
"""Values and derivatives; the derivative at NaN is no promise."""
