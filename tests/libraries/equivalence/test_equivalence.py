"""The same inputs through every CPU library."""

from __future__ import annotations

import pytest

from softmax_xp.testing import contract
from softmax_xp.testing.records import FAMILIES, RECORDS

from .cases import CASES
from .distances import distances


@pytest.mark.parametrize("op", CASES)
@pytest.mark.parametrize("dtype", contract.FLOATS)
def test_any_two_libraries_agree_within_the_contract(op, dtype, request):
    found = distances(op, dtype, thorough=request.config.getoption("--thorough"))
    assert found, "install torch, jax, dask and array-api-strict"
    for d in found:
        print(f"{d.op:<42} {d.dtype:<9} {d.left:<18} {d.right:<18} {d.ulps:>9.3g} ulp {d.share:>5.0%} of the gates")
    assert [d for d in found if not d.share <= 1.0] == []


def test_every_function_with_an_exact_result_or_with_cases_is_compared():
    compared = {op.partition(" ")[0] for op in CASES}
    assert {name for name, record in RECORDS.items() if record.exact or record.cases} <= compared
    # entmax_loss is fenchel_young_loss with the regularizer of Tsallis.
    families = ("sparse", "activations", "sampling")
    assert {name for family in families for name in FAMILIES[family]} - compared == {"entmax_loss"}
