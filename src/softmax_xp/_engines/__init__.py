"""How a formula is executed: engines, and the plans that are kept of what they do with a kind of call.

An engine is a record of the libraries whose arrays it takes and the module that has its function
``prepare(formula, arrays, options)``, which returns a way to execute the formula for arguments of this kind, or the
reason why not. It asks for metadata only (types, devices, dtypes, shapes, whether an option is there), since a way is
kept for all calls with the same. What a library may change between two such calls is for the way to ask: it returns
`Passed`, with the reason, for a call that it does not take. To add an engine, write the module and its record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from .._formulas.kinds import is_composed
from .._gate.engines import check_engine
from .._xp.facts import describe
from .._xp.namespace import is_compiling, short_name
from . import generic
from .selection import DEFAULT, Recording, selected
from .ways import Passed, Way, aligned, is_sure


class Engine(NamedTuple):
    """The libraries whose arrays an engine takes, and its module, which imports the library that it is for."""

    libraries: tuple[str, ...]
    module: str


ENGINES: dict[str, Engine] = {
    "torch_native": Engine(("torch",), "torch.native"),
    "cpu_kernels": Engine(("numpy", "torch"), "kernels.engine"),
    "jax_jit": Engine(("jax.numpy",), "jax.jit"),
    "dask_rows": Engine(("dask.array",), "dask.rows"),
    "numpy_inplace": Engine(("numpy",), "numpy.inplace"),
    "numpy_blocks": Engine(("numpy",), "numpy.blocks"),
}
"""The engines, fastest first."""

MOST = 1024
"""Plans that are kept of one formula; a program with more kinds of calls than that makes them anew."""

# A wrong name in SOFTMAX_XP_ENGINE is told of by the import, not by whichever call comes first.
check_engine(DEFAULT, ENGINES)

_ways: dict[Callable[..., Any], dict[Any, tuple[Way, ...]]] = {}


def run(formula: Callable[..., Any], *arrays: Any, **options: Any) -> Any:
    """Execute ``formula`` with the engine chosen for this call."""
    # Context variables do not trace under torch.compile: there the formula itself is compiled.
    if is_compiling(options["xp"]):
        return aligned(formula, generic.prepare(formula, arrays, options), arrays, options)(arrays, options)
    if type(selected.get()) is Recording:
        return _recorded(selected.get(), formula, arrays, options)
    return execute(ways_of(formula, arrays, options), arrays, options)


def execute(ways: tuple[Way, ...], arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return the result of the first way that takes the call; the last one, of the formula itself, takes all."""
    for way in ways:
        result = way(arrays, options)
        if type(result) is not Passed:
            return result
    raise AssertionError("the formula itself passed")


def ways_of(formula: Callable[..., Any], arrays: tuple[Any, ...], options: dict[str, Any]) -> tuple[Way, ...]:
    """Return the ways to execute a formula, fastest first, kept for calls with the same metadata."""
    kept = _ways.setdefault(formula, {})
    described = describe((*arrays, *options.values()))
    # Two calls with an argument of an unknown type cannot be told apart: nothing is kept of them.
    if described is None:
        return _prepared(formula, arrays, options)
    # With the names of the options: what is described are their values.
    key = (selected.get(), *options, described)
    ways = kept.get(key)
    if ways is None:
        ways = _prepared(formula, arrays, options)
        keep(kept, key, ways)
    return ways


def keep(kept: dict[Any, Any], key: Any, value: Any) -> None:
    """Keep what belongs to a kind of call, if need be in place of all the others."""
    if len(kept) >= MOST:
        # All at once: to know the oldest, each call would have to note that it was made.
        kept.clear()
    kept[key] = value


def _prepared(formula: Callable[..., Any], arrays: tuple[Any, ...], options: dict[str, Any]) -> tuple[Way, ...]:
    ways: list[Way] = []
    for _, way in _candidates(selected.get(), formula, arrays, options):
        if not isinstance(way, str):
            ways.append(way)
            if is_sure(way):
                break
    return tuple(ways)


def _candidates(
    wanted: str, formula: Callable[..., Any], arrays: tuple[Any, ...], options: dict[str, Any]
) -> Iterator[tuple[str, Way | str]]:
    """Give each engine for this library with its way, or the reason why it has none; the formula itself is last."""
    library = short_name(options["xp"])
    for name, engine in ENGINES.items():
        if library in engine.libraries:
            # Loaded here and not above: the module of an engine imports its library, which may not be installed.
            way = load(name).prepare(formula, arrays, options) if wanted in ("auto", name) else f"{wanted} is selected"
            yield name, way if isinstance(way, str) else aligned(formula, way, arrays, options)
    yield "generic", aligned(formula, generic.prepare(formula, arrays, options), arrays, options)


def _recorded(
    recording: Recording, formula: Callable[..., Any], arrays: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """Execute a formula, and note what has executed it."""
    reasons: list[str] = []
    for name, way in _candidates(recording.engine, formula, arrays, options):
        result = way if isinstance(way, str) else way(arrays, options)
        # The reason of an engine, or that of its way for this one call: `Passed` is a string too.
        if isinstance(result, str):
            reasons.append(f"{name}: {result}")
            continue
        # What is made of several executed formulas has no engine of its own, unless one takes all of it.
        if name != "generic" or not is_composed(formula):
            recording.note(formula.__name__, name, reasons)
        return result
    raise AssertionError("the formula itself passed")


@cache
def load(engine: str) -> Any:
    """Return the module of an engine."""
    return import_module(f".{ENGINES[engine].module}", __name__)
