"""Activations on a library of pure Python, with nothing beyond array API 2023.12."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from softmax_xp import activations
from softmax_xp.testing.check_activations import activation_numbers

from ...contract.activations.numbers import assert_near, cases, edges, exact
from .toy import DEVICES, FLOAT32, FLOAT64, Array, xp


def call(name: str, x: Any, dtype: Any, device: str, **options: Any) -> Any:
    """Return the values, and check what they come in."""
    given = xp.asarray([float(v) for v in x], dtype=dtype, device=device)
    out = getattr(activations, name)(given, **options)
    assert type(out) is Array
    assert (out.dtype, out.shape, out.device) == (dtype, given.shape, device)
    return np.asarray(out.flat)


@cases
@pytest.mark.parametrize(("dtype", "kind"), [(FLOAT64, "float64"), (FLOAT32, "float32")], ids=["float64", "float32"])
def test_the_whole_range_is_as_near_to_the_exact_values_as_promised(name, options, dtype, kind):
    x = activation_numbers(name, kind).astype(kind)
    y = call(name, x, dtype, DEVICES[0], **options)
    assert_near(y, exact(name, x, **options), name, kind, **options)


@edges
@pytest.mark.parametrize("device", DEVICES)
def test_edge_values_are_those_of_the_contract(edge, device):
    y = call(edge.name, edge.x, FLOAT64, device, **edge.options)
    assert_near(y, edge.values, edge.name, "float64", **edge.options)
