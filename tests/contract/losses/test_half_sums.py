"""Losses of many samples in half types: sums are neither rounded nor infinite before they are complete."""

from __future__ import annotations

import numpy as np
import pytest

from softmax_xp.testing import contract

N, C = 20_000, 2
# Most of the sums are larger than float16 can hold, and none of the means.
LARGEST = {"float16": 65504.0, "bfloat16": 3.3e38}
CALLS = {
    "cross_entropy": ("labels", {}),
    "focal_loss": ("labels", {"gamma": 0.5}),
    "poly_cross_entropy": ("labels", {}),
    "generalized_cross_entropy": ("shares", {}),
    "nll_loss": ("labels", {}),
    "partial_label_cross_entropy": ("candidates", {}),
    "binary_cross_entropy_with_logits": ("shares", {}),
    "kl_divergence": ("shares", {"p_kind": "logits"}),
    "js_divergence": ("shares", {"p_kind": "logits"}),
    "entmax_loss": ("labels", {}),
    "fenchel_young_loss": ("shares", {"regularizer": "gini"}),
    "cross_entropy_and_grad": ("labels", {}),
}


@pytest.mark.parametrize("name", CALLS)
def test_sums_and_means_over_many_samples_are_rounded_once(backend, call, name):
    dtype = next((d for d in ("float16", "bfloat16") if d in backend.dtypes), None)
    if dtype is None or backend.name in ("numpy-readonly", "jax-x64"):
        return  # no half type, or nothing new
    rng = np.random.default_rng(0)
    x = np.where(np.arange(C) == 1, 0.0, 4.0) - (8.0 if name == "nll_loss" else 0.0)
    x = np.tile(x, (N // 2, 2, 1)) - rng.integers(0, 2, size=(N // 2, 2, C))
    target, options = CALLS[name]
    targets = {
        "labels": (np.ones((N // 2, 2)), "int32"),
        "shares": (np.tile([0.25, 0.75], (N // 2, 2, 1)), dtype),
        "candidates": (np.tile(np.arange(C) == 1, (N // 2, 2, 1)), "bool"),
    }
    arrays = backend.array(x, dtype), backend.array(*targets[target])
    found = {r: call(name, *arrays, reduction=r, **options) for r in ("none", "mean")}
    if name == "cross_entropy_and_grad":
        found = {r: loss for r, (loss, _) in found.items()}
    unit, rows = contract.FORMATS[dtype].unit, found["none"]
    # The rows, too, are rounded.
    assert abs(found["mean"] - rows.mean()) <= 2 * unit * rows.mean()
    if rows.sum() * (1 + 2 * unit) < LARGEST[dtype]:
        total = call(name, *arrays, reduction="sum", **options)
        assert abs((total[0] if isinstance(total, tuple) else total) - rows.sum()) <= 2 * unit * rows.sum()
    if name.startswith(("kl", "js")):
        assert abs(call(name, *arrays, reduction="batchmean", **options) - 2 * rows.mean()) <= 4 * unit * rows.mean()
