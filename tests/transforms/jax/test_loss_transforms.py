"""Losses and derivatives under jit, vmap and eval_shape; integer types; errors while tracing."""

from __future__ import annotations

from functools import partial
from math import inf

import pytest

jax = pytest.importorskip("jax", reason="jax is not installed")

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import softmax_xp as sx  # noqa: E402
from softmax_xp import derivatives, losses  # noqa: E402

from ...contract.losses.public import PUBLIC  # noqa: E402
from .arrays import array, assert_close, primitives, results  # noqa: E402

X = np.asarray([[0.5, -1.25, 2.0, 0.0], [1.0, 0.25, 1.0, 1.0], [4.0, 0.0, -4.0, 4.0]])
pytestmark = pytest.mark.usefixtures("quick_compilation")

G = np.asarray([[0.5, -1.0, 2.0, 0.25], [1.0, 0.0, 0.0, 0.0], [-0.5, 1.0, 0.5, 2.0]])
P = np.asarray([[0.5, 0.25, 0.25, 0.0], [0.25, 0.25, 0.25, 0.25], [0.0, 1.0, 0.0, 0.0]])
KEEP = np.asarray([[True, False, True, True], [True, True, True, True], [True, True, False, True]])
LABELS = np.asarray([2, 0, -100])
WEIGHT = np.asarray([0.5, 2.0, 1.0, 0.25])
SAMPLE_WEIGHT = np.asarray([1.0, 2.0, 0.5])


def labels():
    return jnp.asarray(LABELS)


def weights():
    return {"weight": array(WEIGHT), "sample_weight": array(SAMPLE_WEIGHT)}


def _calls():
    for name in ("cross_entropy", "nll_loss", "focal_loss", "poly_cross_entropy", "generalized_cross_entropy"):
        f = getattr(losses, name)
        yield name, lambda x, f=f: f(x, labels())
        yield f"{name} with options", lambda x, f=f: f(x, labels(), where=jnp.asarray(KEEP), **weights())
        yield f"{name} of probabilities", lambda x, f=f: f(x, array(P), reduction="none", **weights())
    extra = {"label_smoothing": 0.25, "z_loss": 0.5, "softcap": 4.0, "normalizer": 3.0}
    for module, name in ((losses, "cross_entropy"), (derivatives, "cross_entropy_and_grad")):
        f = getattr(module, name)
        yield f"{name} with everything", lambda x, f=f: f(x, labels(), where=jnp.asarray(KEEP), **weights(), **extra)
    yield "cross_entropy_and_grad", lambda x: derivatives.cross_entropy_and_grad(x, labels())
    yield "focal_loss with alpha", lambda x: losses.focal_loss(x, labels(), alpha=array(WEIGHT), gamma=0.5)
    yield (
        "partial_label_cross_entropy",
        lambda x: losses.partial_label_cross_entropy(x, jnp.asarray(P > 0.2), where=jnp.asarray(KEEP)),
    )
    yield (
        "binary_cross_entropy_with_logits",
        lambda x: losses.binary_cross_entropy_with_logits(
            x, array(P), pos_weight=array(WEIGHT), weight=array(SAMPLE_WEIGHT)[:, None]
        ),
    )
    yield "binary_focal_loss", lambda x: losses.binary_focal_loss(x, array(P), alpha=0.25, reduction="none")
    for name in ("kl_divergence", "js_divergence"):
        f = getattr(losses, name)
        yield name, lambda x, f=f: f(x, array(P), p_kind="logits", where=jnp.asarray(KEEP))
    yield "logit_adjustment", lambda x: losses.logit_adjustment(x, array(WEIGHT))
    yield "balanced_class_weights", lambda x: losses.balanced_class_weights(x.astype(jnp.int32), 4)
    p, log_p = sx.softmax(np.asarray(X)), sx.log_softmax(np.asarray(X))
    yield "softmax_vjp", lambda x: derivatives.softmax_vjp(array(p), x, where=jnp.asarray(KEEP))
    yield "softmax_jvp", lambda x: derivatives.softmax_jvp(array(p), x)
    yield "softmax_hvp", lambda x: derivatives.softmax_hvp(array(p), x, array(G))
    yield "softmax_jacobian", lambda x: derivatives.softmax_jacobian(sx.softmax(x))
    yield "log_softmax_vjp", lambda x: derivatives.log_softmax_vjp(array(log_p), x, where=jnp.asarray(KEEP))
    yield "logsumexp_vjp", lambda x: derivatives.logsumexp_vjp(x, array(SAMPLE_WEIGHT), axis=1)


CALLS = dict(_calls())
calls = pytest.mark.parametrize("name", CALLS)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_function_is_compiled_here(name):
    assert any(name in call.split() for call in CALLS)


def scaled(actual, expected):
    """Compare entries on the scale of the largest: small ones may be differences of large ones."""
    for a, b in zip(results(actual), results(expected), strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        size = jnp.maximum(1, jnp.max(jnp.abs(jnp.where(jnp.isfinite(b), b, 0))))
        shift = jnp.where(jnp.isfinite(b), 2 * size, 0)
        assert_close(a + shift, b + shift)


@pytest.mark.thorough
@calls
def test_jit_gives_the_eager_values(name, x64):
    scaled(jax.jit(CALLS[name])(array(X)), CALLS[name](array(X)))


@calls
def test_eval_shape_gives_the_eager_types(name, x64):
    found = results(jax.eval_shape(CALLS[name], jax.ShapeDtypeStruct(X.shape, array(0.5).dtype)))
    expected = results(CALLS[name](array(X)))
    assert [(f.dtype, f.shape) for f in found] == [(e.dtype, e.shape) for e in expected]


MAPPED = {
    **{
        name: (partial(getattr(losses, name), reduction="none"), (X, LABELS))
        for name in ("cross_entropy", "nll_loss", "focal_loss", "poly_cross_entropy", "generalized_cross_entropy")
    },
    "cross_entropy of probabilities": (partial(losses.cross_entropy, reduction="none", z_loss=0.5), (X, P)),
    "cross_entropy smoothed": (
        lambda x, y, w: losses.cross_entropy(x, y, where=w, label_smoothing=0.25, reduction="none"),
        (X, LABELS, KEEP),
    ),
    "partial_label_cross_entropy": (partial(losses.partial_label_cross_entropy, reduction="none"), (X, P > 0.2)),
    "binary_cross_entropy_with_logits": (partial(losses.binary_cross_entropy_with_logits, reduction="none"), (X, P)),
    "binary_focal_loss": (partial(losses.binary_focal_loss, reduction="none"), (X, P)),
    "kl_divergence": (partial(losses.kl_divergence, q_kind="logits"), (P, X)),
    "js_divergence": (partial(losses.js_divergence, q_kind="logits"), (P, X)),
    "cross_entropy_and_grad": (partial(derivatives.cross_entropy_and_grad, reduction="none"), (X, LABELS)),
    "softmax_vjp": (derivatives.softmax_vjp, (P, G)),
    "softmax_jvp": (derivatives.softmax_jvp, (P, G)),
    "softmax_hvp": (derivatives.softmax_hvp, (P, G, X)),
    "softmax_jacobian": (derivatives.softmax_jacobian, (P,)),
    "log_softmax_vjp": (derivatives.log_softmax_vjp, (X, G)),
    "logsumexp_vjp": (partial(derivatives.logsumexp_vjp, axis=-1), (X, SAMPLE_WEIGHT)),
}


@pytest.mark.parametrize("name", MAPPED)
def test_vmap_gives_the_batched_values(name, x64):
    f, values = MAPPED[name]
    arrays = [array(v) if v.dtype == np.float64 else jnp.asarray(v) for v in values]
    scaled(jax.vmap(f)(*arrays), f(*arrays))


def test_vmap_over_logits_alone_shares_their_target(x64):
    x = jnp.stack([array(X), 2 * array(X)])
    f = lambda x: losses.cross_entropy(x, labels(), **weights())  # noqa: E731
    scaled(jax.vmap(f)(x), jnp.stack([f(v) for v in x]))


def test_vmap_of_logit_adjustment_gives_the_batched_values(x64):
    mapped = jax.vmap(losses.logit_adjustment, in_axes=(0, None))(array(X), array(WEIGHT))
    scaled(mapped, losses.logit_adjustment(array(X), array(WEIGHT)))


def test_vmap_of_balanced_class_weights_gives_those_of_each_batch(x64):
    y = jnp.asarray([[0, 0, 1], [2, 1, 5]])
    f = lambda y: losses.balanced_class_weights(y, 3)  # noqa: E731
    scaled(jax.vmap(f)(y), jnp.stack([f(row) for row in y]))


@pytest.mark.parametrize("name", ["cross_entropy", "focal_loss"])
def test_jit_traces_once_for_all_labels_and_weights(name, x64):
    traces = []

    @jax.jit
    def f(x, y, w):
        traces.append(x.shape)
        return jax.grad(getattr(losses, name))(x, y, sample_weight=w)

    for k in range(3):
        f(array(X) + k, labels() + k, array(SAMPLE_WEIGHT) * k)
    assert len(traces) == 1


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x, y: losses.cross_entropy(x, y, axis=5), IndexError, "axis=5 is out of range"),
        (lambda x, y: losses.cross_entropy(x, y, axis=0), ValueError, "target holds labels"),
        (lambda x, y: losses.cross_entropy(x, y[:2]), ValueError, "target holds labels"),
        (lambda x, y: losses.cross_entropy(x, x[:2]), ValueError, "target has shape"),
        (lambda x, y: losses.cross_entropy(x, y > 0), TypeError, "target has dtype"),
        (lambda x, y: losses.cross_entropy(x, y, reduction="max"), ValueError, "reduction="),
        (lambda x, y: losses.cross_entropy(x, y, label_smoothing=2.0), ValueError, "label_smoothing=2.0"),
        (lambda x, y: losses.cross_entropy(x, y, weight=x), ValueError, "weight has shape"),
        (lambda x, y: losses.cross_entropy(x, y, reduction="sum", normalizer=2.0), ValueError, "normalizer"),
        (lambda x, y: losses.cross_entropy(x, 3), TypeError, "target"),
        (lambda x, y: losses.focal_loss(x, y, gamma=-1.0), ValueError, "gamma=-1.0"),
        (
            lambda x, y: losses.partial_label_cross_entropy(x, x),
            TypeError,
            "candidates ha",
        ),
        (lambda x, y: losses.kl_divergence(x, x, p_kind="odds"), ValueError, "p_kind="),
        (lambda x, y: losses.binary_focal_loss(x, x[:2]), ValueError, "target has shape"),
        (lambda x, y: derivatives.softmax_vjp(x, x[:2]), ValueError, "g has shape"),
        (lambda x, y: derivatives.logsumexp_vjp(x, x, axis=0), ValueError, "g has shape"),
        (lambda x, y: derivatives.cross_entropy_and_grad(x, y, axis=0), ValueError, "target holds labels"),
    ],
)
def test_errors_are_raised_while_tracing(call, error, text):
    with pytest.raises(error, match=text):
        jax.eval_shape(call, jax.ShapeDtypeStruct((3, 4), jnp.float32), jax.ShapeDtypeStruct((3,), jnp.int32))


INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32")


def rowwise(y, x=X, **options):
    return np.asarray(losses.cross_entropy(array(x), y, reduction="none", **options))


@pytest.mark.parametrize("kind", INTEGERS)
def test_labels_of_any_integer_type_mean_the_same(kind, x64):
    y = np.asarray([2, 0, 1])
    np.testing.assert_array_equal(rowwise(jnp.asarray(y, dtype=kind)), rowwise(jnp.asarray(y)))


@pytest.mark.parametrize("kind", INTEGERS)
def test_the_largest_label_of_a_type_is_no_class(kind, x64):
    y = jnp.asarray([0, jnp.iinfo(kind).max, 1], dtype=kind)
    assert np.array_equal(np.isnan(rowwise(y)), [False, True, False])


@pytest.mark.parametrize("kind", ["int8", "uint8"])
def test_narrow_labels_reach_every_one_of_300_classes_they_can_hold(kind, x64):
    y = jnp.asarray([127, 0, 1], dtype=kind)
    x = np.zeros((3, 300))
    np.testing.assert_array_equal(rowwise(y, x), rowwise(y.astype(jnp.int32), x))


@pytest.mark.parametrize("ignore_index", [-1, -100, -(2**31)])
def test_no_unsigned_label_is_a_negative_ignore_index(ignore_index, x64):
    y = jnp.asarray(np.asarray([0, ignore_index % 2**32, 1], dtype=np.uint32))
    assert np.array_equal(np.isnan(rowwise(y, ignore_index=ignore_index)), [False, True, False])


@pytest.mark.parametrize("kind", ["int8", "uint8", "uint32"])
@pytest.mark.parametrize("ignore_index", [2**40, -(2**40), 2**70, 2**32 - 2])
def test_an_ignore_index_that_no_label_can_have_ignores_none(kind, ignore_index, x64):
    y = jnp.asarray([2, 0, 1], dtype=kind)
    f = jax.jit(lambda y: losses.cross_entropy(array(X), y, ignore_index=ignore_index))
    assert_close(f(y), losses.cross_entropy(array(X), y, ignore_index=None))


@pytest.mark.parametrize(("kind", "value"), [("int8", -128), ("uint8", 255), ("int32", 2**31 - 1)])
def test_a_limit_of_the_label_type_is_ignored_if_asked_for(kind, value, x64):
    assert rowwise(jnp.asarray([0, value, 1], dtype=kind), ignore_index=value)[1] == 0


@pytest.mark.parametrize("name", ["cross_entropy", "binary_cross_entropy_with_logits", "kl_divergence"])
def test_integer_logits_become_the_default_float_of_the_moment(name, x64):
    y = jnp.asarray(1) if name == "cross_entropy" else jnp.asarray([0.5, 0.25, 0.25], dtype=jnp.float32)
    x = jnp.asarray([1, 0, 0])
    assert getattr(losses, name)(x, y).dtype == (jnp.float64 if x64 else jnp.float32)


def test_float32_stays_float32(x64):
    loss, g = derivatives.cross_entropy_and_grad(jnp.zeros((2, 3), dtype=jnp.float32), jnp.asarray([0, 1]))
    assert loss.dtype == g.dtype == jnp.float32


def test_labels_make_no_array_of_the_logits_shape_but_comparisons_and_exponentials():
    x, y = jax.ShapeDtypeStruct((8, 16), jnp.float32), jax.ShapeDtypeStruct((8,), jnp.int32)
    found = primitives(jax.make_jaxpr(losses.cross_entropy)(x, y).jaxpr)
    assert not {"dot_general", "scatter", "gather"} & set(found)
    assert found.count("reduce_max") == 1


@pytest.mark.parametrize("value", [inf, -inf])
def test_a_target_at_infinite_logits_compiles_to_the_eager_value(value, x64):
    x = array([[value, 0.0, 1.0]])
    f = partial(losses.cross_entropy, reduction="none")
    np.testing.assert_array_equal(jax.jit(f)(x, jnp.asarray([0])), f(x, jnp.asarray([0])))


def test_losses_of_a_sharded_array_are_those_of_a_plain_one():
    mesh = jax.sharding.Mesh(np.asarray(jax.devices()[:1]), ("rows",))
    rows = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("rows"))
    x = jax.device_put(jnp.asarray(X, dtype=jnp.float32), rows)
    loss, g = derivatives.cross_entropy_and_grad(x, labels(), reduction="none")
    plain = derivatives.cross_entropy_and_grad(jnp.asarray(X, dtype=jnp.float32), labels(), reduction="none")
    assert_close((loss, g), plain)
    assert loss.sharding.is_equivalent_to(rows, 1)
    assert g.sharding.is_equivalent_to(rows, 2)
