"""What holds for any logits and any targets, found by Hypothesis, on every library."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import HealthCheck, given, settings

from .reference import assert_derivative, assert_near, cross_entropy64, gradient64

some = settings(
    max_examples=5, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# One shape: libraries that compile do so once. Multiples of 1/4 up to 4 are held by every floating type.
numbers = st.integers(-16, 16).map(lambda k: k / 4)
logits = st.lists(numbers, min_size=12, max_size=12).map(lambda v: np.asarray(v).reshape(4, 3))
labels = st.lists(st.integers(0, 2), min_size=4, max_size=4).map(np.asarray)
shares = st.lists(st.integers(0, 8), min_size=12, max_size=12).map(lambda v: np.asarray(v).reshape(4, 3) / 8)


@some
@given(x=logits, y=labels)
def test_the_loss_of_a_label_is_that_of_the_definition_and_not_negative(backend, call, x, y):
    dtype = backend.dtypes[0]
    loss = call("cross_entropy", backend.array(x, dtype), backend.array(y, "int32"), reduction="none")
    assert (loss >= 0).all()
    assert_near(loss, cross_entropy64(x, y, reduction="none"), dtype, scale=8.0)


@some
@given(x=logits, t=shares)
def test_the_loss_of_probabilities_is_that_of_the_definition(backend, call, x, t):
    dtype = backend.dtypes[0]
    loss = call("cross_entropy", backend.array(x, dtype), backend.array(t, dtype), reduction="none")
    assert_near(loss, cross_entropy64(x, t, reduction="none"), dtype, scale=24.0)


@some
@given(x=logits, y=labels)
def test_gradients_sum_to_0_and_are_negative_at_labels_alone(backend, call, x, y):
    dtype = backend.dtypes[0]
    _, grad = call("cross_entropy_and_grad", backend.array(x, dtype), backend.array(y, "int32"), reduction="none")
    assert_derivative(grad.sum(axis=1), np.zeros(4), dtype)
    assert ((grad < 0) == (np.arange(3) == y[:, None])).all()
    assert_near(grad, gradient64(x, y, reduction="none"), dtype)


@some
@given(x=logits, y=labels, e=st.integers(1, 7))
def test_smoothing_lies_between_no_smoothing_and_all(backend, call, x, y, e):
    dtype = backend.dtypes[0]
    x, y = backend.array(x, dtype), backend.array(y, "int32")
    none, some, full = (call("cross_entropy", x, y, label_smoothing=s, reduction="none") for s in (0.0, e / 8, 1.0))
    assert_near(some, (1 - e / 8) * none + e / 8 * full, dtype, scale=8.0)


@some
@given(x=logits, y=labels, order=st.permutations(range(3)))
def test_the_order_of_classes_does_not_matter(backend, call, x, y, order):
    dtype = backend.dtypes[0]
    loss = call("cross_entropy", backend.array(x, dtype), backend.array(y, "int32"))
    moved = np.argsort(order)[y]
    other = call("cross_entropy", backend.array(x[:, order], dtype), backend.array(moved, "int32"))
    assert_near(other, loss, dtype, scale=8.0)


@some
@given(x=logits, y=labels)
def test_bounded_losses_lie_below_cross_entropy(backend, call, x, y):
    dtype = backend.dtypes[0]
    x, y = backend.array(x, dtype), backend.array(y, "int32")
    nll = call("cross_entropy", x, y, reduction="none")
    middle, lowest = (call("generalized_cross_entropy", x, y, q=q, reduction="none") for q in (0.5, 1.0))
    assert ((lowest <= middle) & (middle <= nll) & (lowest <= 1)).all()
    assert (call("focal_loss", x, y, reduction="none") <= nll).all()
    assert (call("poly_cross_entropy", x, y, reduction="none") >= nll).all()


@some
@given(x=logits, y=labels, z=labels)
def test_another_candidate_never_costs_more(backend, call, x, y, z):
    dtype = backend.dtypes[0]
    one = y[:, None] == np.arange(3)
    two = one | (z[:, None] == np.arange(3))
    few, more = (
        call("partial_label_cross_entropy", backend.array(x, dtype), backend.array(c, "bool"), reduction="none")
        for c in (one, two)
    )
    assert (more <= few).all()
    assert (more >= 0).all()


@some
@given(x=logits, y=logits)
def test_divergences_of_distributions_are_bounded(backend, call, x, y):
    dtype = backend.dtypes[0]
    p, q = backend.array(x, dtype), backend.array(y, dtype)
    kinds = {"p_kind": "logits", "q_kind": "logits"}
    kl, js = (call(name, p, q, **kinds) for name in ("kl_divergence", "js_divergence"))
    back = call("js_divergence", q, p, **kinds)
    # A compiler may round p and q differently; where nothing is compiled these are the same bits.
    eps = np.finfo("float32" if "16" in dtype else dtype).eps
    np.testing.assert_allclose(js, back, rtol=8 * eps, atol=8 * eps)
    assert (js >= 0).all()
    assert_near(np.minimum(kl, 0.0), np.zeros(4), dtype, scale=8.0)
    assert_near(np.maximum(js, np.log(2)), np.full(4, np.log(2)), dtype)


@some
@given(x=logits, y=labels)
def test_a_binary_loss_of_the_opposite_is_that_of_the_opposite_target(backend, call, x, y):
    dtype = backend.dtypes[0]
    target = np.broadcast_to((y % 2)[:, None], (4, 3))
    for name in ("binary_cross_entropy_with_logits", "binary_focal_loss"):
        loss, mirrored = (
            call(name, backend.array(v, dtype), backend.array(t, "int32")) for v, t in ((x, target), (-x, 1 - target))
        )
        assert_near(mirrored, loss, dtype)
