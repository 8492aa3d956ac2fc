"""What it costs on JAX that traced logits have one value wherever they are used, under jit and in one run.

Run ``python benchmarks/compiled.py > benchmarks/results/compiled.md`` in an environment with JAX. Each function is
compiled twice, with the select that its logits pass through and without it, and the two take turns with jax.nn.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module
from typing import Any
from unittest.mock import patch

import numpy as np

from softmax_xp import cross_entropy, log_softmax, logsumexp, softmax
from softmax_xp.cli.benchmarks.contestants import Prepared
from softmax_xp.cli.benchmarks.machine import describe
from softmax_xp.cli.benchmarks.timing import measure, summary, times_as_fast
from softmax_xp.versions import installed

SECONDS = 1.0
"""For each contestant."""

SHAPES = ((512, 1000), (64, 32000))

Function = Callable[[Any], Any]


def pairs(jax: Any, labels: Any) -> dict[str, tuple[Function, Function]]:
    """Return functions of logits, and what JAX has for them."""
    nn, rows = jax.nn, jax.numpy.arange(labels.shape[0])
    found: dict[str, tuple[Function, Function]] = {
        "softmax": (softmax, nn.softmax),
        "log_softmax": (log_softmax, nn.log_softmax),
        "logsumexp": (lambda x: logsumexp(x, axis=-1), lambda x: nn.logsumexp(x, axis=-1)),
        "cross_entropy": (lambda x: cross_entropy(x, labels), lambda x: -nn.log_softmax(x)[rows, labels].mean()),
    }
    slopes = {f"gradient of {name}": tuple(jax.grad(_total(f)) for f in both) for name, both in found.items()}
    capped = {f"{name} of a product": tuple(_of_product(f) for f in both) for name, both in found.items()}
    return {**found, **slopes, **capped}  # type: ignore[dict-item]


def _total(f: Function) -> Function:
    return lambda x: (f(x) * 0.5).sum()


def _of_product(f: Function) -> Function:
    return lambda x: f(x * 0.7)


def compiled(jax: Any, f: Function, x: Any) -> Callable[[], Any]:
    run = jax.jit(lambda v: f(v)).lower(x).compile()
    return lambda: jax.block_until_ready(run(x))


def contestants(jax: Any, own: Function, theirs: Function, x: Any) -> dict[str, Prepared]:
    calls = {"with": compiled(jax, own, x), "jax.nn": compiled(jax, theirs, x)}
    jax.clear_caches()
    with patch("softmax_xp._autodiff.jax_.pinned", lambda values: values):
        calls["without"] = compiled(jax, own, x)
    jax.clear_caches()
    return {name: Prepared(call, nullcontext) for name, call in calls.items()}


def main() -> None:
    jax = import_module("jax")
    machine = describe()
    print("# Traced logits on JAX\n")
    print("Made by `python benchmarks/compiled.py`: float32, last axis, under jit; medians of interleaved rounds.\n")
    print(f"{machine['cpu']}, {machine['cores']} cores, load {machine['load']}, Python {machine['python']}; ", end="")
    print(", ".join(f"{name} {installed(name)}" for name in ("jax", "jaxlib", "numpy")) + ".")
    for shape in SHAPES:
        rng = np.random.default_rng(0)
        x = jax.numpy.asarray(rng.normal(size=shape), dtype="float32")
        labels = jax.numpy.asarray(rng.integers(0, shape[-1], shape[0]))
        print(f"\n## {shape}\n")
        print("| under jit | ms | time by that without the select | time by that of jax.nn |")
        print("| --- | ---: | ---: | ---: |")
        for name, (own, theirs) in pairs(jax, labels).items():
            found = measure(contestants(jax, own, theirs, x), SECONDS).samples
            ratios = (1 / times_as_fast(found["with"], found[other]) for other in ("without", "jax.nn"))
            middle = summary(found["with"]).median
            print(f"| {name} | {1e3 * middle:.2f} |", *(f"{ratio:.2f} |" for ratio in ratios), flush=True)


if __name__ == "__main__":
    main()
