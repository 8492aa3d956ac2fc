"""Draws from a categorical distribution, and the filters of logits that go before them."""

from __future__ import annotations

from .draws import gumbel_softmax, sample_categorical
from .filters import epsilon_logits, eta_logits, min_p_logits, top_k_logits, top_p_logits, typical_logits

__all__ = [
    "epsilon_logits",
    "eta_logits",
    "gumbel_softmax",
    "min_p_logits",
    "sample_categorical",
    "top_k_logits",
    "top_p_logits",
    "typical_logits",
]
