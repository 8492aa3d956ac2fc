"""The softmax family for any array library."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .engines import use_engine, which_engine
from .logsums import log1mexp, logmeanexp, logsubexp, logsumexp
from .normalizers import hardmax, log_softmax, one_hot, softmax, softmax_and_logsumexp, softmin
from .versions import __version__ as __version__
from .versions import show_versions

if TYPE_CHECKING:
    from . import testing

__all__ = [
    "hardmax",
    "log1mexp",
    "log_softmax",
    "logmeanexp",
    "logsubexp",
    "logsumexp",
    "one_hot",
    "show_versions",
    "softmax",
    "softmax_and_logsumexp",
    "softmin",
    "testing",
    "use_engine",
    "which_engine",
]


def __getattr__(name: str) -> Any:
    # Submodules that need more than array-api-compat load on first use.
    if name == "testing":
        return import_module(".testing", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
