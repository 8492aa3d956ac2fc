"""Write the measured tables of the docs: ``python -m tests.libraries.equivalence.tables``."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import softmax_xp
from softmax_xp.testing import check_backend, contract
from softmax_xp.testing.compare import ulp
from softmax_xp.testing.records import RECORDS, examples, numbers, path
from softmax_xp.versions import installed

from ...backends import BACKENDS, Backend, missing
from .cases import CASES, OPS
from .distances import Distance, distances

DOCS = Path(__file__).parents[3] / "docs"
LIBRARIES = ("numpy", "torch", "jax.numpy")
SUPPORTED = ("numpy", "ml_dtypes", "strict-CPU_DEVICE", "torch", "jax", "dask", "cupy")


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def accuracy_page() -> str:
    """Return the worst errors against the oracle."""
    rows = []
    for name in LIBRARIES:
        for line in check_backend(import_module(name)).lines:
            if not line.worst_ulp and line.passed:
                continue
            worst, share = f"{line.worst_ulp:.3g}", f"{line.share_of_gate:.0%}"
            rows.append([name, line.dtype, line.section, line.op, worst, share, line.case])
    head = ["library", "dtype", "inputs", "function", "worst error (ulp)", "share of the gate", "at"]
    return page(
        "Measured accuracy",
        "The worst error against mpmath on a fixed set of inputs, as `softmax-xp check` measures it. "
        "Where the share of the gate is small though the error is large, the rounding of x - max is "
        "most of the allowance (the term c of the contract), or the library flushes subnormal numbers to 0. "
        "Errors of derivatives, and of the sums of their rows, are in ulp of the largest cotangent; those of sparse "
        "maps in ulp of 1. Lines without any error are left out: filters and draws have none.",
        table(head, rows),
    )


def equivalence_page() -> str:
    """Return the distance between any two libraries."""
    found = [d for dtype in contract.FLOATS for op in OPS for d in distances(op, dtype, thorough=True)]
    functions = list(dict.fromkeys(op.partition(" ")[0] for op in CASES if op not in OPS))
    found += [farthest(function, dtype) for dtype in contract.FLOATS for function in functions]
    rows = [[d.op, d.dtype, d.left, d.right, f"{d.ulps:.3g}", f"{d.share:.0%}"] for d in found]
    head = ["function", "dtype", "library", "library", "largest distance (ulp)", "share of both gates"]
    return page(
        "Equivalence",
        "The largest distance between the results of two libraries on the dangerous inputs of the contract; "
        "that of gradients in ulp of the largest one possible, that of sparse maps and their losses of 1 or more. "
        "Distances of millions of ulp come from JAX, which flushes subnormal numbers to 0. "
        "For sparse maps, their losses, activations and sampling there is one line for each function and type: the "
        "options and the two libraries with the largest share; a share of 0% beside a distance of 0 means the same "
        "numbers from all of them.",
        table(head, rows),
    )


def farthest(function: str, dtype: str) -> Distance:
    """Return the two libraries that are farthest apart, over all options of a function that are compared."""
    found = [d for op in CASES if op.partition(" ")[0] == function for d in distances(op, dtype)]
    return max(found, key=lambda d: (d.share, d.ulps))


def invariance_page() -> str:
    """Return how far a row moves with the shape of the call."""
    rows = []
    values = 3 * np.random.default_rng(7).normal(size=(65, 1000))
    for name in ("numpy", "torch", "jax"):
        for dtype in BACKENDS[name].dtypes:
            for op in contract.OPS:
                batch = _output(name, dtype, op, values)
                alone = np.concatenate([_output(name, dtype, op, row[None]) for row in values[:8]])
                strided = _output(name, dtype, op, np.ascontiguousarray(values.T), axis=0)
                strided = strided if op == "logsumexp" else strided.T
                pairs = ((alone, batch[:8]), (strided, batch))
                moved = [float((np.abs(a - b) / ulp(b, dtype)).max()) for a, b in pairs]
                rows.append([name, dtype, op, *("same bits" if m == 0 else f"{m:.3g} ulp" for m in moved)])
    return page(
        "Same answer, whatever the shape of the call",
        "How far a row of 1000 normal numbers moves when it is computed alone instead of in a batch of 65, "
        "and along the first axis instead of the last. Only what the contract says is promised; this was measured.",
        table(["library", "dtype", "function", "alone", "along axis 0"], rows),
    )


def _output(name: str, dtype: str, op: str, values: Any, axis: int = -1) -> Any:
    backend = BACKENDS[name]
    result = getattr(softmax_xp, op)(backend.array(values, dtype), axis=axis)
    return backend.numpy(result).astype(np.float64)


def support_page() -> str:
    """Return what each function does on each library, found by doing it."""
    backends = [BACKENDS[n] for n in SUPPORTED if n in BACKENDS]
    columns = [b for b in backends if not missing(b)]
    rows = [[f"`{path(name)}`", *(_abilities(name, b) for b in columns)] for name in RECORDS]
    absent = [f"{b.name}: {missing(b)}." for b in backends if missing(b)]
    return page(
        "Support matrix",
        "What was run for this page: **e** eager, **j** compiled (`jax.jit`, "
        "`torch.compile(fullgraph=True)`), **g** gradient, **l** lazy until asked, **d** result on the device of "
        "the input. " + " ".join(absent),
        table(["function", *(b.name for b in columns)], rows),
    )


def _abilities(name: str, backend: Backend) -> str:
    call = examples(name)[name]
    given = backend.arrays(numbers(), backend.dtypes[-1])
    first = call.arrays[0]
    x = given[first]

    def function(v: Any) -> Any:
        return call.results(given | {first: v})[0]

    def total(v: Any) -> Any:
        return function(v).sum()

    found = [("e", lambda: not np.all(np.isnan(backend.numpy(function(x)))))]
    if backend.library == "torch":
        torch = backend.xp
        # Calls that share a line below are one function to the compiler, which gives up after eight of them.
        torch.compiler.reset()
        found.append(("j", lambda: torch.compile(function, fullgraph=True, backend="aot_eager")(x) is not None))
        if call.differentiable:
            found.append(("g", lambda: torch.func.grad(total)(x) is not None))
    if backend.library == "jax":
        jax = import_module("jax")
        found.append(("j", lambda: jax.jit(function)(x) is not None))
        if call.differentiable:
            found.append(("g", lambda: jax.grad(total)(x) is not None))
    if backend.lazy:
        found.append(("l", lambda: hasattr(function(x), "compute")))
    found.append(("d", lambda: getattr(function(x), "device", None) == getattr(x, "device", None)))
    return " ".join(label for label, works in found if _works(works)) or "no"


def _works(ability: Callable[[], Any]) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return bool(ability())
    except Exception:
        return False


def page(title: str, text: str, body: str) -> str:
    names = ("numpy", "torch", "jax", "dask", "array-api-strict", "ml_dtypes", "array-api-compat")
    versions = ", ".join(f"{name} {installed(name)}" for name in names)
    made = "Written by `python -m tests.libraries.equivalence.tables` in an environment with every CPU library"
    return f"# {title}\n\n{text}\n\n{made} ({versions}).\n\n{body}"


if __name__ == "__main__":
    pages = {
        "support": support_page,
        "invariance": invariance_page,
        "equivalence": equivalence_page,
        "accuracy": accuracy_page,
    }
    for name in sys.argv[1:] or pages:
        (DOCS / f"{name}.md").write_text(pages[name]())
        print(f"docs/{name}.md")
