"""A result is an array of its own, under any setting of NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from softmax_xp import sparse, use_engine

from .backends import Backend
from .public_calls import CALLS, Given, given, results

every_call = pytest.mark.parametrize("name", CALLS)


def arrays(backend: Backend, dtype: str) -> Given:
    """Return the arrays of the calls; integers and masks keep their type."""
    kinds = {"f": dtype, "i": "int64", "b": "bool"}
    return Given(*(backend.array(v, kinds[v.dtype.kind]) for v in given()))


def memory(x: Any) -> Any:
    return x.detach().numpy() if hasattr(x, "detach") else np.asarray(x)


@every_call
def test_a_result_does_not_share_memory_with_an_argument(backend, name):
    if backend.name not in ("numpy", "torch"):
        return  # read-only, or cannot be written to
    g = arrays(backend, "float32")
    for engine in ("auto", "generic"):
        with use_engine(engine):
            found = results(CALLS[name](g))
        assert not any(np.shares_memory(memory(y), memory(v)) for y in found for v in g)


def test_an_empty_result_is_not_the_argument(backend):
    x = backend.array(np.zeros((3, 0)), backend.dtypes[0])
    for name in ("sparsemax", "entmax", "normmax", "project_simplex"):
        assert getattr(sparse, name)(x) is not x


@every_call
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_nothing_is_raised_where_numpy_raises_for_every_rounding_to_0_or_infinity(name, dtype):
    g = given()
    for x in (g.x, 40.0 * g.x, np.where(g.x > 2.0, -np.inf, g.x)):
        floats = Given(*(v.astype(dtype) if v.dtype.kind == "f" else v for v in g._replace(x=x)))
        with np.errstate(all="ignore"):
            expected = results(CALLS[name](floats))
        with np.errstate(all="raise"):
            found = results(CALLS[name](floats))
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a, b)
