"""Formulas by how their results depend on their argument: what can be cut, and where."""

from __future__ import annotations

MAPS = ("sparsemax", "entmax", "normmax", "k_subset", "project_simplex")

FILTERS = ("top_k", "top_p", "min_p", "epsilon", "eta", "typical")

ROWS = (*MAPS, *FILTERS)
"""Those that give each row of logits a row, by sorting it. Options that are arrays have as many dimensions as it."""

ELEMENTS = (
    "binary_step",
    "elu",
    "gelu",
    "gelu_by_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "logit",
    "relu",
    "sigmoid",
    "silu",
    "softcap",
    "softplus",
    "sparse_plus",
    "sparse_sigmoid",
    "tanh",
)
"""Those of single numbers, without an axis."""
