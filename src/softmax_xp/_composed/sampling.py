"""Draws: noise is added to logits, and the sums become shares of a softmax, or labels."""

from __future__ import annotations

from typing import Any

from .._engines import run
from .._formulas import normalizers
from .._formulas import sampling as formulas
from .._formulas.kinds import formula
from .._xp.dtypes import cast, common_dtype, widen
from .._xp.namespace import without_range_warnings
from .._xp.noise import Source, noise_of

Axes = tuple[int, ...]


@formula("composed")
def gumbel_softmax(
    x: Any,
    /,
    *,
    noise: Any,
    rng: Any,
    kind: str,
    lengths: Any,
    hard: bool,
    axis: Axes,
    where: Any,
    temperature: Any,
    xp: Any,
) -> Any:
    """Return the softmax of perturbed logits, rounded to a vertex where ``hard``."""
    wide = widen(x, xp)
    noise = cast(noise_of(Source(noise, rng, kind, lengths), x, xp), wide.dtype, xp)
    options = {"axis": axis, "where": where, "xp": xp}
    z = run(formulas.perturbed, wide, noise, xp=xp)
    y = run(normalizers.softmax, z, sink=None, temperature=temperature, **options)
    if hard:
        y = run(formulas.straight_through, y, z, **options)
    with without_range_warnings(xp):
        return cast(y, x.dtype, xp)


@formula("composed")
def sample_categorical(x: Any, /, *, noise: Any, rng: Any, kind: str, lengths: Any, xp: Any, **options: Any) -> Any:
    """Return the labels of the largest perturbed logits."""
    noise = noise_of(Source(noise, rng, kind, lengths), x, xp)
    x = widen(x, xp)
    dtype = common_dtype(x, noise, xp)
    return run(formulas.draws, cast(x, dtype, xp), cast(noise, dtype, xp), xp=xp, **options)
