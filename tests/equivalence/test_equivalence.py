"""The same inputs through every CPU library."""

from __future__ import annotations

import pytest

from softmax_xp.testing import contract

from .distances import OPS, distances


@pytest.mark.parametrize("dtype", contract.FLOATS)
@pytest.mark.parametrize("op", OPS)
def test_any_two_libraries_agree_within_the_contract(op, dtype):
    found = distances(op, dtype)
    assert found, "install torch, jax, dask and array-api-strict"
    for d in found:
        print(f"{d.op:<18} {d.dtype:<9} {d.left:<18} {d.right:<18} {d.ulps:>9.3g} ulp {d.share:>5.0%} of the gates")
    assert [d for d in found if not d.share <= 1.0] == []
