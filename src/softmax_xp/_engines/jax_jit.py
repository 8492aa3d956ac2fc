"""JAX: eager calls by way of a compiled formula, which is kept for the next one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache, partial
from math import inf
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import tree_flatten, tree_unflatten

from .._autodiff.jax_ import pin
from .._formulas import normalizers as formulas
from .._gate.dtypes import dtype_name
from . import generic, selected
from .shortcut import PLAIN

VARIED = ("temperature", "divisor")
"""Numbers that may be others at each call: arguments of what is compiled, unless they are special."""

SPECIAL = (0.0, 1.0, inf)


class Bound(NamedTuple):
    """A function with some of its keywords, equal to another one with the same."""

    function: Callable[..., Any]
    keywords: tuple[tuple[str, Any], ...]

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Return what the function returns."""
        return self.function(*args, **dict(self.keywords), **keywords)


def supports(name: str, x: Any, xp: Any, options: dict[str, Any]) -> str | None:
    """Return None if a call can be executed here, or the reason why not."""
    if isinstance(x, jax.core.Tracer):
        return "a transformation of JAX follows the formula itself"
    PLAIN.setdefault(type(x), plain)
    return None


def execute(call: Callable[..., Any], formula: Callable[..., Any], /, *arrays: Any, **options: Any) -> Any:
    """Return ``call(formula, *arrays, **options)``, compiled: once for each combination of what is no array."""
    for name in VARIED:
        number = options.get(name)
        # Without float64 an array does not hold every number.
        if isinstance(number, float) and number not in SPECIAL and 1e-37 < number < 1e37:
            # In the widest type there is: what it is beside the logits is for the formula to say.
            options[name] = jnp.asarray(number, dtype=float)
    leaves, tree = tree_flatten((arrays, options), is_leaf=_is_leaf)
    fixed = tuple(None if isinstance(v, jax.Array) else _hashable(v) for v in leaves)
    given = [v for v in leaves if isinstance(v, jax.Array)]
    varies = tuple(isinstance(v, jax.Array) for v in leaves)
    # Beside logits that are values, a weight may be traced.
    return _compiled(call, formula, tree, fixed, varies)([pin(value) for value in given])


def _is_leaf(value: Any) -> bool:
    return value is None


def _hashable(value: Any) -> Any:
    return Bound(value.func, tuple(sorted(value.keywords.items()))) if isinstance(value, partial) else value


@lru_cache(maxsize=1024)
def _compiled(
    call: Callable[..., Any], formula: Callable[..., Any], tree: Any, fixed: tuple[Any, ...], varies: tuple[bool, ...]
) -> Callable[[list[Any]], Any]:
    def calculate(given: list[Any]) -> Any:
        rest = iter(given)
        leaves = [next(rest) if v else f for f, v in zip(fixed, varies, strict=True)]
        arrays, options = tree_unflatten(tree, leaves)
        return call(formula, *arrays, **options)

    return jax.jit(calculate)


def plain(name: str, x: Any, axis: Any) -> Any:
    """Return the result for an array and an axis; NotImplemented if there is anything to check."""
    # 1 and True are one key, but True is no axis.
    if (type(axis) is not int and axis is not None) or selected.get() not in ("auto", "jax_jit"):
        return NotImplemented
    way = _way(name, x.dtype, x.ndim, axis)
    return way if way is NotImplemented else way(x)


@cache
def _way(name: str, dtype: Any, ndim: int, axis: int | None) -> Any:
    if dtype_name(dtype) not in ("float64", "float32", "float16", "bfloat16"):
        return NotImplemented
    if not (-ndim <= axis < ndim if axis is not None else name == "logsumexp"):
        return NotImplemented
    rest = {"keepdims": False} if name == "logsumexp" else {"temperature": 1.0, "sink": None}
    options = {"axis": tuple(range(ndim)) if axis is None else (axis % ndim,), "where": None, "xp": jnp, **rest}
    return jax.jit(partial(generic.call, getattr(formulas, name), **options))
