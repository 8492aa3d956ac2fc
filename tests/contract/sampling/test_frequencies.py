"""How often classes are drawn, at fixed seeds: within the bounds that right draws leave once in a million."""

from __future__ import annotations

from math import exp, inf
from typing import Any

import numpy as np
import pytest

from softmax_xp._gate.arrays import namespace_of
from softmax_xp._xp import noise as _noise
from softmax_xp._xp.noise import Source, noise_of
from softmax_xp.sampling import gumbel_softmax, sample_categorical

from ...backends import Backend
from .reference import chi_square, chi_square_bound, poisson_bounds, probabilities

pytestmark = pytest.mark.formula

X = np.asarray([1.5, -0.5, 0.0, -np.inf, 2.0, -3.0])
Q = np.asarray(probabilities(X.tolist()))
POSSIBLE = Q > 0


def generator(backend: Backend, seed: int) -> Any:
    """Return a generator of the library."""
    if backend.library == "torch":
        return backend.xp.Generator(device=backend.device).manual_seed(seed)
    if backend.library == "jax":
        import jax

        return jax.random.key(seed)
    return (backend.xp if backend.library == "cupy" else np).random.default_rng(seed)


def noise(backend: Backend, seed: int, n: int) -> Any:
    """Return n Gumbel numbers in float64, made as the functions make them."""
    kind = {"ml_dtypes": "numpy", "strict": "numpy", "dask": "numpy"}.get(backend.library, backend.library)
    x = backend.array(np.zeros(n), backend.dtypes[0])
    xp = namespace_of(x)
    return backend.numpy(noise_of(Source(None, generator(backend, seed), kind, (n,)), x, xp)).astype(np.float64)


def test_draws_with_replacement_have_the_probabilities_of_softmax(backend, dtype, labels):
    x = backend.array(X, dtype)
    found = labels(x, rng=generator(backend, 1), shape=20_000)
    counts = np.bincount(found, minlength=6)
    assert counts[3] == 0
    assert chi_square(counts[POSSIBLE], Q[POSSIBLE]) < chi_square_bound(POSSIBLE.sum() - 1)


def test_each_row_is_drawn_by_itself(backend, labels):
    x = backend.array(np.zeros((20_000, 3)), backend.dtypes[0])
    found = labels(x, rng=generator(backend, 2))
    assert found.shape == (20_000,)
    assert chi_square(np.bincount(found, minlength=3), [1 / 3] * 3) < chi_square_bound(2)


def test_pairs_without_replacement_have_the_probabilities_of_draws_one_after_the_other(backend, labels):
    x = backend.array(np.tile(X[[0, 1, 2, 3, 5]], (20_000, 1)), backend.dtypes[0])
    first, then = labels(x, rng=generator(backend, 3), shape=2, replace=False)
    q = np.asarray(probabilities(X[[0, 1, 2, 3, 5]].tolist()))
    pairs = [(i, j) for i in range(5) for j in range(5) if i != j and q[i] * q[j] > 0]
    exact = [q[i] * q[j] / (1 - q[i]) for i, j in pairs]
    counts = np.asarray([np.sum((first == i) & (then == j)) for i, j in pairs])
    assert counts.sum() == 20_000
    assert chi_square(counts, exact) < chi_square_bound(len(pairs) - 1)


def test_hard_relaxed_draws_have_the_probabilities_of_softmax(backend):
    x = backend.array(np.tile(X, (20_000, 1)), backend.dtypes[0])
    counts = backend.numpy(gumbel_softmax(x, rng=generator(backend, 4), hard=True, temperature=0.5)).sum(axis=0)
    assert counts[3] == 0
    assert chi_square(counts[POSSIBLE], Q[POSSIBLE]) < chi_square_bound(POSSIBLE.sum() - 1)


def test_noise_has_the_distribution_of_gumbel_to_its_ends(backend):
    n = 400_000
    g = noise(backend, 5, n)
    assert np.isfinite(g).all()
    for edge in (-2.25, -1.5, -0.5, 0.0, 1.0, 3.0, 6.0, 9.0, 11.0):
        share = -np.expm1(-exp(-edge))
        above, below = np.sum(g > edge), np.sum(g <= edge)
        for count, mean in ((above, n * share), (below, n * (1 - share))):
            if mean < 100:
                low, high = poisson_bounds(mean)
                assert low <= count <= high, edge
        assert chi_square([above, below], [share, 1 - share]) < chi_square_bound(1) or min(above, below) < 100


@pytest.mark.parametrize(
    ("largest", "least"),
    [
        (_noise._of_exponentials(np.zeros(1), np), 35.0),
        (_noise._of_uniforms(np.zeros(1), 2.0**-52, np), 35.0),
        (_noise._of_uniforms(np.zeros(1, dtype=np.float32), 2.0**-46, np), 32.0),
    ],
    ids=["exponential", "uniform", "uniform in float32"],
)
def test_a_random_number_of_0_gives_the_largest_noise_and_not_infinity(largest, least):
    assert least < largest < inf


def test_noise_without_float64_is_finer_than_one_number_of_float32():
    high, low = (np.asarray(v, dtype=np.float32) for v in ([0.0, 2.0**-24, 0.75], [2.0**-20, 0.5, 0.5]))
    fine = _noise._refined(high, low, 2.0**-24, np)
    np.testing.assert_array_equal(fine, np.asarray([2.0**-44, 1.5 * 2.0**-24, 0.75], dtype=np.float32))


def test_classes_of_one_in_a_million_are_drawn_as_often_as_they_should_be(backend):
    if backend.name not in ("numpy", "torch", "jax"):
        pytest.skip("the others draw as one of numpy, torch and jax")
    # 64 of them beside a class that has the rest, in half precision, 2**20 times: 67 times one of them.
    rare, draws = 64, 2**20
    x = backend.array(np.asarray([13.8125, *np.zeros(rare)]), backend.dtypes[-1])
    q = rare / (rare + np.exp(13.8125))
    found = 0
    for seed in range(16):
        labels = backend.numpy(sample_categorical(x, rng=generator(backend, seed), shape=draws // 16))
        found += int(np.sum(labels > 0))
    low, high = poisson_bounds(q * draws)
    assert low <= found <= high
    assert low > 0


def test_a_generator_moves_on_and_a_seed_repeats(backend):
    if backend.name == "strict-no_x64":
        pytest.skip("array-api-strict 2.6 gives int64 from argmax on a device that has none")
    x = backend.array(np.zeros((50, 9)), backend.dtypes[0])
    rng = generator(backend, 6)
    one, two, again = (backend.numpy(sample_categorical(x, rng=r)) for r in (rng, rng, generator(backend, 6)))
    assert (one == again).all()
    # A key of JAX is a value: the same one gives the same draw.
    assert (one == two).all() == (backend.library == "jax")


def test_half_logits_get_the_noise_that_wide_ones_get(backend, dtype):
    x = backend.array(np.zeros((3, 50)), dtype)
    wide = backend.array(np.zeros((3, 50)), "float32")
    y, z = (backend.numpy(gumbel_softmax(v, rng=generator(backend, 7))).astype(np.float64) for v in (x, wide))
    assert (y.argmax(axis=1) == z.argmax(axis=1)).all()
