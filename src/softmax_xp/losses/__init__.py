"""Losses from logits, divergences, and weights for imbalanced classes."""

from __future__ import annotations

from .binary import binary_cross_entropy_with_logits, binary_focal_loss
from .classes import cross_entropy, nll_loss, partial_label_cross_entropy
from .confidence import focal_loss, generalized_cross_entropy, poly_cross_entropy
from .divergences import js_divergence, kl_divergence
from .imbalance import balanced_class_weights, logit_adjustment

__all__ = [
    "balanced_class_weights",
    "binary_cross_entropy_with_logits",
    "binary_focal_loss",
    "cross_entropy",
    "focal_loss",
    "generalized_cross_entropy",
    "js_divergence",
    "kl_divergence",
    "logit_adjustment",
    "nll_loss",
    "partial_label_cross_entropy",
    "poly_cross_entropy",
]
