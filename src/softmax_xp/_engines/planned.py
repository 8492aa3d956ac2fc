"""Public functions: arguments are checked once for each kind of call; the verdict is kept, with the way to execute."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any, NamedTuple, TypeVar, cast

from .._xp.facts import FACTS, PLAIN, describe, has_arrays
from . import execute, keep, run, ways_of
from .selection import Recording, selected

Function = TypeVar("Function", bound=Callable[..., Any])

Plan = tuple[Callable[[tuple[Any, ...], dict[str, Any]], Any], dict[str, Any] | None]
"""A function of the arguments of a call, which are known to be right, and options to give it instead of those."""


_plans: dict[Callable[..., Any], dict[Any, Plan]] = {}
"""By public function, and then by kind of call."""


class Prepared(NamedTuple):
    """What has passed the checks of ``_gate``: a formula, its arrays, and its options."""

    formula: Callable[..., Any]
    arrays: tuple[Any, ...]
    options: dict[str, Any]
    convert: Callable[[Any], tuple[Any, Any]] | None = None  # makes the first array of the first argument of a call


def prepared(formula: Callable[..., Any], *arrays: Any, convert: Any = None, **options: Any) -> Any:
    """Return a formula to be executed, with its arguments; `planned` does it."""
    return Prepared(formula, arrays, options, convert)


def planned(function: Function) -> Function:
    """Return a public function that executes what its body, which checks the arguments, has `prepared`.

    Verdict and ways depend on metadata alone: for a call with the same metadata they are not looked for again.
    """
    plans: dict[Any, Plan] = {}
    _plans[function] = plans
    # Looked up here, once: a plain call is little more than these.
    facts_of, engine, plan_of = FACTS.get, selected.get, plans.get

    @wraps(function)
    def public(*args: Any, **options: Any) -> Any:
        known = facts_of(type(args[0])) if args else None
        facts = None if known is None else known(args[0])
        if facts is None:
            return _executed(function(*args, **options))
        # The selected engine too: its name decides about the ways, and a `Recording` is equal to nothing but itself.
        key: Any = (facts, engine())
        if len(args) > 1:
            described = describe(args[1:])
            if described is None:
                return _executed(function(*args, **options))
            key = *key, described
        if options:
            # Not by `describe`, for the few that nearly every option is: a call of a function takes as long as this.
            for name in options:
                value = options[name]
                kind = type(value)
                if kind in PLAIN:
                    key = key, name, kind, value
                    continue
                described = describe((value,))
                if described is None:
                    return _executed(function(*args, **options))
                key = key, name, described
        plan = plan_of(key)
        if plan is None:
            found = function(*args, **options)
            # The first call of a kind has gone through the checks; a mistake has raised before anything was kept.
            plan = _plan_of(found, args, options)
            if plan is None:
                return _executed(found)
            keep(plans, key, plan)
        call, static = plan
        return call(args, options if static is None else static)

    return cast(Function, public)


def _executed(found: Any) -> Any:
    return run(found.formula, *found.arrays, **found.options) if isinstance(found, Prepared) else found


def _plan_of(found: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Plan | None:
    """Return the plan for calls like this one; None where the checks changed an array, as they must for each call."""
    if not isinstance(found, Prepared) or type(selected.get()) is Recording:
        return None
    convert = found.convert
    # A converted array is made of the first argument.
    arrays = found.arrays if convert is None else (args[0], *found.arrays[1:])
    named = {name: v for name, v in found.options.items() if has_arrays(v)}
    sources = _sources(arrays, named, args, options)
    if sources is None:
        return None
    # An option of an unknown type may hold what differs from call to call.
    if describe(found.options.values()) is None:
        return None
    ways = ways_of(found.formula, found.arrays, found.options)
    places = tuple(sources.pop(i) for i in range(len(arrays)))
    static = {name: v for name, v in found.options.items() if name not in named}
    # The common case: the arguments of the call are the arrays of the formula, as they are.
    if convert is None and not named and places == tuple(range(len(args))):
        return (ways[0] if len(ways) == 1 else partial(execute, ways)), static

    def plan(args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        def of(place: Any) -> Any:
            return options[place] if isinstance(place, str) else args[place]

        arrays = tuple(map(of, places))
        if convert is not None:
            arrays = (convert(arrays[0])[0], *arrays[1:])
        return execute(ways, arrays, {**static, **{name: of(s) for name, s in sources.items()}})

    return plan, None


def _sources(
    arrays: tuple[Any, ...], named: dict[str, Any], args: tuple[Any, ...], options: dict[str, Any]
) -> dict[Any, Any] | None:
    """Return where in a call each array stands, by index and by name; None if the checks have made one of them.

    By identity: an array that the checks have cast or reshaped is not one of the arguments any more.
    """
    needed: dict[Any, Any] = {**dict(enumerate(arrays)), **named}
    given: dict[Any, Any] = {**dict(enumerate(args)), **options}
    # Its own place first, and no place twice: one array may stand in several.
    found = {place: place for place, v in needed.items() if given.get(place) is v}
    for place, v in needed.items():
        if place not in found:
            others = [p for p, g in given.items() if g is v and p not in found.values()]
            if len(others) != 1:
                return None
            found[place] = others[0]
    return found
