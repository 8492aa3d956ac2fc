"""Run every benchmark, and write the results and which figures are reached: ``python benchmarks/run.py``.

Each phase is one call of ``softmax-xp bench`` in a process of its own. ``benchmarks/results/cpu.json`` has what
they print, ``cpu.md`` the same as tables. ``--phases one all`` runs some and keeps the other results, ``--op``
runs some functions of them, ``--phases`` alone writes the tables anew. The machine should be idle; all phases
take about 25 minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from softmax_xp.cli.benchmarks.report import failures, heading, seconds, title

RESULTS = Path(__file__).parent / "results"
BOTH = ["--dtype", "float32", "float64"]
LARGE = "256x50257"
BUSY = ["--libraries", "scipy", "torch", "onnxruntime"]

PHASES = {
    "one": ["--full", *BOTH, "--threads", "one"],
    "all": ["--full", *BOTH, "--threads", "all"],
    "half": ["--full", "--dtype", "float16", "bfloat16", "--threads", "one"],
    "backward-one": ["--full", "--backward", "--dtype", "float32", "--threads", "one"],
    "backward-all": ["--full", "--backward", "--dtype", "float32", "--threads", "all"],
    "oversubscribed": ["--shape", "10", "64x1000", "1024x1024", LARGE, "--threads", "oversubscribed", *BUSY],
    "compiled": ["--shape", "64x1000", "1024x1024", LARGE, "--threads", "one", "--compile", "--libraries", "torch"],
    "memory": ["--shape", LARGE, *BOTH, "--memory"],
}

Phases = dict[str, dict[str, Any]]
Results = dict[str, dict[str, Any]]
Pick = Callable[[Results, list[str]], dict[str, Any]]
"""A result of a case by all its results and the engines in their order; an empty one if there is none."""

Fits = Callable[[dict[str, Any]], bool]

Measure = Callable[[dict[str, Any], Results, list[str]], float | None]
"""A number for a case, its results by name and the engines in their order; None where it has none."""


class Figure(NamedTuple):
    """What is to be reached in every case of a phase that has it."""

    claim: str
    phase: str
    measure: Measure
    bound: float
    at_most: bool = False


def with_kernels(results: Results, engines: list[str]) -> dict[str, Any]:
    """Return the result on NumPy with the kernels; an empty one if they did not take part."""
    return next((r for n, r in results.items() if on_numpy(n) and r.get("engine") == "cpu_kernels"), {})


def without_kernels(results: Results, engines: list[str]) -> dict[str, Any]:
    """Return the result on NumPy of the engine that would be chosen if there were no kernels."""
    ours = {r["engine"]: r for n, r in results.items() if on_numpy(n) and r.get("engine")}
    return next((ours[e] for e in engines if e in ours and e != "cpu_kernels"), {})


def on_numpy(name: str) -> bool:
    return name.startswith("softmax_xp") and "," not in name


def named(name: str) -> Pick:
    return lambda results, engines: results.get(name, {})


TORCH = named("softmax_xp, torch")
EAGER = ("softmax", "logsumexp")


def is_any(case: dict[str, Any]) -> bool:
    return True


def speed(pick: Pick, rival: str, fits: Fits = is_any) -> Measure:
    """Return a measure: how many times as fast as a rival."""
    return lambda case, results, engines: (
        pick(results, engines).get("times_as_fast_as", {}).get(rival) if fits(case) else None
    )


def slowness(pick: Pick, rival: str, fits: Fits = is_any) -> Measure:
    """Return a measure: how many times the time of a rival."""
    fast = speed(pick, rival, fits)

    def measure(case: dict[str, Any], results: Results, engines: list[str]) -> float | None:
        found = fast(case, results, engines)
        return None if found is None else 1 / found

    return measure


def microseconds(case: dict[str, Any], results: Results, engines: list[str]) -> float | None:
    """Return the time of a call on 10 elements with the kernels."""
    found = with_kernels(results, engines).get("median_s")
    return 1e6 * found if found is not None and is_tiny(case) else None


def overhead(case: dict[str, Any], results: Results, engines: list[str]) -> float | None:
    """Return the microseconds that a small call on torch takes beyond torch's own, where that is used."""
    ours, native = results.get("softmax_xp, torch", {}), results.get("torch", {})
    if ours.get("engine") != "torch_native" or "median_s" not in native or size(case) > 100:
        return None
    return 1e6 * (ours["median_s"] - native["median_s"])


def size(case: dict[str, Any]) -> int:
    return prod(case["shape"])


def is_tiny(case: dict[str, Any]) -> bool:
    return size(case) == 10


def is_row_of_10(case: dict[str, Any]) -> bool:
    return case["shape"] == [1, 10]


def is_logsumexp(case: dict[str, Any]) -> bool:
    return case["op"] == "logsumexp"


def is_out_of_cache(case: dict[str, Any]) -> bool:
    return size(case) * {"float64": 8, "float32": 4}.get(case["dtype"], 2) >= 32 * 2**20


def is_axis_0(case: dict[str, Any]) -> bool:
    return case["axis"] == 0 and len(case["shape"]) > 1


def figures() -> list[Figure]:
    """Return what is to be reached, with one thread and with all."""
    half = Figure("torch, half types: times as fast as its own", "half", speed(TORCH, "torch"), 1.0)
    return [*numpy_figures(), *kernel_figures(), *torch_figures(), half, *jax_figures()]


def numpy_figures() -> Iterator[Figure]:
    for phase in ("one", "all"):
        for label, fits, bound in (
            ("", is_any, 1.0),
            (", (1, 10)", is_row_of_10, 2.0),
            (", logsumexp", is_logsumexp, 3.0),
            (", logsumexp of (1, 10)", lambda case: is_row_of_10(case) and is_logsumexp(case), 15.0),
        ):
            measure = speed(without_kernels, "scipy", fits)
            yield Figure(f"NumPy without kernels{label}: times as fast as SciPy", phase, measure, bound)


def kernel_figures() -> Iterator[Figure]:
    for phase, as_torch, as_copy in (("one", 1.8, 2.5), ("all", 1.1, 1.9)):
        yield Figure("kernels: times as fast as SciPy", phase, speed(with_kernels, "scipy"), 3.4)
        yield Figure("kernels: times as fast as torch", phase, speed(with_kernels, "torch"), as_torch)
        copies = slowness(with_kernels, "copy", is_out_of_cache)
        yield Figure("kernels, 32 MB and more: by the time of a plain copy", phase, copies, as_copy, at_most=True)
        yield Figure("kernels: µs for 10 elements", phase, microseconds, 2.0, at_most=True)


def torch_figures() -> Iterator[Figure]:
    for phase in ("one", "all"):
        yield Figure("torch: times as fast as its own", phase, speed(TORCH, "torch"), 1.0)
        yield Figure("torch, axis 0: times as fast as its own", phase, speed(TORCH, "torch", is_axis_0), 1.5)
        yield Figure("torch, with gradient: times as fast as its own", f"backward-{phase}", speed(TORCH, "torch"), 1.0)
        yield Figure("torch, where its own is used: µs beyond that", phase, overhead, 2.0, at_most=True)


def jax_figures() -> Iterator[Figure]:
    jit = slowness(named("softmax_xp, jax.jit"), "jax.nn, jit")
    eager = speed(named("softmax_xp, jax"), "jax.nn", lambda case: is_tiny(case) and case["op"] in EAGER)
    for phase in ("one", "all"):
        yield Figure("JAX, jit: by the time of jax.nn", phase, jit, 1.05, at_most=True)
        yield Figure("JAX, jit with gradient: by the time of jax.nn", f"backward-{phase}", jit, 1.05, at_most=True)
        yield Figure("JAX, eager, 10 elements: times as fast as jax.nn", phase, eager, 5.0)


def check(figure: Figure, phases: Phases) -> list[str]:
    """Return the cells of a figure's line: claim, phase, bound, reached or not, in how many cases, the worst."""
    found = phases.get(figure.phase, {"cases": [], "engines": []})
    values: list[tuple[float, str]] = []
    for case in found["cases"]:
        results = {r["contestant"]: r for r in case["results"] if "error" not in r}
        value = figure.measure(case, results, found["engines"])
        if value is not None:
            values.append((value, title(case)))
    sign, keeps = ("≤", float.__le__) if figure.at_most else ("≥", float.__ge__)
    cells = [figure.claim, figure.phase, f"{sign} {figure.bound:g}"]
    if not values:
        return [*cells, "not measured", "", ""]
    good = sum(keeps(float(v), figure.bound) for v, _ in values)
    worst, where = max(values) if figure.at_most else min(values)
    verdict = "reached" if good == len(values) else "**not reached**"
    return [*cells, verdict, f"{good} of {len(values)}", f"{worst:.3g} ({where})"]


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def pivots(found: dict[str, Any]) -> Iterator[str]:
    """Yield a table for each function and dtype of a phase: a line for each case, a column for each contestant."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for case in found["cases"]:
        groups.setdefault(f"{case['op']}, {case['dtype']}", []).append(case)
    for name, cases in groups.items():
        columns = list(dict.fromkeys(r["contestant"] for case in cases for r in case["results"]))
        rows = []
        for case in cases:
            cells = {r["contestant"]: cell(r, case["reference"]) for r in case["results"]}
            rows.append([title(case).partition(f" {case['dtype']} ")[2], *(cells.get(c, "") for c in columns)])
        yield from (f"#### {name}", "", *table(["logits", *columns], rows), "")


def cell(result: dict[str, Any], reference: str | None) -> str:
    """Return the median, and for this library how many times as fast as the reference it is; or the peak memory."""
    if "error" in result:
        return "failed"
    if "median_s" not in result:
        return "" if result.get("peak_by_logits") is None else f"{result['peak_by_logits']:.2f}"
    ratio = result["times_as_fast_as"].get(reference) if result["contestant"].startswith("softmax_xp") else None
    return seconds(result["median_s"]) + ("" if ratio is None else f" ({ratio:.3g}×)")


def page(phases: Phases) -> str:
    """Return all results as Markdown."""
    lines = ["# Benchmarks on the CPU", "", "Made by `python benchmarks/run.py`.", "", "<!-- figures -->", ""]
    lines += ["## Figures", ""]
    header = ["figure", "phase", "bound", "verdict", "cases", "worst"]
    lines += [*table(header, [check(f, phases) for f in figures()]), "", "<!-- end of figures -->", ""]
    lines += ["## Results", "", "Medians; in parentheses how many times as fast as the first of SciPy, torch and"]
    lines += ["jax.nn under jit that took part. Memory: peak by the size of the logits.", ""]
    for phase, found in phases.items():
        lines += [f"### {phase}", "", f"`softmax-xp bench {' '.join(PHASES[phase])}`", ""]
        lines += [f"- {line}" for line in (*heading(found), *failures(found))]
        lines += ["", *pivots(found)]
    return "\n".join(lines).rstrip() + "\n"


def compact(phases: Phases) -> str:
    """Return the results as JSON with a line for each case, without what follows from the rest."""
    parts = []
    for phase, found in phases.items():
        head = json.dumps({k: v for k, v in found.items() if k != "cases"}, ensure_ascii=False)[:-1]
        cases = ",\n".join(json.dumps(brief(case), separators=(",", ":")) for case in found["cases"])
        parts.append(f'{json.dumps(phase)}: {head}, "cases": [\n{cases}\n]}}')
    return "{" + ",\n".join(parts) + "}\n"


def brief(case: dict[str, Any]) -> dict[str, Any]:
    results = [{k: v for k, v in r.items() if k != "ns_per_element" and v is not None} for r in case["results"]]
    return {**case, "results": results}


def measured(phase: str, extra: list[str]) -> dict[str, Any]:
    """Return what the command prints."""
    command = [sys.executable, "-m", "softmax_xp", "bench", *PHASES[phase], *extra, "--json"]
    print(f"{phase}: softmax-xp {' '.join(command[3:])}", file=sys.stderr, flush=True)
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--phases", nargs="*", choices=PHASES, default=list(PHASES), help="run these only")
    parser.add_argument("--op", nargs="+", help="run only these functions of a phase, and keep its other results")
    parser.add_argument("--seconds", type=float, help="for each contestant and case")
    parser.add_argument("--into", type=Path, default=RESULTS, help="folder of the results")
    arguments = parser.parse_args()
    target = arguments.into / "cpu.json"
    known: Phases = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    extra = [] if arguments.seconds is None else ["--seconds", str(arguments.seconds)]
    extra += ["--op", *arguments.op] if arguments.op else []
    for phase in arguments.phases:
        found = measured(phase, extra)
        if arguments.op and phase in known:
            anew = {title(case): case for case in found["cases"]}
            found = {**known[phase], "cases": [anew.get(title(case), case) for case in known[phase]["cases"]]}
        known[phase] = found
        # Written after each phase: one that fails does not lose those before.
        ordered = {name: known[name] for name in PHASES if name in known}
        target.write_text(compact(ordered), encoding="utf-8")
    ordered = {name: known[name] for name in PHASES if name in known}
    (arguments.into / "cpu.md").write_text(page(ordered), encoding="utf-8")


if __name__ == "__main__":
    main()
