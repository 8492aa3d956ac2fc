"""The logits of a classifier of handwritten digits, through every array library installed."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

from ..normalizers import log_softmax, softmax
from .libraries import NAMES, from_numpy, is_installed, one_line, to_numpy, version_of
from .output import print_table

Array = np.ndarray[Any, np.dtype[Any]]


class Result(NamedTuple):
    """What one library makes of the logits."""

    p: Array
    log_p: Array


def load(name: str) -> Array:
    """Return one of the arrays that are shipped in the package."""
    root = (__package__ or "").rpartition(".")[0]
    with files(root).joinpath("data", f"{name}.npy").open("rb") as file:
        loaded: Array = np.load(file)
    return loaded


def print_digits() -> None:
    """Print a line per library: what it finds, and how far it is from NumPy."""
    logits, labels = load("digits_logits"), load("digits_labels")
    reference = compute("numpy", logits)
    print(f"{len(labels)} test images, {logits.shape[1]} classes, {logits.dtype}")
    rows, notes = [], []
    for name in NAMES:
        if not is_installed(name):
            notes.append(f"{name}: not installed")
            continue
        # Libraries raise classes of their own, and of any kind, for a driver or device that is missing.
        try:
            from_numpy(name, logits)
        except Exception as error:
            notes.append(f"{name}: installed, but cannot be used here ({one_line(error)})")
            continue
        try:
            rows.append(line(f"{name} {version_of(name)}", compute(name, logits), labels, reference))
        except Exception as error:
            notes.append(f"{name}: softmax FAILED ({one_line(error)})")
    print_table(["library", "mean -log p", "accuracy", "mean confidence", "ulp from NumPy"], rows)
    for note in notes:
        print(note)


def compute(name: str, logits: Array) -> Result:
    """Return softmax and log_softmax as computed by the library ``name``."""
    x = from_numpy(name, logits)
    return Result(to_numpy(name, softmax(x)), to_numpy(name, log_softmax(x)))


def line(title: str, result: Result, labels: Array, reference: Result) -> list[str]:
    """Return the cells of one library's line."""
    loss = -np.take_along_axis(result.log_p, labels[:, None].astype(np.int64), axis=-1).mean(dtype=np.float64)
    accuracy = (result.p.argmax(axis=-1) == labels).mean()
    confidence = result.p.max(axis=-1).mean(dtype=np.float64)
    gap = max(ulp_distance(a, b) for a, b in zip(result, reference, strict=True))
    return [title, f"{loss:.6f}", f"{100 * accuracy:.2f} %", f"{100 * confidence:.2f} %", str(gap)]


def ulp_distance(a: Array, b: Array) -> int:
    """Return the largest number of float32 steps between two arrays."""
    return int(np.abs(_steps(a) - _steps(b)).max())


def _steps(x: Array) -> Array:
    """Return how many float32 numbers lie between 0 and ``x``, with its sign."""
    bits = np.ascontiguousarray(x, dtype=np.float32).view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
