"""Losses and derivatives on a library of pure Python, with nothing beyond array API 2023.12."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest

from softmax_xp import derivatives, losses

from .test_toy import INF, NAN, REPOSITORY, log_shares, shares
from .toy import DEVICES, FLOAT32, FLOAT64, INT64, Array, xp

A, B = [1.0, 2.0, -3.0], [0.0, 4.0, 1.0]
NLL = [-log_shares(A)[1], -log_shares(B)[2]]
ULPS = 8


def check(out: Any, expected: list[float], shape: tuple[int, ...], dtype: Any = FLOAT64) -> None:
    """Assert type, dtype, shape and the values within 8 roundings of the largest, as for derivatives."""
    assert type(out) is Array
    assert (out.dtype, out.shape) == (dtype, shape)
    largest = max((abs(v) for v in expected if math.isfinite(v)), default=0.0)
    for got, want in zip(out.flat, expected, strict=True):
        same = got == want or (got != got and want != want)
        assert same or abs(got - want) <= ULPS * xp.finfo(dtype).eps * largest, (out.flat, expected)


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def x(device: str) -> Array:
    return xp.asarray([A, B], device=device)


@pytest.fixture
def labels(device: str) -> Array:
    return xp.asarray([1, 2], device=device)


def test_cross_entropy_of_labels(x, labels):
    out = losses.cross_entropy(x, labels)
    check(out, [sum(NLL) / 2], ())
    assert out.device == x.device
    check(losses.cross_entropy(x, labels, reduction="sum"), [sum(NLL)], ())
    check(losses.cross_entropy(x, labels, reduction="none"), NLL, (2,))


def test_cross_entropy_of_classes_in_front(labels, device):
    x = xp.asarray([list(pair) for pair in zip(A, B, strict=True)], device=device)
    check(losses.cross_entropy(x, labels, axis=0, reduction="none"), NLL, (2,))


def test_cross_entropy_of_probabilities(x, device):
    p = [[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]]
    expected = [
        -math.fsum(t * v for t, v in zip(q, log_shares(r), strict=True)) for q, r in zip(p, (A, B), strict=True)
    ]
    check(losses.cross_entropy(x, xp.asarray(p, device=device), reduction="none"), expected, (2,))


def test_cross_entropy_keeps_small_losses():
    x = xp.asarray([20.0, 0.0, 0.0], dtype=FLOAT32)
    check(losses.cross_entropy(x, xp.asarray(0)), [math.log1p(2 * math.exp(-20.0))], (), FLOAT32)


def test_weights_and_normalizer(x, labels, device):
    weight, rows = xp.asarray([1.0, 2.0, 3.0], device=device), xp.asarray([0.5, 1.0], device=device)
    total = NLL[0] * 1 + NLL[1] * 3
    check(losses.cross_entropy(x, labels, weight=weight, sample_weight=rows), [total / 4], ())
    ten = xp.asarray(10.0, device=device)
    check(losses.cross_entropy(x, labels, weight=weight, sample_weight=rows, normalizer=ten), [total / 10], ())


def test_ignored_and_wrong_labels(x, device):
    out = losses.cross_entropy(x, xp.asarray([-100, 3], device=device), reduction="none")
    check(out, [0.0, NAN], (2,))
    check(losses.cross_entropy(x, xp.asarray([1, 0], device=device), ignore_index=0), [NLL[0]], ())


def test_a_mask_and_smoothing(x, labels, device):
    where = xp.asarray([[True, True, False], [False, True, True]], device=device)
    kept = log_shares(A[:2]), log_shares(B[1:])
    masked = losses.cross_entropy(x, labels, where=where, reduction="none")
    check(masked, [-kept[0][1], -kept[1][1]], (2,))
    smoothed = losses.cross_entropy(x, labels, where=where, label_smoothing=0.5, reduction="none")
    check(smoothed, [-0.25 * kept[0][0] - 0.75 * kept[0][1], -0.25 * kept[1][0] - 0.75 * kept[1][1]], (2,))


def test_z_loss_and_softcap(x, labels):
    out = losses.cross_entropy(x, labels, z_loss=0.5, reduction="none")
    lse = [A[1] + NLL[0], B[2] + NLL[1]]
    check(out, [v + 0.5 * s * s for v, s in zip(NLL, lse, strict=True)], (2,))
    capped = [[2 * math.tanh(v / 2) for v in r] for r in (A, B)]
    out = losses.cross_entropy(x, labels, softcap=2.0, reduction="none")
    check(out, [-log_shares(capped[0])[1], -log_shares(capped[1])[2]], (2,))


def test_gradient_of_labels(x, labels):
    loss, grad = derivatives.cross_entropy_and_grad(x, labels, reduction="sum")
    check(loss, [sum(NLL)], ())
    p, q = shares(A), shares(B)
    check(grad, [p[0], -p[0] - p[2], p[2], q[0], q[1], -q[0] - q[1]], (2, 3))
    assert grad.device == x.device


def test_gradient_of_probabilities_with_all_options(x, device):
    target = xp.asarray([[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]], device=device)
    options = {
        "weight": xp.asarray([1.0, 2.0, 3.0], device=device),
        "where": xp.asarray([True, True, True], device=device),
        "label_smoothing": 0.1,
        "z_loss": 0.1,
        "softcap": 5.0,
    }
    _, grad = derivatives.cross_entropy_and_grad(x, target, **options)
    assert all(map(math.isfinite, grad.flat))
    loss = losses.cross_entropy(x, target, **options)
    check(derivatives.cross_entropy_and_grad(x, target, **options)[0], loss.flat, ())


def test_kin_of_cross_entropy(x, labels):
    probs = [math.exp(-v) for v in NLL]
    poly = [v + 2 * (1 - p) for v, p in zip(NLL, probs, strict=True)]
    check(losses.poly_cross_entropy(x, labels, reduction="none"), poly, (2,))
    focal = [(1 - p) ** 2 * v for v, p in zip(NLL, probs, strict=True)]
    check(losses.focal_loss(x, labels, reduction="none"), focal, (2,))
    general = [(1 - p**0.7) / 0.7 for p in probs]
    check(losses.generalized_cross_entropy(x, labels, reduction="none"), general, (2,))
    log_p = xp.asarray([log_shares(A), log_shares(B)], device=x.device)
    check(losses.nll_loss(log_p, labels, reduction="none"), NLL, (2,))


def test_partial_labels(x, device):
    candidates = xp.asarray([[True, True, False], [False, False, False]], device=device)
    out = losses.partial_label_cross_entropy(x, candidates, reduction="none")
    check(out, [-math.log1p(-shares(A)[2]), INF], (2,))


def test_binary_losses(device):
    x = xp.asarray([2.0, -1.0, INF, -INF], device=device)
    yes, no = math.log1p(math.exp(-2.0)), math.log1p(math.exp(-1.0))
    target = xp.asarray([True, False, True, False], device=device)
    check(losses.binary_cross_entropy_with_logits(x, target, reduction="none"), [yes, no, 0, 0], (4,))
    target = xp.asarray([1, 0, 0, 2], device=device)
    out = losses.binary_cross_entropy_with_logits(x, target, pos_weight=3.0, reduction="none")
    check(out, [3 * yes, no, INF, NAN], (4,))
    p = 1 - math.exp(-yes)
    target = xp.asarray([1, 0, 1, 0], device=device)
    out = losses.binary_focal_loss(x, target, reduction="none")
    check(out, [p * p * yes, (1 - math.exp(-no)) ** 2 * no, 0, 0], (4,))


def test_divergences(x, device):
    p = xp.asarray([[0.5, 0.5, 0.0], [0.0, 0.25, 0.75]], device=device)
    logs = [
        [-math.log(2) - v for v in log_shares(A)[:2]],
        [math.log(t) - v for t, v in zip((0.25, 0.75), log_shares(B)[1:], strict=True)],
    ]
    expected = [math.fsum(logs[0]) / 2, 0.25 * logs[1][0] + 0.75 * logs[1][1]]
    check(losses.kl_divergence(p, x, q_kind="logits"), expected, (2,))
    check(losses.kl_divergence(p, x, q_kind="logits", reduction="batchmean"), [sum(expected) / 2], ())
    one, other = xp.asarray([1.0, 0.0], device=device), xp.asarray([0.0, 1.0], device=device)
    check(losses.js_divergence(one, other), [math.log(2)], ())


def test_imbalance(x, device):
    labels = xp.asarray([[0, 0], [0, 1]], device=device)
    check(losses.balanced_class_weights(labels, 3), [4 / 9, 4 / 3, 0], (3,))
    counts = xp.asarray([1, 1, 2], device=device)
    expected = [v + math.log(c / 4) for r in (A, B) for v, c in zip(r, (1, 1, 2), strict=True)]
    check(losses.logit_adjustment(x, counts), expected, (2, 3))


def test_products_with_derivatives(device):
    p, g = [0.25, 0.75], [1.0, 3.0]
    mean = 0.25 * 1 + 0.75 * 3
    vjp = [0.25 * (1 - mean), 0.75 * (3 - mean)]
    a, b = xp.asarray(p, device=device), xp.asarray(g, device=device)
    check(derivatives.softmax_vjp(a, b), vjp, (2,))
    check(derivatives.softmax_jvp(a, b), vjp, (2,))
    change = vjp[0] * 1 + vjp[1] * 3
    hvp = [vjp[i] * (g[i] - mean) - p[i] * change for i in (0, 1)]
    check(derivatives.softmax_hvp(a, b, b), hvp, (2,))
    check(derivatives.softmax_jacobian(a), [0.1875, -0.1875, -0.1875, 0.1875], (2, 2))
    log_p = xp.asarray([math.log(v) for v in p], device=device)
    one = xp.asarray([1.0, 0.0], device=device)
    check(derivatives.log_softmax_vjp(log_p, one), [0.75, -0.75], (2,))
    check(derivatives.logsumexp_vjp(log_p, xp.asarray(2.0, device=device)), [0.5, 1.5], (2,))


def test_an_empty_batch():
    x = xp.reshape(xp.asarray(xp.arange(0), dtype=FLOAT64), (0, 3))
    labels = xp.reshape(xp.asarray(xp.arange(0), dtype=INT64), (0,))
    check(losses.cross_entropy(x, labels, reduction="none"), [], (0,))
    check(losses.cross_entropy(x, labels), [NAN], ())
    _, grad = derivatives.cross_entropy_and_grad(x, labels)
    check(grad, [], (0, 3))


def test_two_devices_are_refused():
    with pytest.raises(ValueError, match="toy:0 and target is on device toy:1"):
        losses.cross_entropy(xp.asarray([0.0]), xp.asarray(0, device="toy:1"))


WITHOUT_NUMPY = """
import sys
from softmax_xp import derivatives, losses
from tests.libraries.conforming.toy import xp

x, p, labels = xp.asarray([[0.0, 1.0]]), xp.asarray([[0.5, 0.5]]), xp.asarray([1])
options = dict(weight=xp.asarray([1.0, 2.0]), where=xp.asarray([True, True]), z_loss=0.1)
for target in (p, labels):
    losses.cross_entropy(x, target, label_smoothing=0.1, **options)
    derivatives.cross_entropy_and_grad(x, target, **options)
losses.binary_cross_entropy_with_logits(x, p)
losses.kl_divergence(p, x, q_kind="logits")
losses.balanced_class_weights(labels, 2)
derivatives.softmax_vjp(p, x)
print(sorted(m for m in sys.modules if m.partition(".")[0] in ("numpy", "torch", "jax", "dask", "cupy")))
"""


def test_numpy_is_never_imported():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_NUMPY], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout == "[]\n"
