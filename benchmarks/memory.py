"""Peak memory of cross-entropy and of its gradient, as a multiple of the size of the logits.

Run ``python benchmarks/memory.py``; ``--json`` prints the same figures as JSON. NumPy is measured by
tracemalloc: all that is held at once beside the arguments, results included. JAX is asked what its
compiler has planned on this device: temporaries and results. Both are the same on every run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from softmax_xp.cli.benchmarks.memory import traced
from softmax_xp.derivatives import cross_entropy_and_grad
from softmax_xp.losses import cross_entropy

SHAPES = ((1024, 1024), (256, 50257), (100_000, 10))
TARGETS = ("labels", "probabilities")


class Figure(NamedTuple):
    """One measurement."""

    shape: tuple[int, int]
    target: str
    result: str
    code: str
    ratio: float


def textbook_log_softmax(x: Any) -> Any:
    d = x - x.max(axis=1, keepdims=True)
    return d - np.log(np.exp(d).sum(axis=1, keepdims=True))


def scipy_log_softmax(x: Any) -> Any:
    from scipy.special import log_softmax

    return log_softmax(x, axis=1)


def one_hot(x: Any, target: Any) -> Any:
    """Return probabilities as they are, labels as ones and zeros."""
    if target.ndim == 2:
        return target
    t = np.zeros_like(x)
    t[np.arange(len(x)), target] = 1
    return t


def dense_loss(x: Any, target: Any, log_softmax: Callable[[Any], Any]) -> Any:
    return -(one_hot(x, target) * log_softmax(x)).sum(axis=1).mean()


def dense_loss_and_grad(x: Any, target: Any, log_softmax: Callable[[Any], Any]) -> tuple[Any, Any]:
    t, log_p = one_hot(x, target), log_softmax(x)
    return -(t * log_p).sum(axis=1).mean(), (np.exp(log_p) - t) / np.float32(len(x))


def indexed_loss(x: Any, target: Any, log_softmax: Callable[[Any], Any]) -> Any:
    """Return the loss of labels without a one-hot array."""
    if target.ndim == 2:
        return dense_loss(x, target, log_softmax)
    return -log_softmax(x)[np.arange(len(x)), target].mean()


def indexed_loss_and_grad(x: Any, target: Any, log_softmax: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Return loss and gradient of labels without a one-hot array, in place where that is possible."""
    if target.ndim == 2:
        return dense_loss_and_grad(x, target, log_softmax)
    log_p, rows = log_softmax(x), np.arange(len(x))
    loss = -log_p[rows, target].mean()
    grad = np.exp(log_p)
    grad[rows, target] -= 1
    grad /= np.float32(len(x))
    return loss, grad


NUMPY: dict[str, dict[str, Callable[[Any, Any], Any]]] = {
    "loss": {
        "softmax_xp": cross_entropy,
        "textbook": partial(dense_loss, log_softmax=textbook_log_softmax),
        "scipy": partial(indexed_loss, log_softmax=scipy_log_softmax),
    },
    "loss and gradient": {
        "softmax_xp": cross_entropy_and_grad,
        "textbook": partial(dense_loss_and_grad, log_softmax=textbook_log_softmax),
        "scipy": partial(indexed_loss_and_grad, log_softmax=scipy_log_softmax),
    },
}


def peak(call: Callable[[], Any]) -> int:
    """Return the largest number of bytes held beside the arguments during a second call."""
    call()
    return traced(call)


def on_numpy() -> Iterator[Figure]:
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        x = rng.standard_normal(shape, dtype=np.float32)
        given = {
            "labels": rng.integers(0, shape[1], size=shape[0]),
            "probabilities": np.full(shape, 1 / shape[1], dtype=np.float32),
        }
        for target in TARGETS:
            for result, codes in NUMPY.items():
                for code, f in codes.items():
                    size = peak(lambda f=f, x=x, t=given[target]: f(x, t))
                    yield Figure(shape, target, result, f"NumPy, {code}", size / x.nbytes)


def on_jax() -> Iterator[Figure]:
    import jax
    import jax.numpy as jnp

    def textbook(x: Any, t: Any) -> Any:
        t = t if t.ndim == 2 else jax.nn.one_hot(t, x.shape[1])
        return -(t * jax.nn.log_softmax(x)).sum(axis=1).mean()

    codes = {
        "loss": {"softmax_xp": cross_entropy, "textbook": textbook},
        "loss and gradient": {
            "softmax_xp": cross_entropy_and_grad,
            "softmax_xp, value_and_grad": jax.value_and_grad(cross_entropy),
            "textbook, value_and_grad": jax.value_and_grad(textbook),
        },
    }
    for shape in SHAPES:
        x = jax.ShapeDtypeStruct(shape, jnp.float32)
        given = {"labels": jax.ShapeDtypeStruct(shape[:1], jnp.int32), "probabilities": x}
        for target in TARGETS:
            for result, functions in codes.items():
                for code, f in functions.items():
                    plan = jax.jit(f).lower(x, given[target]).compile().memory_analysis()
                    size = plan.temp_size_in_bytes + plan.output_size_in_bytes
                    yield Figure(shape, target, result, f"JAX jit, {code}", size / (4 * shape[0] * shape[1]))


def machine() -> dict[str, str]:
    """Return what the figures may depend on."""
    found = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "system": platform.system(),
        "python": platform.python_version(),
    }
    for name in ("softmax-xp", "numpy", "scipy", "jax"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def table(figures: list[Figure]) -> str:
    """Return the figures as a table: a row for each code, a column for each shape."""
    lines = []
    for target in TARGETS:
        for result in NUMPY:
            rows: dict[str, dict[tuple[int, int], float]] = {}
            for f in figures:
                if (f.target, f.result) == (target, result):
                    rows.setdefault(f.code, {})[f.shape] = f.ratio
            head = [f"{result}, {target}", *("×".join(map(str, s)) for s in SHAPES)]
            body = [[code, *(f"{found[s]:.2f}" for s in SHAPES)] for code, found in rows.items()]
            lines += [_row(head), _row(["---", *["---:"] * len(SHAPES)]), *map(_row, body), ""]
    return "\n".join(lines)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    figures = list(on_numpy())
    if find_spec("jax"):
        figures += on_jax()
    if arguments.json:
        print(json.dumps({"machine": machine(), "figures": [f._asdict() for f in figures]}, indent=1))
        return
    print("Peak memory beside the arguments, results included, by the size of the logits (float32).\n")
    print(table(figures))
    print("; ".join(f"{name} {value}" for name, value in machine().items()))


if __name__ == "__main__":
    main()
