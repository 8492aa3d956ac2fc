"""Every public function as one of a matrix of numbers, for graphs that compute the numbers themselves."""

from __future__ import annotations

from typing import Any

from softmax_xp.testing.records import RECORDS, Call, calls, examples, fullest

FREE = ("logits", "other logits", "cotangent", "tangent")
"""What may be any number: one of these stands for the matrix, where a call has one."""


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
        found |= {name: examples(name)[name], f"{name} with options": fullest(name)}
        if found[name] == found[f"{name} with options"]:
            del found[f"{name} with options"]
    found |= {text: calls(name)[text] for name, text in more}
    return {text: unreduced(call) for text, call in found.items()}


def of_one(call: Call, given: dict[str, Any], x: Any) -> Any:
    """Return the result of a call with ``x`` in place of the matrix."""
    return call(given | {varied(call): x})
