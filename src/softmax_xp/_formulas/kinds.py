"""What a formula says about itself: how its result depends on its argument, and how it is differentiated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

Cut = Literal["elements", "rows", "maps", "losses", "composed"]
"""How arguments may be cut, or why not.

elements: each number has a number, whatever stands beside it.
rows: each row has a row, or one number.
maps: the same, by sorting it; options that are arrays have as many dimensions as it.
losses: each row has wide numbers, made of several executed formulas, which widen half types themselves.
composed: made of several executed formulas, each of which is cut by itself.
"""


class Rule(NamedTuple):
    """How a formula is differentiated, given its result, or the argument it was called with."""

    vjp: Callable[..., Any]
    jvp: Callable[..., Any]
    of: str = "result"  # or "argument"
    options: tuple[str, ...] = ("axis",)  # those of the formula that its derivatives take too


def formula(cut: Cut, rule: Rule | None = None) -> Callable[[Function], Function]:
    """Return a decorator that says how a formula may be cut, and its rule if what it is made of has not the right one.

    Polynomials are near to a function but less so to its derivatives; and what a formula is made of would be stored
    for its derivative, at many times the size of its argument.
    """

    def mark(function: Function) -> Function:
        # As attributes, so that an engine asks the formula itself: there is no list of formulas to keep in step.
        marked: Any = function
        marked.cut, marked.rule = cut, rule
        return function

    return mark


def cut_of(function: Callable[..., Any]) -> str:
    """Return how a formula may be cut; nothing is known of one that does not say it."""
    return getattr(function, "cut", "")


def is_composed(formula: Callable[..., Any]) -> bool:
    """Whether a formula only puts together what others, executed by themselves, return."""
    return cut_of(formula) == "composed"


def rule_of(function: Callable[..., Any]) -> Rule | None:
    """Return how a formula is differentiated; None if what it is made of has the right derivative."""
    return getattr(function, "rule", None)
