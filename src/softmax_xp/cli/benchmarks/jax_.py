"""On JAX: its own functions and this library, eager and compiled; forward, or forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from .cases import Case, Inputs
from .contestants import Contestant, Prepared
from .numpy_ import OURS, engine_of


def contestants() -> list[Contestant]:
    """Return this library first, then its peers; what they do eagerly is of interest for small arrays."""
    return [
        Contestant("softmax_xp, jax", ("jax",), partial(_prepare, True, False), ("jax.nn", "jax.nn, jit"), small=True),
        Contestant("softmax_xp, jax.jit", ("jax",), partial(_prepare, True, True), ("jax.nn, jit",)),
        Contestant("jax.nn", ("jax",), partial(_prepare, False, False), small=True),
        Contestant("jax.nn, jit", ("jax",), partial(_prepare, False, True)),
    ]


@contextmanager
def _x64() -> Iterator[None]:
    """Allow float64 inside a ``with`` block."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


def _prepare(ours: bool, jit: bool, case: Case, inputs: Inputs, threads: int) -> Prepared | None:
    """Return the call; it waits for its result, as JAX returns before that is there."""
    if case.backward and not jit:
        return None
    context: Callable[[], AbstractContextManager[Any]] = _x64 if case.dtype == "float64" else nullcontext
    with context():
        x, labels = jnp.asarray(inputs.x, dtype=case.dtype), jnp.asarray(inputs.labels)
        f = _ours(case) if ours else _native(case)
        engine = engine_of(case.op, x, labels, case.axis) if ours and not jit else None
        arrays = [x, labels] if case.op == "cross_entropy" else [x]
        if case.backward:
            f = _with_gradient(f)
            arrays.append(jnp.ones((), dtype=x.dtype) if inputs.g is None else jnp.asarray(inputs.g, dtype=case.dtype))
    if not jit:
        return Prepared(partial(_wait, f, *arrays), context, engine, "resident")
    f = jax.jit(f)
    return Prepared(partial(_wait, f, *arrays), context, engine, "planned", partial(_planned, f, *arrays))


def _planned(f: Any, *arrays: Any) -> int:
    """Return the bytes that the compiler has planned for temporaries and results."""
    plan = f.lower(*arrays).compile().memory_analysis()
    return int(plan.temp_size_in_bytes + plan.output_size_in_bytes)


def _wait(f: Callable[..., Any], *arrays: Any) -> Any:
    result = f(*arrays)
    for part in result if isinstance(result, tuple) else (result,):
        part.block_until_ready()
    return result


def _ours(case: Case) -> Callable[..., Any]:
    return partial(OURS[case.op], axis=case.axis)


def _native(case: Case) -> Callable[..., Any]:
    if case.op == "cross_entropy":
        return partial(_cross_entropy, axis=case.axis)
    return partial(getattr(jax.nn, case.op), axis=case.axis)


def _cross_entropy(x: Any, labels: Any, axis: int) -> Any:
    log_p = jax.nn.log_softmax(x, axis=axis)
    return -jnp.take_along_axis(log_p, jnp.expand_dims(labels, axis), axis=axis).mean()


def _with_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that gives the result and the gradient of the logits."""

    def both(x: Any, *rest: Any) -> Any:
        *labels, g = rest
        result, pull = jax.vjp(lambda x: f(x, *labels), x)
        return result, *pull(g)

    return both
