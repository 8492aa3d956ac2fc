"""Derivatives in closed form, for array libraries with and without automatic differentiation."""

from __future__ import annotations

from .losses import cross_entropy_and_grad
from .normalizers import (
    log_softmax_vjp,
    logsumexp_vjp,
    softmax_hvp,
    softmax_jacobian,
    softmax_jvp,
    softmax_vjp,
)
from .sparse import entmax_vjp, sparsemax_vjp

__all__ = [
    "cross_entropy_and_grad",
    "entmax_vjp",
    "log_softmax_vjp",
    "logsumexp_vjp",
    "softmax_hvp",
    "softmax_jacobian",
    "softmax_jvp",
    "softmax_vjp",
    "sparsemax_vjp",
]
