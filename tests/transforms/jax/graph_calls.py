"""Calls on logits for graphs that compute these themselves: the numbers, and what each function makes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

import softmax_xp as sx
from softmax_xp.activations import sigmoid
from softmax_xp.testing.records import numbers

from ...matrix_calls import of_one, two_of_each, varied

ROWS, N = 24, 6


def logits() -> np.ndarray[Any, Any]:
    """Return rows that are dominated, tied, wide and ordinary; all have one decimal, as people write them."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(ROWS, N)).round(1) * 3
    x[:8, 0] += 30.0
    x[8:12] = x[8:12, :1]
    x[12:14, :3] = 4.1
    x[14] *= 1e9
    x[15] *= 1e-9
    return x


def factors() -> np.ndarray[Any, Any]:
    return np.random.default_rng(8).uniform(0.8, 1.2, size=(ROWS, N))


COTANGENT = np.random.default_rng(11).normal(size=(ROWS, N))
MADE_OF_LOGITS: dict[str, Callable[[Any], Any]] = {
    "shares": sx.softmax,
    "log probabilities": sx.log_softmax,
    "fractions": sigmoid,
    "positive numbers": jnp.abs,
    "labels": lambda x: jnp.asarray(x[:, 0], dtype=jnp.int32),
}


def array(values: Any, x: Any) -> Any:
    return jnp.asarray(values, dtype=x.dtype)


def given(x: Any) -> dict[str, Any]:
    """Return the other arrays of a call; every second row of probabilities is sure of its class."""
    found = numbers(ROWS, N, seed=9, uncounted=None)
    hits = np.eye(N)[found["classes"]]
    found["shares"] = np.where(np.arange(ROWS)[:, None] % 2, hits, found["shares"])
    return {k: array(v, x) if v.dtype.kind == "f" else jnp.asarray(v) for k, v in found.items()}


def _call(text: str) -> Callable[[Any], Any]:
    call = RECORDED[text]
    made = MADE_OF_LOGITS.get(varied(call), lambda x: x)
    return lambda x: of_one(call, given(x), made(x))


RECORDED = two_of_each(
    *((name, f"{name} temperature=0.0") for name in ("softmax", "log_softmax")),
    *(("cross_entropy", f"cross_entropy {option}") for option in ("softcap=8.0", "label_smoothing=0.1")),
    *(("entmax", f"entmax alpha={alpha}") for alpha in (1.0, 1.25, 2.5, float("inf"))),
    ("focal_loss", "focal_loss gamma=0.5"),
    ("gelu", "gelu approximate=True"),
)
CALLS = {text: _call(text) for text in RECORDED}
