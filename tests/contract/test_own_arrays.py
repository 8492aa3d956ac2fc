"""A result is an array of its own, under any setting of NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from softmax_xp import sparse, use_engine
from softmax_xp.testing.records import RECORDS, calls, numbers

from ..backends import Backend

pytestmark = [pytest.mark.records, pytest.mark.every_backend]

every_function = pytest.mark.parametrize("name", RECORDS)


def memory(x: Any) -> Any:
    return x.detach().numpy() if hasattr(x, "detach") else np.asarray(x)


@every_function
def test_a_result_does_not_share_memory_with_an_argument(backend: Backend, name):
    if backend.name not in ("numpy", "torch"):
        return  # read-only, or cannot be written to
    given = backend.arrays(numbers(), "float32")
    for text, call in calls(name).items():
        for engine in ("auto", "generic"):
            with use_engine(engine):
                found = call.results(given)
            assert not any(np.shares_memory(memory(y), memory(v)) for y in found for v in given.values()), text


def test_an_empty_result_is_not_the_argument(backend):
    x = backend.array(np.zeros((3, 0)), backend.dtypes[0])
    for name in ("sparsemax", "entmax", "normmax", "project_simplex"):
        assert getattr(sparse, name)(x) is not x


@every_function
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_nothing_is_raised_where_numpy_raises_for_every_rounding_to_0_or_infinity(name, dtype):
    given = numbers()
    x = given["logits"]
    for logits in (x, 40.0 * x, np.where(x > 2.0, -np.inf, x)):
        floats = {k: v.astype(dtype) if v.dtype.kind == "f" else v for k, v in (given | {"logits": logits}).items()}
        for text, call in calls(name).items():
            with np.errstate(all="ignore"):
                expected = call.results(floats)
            with np.errstate(all="raise"):
                found = call.results(floats)
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_array_equal(a, b, text)
