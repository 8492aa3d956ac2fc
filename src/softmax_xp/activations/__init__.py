"""Functions of single numbers that stand beside softmax: sigmoid and its kin."""

from __future__ import annotations

from .gated import gelu, silu
from .piecewise import binary_step, linear, sparse_plus, sparse_sigmoid
from .rectifiers import elu, leaky_relu, relu, softplus
from .sigmoids import log_sigmoid, logit, sigmoid, softcap, tanh

__all__ = [
    "binary_step",
    "elu",
    "gelu",
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
]
