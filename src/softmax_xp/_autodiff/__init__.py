"""The derivatives of this package, made known to the libraries that differentiate.

A formula with a rule is one unit to automatic differentiation: its derivative is the analytic
one, which keeps digits that would be lost, and only the rule's argument is stored for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._formulas.kinds import rule_of
from .._xp.namespace import is_jax, is_torch


def execute(formula: Callable[..., Any], *arrays: Any, xp: Any, **options: Any) -> Any:
    """Return ``formula(*arrays, xp=xp, **options)``, to be differentiated by its rule if it has one."""
    if (is_torch(xp) or is_jax(xp)) and _is_plain(**options):
        rule = rule_of(formula)
        if rule is not None and is_torch(xp):
            from . import torch_

            return torch_.execute(formula, rule, *arrays, xp=xp, **options)
        if rule is not None:
            from . import jax_

            return jax_.execute(formula, rule, *arrays, xp=xp, **options)
    return formula(*arrays, xp=xp, **options)


def enter(call: Callable[..., Any], formula: Callable[..., Any], *arrays: Any, xp: Any, **options: Any) -> Any:
    """Return ``call(formula, *arrays, xp=xp, **options)``, where no compiler computes an argument in two ways."""
    if is_jax(xp):
        from . import jax_

        arrays, options = jax_.pinned((arrays, options))
    if is_torch(xp):
        from . import torch_

        arrays, options = torch_.pinned(arrays, options)
    return call(formula, *arrays, xp=xp, **options)


def _is_plain(temperature: Any = 1.0, sink: Any = None, alpha: Any = 1.0, **_: Any) -> bool:
    numbers = isinstance(temperature, float) and isinstance(alpha, float)
    return sink is None and numbers and temperature == 1.0
