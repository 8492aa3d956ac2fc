"""Activations on Dask: lazy, chunk by chunk, and with the values of NumPy."""

from __future__ import annotations

from functools import partial

import pytest

dask = pytest.importorskip("dask", reason="dask is not installed")
da = pytest.importorskip("dask.array", reason="dask.array needs numpy")

import numpy as np  # noqa: E402

from softmax_xp import activations  # noqa: E402
from softmax_xp.testing import contract  # noqa: E402
from softmax_xp.testing.check_activations import name_of  # noqa: E402

CALLS = {name_of(n, o): partial(getattr(activations, n), **o) for n, o in contract.ACTIVATION_CASES}
every_call = pytest.mark.parametrize("name", CALLS)
X = np.random.default_rng(0).normal(scale=4.0, size=(12, 10))
CHUNKS = (5, 3)


def given(name, kind="float64"):
    """Return numbers as arrays of NumPy and of Dask; logit has its own."""
    x = (1 / (1 + np.exp(-X)) if name == "logit" else X).astype(kind)
    return x, da.from_array(x, chunks=CHUNKS)


@every_call
def test_nothing_is_computed_while_the_graph_is_built(name, refused):
    _, x = given(name)
    assert isinstance(CALLS[name](x), da.Array)


@every_call
@pytest.mark.parametrize("kind", ["float64", "float32", "float16"])
def test_values_chunks_and_types_are_those_of_numpy(name, kind):
    plain, x = given(name, kind)
    y, expected = CALLS[name](x), CALLS[name](plain)
    assert (y.dtype, y._meta.dtype, y.chunks) == (expected.dtype, expected.dtype, x.chunks)
    assert type(y._meta) is np.ndarray
    np.testing.assert_array_equal(y.compute(), expected)


@every_call
def test_rows_chosen_by_value_have_unknown_chunks_and_the_right_answer(name):
    plain, x = given(name)
    found = CALLS[name](x[x[:, 0] > 0.5]).compute()
    np.testing.assert_array_equal(found, CALLS[name](plain[plain[:, 0] > 0.5]))
