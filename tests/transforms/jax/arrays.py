"""Numbers in the default floating type of the moment, and how near two results of JAX must be."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np


def array(values):
    return jnp.asarray(values, dtype=jnp.asarray(0.5).dtype)


def eps():
    return float(jnp.finfo(jnp.asarray(0.5).dtype).eps)


def results(y):
    return y if isinstance(y, tuple) else (y,)


def assert_close(actual, expected):
    """XLA fuses and reorders sums: a few units in the last place are its to choose."""
    for a, b in zip(results(actual), results(expected), strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        a, b = np.asarray(a), np.asarray(b)
        np.testing.assert_array_equal(np.isfinite(a), np.isfinite(b))
        np.testing.assert_array_equal(a[~np.isfinite(a)], b[~np.isfinite(b)])
        finite = np.isfinite(a)
        assert np.all(np.abs(a[finite] - b[finite]) <= 8 * np.spacing(np.abs(b[finite])))


def primitives(jaxpr):
    """Return the names of all primitives of a jaxpr, those of nested ones included."""
    names = []
    for equation in jaxpr.eqns:
        names.append(equation.primitive.name)
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            names += primitives(inner) if hasattr(inner, "eqns") else []
    return names
