"""Plot the committed results: ``python benchmarks/plot.py`` makes ``docs/images/performance.svg``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

ROOT = Path(__file__).parents[1]
OPS = ("softmax", "log_softmax", "logsumexp", "cross_entropy")
PHASE, DTYPE, REFERENCE = "one", "float32", "scipy"

# The colours of Okabe and Ito differ for colour-blind people as well; the markers do without any colour.
STYLES = {
    "softmax_xp": ("softmax_xp on NumPy", "#D55E00", "D", 42),
    "softmax_xp (numpy_inplace)": ("the same without kernels", "#E69F00", "o", 30),
    "numpy textbook": ("NumPy, textbook", "#999999", "x", 26),
    "torch": ("torch", "#0072B2", "s", 26),
    "jax.nn, jit": ("jax.nn, jit (its own threads)", "#009E73", "^", 28),
    "onnxruntime": ("ONNX Runtime", "#CC79A7", "v", 28),
}


def label(case: dict[str, Any]) -> str:
    """Return the shape of a case, and its axis if that is not the last."""
    shape = "×".join(f"{n:,}".replace(",", " ") for n in case["shape"])
    return shape if case["axis"] == len(case["shape"]) - 1 else f"{shape}, axis {case['axis']}"


def points(cases: list[dict[str, Any]], contestant: str, lines: list[str]) -> tuple[list[float], list[int]]:
    """Return how many times as fast as the reference a contestant is, and in which line."""
    xs, ys = [], []
    for case in cases:
        found = {r["contestant"]: r.get("times_as_fast_as", {}).get(REFERENCE) for r in case["results"]}
        if found.get(contestant) is not None:
            xs.append(found[contestant])
            ys.append(lines.index(label(case)))
    return xs, ys


def draw(cases: list[dict[str, Any]]) -> Figure:
    """Return a panel for each function: a line for each shape, a marker for each contestant."""
    figure = Figure(figsize=(10, 9), layout="constrained")
    lines = list(dict.fromkeys(map(label, cases)))
    for op, axes in zip(OPS, figure.subplots(2, 2, sharex=True, sharey=True).flat, strict=True):
        of_op = [case for case in cases if case["op"] == op]
        axes.axvline(1, color="black", linewidth=1)
        for contestant, (name, colour, marker, area) in STYLES.items():
            xs, ys = points(of_op, contestant, lines)
            axes.scatter(xs, ys, s=area, c=colour, marker=marker, label=name, zorder=3)
        axes.set(title=op, xscale="log", yticks=range(len(lines)), yticklabels=lines)
        axes.grid(True, color="0.9")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}×")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.invert_yaxis()
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=3, frameon=False)
    figure.supxlabel(f"times as fast as SciPy, {DTYPE}, one thread")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition(":")[0])
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results" / "cpu.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs" / "images" / "performance.svg")
    arguments = parser.parse_args()
    phases = json.loads(arguments.results.read_text(encoding="utf-8"))
    # The same results give the same file.
    mpl.rcParams.update({"svg.hashsalt": "softmax_xp", "svg.fonttype": "none"})
    cases = [case for case in phases[PHASE]["cases"] if case["dtype"] == DTYPE]
    draw(cases).savefig(arguments.picture, metadata={"Date": None})


if __name__ == "__main__":
    main()
