"""The arrays that the calls of records are made of, in NumPy and in any library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..arrays import from_numpy
from . import entry

Numbers = dict[str, np.ndarray[Any, Any]]

KINDS = {array.holds: array.kind for array in vars(entry).values() if isinstance(array, entry.Array)}
AXES = {array.holds: array.axes for array in vars(entry).values() if isinstance(array, entry.Array)}


def numbers(rows: int = 4, classes: int = 5, *, seed: int = 0, uncounted: int | None = 2) -> Numbers:
    """Return every array by what it holds, of NumPy: floating ones in float64, integers in int64.

    The row ``uncounted`` has the label -100, the weight 0 and no unmasked class.
    """
    rng = np.random.default_rng(seed)
    shape = (rows, classes)
    labels = rng.integers(0, classes, rows)
    mask, candidates = (rng.uniform(size=shape) < 0.7 for _ in range(2))
    mask[np.arange(rows), labels] = candidates[np.arange(rows), labels] = True
    weights, numbers = rng.uniform(0.5, 2.0, rows), np.linspace(1.0, 2.5, rows)[:, None]
    ignored = labels.copy()
    if uncounted is not None:
        ignored[uncounted], weights[uncounted], mask[uncounted] = -100, 0.0, False
    fractions = rng.uniform(0.05, 0.95, shape)
    logits = 2.0 * rng.normal(size=shape)
    return {
        "logits": logits,
        "lower logits": logits - fractions,
        "other logits": 2.0 * rng.normal(size=shape),
        "log probabilities": np.log(_shares(rng.normal(size=shape))),
        "shares": _shares(rng.normal(size=shape)),
        "other shares": _shares(rng.normal(size=shape)),
        "fractions": fractions,
        "positive numbers": -np.log(fractions),
        "noise": rng.gumbel(size=shape),
        "cotangent": rng.normal(size=shape),
        "tangent": rng.normal(size=shape),
        "mask": mask,
        "candidates": candidates,
        "labels": ignored,
        "classes": labels,
        "row weights": weights,
        "row cotangent": rng.normal(size=rows),
        "class weights": np.linspace(0.5, 2.0, classes),
        "class counts": np.arange(1, classes + 1),
        "row numbers": numbers,
        "row fractions": numbers / 4.0,
        "row counts": np.arange(rows)[:, None] % 3 + 1,
        "divisor": np.asarray(2.5),
    }


def _shares(x: Any) -> Any:
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


def arguments(xp: Any, dtype: str, *, device: Any = None, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return every array by what it holds, of the library ``xp``; floating ones have the type named ``dtype``."""
    kinds = {"float": dtype, "int": "int32", "bool": "bool"}
    return {k: from_numpy(v, kinds[KINDS[k]], xp, device) for k, v in (given or numbers()).items()}
