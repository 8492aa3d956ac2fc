"""Plain calls, without the gate: an array of a known library, its axis, and nothing else.

An engine enters here a function ``plain(name, x, axis)`` for a type of arrays that it executes. That
returns NotImplemented for whatever is not plain, which then takes the long way and its checks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])

PLAIN: dict[type, Callable[[str, Any, Any], Any]] = {}

PLAIN_LOSS: dict[type, Callable[[Any, Any, Any], Any]] = {}
"""The same for the mean cross-entropy of logits and labels along an axis."""


class Ways(dict[tuple[Any, ...], Callable[[Any], Any]]):
    """What executes plain calls, by function, dtype, number of axes, axis and selected engine; found once for each."""

    def __init__(self, find: Callable[..., Callable[[Any], Any]]) -> None:
        super().__init__()
        self.find = find

    def __missing__(self, key: tuple[Any, ...]) -> Callable[[Any], Any]:
        """Find the way and keep it."""
        way = self[key] = self.find(*key)
        return way


def nowhere(x: Any) -> Any:
    """Return NotImplemented: there is no short way."""
    return NotImplemented


def with_shortcut(axis: int | None) -> Callable[[Function], Function]:
    """Return a decorator for a public function of logits whose axis is ``axis`` unless it is given."""

    def decorate(function: Function) -> Function:
        name = function.__name__

        @wraps(function)
        def public(x: Any, /, *args: Any, **options: Any) -> Any:
            plain = PLAIN.get(type(x))
            if plain is not None and not args:
                if not options:
                    found = plain(name, x, axis)
                elif len(options) == 1 and "axis" in options:
                    found = plain(name, x, options["axis"])
                else:
                    return function(x, **options)
                if found is not NotImplemented:
                    return found
            return function(x, *args, **options)

        return cast(Function, public)

    return decorate


def with_loss_shortcut(function: Function) -> Function:
    """Return cross_entropy with a shortcut for logits and labels alone."""

    @wraps(function)
    def public(x: Any, /, *args: Any, **options: Any) -> Any:
        plain = PLAIN_LOSS.get(type(x))
        if plain is not None and len(args) == 1 and (not options or options.keys() == {"axis"}):
            found = plain(x, args[0], options.get("axis", -1))
            if found is not NotImplemented:
                return found
        return function(x, *args, **options)

    return cast(Function, public)
