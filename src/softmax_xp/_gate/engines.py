"""Names of engines and of the functions they execute."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def check_engine(name: str, engines: Iterable[str]) -> str:
    """Return ``name`` if it is ``"auto"``, ``"generic"`` or an engine."""
    allowed = ("auto", "generic", *engines)
    if name not in allowed:
        raise ValueError(f"there is no engine {name!r}; use one of {', '.join(map(repr, allowed))}")
    return name


def check_function(name: str) -> Callable[..., Any]:
    """Return the public function ``name``."""
    from .. import activations, derivatives, logsums, losses, normalizers, sampling, sparse

    modules = (normalizers, logsums, losses, derivatives, sparse, sampling, activations)
    functions: dict[str, Callable[..., Any]] = {n: getattr(module, n) for module in modules for n in module.__all__}
    if name not in functions:
        raise ValueError(f"there is no function {name!r}; use one of {', '.join(functions)}")
    return functions[name]
