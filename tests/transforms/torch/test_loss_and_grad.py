"""cross_entropy_and_grad on NumPy, and on torch itself, against torch's autograd of cross_entropy."""

from __future__ import annotations

from itertools import product

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import numpy as np  # noqa: E402

from softmax_xp import derivatives, losses  # noqa: E402

from .. import analytic  # noqa: E402

pytestmark = pytest.mark.kernel

EPS = {np.float64: np.finfo(np.float64).eps, np.float32: float(np.finfo(np.float32).eps)}
X = np.asarray(
    [
        [0.5, -1.25, 2.0, 0.0],
        [1.0, 1.0, -0.5, 1.0],
        [0.0, 0.0, 0.0, 0.0],
        [40.0, 0.0, 40.0, -40.0],
        [20.0, 0.0, 0.25, 0.5],
    ]
)
TARGETS = {
    "labels": np.asarray([2, 3, -100, 0, 0], dtype=np.int8),
    "probabilities": np.asarray(
        [[0.5, 0, 0.25, 0.25], [0, 0, 0, 1], [0, 0, 0.5, 0.5], [0.25, 0, 0.75, 0], [1, 0, 0, 0]]
    ),
}
ARRAYS = {
    "weight": np.asarray([0.5, 2.0, 1.0, 0.25]),
    "sample_weight": np.asarray([1.0, 0.5, 2.0, 0.0, 1.5]),
    "where": np.asarray([True, False, True, True]),
}
NUMBERS = {"label_smoothing": 0.25, "z_loss": 0.125, "softcap": 4.0}
REDUCTIONS = (
    {"reduction": "mean"},
    {"reduction": "sum"},
    {"reduction": "none"},
    {"reduction": "mean", "normalizer": 3.0},
    {"reduction": "mean", "normalizer": np.asarray(2.5)},
)
SETTINGS = {**ARRAYS, **NUMBERS}
GRID = [
    {name: SETTINGS[name] for name, used in zip(SETTINGS, chosen, strict=True) if used}
    for chosen in product([False, True], repeat=len(SETTINGS))
]


def name_of(options):
    return "+".join(options) or "plain"


def in_torch(values):
    return {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in values.items()}


def by_autograd(x, target, **options):
    x = torch.tensor(x, requires_grad=True)
    loss = losses.cross_entropy(x, torch.tensor(target), **in_torch(options))
    loss.sum().backward()
    return loss.detach().numpy(), x.grad.numpy()


def largest_cotangent(loss, target, options):
    """Return a bound of what a row's log-probabilities are multiplied by."""
    weight = np.max(options.get("weight", 1.0)) * np.max(options.get("sample_weight", 1.0))
    lse = 40.0 * 2 * options.get("z_loss", 0.0)
    summed = by_autograd(X, target, **{**options, "reduction": "sum", "normalizer": None})[0]
    divisor = float(summed / loss) if options["reduction"] == "mean" else 1.0
    return weight * (1 + lse) / divisor


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("reduction", REDUCTIONS, ids=lambda r: "-".join(map(str, r.values())))
@pytest.mark.parametrize("options", GRID, ids=name_of)
def test_numpy_gradient_is_that_of_torch(kind, reduction, options):
    target, options = TARGETS[kind], {**options, **reduction}
    expected_loss, expected = by_autograd(X, target, **options)
    loss, grad = derivatives.cross_entropy_and_grad(X, target, **options)
    g = largest_cotangent(expected_loss, target, options)
    analytic.assert_derivative(grad, expected, g=g, eps=EPS[np.float64])
    analytic.assert_derivative(loss, expected_loss, g=np.maximum(np.abs(expected_loss), 1.0), eps=EPS[np.float64])


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("options", GRID[:: len(GRID) // 8 - 1], ids=name_of)
@pytest.mark.parametrize("dtype", EPS)
def test_torch_gradient_in_closed_form_is_that_of_its_autograd(kind, options, dtype):
    target, x = TARGETS[kind], X.astype(dtype)
    options = {**options, "reduction": "sum"}
    loss, expected = by_autograd(x, target, **options)
    _, grad = derivatives.cross_entropy_and_grad(torch.tensor(x), torch.tensor(target), **in_torch(options))
    g = largest_cotangent(loss, target, options)
    analytic.assert_derivative(grad, expected, g=g, eps=EPS[dtype])


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("axis", [0, 1, -2])
def test_gradient_along_another_axis_is_that_of_torch(kind, axis):
    batch = np.stack([X, X[::-1], X + 1])
    x, target = np.moveaxis(batch, -1, axis), np.stack([TARGETS[kind]] * 3)
    target = target if kind == "labels" else np.moveaxis(target, -1, axis)
    _, expected = by_autograd(x, target, axis=axis)
    _, grad = derivatives.cross_entropy_and_grad(x, target, axis=axis)
    analytic.assert_derivative(grad, expected, eps=EPS[np.float64])


def test_gradient_of_logits_in_many_blocks_is_that_of_torch():
    rng = np.random.default_rng(7)
    x, target = rng.normal(size=(3000, 64)), rng.integers(0, 64, size=3000)
    _, expected = by_autograd(x, target, reduction="sum")
    _, grad = derivatives.cross_entropy_and_grad(x, target, reduction="sum")
    analytic.assert_derivative(grad, expected, eps=EPS[np.float64])


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("options", [{}, {"softcap": 4.0}, {"z_loss": 0.125}, {"label_smoothing": 0.25}], ids=name_of)
def test_a_sample_that_does_not_count_has_gradient_zero_whatever_it_holds(kind, junk, options):
    x = X.copy()
    x[2, 1:3] = junk
    weight = np.asarray([1.0, 0.5, 0.0, 1.0, 1.5])
    _, grad = derivatives.cross_entropy_and_grad(x, TARGETS[kind], sample_weight=weight, **options)
    assert np.array_equal(grad[2], np.zeros(4))
    assert np.all(np.isfinite(grad))


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("options", [{}, {"softcap": 4.0}, {"z_loss": 0.125}, {"label_smoothing": 0.25}], ids=name_of)
def test_a_masked_class_has_gradient_zero_whatever_it_holds(kind, junk, options):
    x = X.copy()
    x[:, 1] = junk
    _, grad = derivatives.cross_entropy_and_grad(x, TARGETS[kind], where=ARRAYS["where"], **options)
    assert np.array_equal(grad[:, 1], np.zeros(5))
    assert np.all(np.isfinite(grad))


@pytest.mark.parametrize("junk", [np.nan, np.inf])
def test_a_label_of_weight_zero_has_gradient_zero_whatever_it_holds(junk):
    x = X.copy()
    x[1, 0] = junk
    _, grad = derivatives.cross_entropy_and_grad(x, TARGETS["labels"], weight=np.asarray([0.5, 2.0, 1.0, 0.0]))
    assert np.array_equal(grad[1], np.zeros(4))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("gap", [17.0, 20.0, 60.0])
@pytest.mark.parametrize("target", [np.asarray(0), np.asarray([1.0, 0.0, 0.0])], ids=["label", "one-hot target"])
def test_gradient_of_a_confident_target_is_that_of_torch_relative_to_itself(dtype, gap, target):
    x = np.asarray([gap, 0.0, 0.0], dtype=dtype)
    _, expected = by_autograd(x, target)
    _, grad = derivatives.cross_entropy_and_grad(x, target)
    analytic.assert_derivative(grad, expected, g=expected, eps=EPS[dtype])
