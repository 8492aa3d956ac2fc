"""Names of engines and of the functions they execute."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any


def check_engine(name: str, engines: Iterable[str]) -> str:
    """Return ``name`` if it is ``"auto"``, ``"generic"`` or an engine."""
    allowed = ("auto", "generic", *engines)
    if name not in allowed:
        raise ValueError(f"there is no engine {name!r}; use one of {', '.join(map(repr, allowed))}")
    return name


def check_function(name: str, functions: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    """Return the public function ``name``."""
    if name not in functions:
        raise ValueError(f"there is no function {name!r}; use one of {', '.join(functions)}")
    return functions[name]
