"""Softmax and its kin in C, for anything with the buffer protocol."""

from ._kernels import (
    ABI,
    VARIANT,
    VARIANTS,
    label_nll,
    label_nll_grad,
    log_softmax,
    log_softmax_vjp,
    logsumexp,
    logsumexp_vjp,
    softmax,
    softmax_vjp,
)

__all__ = [
    "ABI",
    "VARIANT",
    "VARIANTS",
    "label_nll",
    "label_nll_grad",
    "log_softmax",
    "log_softmax_vjp",
    "logsumexp",
    "logsumexp_vjp",
    "softmax",
    "softmax_vjp",
]
