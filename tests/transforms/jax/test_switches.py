"""JAX's switch that stops at the first NaN finds none on the way to finite results and gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="jax is not installed")

import jax.numpy as jnp  # noqa: E402

from softmax_xp.testing.records import examples, fullest, numbers  # noqa: E402

# One function for each place where special rows are replaced: every call takes a second to compile.
NAMES = (
    "softmax",
    "log_softmax",
    "logsumexp",
    "logsubexp",
    "hardmax",
    "cross_entropy",
    "focal_loss",
    "js_divergence",
    "logit",
    "entmax",
    "k_subset",
    "top_k_logits",
    "epsilon_logits",
)
CALLS = {
    **{name: examples(name)[name] for name in ("softmax", "logsumexp", "logmeanexp", "cross_entropy")},
    **{f"{name} with options": fullest(name) for name in NAMES},
}


@pytest.fixture(scope="module", autouse=True)
def _no_nan() -> Iterator[None]:
    # What is cached is not looked at again.
    jax.clear_caches()
    jax.config.update("jax_debug_nans", True)
    yield
    jax.config.update("jax_debug_nans", False)


@pytest.mark.parametrize("name", CALLS)
def test_gradients_of_finite_logits_make_no_nan(name, only_x32):
    given = {k: jnp.asarray(v) for k, v in numbers().items()}
    call = CALLS[name]
    first = call.arrays[0]

    def total(x: Any) -> Any:
        # Where a mask gives -inf, which has no part in the sum, there is no cotangent either.
        return sum(jnp.where(jnp.isfinite(y), y, 0.0).sum() for y in call.results(given | {first: x}))

    # Not compiled, of which JAX would see the results alone.
    assert np.isfinite(jax.grad(total)(given[first])).all()
