"""How a formula is executed: the choice of an engine, made from metadata only.

An engine is a module of this package with functions named as the formulas it executes,
and ``supports(name, x, xp, options)``, which returns None for yes or the reason why not.
To add one, write the module and put its name in ``ENGINES``, fastest first.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from importlib import import_module
from os import environ
from typing import Any

from .._gate.engines import check_engine
from .._gate.namespace import is_compiling
from . import generic
from .generic import quiet as quiet

ENGINES: tuple[str, ...] = ()

_DEFAULT = check_engine(environ.get("SOFTMAX_XP_ENGINE", "auto"), ENGINES)

selected: ContextVar[str] = ContextVar("softmax_xp_engine", default=_DEFAULT)
asking: ContextVar[bool] = ContextVar("softmax_xp_asking", default=False)


class Answer(Exception):
    """Carries the choice of an engine out of a call that was made only to learn it."""


def run(formula: Callable[..., Any], *arrays: Any, xp: Any, **options: Any) -> Any:
    """Execute ``formula`` with the engine chosen for this call."""
    engine = _engine_for(formula, arrays[0], xp, options)
    if engine is None:
        return generic.call(formula, *arrays, xp=xp, **options)
    return engine(*arrays, xp=xp, **options)


def run_rows(formula: Callable[..., Any], x: Any, /, *, xp: Any, **options: Any) -> Any:
    """Execute a formula that is made of others and gives wide numbers, one or more for each row."""
    return rows_engine(formula, x, xp=xp, **options)(x, xp=xp, **options)


def rows_engine(formula: Callable[..., Any], x: Any, /, *, xp: Any, **options: Any) -> Callable[..., Any]:
    """Return what executes such a formula."""
    return _engine_for(formula, x, xp, options) or partial(generic.call_rows, formula)


def _engine_for(formula: Callable[..., Any], x: Any, xp: Any, options: dict[str, Any]) -> Callable[..., Any] | None:
    """Return an engine's function for this call, or None for the formula itself."""
    # Context variables do not trace under torch.compile: there the formula itself is compiled.
    if is_compiling(xp):
        return None
    engine, reasons = _choose(formula.__name__, x, xp, options)
    if asking.get():
        raise Answer(engine, reasons)
    return None if engine == "generic" else getattr(_load(engine), formula.__name__)


def _choose(name: str, x: Any, xp: Any, options: dict[str, Any]) -> tuple[str, list[str]]:
    """Return the engine for one call, and why each faster one was passed over."""
    wanted = selected.get()
    reasons: list[str] = []
    for engine in ENGINES:
        if wanted in ("auto", engine):
            reason = _load(engine).supports(name, x, xp, options)
            if reason is None:
                return engine, reasons
        else:
            reason = f"{wanted} is selected"
        reasons.append(f"{engine}: {reason}")
    return "generic", reasons


def _load(engine: str) -> Any:
    return import_module(f".{engine}", __name__)
