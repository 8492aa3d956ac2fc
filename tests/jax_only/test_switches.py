"""JAX's switch that stops at the first NaN finds none on the way to finite results and gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="jax is not installed")

import jax.numpy as jnp  # noqa: E402

from ..public_calls import CALLS, Given, given, results  # noqa: E402

# What is settled in different places: every call takes a second to compile.
NAMES = (
    "softmax",
    "softmax with a mask",
    "log_softmax with options",
    "logsumexp",
    "logmeanexp",
    "logsubexp",
    "hardmax",
    "cross_entropy of labels",
    "cross_entropy with options",
    "focal_loss of shares",
    "js_divergence",
    "logit",
    "entmax of rows with a mask",
    "k_subset of rows",
    "top_k_logits k=3",
    "epsilon_logits of rows",
    "logsumexp with weights",
)


@pytest.fixture
def no_nan(only_x32: None) -> Iterator[None]:
    # What is cached is not looked at again.
    jax.clear_caches()
    jax.config.update("jax_debug_nans", True)
    yield
    jax.config.update("jax_debug_nans", False)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_finite_logits_make_no_nan(name, no_nan):
    g = Given(*(jnp.asarray(v) for v in given()))

    def total(x: Any) -> Any:
        # Where a mask gives -inf, which has no part in the sum, there is no cotangent either.
        return sum(jnp.where(jnp.isfinite(y), y, 0.0).sum() for y in results(CALLS[name](g._replace(x=x))))

    assert np.isfinite(jax.grad(total)(g.x)).all()
    assert np.isfinite(jax.jit(jax.grad(total))(g.x)).all()
