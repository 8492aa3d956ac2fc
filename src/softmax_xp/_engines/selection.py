"""Which engine a thread or task has selected, and what is noted of those that execute."""

from __future__ import annotations

from contextvars import ContextVar
from os import environ
from typing import Any

DEFAULT = environ.get("SOFTMAX_XP_ENGINE", "auto")

selected: ContextVar[Any] = ContextVar("softmax_xp_engine", default=DEFAULT)
"""The name of the engine to use, or a `Recording`."""


class Recording:
    """Stands for the selected engine while what is executed is to be noted."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        # A dictionary as a set in the order of execution: a formula that is executed several times has one line.
        self.lines: dict[tuple[str, str], None] = {}

    def note(self, formula: str, engine: str, reasons: list[str]) -> None:
        """Note that an engine has executed a formula, and why each faster one has not."""
        self.lines[formula, f"{engine} ({'; '.join(reasons)})" if reasons else engine] = None
