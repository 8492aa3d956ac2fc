"""JAX: custom JVPs made from the rules; JAX transposes and differentiates them as often as it likes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.core import Tracer

from .._formulas.kinds import Rule
from .._xp.dtypes import is_complex, is_half

Values = TypeVar("Values")


def execute(formula: Callable[..., Any], rule: Rule, x: Any, /, *, where: Any = None, **options: Any) -> Any:
    """Return the result of the formula, with the rule as its derivative."""
    return _with_rule(formula, rule, tuple(options.items()))(x, where)


@cache
def _with_rule(formula: Callable[..., Any], rule: Rule, options: tuple[tuple[str, Any], ...]) -> Callable[..., Any]:
    """Return the formula as a function of logits and mask; there is one for each choice of axes."""
    static = dict(options)
    kept = {name: static[name] for name in (*rule.options, "xp")}

    def value(x: Any, where: Any) -> Any:
        return formula(x, where=where, **static)

    def jvp(primals: tuple[Any, Any], tangents: tuple[Any, Any]) -> tuple[Any, Any]:
        result = function(*primals)
        # Differentiated at a Python number, JAX passes that number: ~ of a comparison with it would be an integer.
        saved = result if rule.of == "result" else jnp.asarray(primals[0])
        return result, rule.jvp(saved, tangents[0], where=primals[1], **kept)

    function = jax.custom_jvp(value)
    function.defjvp(jvp)
    return function


def pinned(values: Values) -> Values:
    """Return any structure of arguments whose floating tracers have one value each, wherever it is used.

    XLA computes a cheap argument, such as a product, again in each loop that uses it, and LLVM contracts ``x * c - m``
    to a fused multiply-add there: x - m is then not 0 at the maximum, and may be large. A half type stays in float32
    in some of those loops.
    """
    return jax.tree.map(pin, values)


def pin(value: Any) -> Any:
    """Return one argument with one value, wherever it is used."""
    is_floating = isinstance(value, Tracer) and jnp.issubdtype(value.dtype, jnp.inexact)
    return _as_stored(value) if is_floating else value


@jax.custom_jvp  # type: ignore[untyped-decorator]
def _as_stored(x: Any) -> Any:
    """Return ``x`` as it would be read from memory.

    A select cannot be contracted. Optimization barriers and `reduce_precision` alone do not keep LLVM from it.
    """
    if is_complex(x.dtype):
        # One part may be NaN beside a real part of -inf, whose exponential is 0.
        return jax.lax.complex(_as_stored(jnp.real(x)), _as_stored(jnp.imag(x)))
    if is_half(x.dtype):
        kind = jnp.finfo(x.dtype)
        x = jax.lax.reduce_precision(x, exponent_bits=kind.nexp, mantissa_bits=kind.nmant)
    return jnp.where(x == x, x, jnp.nan)


@_as_stored.defjvp  # type: ignore[untyped-decorator]
def _unchanged(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
    return _as_stored(*primals), *tangents
