"""Inputs on which the textbook formula goes wrong, computed with it and with this library."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np

from ..derivatives import cross_entropy_and_grad
from ..normalizers import log_softmax, softmax
from .output import print_table

Array = np.ndarray[Any, np.dtype[Any]]

LONG = 2**25


def print_pitfalls() -> None:
    """Print the table."""
    header = ["input", "exact", "textbook", "softmax_xp"]
    # The textbook formula warns on some of these; its results are the point.
    with np.errstate(all="ignore"):
        print_table(header, [*_cases(), *_compiled_cases()], left=range(4))
    print("\ntextbook: e = exp(x - max(x)); p = e / sum(e); log(p), -log(p[label]), p[label] - 1; in plain NumPy")
    if find_spec("jax"):
        print("jax.jit: jax.nn instead of the textbook; XLA fuses x with x - max, which is then not 0 at the maximum")


def textbook(x: Array, axis: int = -1) -> Array:
    """Return exp(x - max) / sum, as it stands in textbooks."""
    e: Array = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def _cases() -> Iterator[list[str]]:
    x = np.asarray([0, 255], dtype=np.uint8)
    yield ["softmax of uint8 [0, 255]", "[1.8e-111, 1]", _text(textbook(x)), _text(softmax(x))]

    x = np.zeros(100_000, dtype=np.float16)
    yield ["softmax of 100 000 float16 zeros", "1e-05 each", _each(textbook(x)), _each(softmax(x))]

    x = np.asarray([0.0, -40.0])
    yield ["log_softmax of [0, -40]", "[-4.25e-18, -40]", _text(np.log(textbook(x))), _text(log_softmax(x))]

    x, keep = np.asarray([1.0, 2.0]), np.asarray([False, False])
    masked = np.where(keep, x, -np.inf)
    yield ["softmax of a row with all entries masked", "[0, 0]", _text(textbook(masked)), _text(softmax(x, where=keep))]

    x = np.asarray([20.0, 0.0, 0.0], dtype=np.float32)
    loss, grad = cross_entropy_and_grad(x, np.asarray(0))
    theirs, slope = -np.log(textbook(x))[0], textbook(x)[0] - 1
    yield ["cross-entropy of float32 [20, 0, 0], label 0", "4.12e-09", f"{theirs + 0.0:.3g}", f"{loss:.3g}"]
    yield ["its gradient at the label", "-4.12e-09", f"{slope:.3g}", f"{grad[0]:.3g}"]

    x = np.zeros((LONG, 2), dtype=np.float32)
    # One at a time: each holds a quarter of a gigabyte.
    theirs = _each(textbook(x, axis=0))
    yield ["softmax of 2**25 float32 zeros, along axis 0", "2.98e-08 each", theirs, _each(softmax(x, axis=0))]


def _compiled_cases() -> Iterator[list[str]]:
    """Yield what a compiler does to logits that are computed in the same function."""
    if find_spec("jax") is None:
        return
    import jax

    x = jax.numpy.asarray([30.1, 0.3, 0.2], dtype=jax.numpy.float32)
    theirs, ours = (jax.jit(lambda v, f=f: f(v / 0.7))(x) for f in (jax.nn.log_softmax, log_softmax))
    name = "log_softmax of [30.1, .3, .2] / 0.7, first, in jax.jit"
    yield [name, "-6.06e-19", f"{theirs[0]:.3g}", f"{ours[0]:.3g}"]


def _text(x: Array) -> str:
    return f"[{', '.join(f'{v + 0.0:.3g}' for v in x.tolist())}]"


def _each(x: Array) -> str:
    low, high = float(x.min()), float(x.max())
    return f"{low:.3g} each" if low == high else f"{low:.3g} to {high:.3g}"
