"""Sparse maps and filters beside sorts and beside other packages, in one run.

Run ``python benchmarks/sparse.py > benchmarks/results/sparse.md`` in an environment with torch, entmax and scipy. All
calls of a table take turns; a figure is the median over the rounds of one time divided by another of the same round.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module
from typing import Any

import numpy as np

from softmax_xp import activations, sampling, sparse
from softmax_xp._engines import threads
from softmax_xp.cli.benchmarks.contestants import Prepared
from softmax_xp.cli.benchmarks.machine import describe
from softmax_xp.cli.benchmarks.timing import Times, measure, summary, times_as_fast
from softmax_xp.versions import installed

SECONDS = 3.0
"""For each contestant."""

Calls = dict[str, Callable[[], Any]]


def on_numpy(x: Any) -> Calls:
    return {
        "sort": lambda: np.sort(x, axis=-1),
        "sparsemax": lambda: sparse.sparsemax(x),
        "entmax 1.5": lambda: sparse.entmax(x),
        "entmax 1.25": lambda: sparse.entmax(x, alpha=1.25),
        "entmax 3": lambda: sparse.entmax(x, alpha=3.0),
        "normmax": lambda: sparse.normmax(x),
        "k_subset": lambda: sparse.k_subset(x, k=10),
        "top_p_logits": lambda: sampling.top_p_logits(x, 0.9),
        "top_k_logits": lambda: sampling.top_k_logits(x, 50),
    }


def on_torch(x: Any) -> Calls:
    torch, entmax = import_module("torch"), import_module("entmax")
    leaf = x.clone().requires_grad_()
    g = torch.ones_like(x)

    def trained(f: Callable[[Any], Any]) -> Callable[[], Any]:
        return lambda: torch.autograd.grad(f(leaf), leaf, g)

    return {
        "sort": lambda: torch.sort(x, dim=-1, descending=True),
        "sparsemax": lambda: sparse.sparsemax(x),
        "entmax package, sparsemax": lambda: entmax.sparsemax(x, dim=-1),
        "entmax 1.5": lambda: sparse.entmax(x),
        "entmax package, entmax15": lambda: entmax.entmax15(x, dim=-1),
        "entmax 1.25": lambda: sparse.entmax(x, alpha=1.25),
        "entmax package, entmax_bisect 1.25": lambda: entmax.entmax_bisect(x, 1.25, dim=-1),
        "sparsemax and gradient": trained(sparse.sparsemax),
        "entmax package, sparsemax and gradient": trained(lambda v: entmax.sparsemax(v, dim=-1)),
        "entmax 1.5 and gradient": trained(sparse.entmax),
        "entmax package, entmax15 and gradient": trained(lambda v: entmax.entmax15(v, dim=-1)),
    }


PAIRS = (
    ("sparsemax", "entmax package, sparsemax"),
    ("entmax 1.5", "entmax package, entmax15"),
    ("entmax 1.25", "entmax package, entmax_bisect 1.25"),
    ("sparsemax and gradient", "entmax package, sparsemax and gradient"),
    ("entmax 1.5 and gradient", "entmax package, entmax15 and gradient"),
)


def of_activations(x: Any) -> Calls:
    special = import_module("scipy.special")
    return {
        "sigmoid": lambda: activations.sigmoid(x),
        "scipy, expit": lambda: special.expit(x),
        "log_sigmoid": lambda: activations.log_sigmoid(x),
        "scipy, log_expit": lambda: special.log_expit(x),
        "gelu": lambda: activations.gelu(x),
        "scipy, x * ndtr": lambda: x * special.ndtr(x),
    }


def timed(calls: Calls) -> Times:
    with threads.limit(1):
        return measure({name: Prepared(call, nullcontext) for name, call in calls.items()}, SECONDS)


def table(times: Times, beside: str) -> list[str]:
    """Return milliseconds, and how many of the time of one contestant that is."""
    lines = [f"| one thread | ms | times {beside} |", "| --- | ---: | ---: |"]
    for name, found in times.samples.items():
        ratio = 1 / times_as_fast(found, times.samples[beside])
        lines.append(f"| {name} | {1e3 * summary(found).median:.1f} | {ratio:.2g} |")
    return [*lines, *(f"| {name} | failed: {why} | |" for name, why in times.errors.items())]


def pairs(times: Times, which: tuple[tuple[str, str], ...]) -> list[str]:
    lines = ["| softmax_xp | other | times as fast |", "| --- | --- | ---: |"]
    for own, other in which:
        if own in times.samples and other in times.samples:
            ratio = times_as_fast(times.samples[own], times.samples[other])
            lines.append(f"| {own} | {other} | {ratio:.2g} |")
    return lines


def main() -> None:
    torch = import_module("torch")
    torch.set_num_threads(1)
    x = 2 * np.random.default_rng(0).normal(size=(1024, 1024)).astype(np.float32)
    machine = describe()
    names = ("numpy", "torch", "entmax", "scipy")
    print("# Sparse maps, filters and activations\n")
    print(
        "Made by `python benchmarks/sparse.py`: float32, (1024, 1024), last axis, one thread;"
        " medians of interleaved rounds.\n"
    )
    print(f"{machine['cpu']}, {machine['cores']} cores, load {machine['load']}, Python {machine['python']}; ", end="")
    print(", ".join(f"{name} {installed(name)}" for name in names) + ".\n")
    print("## NumPy\n")
    print("\n".join(table(timed(on_numpy(x)), "sort")))
    times = timed(on_torch(torch.asarray(x)))
    print("\n## PyTorch\n")
    print("\n".join(table(times, "sort")))
    print("\n" + "\n".join(pairs(times, PAIRS)))
    times = timed(of_activations(x))
    names_of = tuple(times.samples)
    print("\n## Activations on NumPy, beside SciPy\n")
    print("\n".join(pairs(times, tuple(zip(names_of[::2], names_of[1::2], strict=True)))))


if __name__ == "__main__":
    main()
