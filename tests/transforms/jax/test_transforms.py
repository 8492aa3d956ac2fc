"""jit, vmap and what they trace; types that depend on jax_enable_x64."""

from __future__ import annotations

from functools import partial

import pytest

jax = pytest.importorskip("jax", reason="jax is not installed")

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import softmax_xp as sx  # noqa: E402
from softmax_xp import logsums, normalizers  # noqa: E402

from .arrays import array, assert_close, primitives  # noqa: E402

X = np.asarray([[0.5, -1.25, 2.0, 0.0], [1.0, 0.25, 1.0, 1.0], [40.0, 0.0, -40.0, 40.0]])
KEEP = np.asarray([[True, False, True, True], [True, True, True, True], [False, False, False, False]])
ROW = np.asarray([[0.5], [2.0], [1.0]])
ROWWISE = ("softmax", "log_softmax", "softmin", "softmax_and_logsumexp")
CALLS = {
    **{name: lambda x, f=getattr(sx, name): f(x) for name in ROWWISE},
    **{
        f"{name} with all options": lambda x, f=getattr(sx, name): f(
            x, where=jnp.asarray(KEEP), temperature=array(ROW), sink=array(ROW)
        )
        for name in ROWWISE
    },
    "hardmax": lambda x: sx.hardmax(x, axis=(0, 1), where=jnp.asarray(KEEP)),
    "one_hot": lambda x: sx.one_hot(x.astype(jnp.int32), 4),
    "logsumexp": lambda x: sx.logsumexp(x, axis=1, where=jnp.asarray(KEEP)),
    "signed logsumexp": lambda x: sx.logsumexp(x, axis=1, b=array(-ROW), return_sign=True),
    "logmeanexp": lambda x: sx.logmeanexp(x, axis=1, where=jnp.asarray(KEEP)),
    "log1mexp": lambda x: sx.log1mexp(x + 41),
    "logsubexp": lambda x: sx.logsubexp(x + 1, x),
}


@pytest.mark.parametrize("name", [*normalizers.__all__, *logsums.__all__])
def test_every_public_function_is_compiled_here(name):
    assert any(name in call.split(" ") for call in CALLS)


@pytest.mark.thorough
@pytest.mark.parametrize("name", CALLS)
def test_jit_gives_the_eager_values(name, x64):
    assert_close(jax.jit(CALLS[name])(array(X)), CALLS[name](array(X)))


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin", "logsumexp", "logmeanexp", "hardmax"])
def test_vmap_gives_the_batched_values(name, x64):
    f = partial(getattr(sx, name), axis=-1)
    assert_close(jax.vmap(f)(array(X)), f(array(X)))


def test_vmap_over_mask_temperature_and_sink_gives_the_batched_values(x64):
    t, keep = array(ROW), jnp.asarray(KEEP)
    mapped = jax.vmap(lambda x, w, t: sx.softmax(x, where=w, temperature=t, sink=t))(array(X), keep, t[:, 0])
    assert_close(mapped, sx.softmax(array(X), where=keep, temperature=t, sink=t))


def test_vmap_of_one_hot_gives_the_batched_values(x64):
    labels = jnp.asarray([0, 2, -1])
    assert_close(jax.vmap(lambda y: sx.one_hot(y, 3))(labels), sx.one_hot(labels, 3))


def test_scan_and_remat_accept_the_functions(x64):
    _, rows = jax.lax.scan(lambda c, x: (c, jax.checkpoint(sx.log_softmax)(x)), 0, array(X))
    assert_close(rows, sx.log_softmax(array(X)))


@pytest.mark.parametrize("name", ROWWISE)
def test_jit_traces_once_for_repeated_shapes(name, x64):
    traces = []

    @jax.jit
    def f(x):
        traces.append(x.shape)
        return getattr(sx, name)(x)

    for offset in (0, 1, 2):
        f(array(X) + offset)
    assert traces == [X.shape]


def test_jit_traces_once_for_every_value_of_temperature(x64):
    traces = []

    @jax.jit
    def f(x, t):
        traces.append(t)
        return sx.softmax(x, temperature=t)

    for t in (0.5, 1.0, 0.0, np.inf):
        assert np.all(np.isfinite(f(array(X), t)))
    assert len(traces) == 1


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: sx.softmax(x, axis=5), ValueError, "axis=5 is out of range"),
        (lambda x: sx.softmax(x, axis=5), IndexError, "axis=5 is out of range"),
        (lambda x: sx.softmax(x, temperature=-1.0), ValueError, "temperature=-1.0 is not allowed"),
        (lambda x: sx.softmax(x, where=x), TypeError, "where has dtype"),
        (lambda x: sx.softmax(x, where=(x > 0)[:2]), ValueError, "does not broadcast"),
        (lambda x: sx.softmax(x, dtype=jnp.int32), TypeError, "is not a floating type"),
        (lambda x: sx.one_hot(x, 3), TypeError, "labels have dtype"),
    ],
)
def test_errors_are_raised_while_tracing(call, error, text):
    with pytest.raises(error, match=text):
        jax.eval_shape(call, jax.ShapeDtypeStruct((3, 4), jnp.float32))


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin", "logsumexp", "logmeanexp", "hardmax"])
def test_integers_become_the_default_float_of_the_moment(name, x64):
    assert getattr(sx, name)(jnp.asarray([1, 2, 3])).dtype == (jnp.float64 if x64 else jnp.float32)


def test_one_hot_is_of_the_default_float_of_the_moment(x64):
    assert sx.one_hot(jnp.asarray([1, 2]), 3).dtype == (jnp.float64 if x64 else jnp.float32)


def test_float32_stays_float32(x64):
    assert sx.softmax(jnp.zeros(3, dtype=jnp.float32)).dtype == jnp.float32


@pytest.mark.parametrize("name", ["softmax", "logsumexp"])
def test_float64_without_x64_is_a_value_error(name, only_x32):
    with pytest.raises(ValueError, match="jax_enable_x64"):
        getattr(sx, name)(jnp.zeros(3), dtype=jnp.float64)


def test_one_hot_in_float64_without_x64_is_a_value_error(only_x32):
    with pytest.raises(ValueError, match="jax_enable_x64"):
        sx.one_hot(jnp.asarray([1, 2]), 3, dtype=jnp.float64)


def test_prng_keys_are_refused():
    with pytest.raises(TypeError, match="key"):
        sx.softmax(jax.random.split(jax.random.key(0), 3))


@pytest.mark.parametrize("weak_first", [True, False])
def test_a_weak_type_is_another_kind_of_call(weak_first, only_x64):
    x = jnp.zeros((2, 3 + weak_first), dtype=jnp.float32)
    weights = [jnp.asarray(2.0)[None, None], jnp.asarray([[2.0]])]
    for b in weights if weak_first else weights[::-1]:
        assert sx.logsumexp(x, b=b).dtype == ("float32" if b.weak_type else "float64")


@pytest.mark.parametrize("kind", ["float8_e4m3fn", "float8_e5m2"])
def test_float8_is_refused(kind):
    with pytest.raises(TypeError, match=kind):
        sx.softmax(jnp.zeros(3, dtype=getattr(jnp, kind)))


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_half_types_are_computed_in_float32_and_rounded_once(name, kind, x64):
    x = jnp.linspace(-4, 4, 37).astype(kind)
    f = getattr(sx, name)
    assert np.array_equal(np.asarray(f(x)), np.asarray(f(x.astype(jnp.float32)).astype(kind)))


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_the_gradient_contains_no_derivative_of_the_maximum(name):
    # JAX shares the derivative of reduce_max among the ties, and finds them with `eq` and `div` by their count.
    f = lambda x: jnp.sum(getattr(sx, name)(x))  # noqa: E731
    forward = primitives(jax.make_jaxpr(f)(jnp.zeros(4)).jaxpr)
    gradient = primitives(jax.make_jaxpr(jax.grad(f))(jnp.zeros(4)).jaxpr)
    assert gradient.count("reduce_max") == forward.count("reduce_max") == 1
    assert gradient.count("eq") == forward.count("eq")


def test_a_sharded_array_keeps_its_sharding():
    mesh = jax.sharding.Mesh(np.asarray(jax.devices()[:1]), ("rows",))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("rows"))
    x = jax.device_put(jnp.asarray(X, dtype=jnp.float32), sharding)
    assert sx.softmax(x).sharding.is_equivalent_to(sharding, 2)
