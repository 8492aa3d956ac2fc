"""softmax_xp.derivatives, on NumPy and on JAX, beside what JAX derives by itself."""

from __future__ import annotations

from itertools import product

import pytest

jax = pytest.importorskip("jax", reason="jax is not installed")

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import softmax_xp as sx  # noqa: E402
from softmax_xp import derivatives, losses  # noqa: E402

from .. import analytic  # noqa: E402
from .arrays import array, eps  # noqa: E402

pytestmark = pytest.mark.usefixtures("x64", "quick_compilation")

X = np.asarray([[0.5, -1.25, 2.0, 0.0], [1.0, 0.25, 1.0, 1.0], [8.0, -np.inf, -4.0, 8.0], [20.0, 0.0, -0.5, 0.0]])
G = np.asarray([[0.5, -1.0, 2.0, 0.25], [1.0, 0.0, 0.0, 0.0], [-0.5, 0.0, 0.5, 2.0], [1.0, 0.0, 0.0, 0.5]])
T = np.asarray([[0.25, -0.5, 1.0, 0.0], [0.0, 1.0, 0.5, 0.0], [1.0, 0.0, -1.0, 0.5], [0.0, 0.5, 1.0, -1.0]])
KEEP = np.asarray([[True, False, True, True], [True] * 4, [True, True, False, True], [False] * 4])
LABELS = np.asarray([2, 0, 3, 0])
PROBS = np.asarray([[0.5, 0.0, 0.25, 0.25], [0.25, 0.0, 0.5, 0.25], [0.5, 0.0, 0.25, 0.5], [1.0, 0.0, 0.0, 0.0]])
WEIGHT = np.asarray([0.5, 2.0, 1.0, 0.25])
SAMPLE_WEIGHT = np.asarray([1.0, 0.5, 2.0, 0.25])

OPTIONS = {
    "plain": {},
    "weight": {"weight": WEIGHT},
    "sample_weight": {"sample_weight": SAMPLE_WEIGHT},
    "both weights": {"weight": WEIGHT, "sample_weight": SAMPLE_WEIGHT},
    "a weight of zero": {"sample_weight": np.asarray([1.0, 0.0, 2.0, 0.0])},
    "where": {"where": np.asarray([True, False, True, True])},
    "ignore_index": {"ignore_index": 0},
    "label_smoothing": {"label_smoothing": 0.25, "where": np.isfinite(X)},
    "smoothed with weight": {"label_smoothing": 0.25, "where": np.isfinite(X), "weight": WEIGHT},
    "z_loss": {"z_loss": 0.125},
    "softcap": {"softcap": 4.0},
    "normalizer": {"normalizer": 2.5},
    "everything": {
        "weight": WEIGHT,
        "sample_weight": SAMPLE_WEIGHT,
        "where": np.isfinite(X),
        "label_smoothing": 0.25,
        "z_loss": 0.125,
        "softcap": 4.0,
    },
}
GRID = [(o, r) for o, r in product(OPTIONS, ("mean", "sum")) if (o, r) != ("normalizer", "sum")]


def on_jax(value):
    """Return options or numbers as arrays of JAX."""
    if isinstance(value, dict):
        return {k: on_jax(v) for k, v in value.items()}
    if not isinstance(value, np.ndarray):
        return value
    return array(value) if value.dtype == np.float64 else jnp.asarray(value)


def on_numpy(value):
    """Return options or numbers as arrays of NumPy of the same precision."""
    if isinstance(value, dict):
        return {k: on_numpy(v) for k, v in value.items()}
    return value.astype(array(0.5).dtype) if isinstance(value, np.ndarray) and value.dtype == np.float64 else value


def scale(options, g):
    """Return the largest cotangent that meets the logits."""
    lse = 40 * options.get("z_loss", 0.0)
    weights = np.max(options.get("weight", 1.0)) * np.max(options.get("sample_weight", 1.0))
    return max(np.max(np.abs(g)), 1.0) * weights * (1 + lse)


@pytest.mark.thorough
@pytest.mark.parametrize("target", [LABELS, PROBS], ids=["labels", "probabilities"])
@pytest.mark.parametrize(("name", "reduction"), GRID)
def test_cross_entropy_and_grad_on_numpy_is_the_autodiff_of_jax(target, name, reduction):
    options = {**OPTIONS[name], "reduction": reduction}
    f = lambda x: losses.cross_entropy(x, on_jax(target), **on_jax(options))  # noqa: E731
    loss, g = jax.value_and_grad(f)(on_jax(X))
    found = derivatives.cross_entropy_and_grad(on_numpy(X), on_numpy(target), **on_numpy(options))
    size = scale(options, target) * (1 if reduction == "mean" else len(X))
    analytic.assert_derivative(found[1], np.asarray(g, dtype=np.float64), g=size, eps=eps())
    analytic.assert_derivative(found[0], np.asarray(loss, dtype=np.float64), g=max(size, abs(float(loss))), eps=eps())


@pytest.mark.parametrize("target", [LABELS, PROBS], ids=["labels", "probabilities"])
@pytest.mark.parametrize("axis", [0, 1, -3])
def test_cross_entropy_and_grad_on_numpy_is_the_autodiff_of_jax_along_any_axis(target, axis):
    x, rows = np.stack([X, X[::-1]]), np.stack([target, target[::-1]])
    x, rows = np.moveaxis(x, -1, axis), rows if target is LABELS else np.moveaxis(rows, -1, axis)
    options = {"axis": axis, "weight": WEIGHT}
    g = jax.jit(jax.grad(lambda x: losses.cross_entropy(x, on_jax(rows), **on_jax(options))))(on_jax(x))
    found = derivatives.cross_entropy_and_grad(on_numpy(x), on_numpy(rows), **on_numpy(options))[1]
    analytic.assert_derivative(found, np.asarray(g, dtype=np.float64), g=WEIGHT, eps=eps())


@pytest.mark.parametrize("target", [LABELS, PROBS], ids=["labels", "probabilities"])
@pytest.mark.parametrize("name", OPTIONS)
def test_cross_entropy_and_grad_on_jax_is_its_autodiff(target, name):
    options = on_jax(OPTIONS[name])
    y = on_jax(target)
    loss, g = jax.value_and_grad(lambda x: losses.cross_entropy(x, y, **options))(on_jax(X))
    found = derivatives.cross_entropy_and_grad(on_jax(X), y, **options)
    size = scale(OPTIONS[name], target)
    analytic.assert_derivative(found[1], np.asarray(g), g=size, eps=eps())
    analytic.assert_derivative(found[0], np.asarray(loss), g=max(size, abs(float(loss))), eps=eps())


def test_cross_entropy_and_grad_agree_with_autodiff_where_the_loss_is_infinite():
    y = np.asarray([0, 0, 1, 0])
    g = jax.grad(lambda x: losses.cross_entropy(x, on_jax(y), reduction="sum"))(on_jax(X))
    found = derivatives.cross_entropy_and_grad(on_numpy(X), y, reduction="sum")[1]
    analytic.assert_derivative(found, np.asarray(g), eps=eps())


def test_cross_entropy_and_grad_can_be_differentiated():
    f = lambda x: derivatives.cross_entropy_and_grad(x, jnp.asarray(LABELS[:2]), reduction="sum")[1]  # noqa: E731
    hessian = np.asarray(jax.jit(jax.jacrev(f))(on_jax(X[:2])))
    for k in range(2):
        exact = analytic.softmax_jacobian(analytic.softmax(X[k]))
        analytic.assert_derivative(hessian[k, :, k], exact, eps=eps())


masks = pytest.mark.parametrize("where", [None, KEEP], ids=["plain", "with where"])


@masks
@pytest.mark.parametrize(("name", "saved"), [("softmax", sx.softmax), ("log_softmax", sx.log_softmax)])
def test_vjp_is_that_of_jax(name, saved, where):
    mask = None if where is None else jnp.asarray(where)
    x, g = on_jax(X), on_jax(G)
    vjp = jax.vjp(lambda x: getattr(sx, name)(x, where=mask), x)[1]
    found = getattr(derivatives, f"{name}_vjp")(saved(x, where=mask), g, where=mask)
    analytic.assert_derivative(found, np.asarray(vjp(g)[0]), g=G, eps=eps())


@masks
def test_vjp_of_logsumexp_is_that_of_jax(where):
    mask = None if where is None else jnp.asarray(where)
    x, g = on_jax(X), on_jax(SAMPLE_WEIGHT)
    exact = jax.vjp(lambda x: sx.logsumexp(x, axis=1, where=mask), x)[1](g)[0]
    found = derivatives.logsumexp_vjp(x, g, axis=1, where=mask)
    analytic.assert_derivative(found, np.asarray(exact), g=SAMPLE_WEIGHT, eps=eps())


@masks
def test_softmax_jvp_is_that_of_jax(where):
    mask = None if where is None else jnp.asarray(where)
    p, exact = jax.jvp(lambda x: sx.softmax(x, where=mask), (on_jax(X),), (on_jax(T),))
    analytic.assert_derivative(derivatives.softmax_jvp(p, on_jax(T), where=mask), np.asarray(exact), g=T, eps=eps())


def test_softmax_hvp_is_the_forward_derivative_of_the_gradient():
    f = jax.grad(lambda x: jnp.sum(on_jax(G) * sx.softmax(x)))
    exact = jax.jvp(f, (on_jax(X),), (on_jax(T),))[1]
    found = derivatives.softmax_hvp(sx.softmax(on_jax(X)), on_jax(G), on_jax(T))
    analytic.assert_derivative(found, np.asarray(exact), g=np.max(np.abs(G)) * np.max(np.abs(T)), eps=eps())


@pytest.mark.parametrize("transform", [jax.jacfwd, jax.jacrev])
def test_softmax_jacobian_is_that_of_jax(transform):
    exact = jax.jit(jax.vmap(transform(sx.softmax)))(on_jax(X))
    analytic.assert_derivative(derivatives.softmax_jacobian(sx.softmax(on_jax(X))), np.asarray(exact), eps=eps())


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_vjps_on_numpy_are_those_of_jax(name):
    y = getattr(sx, name)(on_numpy(X))
    found = getattr(derivatives, f"{name}_vjp")(y, on_numpy(G))
    exact = jax.vjp(getattr(sx, name), on_jax(X))[1](on_jax(G))[0]
    analytic.assert_derivative(found, np.asarray(exact, dtype=np.float64), g=G, eps=eps())


def test_the_derivative_of_an_analytic_vjp_is_the_analytic_hvp():
    vjp = lambda x: derivatives.softmax_vjp(sx.softmax(x), on_jax(G))  # noqa: E731
    exact = derivatives.softmax_hvp(sx.softmax(on_jax(X)), on_jax(G), on_jax(T))
    found = jax.jvp(vjp, (on_jax(X),), (on_jax(T),))[1]
    analytic.assert_derivative(found, np.asarray(exact), g=np.max(np.abs(G)) * np.max(np.abs(T)), eps=eps())
