"""JAX: custom JVPs made from the rules; JAX transposes and differentiates them as often as it likes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp

from .._formulas.rules import Rule


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
        # What a number of Python is differentiated at is one too, and ~ of its comparisons is an integer.
        saved = result if rule.of == "result" else jnp.asarray(primals[0])
        return result, rule.jvp(saved, tangents[0], where=primals[1], **kept)

    function = jax.custom_jvp(value)
    function.defjvp(jvp)
    return function
