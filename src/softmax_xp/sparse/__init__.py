"""Maps onto the simplex that reach its boundary, and the losses that belong to them."""

from __future__ import annotations

from .losses import entmax_loss, fenchel_young_loss
from .maps import entmax, normmax, sparsemax
from .projections import k_subset, project_simplex

__all__ = [
    "entmax",
    "entmax_loss",
    "fenchel_young_loss",
    "k_subset",
    "normmax",
    "project_simplex",
    "sparsemax",
]
