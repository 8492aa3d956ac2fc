"""Run the contestants on the cases; the result is plain data."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ... import _engines
from ...versions import __version__
from . import machine, threads
from .cases import Case, Inputs, inputs
from .contestants import SMALL, Contestant, Prepared, versions
from .memory import peak
from .timing import Clock, Times, measure, reported, summary, times_as_fast

REFERENCES = ("scipy", "torch", "jax.nn, jit", "numpy textbook")
"""The first of these that takes part in a case is what the others are compared with."""

PAUSE = 5e-3
"""For so long the threads of OpenMP and of ONNX Runtime spin after their work, and slow down who comes next."""

Tell = Callable[[str], None]


class Plan(NamedTuple):
    """What to measure."""

    cases: list[Case]
    contestants: list[Contestant]
    mode: str
    seconds: float
    memory: bool = False
    limited: bool = True


def run(plan: Plan, tell: Tell, clock: Clock = time.perf_counter) -> dict[str, Any]:
    """Return the machine, the versions and the results of a plan."""
    done = []
    facts = describe(plan)
    with threads.setting(plan.mode) as n:
        for k, case in enumerate(plan.cases, 1):
            tell(f"[{k}/{len(plan.cases)}] {case.title}")
            results = measure_case(case, plan, n, clock)
            if results["results"]:
                done.append(results)
    return {**facts, "thread_count": n, "cases": done}


def describe(plan: Plan) -> dict[str, Any]:
    """Return what the times depend on."""
    return {
        "softmax_xp": __version__,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": machine.describe(),
        "libraries": versions(),
        "engines": [*_engines.ENGINES, "generic"],
        "threads": plan.mode,
        "seconds": plan.seconds,
    }


def measure_case(case: Case, plan: Plan, n: int, clock: Clock) -> dict[str, Any]:
    """Return the results of one case: of each contestant that takes part, in their order."""
    data = inputs(case)
    taking_part = [c for c in plan.contestants if not (plan.limited and c.small and case.size > SMALL)]
    errors: dict[str, str] = {}
    reference = None
    prepared = prepare(case, data, taking_part, n, errors)
    if plan.memory:
        found = peaks(data, prepared, taking_part, errors)
    else:
        times = measure(prepared, plan.seconds, pause=0.0 if n == 1 else PAUSE, clock=clock)
        errors.update(times.errors)
        reference = next((name for name in REFERENCES if name in times.samples), None)
        found = compare(times, prepared, taking_part, case, reference)
    results = [
        {"contestant": c.name, "error": errors[c.name]} if c.name in errors else found[c.name]
        for c in taking_part
        if c.name in errors or c.name in found
    ]
    return {**case._asdict(), "reference": reference, "results": results}


def prepare(
    case: Case, data: Inputs, contestants: list[Contestant], n: int, errors: dict[str, str]
) -> dict[str, Prepared]:
    """Return the calls of those that take part, and note who fails."""
    prepared = {}
    for c in contestants:
        with reported(c.name, errors):
            p = c.prepare(case, data, n)
            if p is not None:
                prepared[c.name] = p
    return prepared


def compare(
    times: Times,
    prepared: dict[str, Prepared],
    contestants: list[Contestant],
    case: Case,
    reference: str | None,
) -> dict[str, dict[str, Any]]:
    """Return medians, spread and ratios."""
    samples = times.samples
    found = {}
    for c in (c for c in contestants if c.name in samples):
        own = samples[c.name]
        middle = summary(own)
        ratios = {r: times_as_fast(own, samples[r]) for r in (reference, *c.rivals) if r in samples}
        found[c.name] = {
            "contestant": c.name,
            "engine": prepared[c.name].engine,
            "median_s": rounded(middle.median),
            "quartiles_s": [rounded(q) for q in middle.quartiles],
            "rounds": len(own),
            "ns_per_element": rounded(1e9 * middle.median / case.size),
            "times_as_fast_as": {r: rounded(ratio) for r, ratio in ratios.items()},
        }
    return found


def peaks(
    data: Inputs, prepared: dict[str, Prepared], contestants: list[Contestant], errors: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """Return the peak memory of each contestant, in bytes and by the size of the logits."""
    found = {}
    for c in (c for c in contestants if c.name in prepared):
        with reported(c.name, errors):
            held = peak(prepared[c.name], data.x.nbytes)
            found[c.name] = {
                "contestant": c.name,
                "engine": prepared[c.name].engine,
                "method": None if held is None else prepared[c.name].memory,
                "peak_bytes": held,
                "peak_by_logits": None if held is None else rounded(held / data.x.nbytes),
            }
    return found


def rounded(x: float) -> float:
    """Return four significant digits: more would be noise."""
    return float(f"{x:.4g}")
