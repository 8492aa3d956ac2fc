"""How a formula is executed: the choice of an engine, made from metadata only.

An engine is a module of this package with functions named as the formulas it executes,
and ``supports(name, x, xp, options)``, which returns None for yes or the reason why not.
One that executes every formula has ``execute(call, formula, *arrays, **options)`` instead.
To add an engine, write the module and put it into ``ENGINES``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import cache, partial
from importlib import import_module
from os import environ
from typing import Any

from .. import _autodiff
from .._gate.engines import check_engine
from .._gate.namespace import is_compiling, short_name
from . import generic
from .generic import quiet as quiet

ENGINES: dict[str, tuple[str, ...]] = {
    "torch_native": ("torch",),
    "cpu_kernels": ("numpy", "torch"),
    "jax_jit": ("jax.numpy",),
    "dask_rows": ("dask.array",),
    "numpy_inplace": ("numpy",),
    "numpy_blocks": ("numpy",),
}
"""The engines, fastest first, and the libraries whose arrays they take."""

SHORTCUTS = {"numpy": "numpy_plain", "torch": "torch_plain"}
"""Modules with a shortcut for plain calls, by library."""

MADE_OF = {"class_losses": "label_nll", "class_losses_and_grad": "label_nll_and_grad"}
"""Formulas that are made of another, which is what their time is spent in."""

_DEFAULT = check_engine(environ.get("SOFTMAX_XP_ENGINE", "auto"), ENGINES)

selected: ContextVar[str] = ContextVar("softmax_xp_engine", default=_DEFAULT)
asking: ContextVar[bool] = ContextVar("softmax_xp_asking", default=False)


class Answer(Exception):
    """Carries the choice of an engine out of a call that was made only to learn it."""


def run(formula: Callable[..., Any], *arrays: Any, xp: Any, **options: Any) -> Any:
    """Execute ``formula`` with the engine chosen for this call."""
    return _engine_for(generic.call, formula, arrays[0], xp, options)(*arrays, xp=xp, **options)


def run_rows(formula: Callable[..., Any], x: Any, /, *, xp: Any, **options: Any) -> Any:
    """Execute a formula that is made of others and gives wide numbers, one or more for each row."""
    return rows_engine(formula, x, xp=xp, **options)(x, xp=xp, **options)


def rows_engine(formula: Callable[..., Any], x: Any, /, *, xp: Any, **options: Any) -> Callable[..., Any]:
    """Return what executes such a formula."""
    return _engine_for(generic.call_rows, formula, x, xp, options)


def _engine_for(
    call: Callable[..., Any], formula: Callable[..., Any], x: Any, xp: Any, options: dict[str, Any]
) -> Callable[..., Any]:
    """Return an engine's function for this call; without one, ``call`` of the formula itself."""
    # Context variables do not trace under torch.compile: there the formula itself is compiled.
    if is_compiling(xp):
        return partial(_autodiff.enter, call, formula)
    name = formula.__name__
    if asking.get():
        answer = _choose(name, x, xp, options)
        if answer[0] == "generic" and name in MADE_OF:
            answer = _choose(MADE_OF[name], x, xp, options)
        raise Answer(*answer)
    chosen, _ = _choose(name, x, xp, options)
    if chosen == "generic":
        return partial(_autodiff.enter, call, formula)
    engine = load(chosen)
    # An engine that can execute every formula has one function for them all.
    return partial(engine.execute, call, formula) if hasattr(engine, "execute") else getattr(engine, name)


def _choose(name: str, x: Any, xp: Any, options: dict[str, Any]) -> tuple[str, list[str]]:
    """Return the engine for one call, and why each faster one was passed over."""
    wanted, library = selected.get(), short_name(xp)
    _learn(library)
    reasons: list[str] = []
    for engine, libraries in ENGINES.items():
        if library not in libraries:
            continue
        if wanted in ("auto", engine):
            reason = load(engine).supports(name, x, xp, options)
            if reason is None:
                return engine, reasons
        else:
            reason = f"{wanted} is selected"
        reasons.append(f"{engine}: {reason}")
    return "generic", reasons


@cache
def _learn(library: str) -> None:
    """Make the shortcut of a library known, once its first array has been seen."""
    if library in SHORTCUTS:
        load(SHORTCUTS[library])


@cache
def load(engine: str) -> Any:
    """Return the module of an engine; it imports the library that it is for."""
    return import_module(f".{engine}", __name__)
