"""The softmax family for any array library."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .engines import use_engine, which_engine
from .logsums import log1mexp, logmeanexp, logsubexp, logsumexp
from .losses import binary_cross_entropy_with_logits, cross_entropy, nll_loss
from .normalizers import hardmax, log_softmax, one_hot, softmax, softmax_and_logsumexp, softmin
from .versions import __version__ as __version__
from .versions import show_versions

if TYPE_CHECKING:
    from . import activations, derivatives, sampling, sparse, testing

__all__ = [
    "activations",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "derivatives",
    "hardmax",
    "log1mexp",
    "log_softmax",
    "logmeanexp",
    "logsubexp",
    "logsumexp",
    "losses",
    "nll_loss",
    "one_hot",
    "sampling",
    "show_versions",
    "softmax",
    "softmax_and_logsumexp",
    "softmin",
    "sparse",
    "testing",
    "use_engine",
    "which_engine",
]


def __getattr__(name: str) -> Any:
    if name in ("activations", "derivatives", "sampling", "sparse", "testing"):
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
