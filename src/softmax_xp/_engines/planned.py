"""Public functions: arguments are checked once for each kind of call; the verdict is kept, with the way to execute."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from operator import is_not
from typing import Any, NamedTuple, TypeVar, cast

from .._xp.facts import FACTS, PLAIN, describe, has_arrays
from . import execute, keep, run, ways_of
from .selection import Recording, selected
from .ways import is_sure

Function = TypeVar("Function", bound=Callable[..., Any])

Plan = Callable[[tuple[Any, ...], dict[str, Any]], Any]
"""A function of the arguments of a call, which are known to be right."""


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
        return plan(args, options)

    return cast(Function, public)


def _executed(found: Any) -> Any:
    return run(found.formula, *found.arrays, **found.options) if isinstance(found, Prepared) else found


def _plan_of(found: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Plan | None:
    """Return the plan for calls like this one; None where the checks changed an array, as they must for each call."""
    if not isinstance(found, Prepared) or type(selected.get()) is Recording:
        return None
    n, convert = len(found.arrays), found.convert
    # By identity: an array that the checks have cast or reshaped is not one of the arguments any more.
    first = 0 if convert is None else 1
    if len(args) < n or any(map(is_not, found.arrays[first:], args[first:n])):
        return None
    named = {name: v for name, v in found.options.items() if has_arrays(v)}
    sources = _sources(named, {**dict(enumerate(args[n:], n)), **options})
    # An option of an unknown type may hold what differs from call to call.
    if sources is None or describe(found.options.values()) is None:
        return None
    ways = ways_of(found.formula, found.arrays, found.options)
    static = {name: v for name, v in found.options.items() if name not in named}
    # The common case: the arguments of the call are the arrays of the formula, as they are.
    if convert is None and not named and n == len(args):
        return ways[0] if is_sure(ways[0]) else lambda args, options: execute(ways, args, static)

    def plan(args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        arrays = args[:n] if convert is None else (convert(args[0])[0], *args[1:n])
        given = {name: options[at] if type(at) is str else args[at] for name, at in sources.items()}
        return execute(ways, arrays, {**static, **given})

    return plan


def _sources(needed: dict[str, Any], given: dict[Any, Any]) -> dict[str, Any] | None:
    """Return where in a call each array is given, by index or name; None if the checks have made one of them."""
    # By its own name first, and no place twice: one array may be given in several.
    found: dict[str, Any] = {name: name for name, v in needed.items() if given.get(name) is v}
    for name, v in needed.items():
        if name not in found:
            places = [at for at, g in given.items() if g is v and at not in found.values()]
            if len(places) != 1:
                return None
            found[name] = places[0]
    return found
