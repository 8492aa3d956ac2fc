"""What is known of an argument without looking at its values: the key under which the verdict on a call is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from operator import attrgetter
from types import FunctionType, ModuleType
from typing import Any

from .namespace import short_name

FACTS: dict[type, Callable[[Any], Any]] = {}
"""By type of array: its metadata, all that the gate and the engines may ask for; None for a call that is traced.

What is of one type has other metadata than what is of another: more or fewer of it, or the type itself.
"""

PLAIN: set[type] = {type(None), bool, int, str, type, ModuleType, FunctionType}
"""Types whose values are metadata themselves. True and 1 are one key of a dictionary, so the type stands beside it."""


def describe(values: Iterable[Any]) -> tuple[Any, ...] | None:
    """Return what is known of arguments, to be compared and hashed; None if one of them is of an unknown type."""
    found: list[Any] = []
    for value in values:
        kind = type(value)
        if kind in PLAIN:
            found += (kind, value)
        elif kind is float:
            # 0.0 and -0.0 are one key too, and a NaN is equal to no other.
            found += (kind, value if value and value == value else str(value))
        elif kind in FACTS:
            facts = FACTS[kind](value)
            if facts is None:
                return None
            found.append(facts)
        elif isinstance(value, tuple) or kind is partial:
            inner = describe(value if kind is not partial else (value.func, *value.keywords, *value.keywords.values()))
            if inner is None:
                return None
            found += (kind, inner)
        else:
            return None
    return tuple(found)


def has_arrays(value: Any) -> bool:
    """Whether a described value is an array, or holds one."""
    if isinstance(value, tuple):
        return any(map(has_arrays, value))
    return type(value) in FACTS


def learn(kind: type, xp: Any) -> None:
    """Make a type of arrays known, if it is the plain one of a library whose arrays are described."""
    if kind not in FACTS:
        learner = _LEARNERS.get(short_name(xp))
        if learner is not None:
            learner(kind)


def _learn_numpy(kind: type) -> None:
    import numpy as np

    if kind is np.ndarray:
        FACTS[kind] = attrgetter("dtype", "shape")
        PLAIN.update(type(np.dtype(char)) for char in np.typecodes["All"])


def _learn_torch(kind: type) -> None:
    import torch

    def facts(x: Any) -> Any:
        # A graph is compiled from the formula; nothing that is kept here could be traced.
        if torch.compiler.is_compiling():
            return None
        shape = x.shape
        for n in shape:
            # Symbols and tensors stand for lengths where a graph is traced.
            if type(n) is not int:
                return None
        return kind, x.dtype, shape, x.device, torch.get_default_dtype()

    if kind in (torch.Tensor, torch.nn.Parameter):
        FACTS[kind] = facts
        PLAIN.add(torch.dtype)


def _learn_jax(kind: type) -> None:
    import jax
    import jax.numpy as jnp

    def facts(x: Any) -> Any:
        # A weak type gives way to that of the array beside it. Keys of jax.random have it here only.
        kind = x.aval
        return kind.dtype, kind.shape, kind.weak_type, jax.config.jax_enable_x64

    # Not of a tracer, which is one of a graph that is made once.
    if issubclass(kind, jax.Array) and not issubclass(kind, jax.core.Tracer):
        FACTS[kind] = facts
        PLAIN.add(type(jnp.float32))


_LEARNERS = {"numpy": _learn_numpy, "torch": _learn_torch, "jax.numpy": _learn_jax}
