"""softmax and log_softmax as one unit to JAX: what the rules are put through, and what they leave behind."""

from __future__ import annotations

import pytest

jax = pytest.importorskip("jax", reason="jax is not installed")

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jax.sharding import Mesh, NamedSharding, PartitionSpec  # noqa: E402

import softmax_xp as sx  # noqa: E402
from softmax_xp import losses  # noqa: E402
from softmax_xp._autodiff import jax_ as rules  # noqa: E402

from .. import analytic  # noqa: E402
from .arrays import array, assert_close, eps, primitives  # noqa: E402

# What the rules are put through has nothing to do with the precision.
pytestmark = pytest.mark.usefixtures("only_x64", "quick_compilation")

X = np.asarray([[0.5, -1.25, 2.0, 0.0], [1.0, 0.25, 1.0, 1.0], [4.0, 0.0, -4.0, 4.0]])
G = np.asarray([[0.5, -1.0, 2.0, 0.25], [1.0, 0.0, 0.0, 0.0], [-0.5, 1.0, 0.5, 2.0]])
KEEP = np.asarray([[True, False, True, True], [True, True, True, True], [False, False, False, False]])
LABELS = np.asarray([2, 0, 1])
JACOBIANS = {"softmax": analytic.softmax_jacobian, "log_softmax": analytic.log_softmax_jacobian}
names = pytest.mark.parametrize("name", JACOBIANS)


def total(name, **options):
    """Return a scalar function of logits."""
    if name == "cross_entropy":
        return lambda x: losses.cross_entropy(x, jnp.asarray(LABELS[: x.shape[0]]), reduction="sum", **options)
    return lambda x: jnp.sum(array(G[: x.shape[0]]) * getattr(sx, name)(x, **options))


def exact(name, x=X):
    if name == "cross_entropy":
        return np.stack([analytic.softmax(row) - np.eye(4)[y] for row, y in zip(x, LABELS, strict=True)])
    return np.stack([g @ JACOBIANS[name](analytic.softmax(row)) for row, g in zip(x, G, strict=True)])


def assert_exact(actual, name):
    analytic.assert_derivative(actual, exact(name), g=G, eps=eps())


every = pytest.mark.parametrize("name", [*JACOBIANS, "cross_entropy"])
MODES = {
    "grad": lambda f, x: jax.grad(f)(x),
    "grad of jit": lambda f, x: jax.grad(jax.jit(f))(x),
    "vjp": lambda f, x: jax.vjp(f, x)[1](jnp.ones_like(f(x)))[0],
    "linearize": lambda f, x: jax.vmap(jax.linearize(f, x)[1])(_basis(x)).reshape(x.shape),
    "jvp": lambda f, x: jax.vmap(lambda t: jax.jvp(f, (x,), (t,))[1])(_basis(x)).reshape(x.shape),
    "transposed jvp": lambda f, x: jax.linear_transpose(lambda t: jax.jvp(f, (x,), (t,))[1], x)(jnp.ones_like(f(x)))[0],
    "remat": lambda f, x: jax.grad(jax.checkpoint(f))(x),
    "remat that saves all": lambda f, x: jax.grad(
        jax.checkpoint(f, policy=jax.checkpoint_policies.everything_saveable)
    )(x),
}


def _basis(x):
    return jnp.eye(x.size, dtype=x.dtype).reshape(-1, *x.shape)


@every
@pytest.mark.parametrize("mode", MODES)
def test_gradient_is_the_closed_form_by_every_way(name, mode):
    found = jax.jit(lambda x: MODES[mode](total(name), x))(array(X))
    assert_exact(found, name)


@names
def test_vmap_of_the_gradient_is_the_closed_form(name):
    f = lambda x, g: jnp.sum(g * getattr(sx, name)(x))  # noqa: E731
    assert_exact(jax.vmap(jax.grad(f))(array(X), array(G)), name)


@names
@pytest.mark.parametrize("axis", [0, 1])
def test_vmap_over_logits_and_mask_gives_the_batched_gradient(name, axis):
    f = lambda x, g, w: jnp.sum(g * getattr(sx, name)(x, where=w))  # noqa: E731
    x, g, keep = array(X), array(np.where(KEEP, G, 0.0)), jnp.asarray(KEEP)
    x, g, keep = (jnp.moveaxis(v, 0, axis) for v in (x, g, keep))
    mapped = jax.vmap(jax.grad(f), in_axes=axis, out_axes=axis)(x, g, keep)
    whole = jax.grad(lambda x: jnp.sum(g * getattr(sx, name)(x, axis=1 - axis, where=keep)))(x)
    analytic.assert_derivative(mapped, whole, g=G, eps=eps())


@names
def test_gradient_through_scan_is_the_closed_form(name):
    def f(x):
        step = lambda c, row: (c + jnp.sum(row[1] * getattr(sx, name)(row[0])), None)  # noqa: E731
        return jax.lax.scan(step, array(0.0), (x, array(G)))[0]

    assert_exact(jax.jit(jax.grad(f))(array(X)), name)


def test_gradient_of_cross_entropy_through_a_rematerialized_scan_is_the_closed_form():
    def f(x):
        step = jax.checkpoint(lambda c, row: (c + losses.cross_entropy(*row), None))
        return jax.lax.scan(step, array(0.0), (x, jnp.asarray(LABELS)))[0]

    assert_exact(jax.jit(jax.grad(f))(array(X)), "cross_entropy")


@every
def test_gradient_through_cond_is_the_closed_form(name):
    f = lambda x: jax.lax.cond(x[0, 0] > 0, total(name), lambda x: jnp.sum(x), x)  # noqa: E731
    assert_exact(jax.jit(jax.grad(f))(array(X)), name)


def mesh():
    return Mesh(np.asarray(jax.devices()[:1]), ("rows",))


@every
def test_gradient_of_a_sharded_array_is_the_closed_form_and_sharded_alike(name):
    sharding = NamedSharding(mesh(), PartitionSpec("rows"))
    g = jax.jit(jax.grad(total(name)))(jax.device_put(array(X), sharding))
    assert g.sharding.is_equivalent_to(sharding, 2)
    assert_exact(g, name)


@names
@pytest.mark.skipif(not hasattr(jax, "shard_map"), reason="this JAX keeps shard_map elsewhere")
def test_gradient_through_shard_map_is_the_closed_form(name):
    rows = PartitionSpec("rows")
    f = jax.shard_map(lambda x, g: g * getattr(sx, name)(x), mesh=mesh(), in_specs=(rows, rows), out_specs=rows)
    assert_exact(jax.jit(jax.grad(lambda x: jnp.sum(f(x, array(G)))))(array(X)), name)


@pytest.mark.skipif(not hasattr(jax, "shard_map"), reason="this JAX keeps shard_map elsewhere")
def test_gradient_of_cross_entropy_through_shard_map_is_the_closed_form():
    rows = PartitionSpec("rows")
    loss = lambda x, y: losses.cross_entropy(x, y, reduction="none")  # noqa: E731
    f = jax.shard_map(loss, mesh=mesh(), in_specs=(rows, rows), out_specs=rows)
    assert_exact(jax.jit(jax.grad(lambda x: jnp.sum(f(x, jnp.asarray(LABELS)))))(array(X)), "cross_entropy")


@every
@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_trace_once_for_repeated_shapes(name, order):
    traces = []
    f = jax.grad(total(name)) if order == 1 else jax.hessian(total(name))

    @jax.jit
    def derivative(x):
        traces.append(x.shape)
        return f(x)

    for offset in (0, 1, 2):
        derivative(array(X) + offset)
    assert traces == [X.shape]


@names
def test_an_eager_formula_is_not_traced_again_for_repeated_shapes(name, monkeypatch):
    x = array(X)
    jax.grad(total(name))(x)
    before = rules._with_rule.cache_info()
    for offset in (0, 1, 2):
        jax.grad(total(name))(x + offset)
    after = rules._with_rule.cache_info()
    assert after.misses == before.misses
    assert after.hits > before.hits


@names
def test_rules_are_kept_per_axes_and_not_per_shape_mask_or_type(name):
    f = getattr(sx, name)
    f(array(X), axis=(0, 1))
    before = rules._with_rule.cache_info().currsize
    for n in range(2, 5):
        for kind in ("float32", "bfloat16"):
            x = jnp.zeros((n, n), dtype=kind)
            jax.jit(jax.grad(lambda x: jnp.sum(f(x, axis=(-1, 0)))))(x)
            jax.vmap(lambda x, w: f(x, axis=(0, 1), where=w))(x[None], (x == 0)[None])
    assert rules._with_rule.cache_info().currsize <= before + 1


@every
def test_repeated_losses_leave_no_rules_behind(name):
    jax.grad(total(name))(array(X))
    before = rules._with_rule.cache_info().currsize
    for _ in range(3):
        jax.jit(jax.grad(total(name, where=jnp.asarray(KEEP))))(array(X))
    assert rules._with_rule.cache_info().currsize == before


@every
@pytest.mark.parametrize("options", [{}, {"where": KEEP}], ids=["plain", "with where"])
def test_the_gradient_contains_no_derivative_of_the_maximum(name, options):
    f = total(name, **{k: jnp.asarray(v) for k, v in options.items()})
    forward, gradient = (primitives(jax.make_jaxpr(g)(array(X)).jaxpr) for g in (f, jax.grad(f)))
    assert gradient.count("reduce_max") == forward.count("reduce_max") == 1


@names
@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_gradient_of_half_types_is_that_of_float32_rounded_once(name, kind):
    x = jnp.asarray(X, dtype=kind)
    f = lambda x: jnp.sum(jnp.asarray(G, dtype=x.dtype)[0] * getattr(sx, name)(x)[0])  # noqa: E731
    expected = jax.grad(f)(x.astype(jnp.float32)).astype(kind)
    assert np.array_equal(np.asarray(jax.grad(f)(x)), np.asarray(expected))


@names
def test_a_temperature_or_a_sink_is_differentiated_beside_the_logits(name):
    f = lambda x, t, s: jnp.sum(array(G) * getattr(sx, name)(x, temperature=t, sink=s))  # noqa: E731
    g = jax.grad(f, argnums=(0, 1, 2))(array(X), array([[1.0]] * 3), array([[0.5]] * 3))
    rows = [analytic.softmax([*row, 0.5]) for row in X]
    jacobians = [JACOBIANS[name](p)[:4] for p in rows]
    wide = np.stack([row @ j for row, j in zip(G, jacobians, strict=True)])
    slope = -np.sum(wide * np.append(X, [[0.5]] * 3, axis=1), axis=1, keepdims=True)
    for actual, closed in zip(g, (wide[:, :4], slope, wide[:, 4:]), strict=True):
        analytic.assert_derivative(actual, closed, g=np.max(np.abs(X)) * np.abs(G), eps=eps())


@names
def test_the_tangent_of_an_integer_mask_is_never_asked_for(name):
    f = lambda x, w: jnp.sum(array(np.where(KEEP, G, 0.0)) * getattr(sx, name)(x, where=w))  # noqa: E731
    g = jax.grad(f, argnums=(0, 1), allow_int=True)(array(X), jnp.asarray(KEEP))
    assert g[0].shape == X.shape
    assert np.all(np.asarray(g[0])[~KEEP] == 0)


@names
def test_forward_mode_of_a_masked_row_is_zero_whatever_the_tangent_holds(name):
    f = lambda x: getattr(sx, name)(x, where=jnp.asarray(KEEP))  # noqa: E731
    tangent = jax.jvp(f, (array(X),), (array(np.where(KEEP, G, np.nan)),))[1]
    assert np.all(np.isfinite(tangent))
    assert np.all(np.asarray(tangent)[~KEEP] == 0)


def test_values_do_not_depend_on_being_differentiated():
    for name in JACOBIANS:
        assert_close(jax.value_and_grad(total(name))(array(X))[0], total(name)(array(X)))
