"""Losses and gradients by their definition, in float64 on NumPy, and how near a result must be to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from softmax_xp.testing.compare import distance, ulp
from softmax_xp.testing.contract import FORMATS
from softmax_xp.testing.oracle import Exact

inf, nan = np.inf, np.nan
HALF = ("float16", "bfloat16")

ROUNDINGS = 48
"""Roundings, each of the largest number on the way, that a loss may differ by: the 10 of log_softmax's
bound (5 ulp), one for each x - max of a row and of its mean (rows here span less than 8, so 16), 16 for
weights, transforms and sums, and the 6 of the definition itself."""

DERIVATIVE_EPS = {"float64": 8, "float32": 8, "float16": 2, "bfloat16": 2}
"""Roundings eps of the largest cotangent that a derivative may differ by: section 2 of the contract."""

# Binary fractions, which every floating type holds: results differ by arithmetic alone.
X = np.asarray([[0.5, -1.25, 2.0], [0.0, 3.0, -2.0], [1.5, 1.5, -0.5], [-4.0, 0.25, 1.0]])
LABELS = np.asarray([2, 1, 0, 0])
ONE_HOT = np.eye(3)[LABELS]
PROBS = np.asarray([[0.25, 0.25, 0.5], [0.0, 1.0, 0.0], [0.125, 0.5, 0.375], [0.5, 0.0, 0.25]])
WEIGHT = np.asarray([0.5, 2.0, 1.0])
SAMPLE_WEIGHT = np.asarray([1.0, 2.0, 0.5, 3.0])
WHERE = np.asarray([[True, False, True], [True, True, True], [True, True, False], [True, False, False]])


def assert_near(actual: Any, expected: Any, dtype: str, *, scale: float = 1.0) -> None:
    """Raise unless ``actual`` is ``expected`` up to ROUNDINGS; half types are computed in float32 and rounded once.

    ``scale`` is the largest number on the way, where that is above 1 and above the result.
    """
    expected = np.asarray(expected, dtype=np.float64)
    assert np.shape(actual) == expected.shape, f"shape {np.shape(actual)} is not {expected.shape}"
    size = np.maximum(np.where(np.isfinite(expected), np.abs(expected), 0.0), scale)
    wide = "float32" if dtype in HALF else dtype
    allowed = ROUNDINGS * FORMATS[wide].unit * size + (ulp(expected, dtype) if dtype in HALF else 0.0)
    assert (_gap(actual, expected) <= allowed).all(), f"{actual} is not {expected}"


def assert_derivative(actual: Any, expected: Any, dtype: str, *, g: Any = 1.0) -> None:
    """Raise unless ``actual`` is the derivative ``expected`` for the cotangent ``g``."""
    expected = np.asarray(expected, dtype=np.float64)
    assert np.shape(actual) == expected.shape, f"shape {np.shape(actual)} is not {expected.shape}"
    allowed = DERIVATIVE_EPS[dtype] * 2 * FORMATS[dtype].unit * np.max(np.abs(g), initial=0.0)
    assert (_gap(actual, expected) <= allowed).all(), f"{actual} is not {expected}"


def _gap(actual: Any, expected: Any) -> Any:
    zero = np.zeros_like(expected)
    return distance(actual, Exact(expected, zero, zero, 1))


def cross_entropy64(x: Any, target: Any, *, reduction: str = "mean", normalizer: Any = None, **options: Any) -> Any:
    """Return the cross-entropy by its definition."""
    losses, masses = rows64(x, target, **options)
    if reduction == "none":
        return losses
    return losses.sum() / _divisor(masses, reduction, normalizer)


def _divisor(masses: Any, reduction: str, normalizer: Any) -> Any:
    if reduction != "mean":
        return 1.0
    return masses.sum() if normalizer is None else normalizer


def rows64(
    x: Any,
    target: Any,
    *,
    axis: int = -1,
    weight: Any = None,
    sample_weight: Any = 1.0,
    where: Any = True,
    ignore_index: int | None = -100,
    **extra: Any,
) -> tuple[Any, Any]:
    """Return the loss and the target weight of each sample; ``x`` may be complex."""
    x = np.asarray(x)
    where = np.moveaxis(np.broadcast_to(where, x.shape), axis, -1)
    x, target = np.moveaxis(x, axis, -1), np.asarray(target)
    n, batch = x.shape[-1], x.shape[:-1]
    counts = np.broadcast_to(np.asarray(sample_weight, dtype=np.float64), batch).copy()
    weight = np.ones(n) if weight is None else np.asarray(weight)
    if target.dtype.kind in "iu":
        counts[(target < 0) | (target >= n)] *= nan
        if ignore_index is not None:
            counts[target == ignore_index] = 0.0
        target = np.eye(n)[np.clip(target, 0, n - 1)]
    else:
        target = np.moveaxis(target, axis, -1)
    losses, masses = np.zeros(batch, dtype=x.dtype), np.zeros(batch)
    for i in np.ndindex(batch):
        if counts[i] != 0:
            loss, mass = row_loss(x[i], target[i], weight, where[i], **extra)
            losses[i], masses[i] = counts[i] * loss, counts[i] * mass
    return losses, masses


def row_loss(
    x: Any,
    t: Any,
    weight: Any,
    kept: Any,
    *,
    label_smoothing: float = 0.0,
    z_loss: float = 0.0,
    softcap: float | None = None,
) -> tuple[Any, float]:
    """Return the loss of one row and its target weight."""
    x = x if softcap is None else softcap * np.tanh(x / softcap)
    lse = np.log(np.sum(np.exp(x[kept]))) if kept.any() else -inf
    mass = float(np.sum(weight * t))
    share = label_smoothing * t.sum() / max(1, kept.sum())
    a = weight * ((1 - label_smoothing) * t + np.where(kept, share, 0.0))
    loss = sum(a[c] * (lse - x[c] if kept[c] else inf) for c in range(len(x)) if a[c] != 0)
    return loss + (mass * z_loss * lse**2 if z_loss else 0.0), mass


def gradient64(x: Any, target: Any, *, reduction: str = "mean", normalizer: Any = None, **options: Any) -> Any:
    """Return the gradient of the definition by complex steps, which lose no digits; NaN where the loss is infinite.

    With ``reduction="none"`` each loss is differentiated with respect to its own logits.
    """
    x = np.moveaxis(np.asarray(x, dtype=np.float64), options.get("axis", -1), -1)
    step, grad = 1e-30, np.zeros_like(x)
    with np.errstate(invalid="ignore"):
        for c in range(x.shape[-1]):
            moved = x.astype(np.complex128)
            moved[..., c] += 1j * step
            losses, masses = rows64(np.moveaxis(moved, -1, options.get("axis", -1)), target, **options)
            grad[..., c] = np.where(np.isfinite(losses.real), losses.imag / step, nan)
    return np.moveaxis(grad, -1, options.get("axis", -1)) / _divisor(masses, reduction, normalizer)


def log_softmax64(x: Any, *, axis: int = -1) -> Any:
    """Return log_softmax, for logits without -inf maxima."""
    x = np.asarray(x, dtype=np.float64)
    d = x - x.max(axis=axis, keepdims=True)
    return d - np.log(np.exp(d).sum(axis=axis, keepdims=True))


def integer_dtypes(backend: Any) -> list[str]:
    """Return the integer types that a library holds on the device."""
    kinds = [f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")]
    if backend.name == "jax":
        return [k for k in kinds if not k.endswith("64")]
    if backend.library == "strict":
        held = backend.xp.__array_namespace_info__().dtypes(device=backend.device, kind="integral")
        return [k for k in kinds if k in held]
    return kinds


def arrays(backend: Any, dtype: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return options with their NumPy arrays as arrays of the library."""
    return {
        k: backend.array(v, "bool" if v.dtype.kind == "b" else dtype) if isinstance(v, np.ndarray) else v
        for k, v in options.items()
    }
