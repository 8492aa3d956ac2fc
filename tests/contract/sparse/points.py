"""Logits away from the kinks of all maps, what belongs to them, and the contract's bounds for derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from softmax_xp.testing import Derivative, Exact, contract
from softmax_xp.testing.check_activations import name_of

# Binary fractions, exact in every type; no entry is at a threshold of any of the maps.
X = np.asarray([[0.5, -0.25, 0.8125, 0.0], [1.0, 0.375, 1.125, -2.0], [3.0, 0.0, -4.0, 2.25]])
G = np.asarray([[1.0, -0.5, 0.25, 2.0], [0.0, 1.5, -1.0, 0.5], [-2.0, 0.25, 1.0, 0.75]])
SHARES = np.asarray([[0.5, 0.0, 0.25, 0.25], [0.125, 0.125, 0.25, 0.5], [0.0, 0.0, 1.0, 0.0]])
LABELS = np.asarray([0, -100, 1])
WEIGHT = np.asarray([1.0, 0.5, 2.0])
KEEP = np.asarray([True, True, False, True])
JUNK = (np.nan, np.inf, -np.inf, 1e30)

ROWS = {
    "entmax alpha": (1.25, 1.75, 3.0),
    "entmax alpha at its corners": (1.0 + 2.0**-16, 1.5, 2.0),
    "normmax alpha": (1.25, 2.0, 4.0),
    "k_subset k": (1.25, 2.0, 2.625),
    "project_simplex scale": (0.75, 2.0, 4.0),
}
"""Maps with one number per row."""

ALPHAS = {
    name_of(n, o): o.get("alpha", 1.5) if n == "entmax" else 2.0
    for n, o in contract.SPARSE_CASES
    if n in ("entmax", "sparsemax")
}
"""Of the maps that have entmax_vjp as their derivative."""


def one_hot(labels: Any) -> Any:
    """Return the labels as probabilities of 4 classes; nothing for one that is ignored."""
    return np.asarray(labels)[:, None] == np.arange(4.0)


def relative(expected: Any) -> Derivative:
    """Return a derivative of which every entry must keep its digits."""
    hi = np.asarray(expected, dtype=np.float64)
    return Derivative(Exact(hi, np.zeros_like(hi), np.zeros_like(hi), hi.shape[-1]), np.abs(hi))


def absolute(expected: Any, largest: float = 1.0) -> Derivative:
    """Return a derivative of cotangents up to ``largest``; one that is steeper has a bound as much wider."""
    expected = relative(expected)
    return expected._replace(largest=np.maximum(largest, expected.largest))
