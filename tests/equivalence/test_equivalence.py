"""The same inputs through every CPU library: the largest distance between any two of them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import softmax_xp
from softmax_xp.testing import contract
from softmax_xp.testing.check import dangerous_rows
from softmax_xp.testing.compare import allowance, ulp
from softmax_xp.testing.oracle import exact_rows

from ..backends import BACKENDS, FLOATS, missing

NAMES = ("numpy", "strict-CPU_DEVICE", "torch", "jax", "jax-x64", "dask", "ml_dtypes")


def results(backend, dtype, op, rows):
    if backend.library == "jax":
        import jax

        jax.config.update("jax_enable_x64", backend.name == "jax-x64")
    return [
        backend.numpy(getattr(softmax_xp, op)(backend.array(x, dtype), axis=-1)).astype(np.float64) for _, x in rows
    ]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("op", contract.OPS)
def test_any_two_libraries_agree_within_the_contract(op, dtype):
    rows = [(name, x) for name, x in dangerous_rows(dtype) if x.shape[-1] <= 1025]
    chosen = [BACKENDS[n] for n in NAMES if n in BACKENDS and dtype in BACKENDS[n].dtypes and not missing(BACKENDS[n])]
    assert len(chosen) >= 2, "install torch, jax, dask and array-api-strict"
    reader = chosen[0]
    exact = [exact_rows(reader.numpy(reader.array(x, dtype)).astype(np.float64), ops=(op,))[op] for _, x in rows]
    outputs = {b.name: results(b, dtype, op, rows) for b in chosen}
    for a, b in combinations(outputs, 2):
        worst, share = 0.0, 0.0
        for truth, left, right in zip(exact, outputs[a], outputs[b], strict=True):
            same = left == right
            gap = np.where(same, 0.0, np.abs(np.where(same, 0.0, left) - np.where(same, 0.0, right)))
            worst = max(worst, float((gap / ulp(truth.hi, dtype)).max()))
            allowed = 2 * allowance(op, dtype, truth, elementary=contract.MAX_ELEMENTARY_ERROR)
            share = max(share, float((gap / allowed).max()))
        print(f"| {op} | {dtype} | {a} | {b} | {worst:.3g} | {share:.0%} |")
        assert share <= 1.0, f"{a} and {b} are {worst:.3g} ulp apart"
