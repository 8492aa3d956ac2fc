"""Every public function as one of a matrix of numbers, for graphs that compute the numbers themselves."""

from __future__ import annotations

from typing import Any

from softmax_xp.testing.records import RECORDS, Call, calls, examples, fullest

FREE = ("logits", "other logits", "cotangent", "tangent")
"""What may be any number: one of these stands for the matrix, where a call has one."""


BRANCHES = {
    "softmax": ("softmax axis=None temperature=0.5 sink=0.0",),
    "cross_entropy": ("cross_entropy target=shares axis=0",),
    "gelu": ("gelu approximate=True",),
    "entmax": ("entmax alpha=1.0", "entmax alpha=1.25", "entmax alpha=2.5", "entmax axis=None"),
    "normmax": ("normmax alpha=1.2", "normmax axis=None"),
    "fenchel_young_loss": ("fenchel_young_loss regularizer=shannon", "fenchel_young_loss regularizer=norm"),
    "gumbel_softmax": ("gumbel_softmax hard=True",),
    "sample_categorical": ("sample_categorical shape=(2, 1) replace=False",),
}
"""Calls that take another way through their formula than the example and the call with the most options."""


def plain_and_fullest(name: str) -> dict[str, Call]:
    """Return the example of a function and its call with the most options, where that is another one."""
    plain, full = examples(name)[name], fullest(name)
    return {name: plain} if plain == full else {name: plain, f"{name} with options": full}


def two(name: str) -> dict[str, Call]:
    """Return the example of a function, its call with the most options, and one for each other way."""
    return plain_and_fullest(name) | {text: calls(name)[text] for text in BRANCHES.get(name, ())}


def unreduced(call: Call) -> Call:
    """Return a loss with one value per row or entry; other calls as they are."""
    if "reduction" not in RECORDS[call.name].options:
        return call
    options = {k: v for k, v in call.options.items() if k != "normalizer"}
    return call._replace(options={**options, "reduction": "none"})


def varied(call: Call) -> str:
    """Return what the matrix of numbers stands for in a call."""
    return next((holds for holds in call.arrays if holds in FREE), call.arrays[0])


def two_of_each(*more: tuple[str, str]) -> dict[str, Call]:
    """Return the example of each function and the one with the most options, and calls by function and text."""
    found = {}
    for name in RECORDS:
        found |= plain_and_fullest(name)
    found |= {text: calls(name)[text] for name, text in more}
    return {text: unreduced(call) for text, call in found.items()}


def of_one(call: Call, given: dict[str, Any], x: Any) -> Any:
    """Return the result of a call with ``x`` in place of the matrix."""
    return call(given | {varied(call): x})
