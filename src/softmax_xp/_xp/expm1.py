"""exp(x) - 1 where the libraries' own loses digits, by the polynomial of tanh near 0."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from .dtypes import dtype_name
from .namespace import is_compiling, is_jax
from .operations import select

TANH = {
    "float64": (
        -0.3333333333333333,
        0.13333333333332714,
        -0.053968253967434016,
        0.021869488493666944,
        -0.008863234397814355,
        0.003592110378689024,
        -0.001455661830100716,
        0.0005889360520074057,
        -0.0002346347410887237,
        8.511313685577671e-05,
        -2.060276537636634e-05,
    ),
    "float32": (
        -0.3333333200797698,
        0.1333311372902087,
        -0.05390942882746055,
        0.021309388664443474,
        -0.006610227831114734,
    ),
}
"""R, with tanh(y) = y + y**3 R(y**2) for abs(y) <= NEAR; found by tests/contract/activations/coefficients.py."""

NEAR = 0.55

CLOSE = 0.7
"""For x beyond it exp(x) - 1 loses nothing: there exp(x) is below 1/2 or above 2."""


def narrow_or_wide(x: Any) -> str:
    """Return the name of the type whose constants ``x`` takes."""
    return "float32" if dtype_name(x.dtype) == "float32" else "float64"


def horner(coefficients: Iterable[float], x: Any) -> Any:
    """Return a polynomial, given by its coefficients from the constant one on."""
    highest, *rest = reversed(tuple(coefficients))
    total = highest * x + rest[0]
    for c in rest[1:]:
        total = total * x + c
    return total


def small_tanh(y: Any) -> Any:
    """Return tanh(y) for abs(y) <= NEAR."""
    square = y * y
    return y + y * (square * horner(TANH[narrow_or_wide(y)], square))


def expm1(x: Any, xp: Any) -> Any:
    """Return exp(x) - 1, which keeps its digits near 0 in a compiled graph too.

    Inductor writes the vectors of torch's own on the CPU as exp(x) - 1: 0 where the result is small. XLA on the CPU
    (jaxlib 0.10) fuses two of JAX's own with a sum, and one of them then has the argument of the other.
    """
    if is_jax(xp):
        return _on_jax()(x)
    return own_expm1(x, xp) if is_compiling(xp) else xp.expm1(x)


@cache
def _on_jax() -> Callable[[Any], Any]:
    """Return our own with exp(x) as its derivative: XLA flushes what a tiny cotangent has in a polynomial to 0."""
    import jax
    import jax.numpy as jnp

    @jax.custom_jvp  # type: ignore[untyped-decorator]
    def exp_less_1(x: Any) -> Any:
        return own_expm1(x, jnp)

    @exp_less_1.defjvp  # type: ignore[untyped-decorator]
    def along(primals: tuple[Any], tangents: tuple[Any]) -> tuple[Any, Any]:
        # What a number of Python is differentiated at is one too.
        x = jnp.asarray(primals[0])
        return exp_less_1(x), tangents[0] * jnp.exp(x)

    return exp_less_1


def own_expm1(x: Any, xp: Any) -> Any:
    """Return exp(x) - 1, by the polynomial of tanh near 0; it has the right derivatives, to a few ulp."""
    return expm1_in_parts(x, xp.abs(x) < CLOSE, xp)


def expm1_in_parts(x: Any, near: Any, xp: Any) -> Any:
    """Return exp(x) - 1, by the polynomial where it is ``near`` 0."""
    half = small_tanh(0.5 * select(near, x, 0.0, xp))
    return xp.where(near, 2.0 * half / (1.0 - half), xp.exp(select(~near, x, -1.0, xp)) - 1.0)
