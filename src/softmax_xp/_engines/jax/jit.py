"""JAX: eager calls by way of a compiled formula, which is kept for the next one."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from math import inf
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import tree_flatten, tree_leaves, tree_unflatten

from ..._autodiff.jax_ import pin
from ..._formulas.kinds import is_composed
from .. import generic
from ..selection import selected
from ..ways import Way

VARIED = ("temperature", "divisor", "p", "b")
"""Numbers that may be others at each call: arguments of what is compiled, unless they are special."""

SPECIAL = (0.0, 1.0, inf)


class Bound(NamedTuple):
    """A function with some of its keywords, equal to another one with the same."""

    function: Callable[..., Any]
    keywords: tuple[tuple[str, Any], ...]

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Return what the function returns."""
        return self.function(*args, **dict(self.keywords), **keywords)


def prepare(formula: Callable[..., Any], arrays: tuple[Any, ...], options: dict[str, Any]) -> Way | str:
    """Return the way to execute a formula, or the reason why there is none."""
    if any(isinstance(x, jax.core.Tracer) for x in arrays):
        return "a transformation of JAX follows the formula itself"
    if is_composed(formula):
        return "for each of the formulas that it is made of"
    # Arrays among the options are others at each call; without any, what is compiled is found once.
    if any(isinstance(v, jax.Array) for v in tree_leaves(options)):
        return lambda arrays, options: _call(*_compiled_for(formula, arrays, options))
    compiled, given = _compiled_for(formula, arrays, options)
    numbers = given[len(arrays) :]
    return lambda arrays, options: _call(compiled, [*arrays, *numbers])


def _call(compiled: Callable[[list[Any]], Any], given: list[Any]) -> Any:
    # Beside logits that are values, a weight may be traced.
    return compiled([pin(value) for value in given])


def _compiled_for(
    formula: Callable[..., Any], arrays: tuple[Any, ...], options: dict[str, Any]
) -> tuple[Callable[[list[Any]], Any], list[Any]]:
    """Return the formula, compiled once for each combination of what is no array, and the arrays that it takes."""
    varied = {name: _as_array(v) for name, v in options.items() if name in VARIED and isinstance(v, float)}
    leaves, tree = tree_flatten((arrays, {**options, **varied}), is_leaf=_is_leaf)
    fixed = tuple(None if isinstance(v, jax.Array) else _hashable(v) for v in leaves)
    given = [v for v in leaves if isinstance(v, jax.Array)]
    varies = tuple(isinstance(v, jax.Array) for v in leaves)
    return _compiled(formula, tree, fixed, varies), given


def _as_array(number: float) -> Any:
    """Return a number that may be another at each call as an array, unless it is special or none would hold it."""
    # In the widest type there is: what it is beside the logits is for the formula to say.
    # Formulas branch on special numbers in Python; what float32 does not hold would become one when it is an array.
    varies = number not in SPECIAL and 1e-37 < number < 1e37
    return jnp.asarray(number, dtype=float) if varies else number


def _is_leaf(value: Any) -> bool:
    return value is None


def _hashable(value: Any) -> Any:
    # A partial is equal to itself alone: a new one at each call would be compiled anew.
    return Bound(value.func, tuple(sorted(value.keywords.items()))) if isinstance(value, partial) else value


# jax.jit keeps programs by shapes and types; this keeps its functions by all else.
@lru_cache(maxsize=1024)
def _compiled(
    formula: Callable[..., Any], tree: Any, fixed: tuple[Any, ...], varies: tuple[bool, ...]
) -> Callable[[list[Any]], Any]:
    def calculate(given: list[Any]) -> Any:
        rest = iter(given)
        leaves = [next(rest) if v else f for f, v in zip(fixed, varies, strict=True)]
        arrays, options = tree_unflatten(tree, leaves)
        # What is executed is the compiled whole, and not what it is made of.
        token = selected.set("generic")
        try:
            return generic.prepare(formula, arrays, options)(arrays, options)
        finally:
            selected.reset(token)

    return jax.jit(calculate)
