"""The results as tables."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from ..output import print_table
from .cases import Case

UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))


def print_report(found: dict[str, Any], *, memory: bool) -> None:
    """Print the machine, the libraries, and a table for each reference in turn."""
    for line in heading(found):
        print(line)
    for reference, cases in groupby(found["cases"], lambda case: case["reference"]):
        print()
        rows = [row for case in cases for row in (memory_rows(case) if memory else time_rows(case))]
        if memory:
            print_table(["case", "contestant", "peak", "times the logits", "method"], rows, left=(0, 1))
        else:
            ratio = f"times as fast as {reference}" if reference else ""
            print_table(["case", "contestant", "median", "spread", ratio, "ns per element"], rows, left=(0, 1))
    for line in failures(found):
        print(line)
    if not memory:
        print("\nThe spread is the distance of the quartiles, divided by the median.")


def heading(found: dict[str, Any]) -> list[str]:
    """Return what the times depend on, in a few lines."""
    machine, libraries = found["machine"], found["libraries"]
    caches = ", ".join(f"{level} {size}" for level, size in machine["caches"].items())
    load = "" if machine["load"] is None else f"; load {machine['load']:.2f} before the run"
    present = [f"{name} {version}" for name, version in libraries.items() if version is not None]
    missing = [name for name, version in libraries.items() if version is None]
    return [
        f"softmax_xp {found['softmax_xp']}, Python {machine['python']}, {machine['system']}, {found['date']}",
        f"{machine['cpu']}, usable cores: {machine['cores']}{f'; {caches}' if caches else ''}{load}",
        f"threads: {found['threads']} ({found['thread_count']}); engines: {', '.join(found['engines'])}",
        f"found: {', '.join(present)}",
        f"not installed: {', '.join(missing) or 'none'}",
        *(["The machine was not idle: threads that wait for each other are slow then."] if is_busy(machine) else []),
    ]


def is_busy(machine: dict[str, Any]) -> bool:
    """Return whether other processes kept more than a quarter of the cores busy."""
    return machine["load"] is not None and machine["load"] > machine["cores"] / 4


def title(case: dict[str, Any]) -> str:
    """Return the case in a few words."""
    return Case(*(case[key] for key in Case._fields)).title


def time_rows(case: dict[str, Any]) -> list[list[str]]:
    """Return the lines of one case; it is named in the first."""
    rows: list[list[str]] = []
    for result in case["results"]:
        cells = ["failed", "", "", ""] if "error" in result else _times(result, case["reference"])
        rows.append([title(case) if not rows else "", name(result), *cells])
    return rows


def _times(result: dict[str, Any], reference: str | None) -> list[str]:
    low, high = result["quartiles_s"]
    ratio = result["times_as_fast_as"].get(reference)
    return [
        seconds(result["median_s"]),
        f"{100 * (high - low) / result['median_s']:.0f} %" if result["median_s"] else "",
        "" if ratio is None else f"{ratio:.2f}",
        f"{result['ns_per_element']:.3g}",
    ]


def memory_rows(case: dict[str, Any]) -> list[list[str]]:
    """Return the lines of one case; it is named in the first."""
    rows: list[list[str]] = []
    for result in case["results"]:
        if "error" in result:
            cells = ["failed", "", ""]
        elif result["peak_bytes"] is None:
            cells = ["not measured", "", ""]
        else:
            cells = [f"{result['peak_bytes'] / 1e6:.3f} MB", f"{result['peak_by_logits']:.2f}", result["method"]]
        rows.append([title(case) if not rows else "", name(result), *cells])
    return rows


def failures(found: dict[str, Any]) -> list[str]:
    """Return a line for each contestant that failed, with its first error and how often it failed."""
    errors: dict[str, list[str]] = {}
    for case in found["cases"]:
        for result in case["results"]:
            if "error" in result:
                errors.setdefault(result["contestant"], []).append(f"{title(case)}: {result['error']}")
    return [f"failed: {who} ({len(what)} times), first in {what[0]}" for who, what in errors.items()]


def name(result: dict[str, Any]) -> str:
    """Return the contestant, and the engine where the name does not tell it."""
    engine = result.get("engine")
    known = engine is None or f"({engine})" in result["contestant"]
    return result["contestant"] if known else f"{result['contestant']}: {engine}"


def seconds(t: float) -> str:
    """Return a time with three digits and its unit."""
    unit, scale = next(((u, s) for u, s in UNITS if t >= s), UNITS[-1])
    number = f"{t / scale:.3g}"
    return f"{float(number):g} {unit}"
