"""Draws and filters of JAX arrays: jit, vmap, grad and keys."""

from __future__ import annotations

import pytest

jax = pytest.importorskip("jax", reason="jax is not installed")

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

from softmax_xp import sampling  # noqa: E402
from softmax_xp._engines.jax.jit import _compiled  # noqa: E402
from softmax_xp._xp.noise import Source, noise_of  # noqa: E402
from softmax_xp.sampling import gumbel_softmax, sample_categorical, top_p_logits  # noqa: E402

from .arrays import array, assert_close  # noqa: E402

pytestmark = pytest.mark.usefixtures("quick_compilation")

X = np.asarray([[0.5, -1.25, 2.0, 0.0], [1.0, 0.25, 1.0, 1.0], [3.0, 0.0, -np.inf, 2.5]])
NOISE = np.asarray([[0.25, 3.0, -0.5, 1.0], [0.0, 1.5, 1.5, -0.75], [-1.0, 2.0, 0.5, 0.0]])
KEEP = np.asarray([[True, False, True, True], [True] * 4, [True] * 4])
ROW = np.asarray([[0.5], [0.25], [1.0]])
CALLS = {
    "gumbel_softmax": lambda x: gumbel_softmax(x, noise=array(NOISE), where=jnp.asarray(KEEP), temperature=array(ROW)),
    "gumbel_softmax hard": lambda x: gumbel_softmax(x, noise=array(NOISE), hard=True),
    "sample_categorical": lambda x: sample_categorical(x, noise=array(np.stack([NOISE, -NOISE])), shape=2),
    "sample_categorical different": lambda x: sample_categorical(x, noise=array(NOISE), shape=(3, 1), replace=False),
    "top_k_logits": lambda x: sampling.top_k_logits(x, 2, where=jnp.asarray(KEEP)),
    "top_p_logits": lambda x: sampling.top_p_logits(x, 0.7),
    "min_p_logits": lambda x: sampling.min_p_logits(x, array(ROW), min_keep=2),
    "typical_logits": lambda x: sampling.typical_logits(x, array(ROW)),
    "epsilon_logits": lambda x: sampling.epsilon_logits(x, 0.2),
    "eta_logits": lambda x: sampling.eta_logits(x, 0.2),
}
every = pytest.mark.parametrize("name", CALLS)


def keys():
    return {"typed": jax.random.key(0), "legacy": jax.random.PRNGKey(0)}


def test_every_public_function_is_called_here():
    assert {n.split(" ")[0] for n in CALLS} == set(sampling.__all__)


@pytest.mark.thorough
@every
def test_jit_gives_the_eager_values(name, x64):
    assert_close(jax.jit(CALLS[name])(array(X)), CALLS[name](array(X)))


@pytest.mark.parametrize("kind", ["typed", "legacy"])
def test_a_key_may_be_traced(kind, x64):
    key = keys()[kind]
    draw = lambda k: sample_categorical(array(X), rng=k, shape=5)  # noqa: E731
    assert_close(jax.jit(draw)(key), draw(key))


@pytest.mark.parametrize("kind", ["typed", "legacy"])
def test_a_key_may_be_mapped_over(kind, x64):
    many = jax.random.split(keys()[kind], 3)
    mapped = jax.vmap(lambda k: sample_categorical(array(X), rng=k))(many)
    assert_close(mapped, jnp.stack([sample_categorical(array(X), rng=k) for k in many]))


def test_keys_of_both_kinds_give_the_same_draws(x64):
    typed, legacy = keys().values()
    assert_close(gumbel_softmax(array(X), rng=typed), gumbel_softmax(array(X), rng=legacy))


@pytest.mark.parametrize("kind", ["typed", "legacy"])
def test_several_keys_are_refused(kind):
    many = jax.random.split(keys()[kind], 3)
    with pytest.raises(ValueError, match=r"rng is an array of keys of shape \(3.*; pass one of them, or use jax.vmap"):
        sample_categorical(jnp.asarray(X), rng=many)


def test_noise_is_wide_where_it_can_be(x64):
    x = jnp.zeros(1000, dtype=jnp.bfloat16)
    y = gumbel_softmax(x, rng=jax.random.key(1))
    assert y.dtype == jnp.bfloat16
    noise = noise_of(Source(None, jax.random.key(1), "jax", (1000,)), x, jnp)
    assert noise.dtype == (jnp.float64 if x64 else jnp.float32)
    assert len(np.unique(np.asarray(noise))) == 1000


def test_a_hard_draw_has_the_derivative_of_the_soft_one(x64):
    weights = array(np.arange(4.0))
    f = lambda x, hard: jnp.sum(gumbel_softmax(x, noise=array(NOISE), hard=hard) * weights)  # noqa: E731
    hard, soft = (jax.grad(lambda x, h=h: f(x, h))(array(X)) for h in (True, False))
    assert_close(hard, soft)
    assert hard[2, 2] == 0


def test_a_hard_draw_is_exactly_0_or_1_under_jit_and_grad(x64):
    f = lambda x: gumbel_softmax(x, noise=array(NOISE), hard=True, temperature=0.3)  # noqa: E731
    y = jax.jit(lambda x: jax.vjp(f, x)[0])(array(X))
    assert set(np.asarray(y).ravel().tolist()) == {0.0, 1.0}


def test_relaxed_draws_have_the_derivatives_of_both_modes(only_x64, quick_compilation):
    f = lambda x: gumbel_softmax(x, noise=array(NOISE), temperature=0.5)[0]  # noqa: E731
    x = array(X[[0, 0, 0]])
    assert_close(jax.jacfwd(f)(x), jax.jacrev(f)(x))


@pytest.mark.parametrize("name", [n for n in CALLS if "logits" in n])
def test_a_filter_has_a_derivative_of_1_where_it_keeps_and_0_elsewhere(name, only_x32):
    y = CALLS[name](array(X))
    grad = jax.grad(lambda x: jnp.sum(jnp.where(jnp.isfinite(CALLS[name](x)), CALLS[name](x), 0.0)))(array(X))
    np.testing.assert_array_equal(np.asarray(grad), np.isfinite(np.asarray(y)).astype(np.float32))


def test_vmap_of_draws_gives_the_batched_values(x64):
    mapped = jax.vmap(lambda x, n: sample_categorical(x, noise=n, shape=2, replace=False))(array(X), array(NOISE))
    assert_close(mapped.T, sample_categorical(array(X), noise=array(NOISE), shape=2, replace=False))


def test_every_share_runs_the_same_compiled_code(only_x32):
    x = array(X)
    top_p_logits(x, 0.5)
    before = _compiled.cache_info().misses
    for p in (0.1, 0.25, 0.9):
        top_p_logits(x, p)
    assert _compiled.cache_info().misses == before


def test_labels_have_the_default_integer_type_of_the_moment(x64):
    assert sample_categorical(array(X), noise=array(NOISE)).dtype == (jnp.int64 if x64 else jnp.int32)
