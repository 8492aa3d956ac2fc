"""CONTRACT 2 for losses and derivatives, against the mpmath oracle, on every library."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from softmax_xp import derivatives
from softmax_xp.testing import (
    Exact,
    assert_derivative,
    assert_ulp,
    contract,
    exact_binary_cross_entropy,
    exact_cross_entropy,
    exact_derivative,
    exact_rows,
)
from softmax_xp.testing.check import dangerous_rows
from softmax_xp.testing.check_losses import LONGEST, cotangent, edge_arguments, three_labels, thrice
from softmax_xp.testing.compare import allowance, distance, row_sum_allowance
from softmax_xp.testing.oracle import of_labels

from .test_accuracy import FEW

WITH_CLASSES = (2, 3, 10, 100, 129)
CONFIDENT = (17.0, 20.0, 60.0)


def numbers(backend: Any, x: Any) -> Any:
    return backend.numpy(x).astype(np.float64)


def skip_sisters(backend: Any) -> None:
    if backend.name in FEW and backend.name != "ml_dtypes":
        pytest.skip("computes as its sister backend, which is tested")


def exactly(values: Any, n: int) -> Exact:
    hi = np.asarray(values, dtype=np.float64)
    return Exact(hi, np.zeros_like(hi), np.zeros_like(hi), n)


@cache
def rows_with_labels(backend: Any, dtype: str) -> list[tuple[str, Any, Any, Any]]:
    """Return the dangerous rows with three labels each: name, logits, labels, exact losses and gradients."""
    found = []
    for name, values in dangerous_rows(dtype):
        if values.shape[-1] <= LONGEST:
            x = numbers(backend, backend.array(values, dtype))
            rows = exact_rows(x, ops=("softmax", "log_softmax"))
            labels = three_labels(x)
            exact = of_labels({op: thrice(row) for op, row in rows.items()}, labels)
            found.append((name, np.concatenate([x] * 3), labels, exact))
    return found


def cross_entropy_and_grad(backend: Any, logits: Any, target: Any, **options: Any) -> Any:
    loss, grad = derivatives.cross_entropy_and_grad(logits, target, **options)
    return numbers(backend, loss), numbers(backend, grad)


def products(backend: Any, call: Any, dtype: str) -> list[tuple[str, Any, Any]]:
    """Return the input, the result and the exact result of each derivative, for rows of several lengths."""
    found = []
    for n in WITH_CLASSES:
        x = backend.array(3.0 * np.random.default_rng(n).normal(size=(2, n)), dtype)
        p, log_p = (backend.array(call(op, x), dtype) for op in ("softmax", "log_softmax"))
        g, t = (backend.array(v, dtype) for v in cotangent((2, 2, n)))
        one = backend.array([1.5, -0.75], dtype)
        for op, *arrays in (
            ("softmax_vjp", p, g),
            ("softmax_hvp", p, g, t),
            ("log_softmax_vjp", log_p, g),
            ("logsumexp_vjp", x, one),
        ):
            result = getattr(derivatives, op)(*arrays, axis=-1)
            assert result.dtype == x.dtype
            exact = exact_derivative(op, *(numbers(backend, a) for a in arrays))
            found.append((op, numbers(backend, result), exact))
    return found


def test_the_loss_of_a_label_is_as_near_to_the_exact_one_as_promised(backend, dtype, call):
    skip_sisters(backend)
    for name, values, labels, (loss, _) in rows_with_labels(backend, dtype):
        logits, target = backend.array(values, dtype), backend.array(labels, "int32")
        try:
            assert_ulp(call("cross_entropy", logits, target, reduction="none"), loss, op="cross_entropy", dtype=dtype)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None


def test_the_loss_beside_its_gradient_is_as_near_as_promised(backend, dtype):
    skip_sisters(backend)
    for name, values, labels, (exact, slopes) in rows_with_labels(backend, dtype):
        logits, target = backend.array(values, dtype), backend.array(labels, "int32")
        loss, grad = cross_entropy_and_grad(backend, logits, target, reduction="none")
        try:
            assert_ulp(loss, exact, op="cross_entropy", dtype=dtype)
            assert_derivative(grad, slopes, dtype=dtype)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None
        assert (np.abs(grad.sum(axis=-1)) <= row_sum_allowance(dtype, slopes)).all(), name


def test_a_strided_class_axis_is_as_accurate_as_promised(backend, dtype, call):
    values = np.random.default_rng(3).normal(size=(129, 3))
    x, labels = backend.array(values, dtype), np.asarray([0, 64, 128])
    loss, slopes = exact_cross_entropy(numbers(backend, x).T, labels)
    target = backend.array(labels, "int32")
    result = call("cross_entropy", x, target, axis=0, reduction="none")
    assert_ulp(result, loss, op="cross_entropy", dtype=dtype, sequential=True)
    _, grad = cross_entropy_and_grad(backend, x, target, axis=0, reduction="none")
    assert_derivative(grad.T, slopes, dtype=dtype)


@pytest.mark.parametrize("edge", contract.LOSS_EDGES, ids=lambda e: e.name)
def test_edge_losses_and_gradients_are_those_of_the_contract(backend, dtype, call, edge):
    if not edge.fits(dtype):
        edge = contract.LOSS_EDGES[0]
    logits, target, options = edge_arguments(edge, lambda values, kind: backend.array(values, kind or dtype))
    loss, grad = cross_entropy_and_grad(backend, logits, target, **options)
    again = call("cross_entropy", logits, target, **options)
    n = len(edge.logits)
    for op, found, expected in (
        ("cross_entropy", again, [edge.loss]),
        ("cross_entropy", loss, [edge.loss]),
        # Relative to each entry, so that a gradient of 1e-26 counts: what softmax is allowed.
        ("softmax", grad, [edge.grad]),
    ):
        exact = exactly(expected, n)
        assert found.shape == exact.hi.shape
        allowed = allowance(op, dtype, exact, elementary=contract.MAX_ELEMENTARY_ERROR)
        assert (distance(found, exact) <= allowed).all(), (found, expected)


def test_an_odd_sample_leaves_other_samples_untouched(backend, dtype):
    edges = [e for e in contract.LOSS_EDGES if len(e.logits) == 2 and not e.options and isinstance(e.target, int)]
    edges = [e for e in edges if e.labels == "int32"]
    logits = backend.array([e.logits for e in edges], dtype)
    target = backend.array([e.target for e in edges], "int32")
    loss, grad = cross_entropy_and_grad(backend, logits, target, reduction="none")
    assert_ulp(loss, exactly([e.loss for e in edges], 2), op="cross_entropy", dtype=dtype)
    assert_ulp(grad, exactly([e.grad for e in edges], 2), op="softmax", dtype=dtype)


def test_a_masked_class_has_gradient_0_also_if_the_label_is_none(backend, dtype):
    logits, target = backend.array([[0.0, 1.0, 5.0]], dtype), backend.array([7], "int32")
    where = backend.array([[True, True, False]], "bool")
    loss, grad = cross_entropy_and_grad(backend, logits, target, where=where, reduction="none")
    np.testing.assert_array_equal(loss, [np.nan])
    np.testing.assert_array_equal(grad, [[np.nan, np.nan, 0.0]])


@pytest.mark.parametrize("t", [0.0, 0.25, 1.0])
def test_binary_losses_are_within_their_gate_over_the_whole_range(backend, dtype, call, t):
    grid = np.concatenate([np.linspace(-100.0, 100.0, 81), np.geomspace(1e-4, 1.0, 20), [0.0]])
    logits, target = backend.array(grid, dtype), backend.array(np.full(grid.shape, t), dtype)
    exact = exact_binary_cross_entropy(numbers(backend, logits), np.full(grid.shape, t))
    result = call("binary_cross_entropy_with_logits", logits, target, reduction="none")
    assert_ulp(result, exact, op="binary_cross_entropy", dtype=dtype)


def test_derivatives_are_as_near_to_the_exact_ones_as_promised(backend, dtype, call):
    for op, result, exact in products(backend, call, dtype):
        try:
            assert_derivative(result, exact, dtype=dtype)
        except AssertionError as error:
            raise AssertionError(f"{op}, {exact.exact.n} classes: {error}") from None


def test_rows_of_derivatives_sum_to_zero(backend, dtype, call):
    for op, result, exact in products(backend, call, dtype):
        if op == "logsumexp_vjp":
            continue
        # What the given log p miss is not for the derivative to mend.
        due = exact.exact.hi.sum(axis=-1) if op == "log_softmax_vjp" else 0.0
        assert (np.abs(result.sum(axis=-1) - due) <= row_sum_allowance(dtype, exact)).all(), op


def test_a_jacobian_is_that_of_the_given_probabilities(backend, dtype):
    p = backend.array([[0.25, 0.5, 0.25], [0.125, 0.0, 0.875]], dtype)
    result = numbers(backend, derivatives.softmax_jacobian(p))
    for j in range(3):
        g = np.broadcast_to(np.eye(3)[j], (2, 3))
        assert_derivative(result[:, :, j], exact_derivative("softmax_vjp", numbers(backend, p), g), dtype=dtype)


@pytest.mark.parametrize("gap", CONFIDENT)
def test_the_gradient_at_the_label_is_minus_the_sum_of_the_others(backend, dtype, gap):
    if dtype not in ("float64", "float32"):
        pytest.skip("half types have fewer digits than this compares")
    logits, target = backend.array([[gap, 0.0, 0.0]], dtype), backend.array([0], "int32")
    _, grad = cross_entropy_and_grad(backend, logits, target)
    others = grad[0, 1] + grad[0, 2]
    assert others > 0
    assert abs(grad[0, 0] + others) <= contract.derivative_gate(dtype).scale * others


@pytest.mark.parametrize("gap", CONFIDENT)
def test_log_softmax_vjp_keeps_the_digits_of_a_confident_label(backend, dtype, call, gap):
    if dtype not in ("float64", "float32"):
        pytest.skip("half types have fewer digits than this compares")
    x, g = backend.array([[gap, 0.0, 0.0]], dtype), backend.array([[1.0, 0.0, 0.0]], dtype)
    log_p = backend.array(call("log_softmax", x), dtype)
    grad = numbers(backend, derivatives.log_softmax_vjp(log_p, g))
    expected = -np.expm1(numbers(backend, log_p)[0, 0])
    assert abs(grad[0, 0] - expected) <= contract.derivative_gate(dtype).scale * expected


@pytest.mark.parametrize("kind", ["zeros", "noise"])
def test_half_types_are_right_for_100_000_classes(backend, dtype, call, kind):
    if dtype not in ("float16", "bfloat16"):
        pytest.skip("for half types")
    n, labels = 100_000, np.asarray([0, 99_999])
    values = np.zeros((2, n)) if kind == "zeros" else np.random.default_rng(6).normal(size=(2, n))
    logits, target = backend.array(values, dtype), backend.array(labels, "int32")
    x = numbers(backend, logits)
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    total = e.sum(axis=-1, keepdims=True)
    expected = np.log(total[:, 0]) + x.max(axis=-1) - x[[0, 1], labels]
    slope = e / total
    slope[[0, 1], labels] -= 1.0
    result = call("cross_entropy", logits, target, reduction="none")
    assert_ulp(result, exactly(expected, n), op="cross_entropy", dtype=dtype)
    loss, grad = cross_entropy_and_grad(backend, logits, target, reduction="none")
    assert_ulp(loss, exactly(expected, n), op="cross_entropy", dtype=dtype)
    assert_ulp(grad, exactly(slope, n), op="softmax", dtype=dtype)


def test_a_common_offset_of_1e6_changes_nothing(backend, dtype, call):
    if dtype not in ("float64", "float32"):
        pytest.skip("half types do not hold these logits")
    # Multiples of 1/16: adding 1e6 rounds nothing, also in float32.
    values = np.round(32.0 * np.random.default_rng(8).normal(size=(4, 10))) / 16.0
    labels = np.asarray([0, 3, 5, 9])
    loss, slopes = exact_cross_entropy(values, labels)
    logits, target = backend.array(1e6 + values, dtype), backend.array(labels, "int32")
    assert_ulp(call("cross_entropy", logits, target, reduction="none"), loss, op="cross_entropy", dtype=dtype)
    _, grad = cross_entropy_and_grad(backend, logits, target, reduction="none")
    assert_derivative(grad, slopes, dtype=dtype)


@pytest.mark.parametrize("op", ["softmax_vjp", "log_softmax_vjp", "logsumexp_vjp", "softmax_hvp", "cross_entropy_grad"])
def test_the_oracle_gives_what_differences_of_softmax_give(op):
    mpmath = pytest.importorskip("mpmath", reason="mpmath is not installed")
    x, g, t = [0.5, -1.25, 2.0, 2.0], [1.0, -0.5, 0.25, 2.0], [0.75, 1.5, -1.0, 0.125]

    def log_p(z):
        lse = mpmath.log(mpmath.fsum(mpmath.exp(v) for v in z))
        return [v - lse for v in z]

    def p(z):
        return [mpmath.exp(v) for v in log_p(z)]

    values = {
        "softmax_vjp": lambda z: mpmath.fdot(g, p(z)),
        "softmax_hvp": lambda z: mpmath.fdot(g, p(z)),
        "log_softmax_vjp": lambda z: mpmath.fdot(g, log_p(z)),
        "logsumexp_vjp": lambda z: z[0] - log_p(z)[0],
        "cross_entropy_grad": lambda z: -log_p(z)[2],
    }
    given = {
        "softmax_vjp": lambda: (rows["softmax"].hi, g),
        "softmax_hvp": lambda: (rows["softmax"].hi, g, t),
        "log_softmax_vjp": lambda: (rows["log_softmax"].hi, g),
        "logsumexp_vjp": lambda: (x, 1.0),
        "cross_entropy_grad": lambda: (x, np.asarray(2)),
    }
    rows = exact_rows(x)
    with mpmath.workprec(400):
        h = mpmath.mpf(2) ** -60

        def slope(z, i):
            up, down = ([v + s * h * (k == i) for k, v in enumerate(z)] for s in (1, -1))
            return (values[op](up) - values[op](down)) / (2 * h)

        if op == "softmax_hvp":
            up, down = ([v + s * h * d for v, d in zip(x, t, strict=True)] for s in (1, -1))
            found = [float((slope(up, i) - slope(down, i)) / (2 * h)) for i in range(4)]
        else:
            found = [float(slope(x, i)) for i in range(4)]
    assert_derivative(np.asarray(found), exact_derivative(op, *given[op]()), dtype="float64")
