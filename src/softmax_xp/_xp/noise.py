"""Standard Gumbel noise, made by the generators of each library.

It is -log(E), with E exponential: never in a half type, whose few numbers near 0 would cut the upper tail
off, and in float64 where the device has it. E is 0 with the probability of the finest step of its generator,
and then half a step, so that no noise is infinite.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

from .dtypes import has_float64
from .namespace import device_of, is_dask, is_numpy

STEP = 2.0**-53
"""The finest step of a float64 generator. NumPy makes exponential numbers in steps of up to 8 of these."""


class Source(NamedTuple):
    """Where noise comes from: the noise itself, or a generator and its library."""

    noise: Any
    rng: Any
    kind: str
    lengths: tuple[Any, ...]


def noise_of(source: Source, x: Any, xp: Any) -> Any:
    """Return the noise that was given, or new noise for the logits ``x``."""
    return source.noise if source.rng is None else _MAKERS[source.kind](source, x, xp)


def _by_numpy(source: Source, x: Any, xp: Any) -> Any:
    if is_dask(xp):
        from dask.array.random import default_rng

        seed = [int(n) for n in source.rng.integers(0, 2**32, size=4)]
        return _by_dask(source._replace(rng=default_rng(seed)), x, xp)
    import numpy as np

    noise = _of_exponentials(source.rng.standard_exponential(source.lengths), np)
    if is_numpy(xp):
        return noise
    kind = xp.float64 if has_float64(x, xp) else xp.float32
    return xp.asarray(noise, dtype=kind, device=device_of(x))


def _by_cupy(source: Source, x: Any, xp: Any) -> Any:
    return _of_exponentials(source.rng.standard_exponential(source.lengths), xp)


def _by_dask(source: Source, x: Any, xp: Any) -> Any:
    chunks = (*("auto",) * (len(source.lengths) - x.ndim), *x.chunks)
    return _of_exponentials(source.rng.standard_exponential(source.lengths, chunks=chunks), xp)


def _of_exponentials(e: Any, xp: Any) -> Any:
    return -xp.log(xp.where(e < STEP / 2, STEP / 2, e))


def _by_torch(source: Source, x: Any, xp: Any) -> Any:
    import torch

    draw = partial(torch.rand, generator=source.rng, device=x.device)
    if has_float64(x, xp):
        return _of_uniforms(draw(source.lengths, dtype=torch.float64), STEP, torch)
    high, low = draw((2, *source.lengths), dtype=torch.float32)
    return _of_uniforms(_refined(high, low, 2.0**-24, torch), 2.0**-48, torch)


def _by_jax(source: Source, x: Any, xp: Any) -> Any:
    return _jax_maker()(source.rng, source.lengths, has_float64(x, xp))


@cache
def _jax_maker() -> Callable[..., Any]:
    import jax
    import jax.numpy as jnp

    @partial(jax.jit, static_argnums=(1, 2))
    def make(key: Any, shape: tuple[int, ...], wide: bool) -> Any:
        if wide:
            return _of_uniforms(jax.random.uniform(key, shape, jnp.float64), 2.0**-52, jnp)
        high, low = jax.random.uniform(key, (2, *shape), jnp.float32)
        return _of_uniforms(_refined(high, low, 2.0**-23, jnp), 2.0**-46, jnp)

    return make


def _refined(high: Any, low: Any, step: float, xp: Any) -> Any:
    """Return a uniform number with digits of another below its own, where float32 holds them."""
    return xp.where(high < 0.5, high + step * low, high)


def _of_uniforms(u: Any, step: float, xp: Any) -> Any:
    return -xp.log(-xp.log1p(-xp.where(u < step / 2, step / 2, u)))


_MAKERS: dict[str, Callable[[Source, Any, Any], Any]] = {
    "numpy": _by_numpy,
    "cupy": _by_cupy,
    "dask": _by_dask,
    "torch": _by_torch,
    "jax": _by_jax,
}
