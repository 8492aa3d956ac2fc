"""``softmax-xp explain --compare``: other functions of the same logits."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import Any

from ..activations import sigmoid
from ..normalizers import hardmax
from ..sparse import entmax, normmax, sparsemax
from .output import bar, bar_length, print_table, print_text, table_width, terminal_width

FUNCTIONS = {"sparsemax": sparsemax, "entmax15": entmax, "normmax": normmax, "hardmax": hardmax, "sigmoid": sigmoid}
"""What softmax can be compared with; each is called without options."""


def function_name(word: str) -> str:
    """Return ``word`` if it names a function."""
    word = word.strip()
    if word in FUNCTIONS:
        return word
    if word.lstrip("+-.")[:1].isdigit():
        raise argparse.ArgumentTypeError(f"{word} is no function; write logits before --compare, or after --")
    raise argparse.ArgumentTypeError(f"unknown function {word!r}; known are {', '.join(FUNCTIONS)}")


def collect(names: Sequence[str], steps: dict[str, Any]) -> dict[str, Any]:
    """Return the values of each function and their sums; for two logits and sigmoid, that of the difference too."""
    import numpy as np

    x, t = np.asarray(steps["logits"], dtype=np.float64), steps["temperature"]
    with np.errstate(over="ignore", under="ignore"):
        scaled = x / t
    # A shift changes no share, and less their maximum the logits do not overflow to inf. No temperature moves the
    # maximum of hardmax, but what is divided by a large one may underflow to a tie.
    shifted = np.asarray(steps["shifted"], dtype=np.float64)
    arguments = {"sigmoid": scaled, "hardmax": x}
    found = {name: FUNCTIONS[name](arguments.get(name, shifted)).tolist() for name in names}
    comparison = {"compare": found, "compare_sums": {name: math.fsum(values) for name, values in found.items()}}
    if "sigmoid" in found and len(x) == 2:
        a, b = steps["logits"]
        d = (a - b) / t
        comparison["sigmoid"] = {"difference": d, "sigmoid": float(sigmoid(np.asarray(d)))}
    return comparison


def print_comparison(steps: dict[str, Any]) -> None:
    """Print the values, bars, a sentence for each function, and what softmax of two is."""
    _print_values(steps)
    print()
    _print_bars(steps)
    print()
    for name in steps["compare"]:
        print_text(f"{name}: {_sentence(name, steps)}", indent="  ")
    if "sigmoid" in steps:
        print()
        _print_sigmoid_of_difference(steps)


def _columns(steps: dict[str, Any]) -> dict[str, list[float]]:
    return {"softmax": steps["probabilities"], **steps["compare"]}


def _print_values(steps: dict[str, Any]) -> None:
    columns = _columns(steps)
    rounded = [name for name in ("softmax", "sigmoid") if 0.0 in columns.get(name, ())]
    note = f", in {' and '.join(rounded)} by rounding" if rounded else ""
    print_text(f"Side by side (0 without decimals: exactly 0{note}; a dot: too little for a bar)")
    rows = [
        [label, *(f"{p:.4f}" if p else "0" for p in row)]
        for label, row in zip(steps["labels"], zip(*columns.values(), strict=True), strict=True)
    ]
    sums = [sum(steps["probabilities"]), *steps["compare_sums"].values()]
    print_table(["", *columns], [*rows, ["sum", *(f"{total:.4f}" for total in sums)]])


def _print_bars(steps: dict[str, Any]) -> None:
    columns = _columns(steps)
    room = terminal_width() - table_width([[label] for label in steps["labels"]])
    length = bar_length(room // len(columns) - 2)
    rows = [
        [label, *(bar(p, length) for p in row)]
        for label, row in zip(steps["labels"], zip(*columns.values(), strict=True), strict=True)
    ]
    print_table(["", *columns], rows, left=range(1 + len(columns)))


def _sentence(name: str, steps: dict[str, Any]) -> str:
    """Return what the function does, and what it did to these logits."""
    t, values = steps["temperature"], steps["compare"][name]
    logit, logits = ("logit", "the logits") if t == 1 else (f"logit / {t:g}", f"the logits / {t:g}")
    if name == "sigmoid":
        formula = f"1 / (1 + exp(-{logit}))"
        return f"{formula} of each alone, for labels that do not exclude one another; the column need not sum to 1."
    if name == "hardmax":
        return "1 for the largest logit (of equal ones the first), exactly 0 for the others, at any temperature."
    what = {
        "sparsemax": f"the point nearest to {logits} whose entries are not negative and sum to 1",
        "entmax15": "halfway between softmax and sparsemax (entmax with alpha = 1.5; they are alpha = 1 and 2)",
        "normmax": f"the shares whose mean of {logits}, less the root of the sum of their squares, is largest",
    }[name]
    support = sum(p > 0 for p in values)
    count = f"{support} of {len(values)} {'has' if support == 1 else 'have'} a share"
    return f"{what}. A logit {t * reach(name, values):.4g} or more below the largest gets exactly 0; {count}."


def reach(name: str, values: Sequence[float]) -> float:
    """Return how far below the largest logit the shares end, at the temperature 1."""
    # Each share is a function of what the logit has above a threshold; this is its inverse, at the largest.
    largest = max(values)
    return {"sparsemax": largest, "entmax15": 2.0 * math.sqrt(largest), "normmax": largest / math.hypot(*values)}[name]


def _print_sigmoid_of_difference(steps: dict[str, Any]) -> None:
    first, second = steps["labels"]
    t, d, s = steps["temperature"], steps["sigmoid"]["difference"], steps["sigmoid"]["sigmoid"]
    difference = f"{first} - {second}" if t == 1 else f"({first} - {second}) / {t:g}"
    print_text(f"Softmax of two is the sigmoid of their difference, {difference}:")
    print_text(f"difference {d:g}, sigmoid {s:.17g}, softmax {steps['probabilities'][0]:.17g}")
