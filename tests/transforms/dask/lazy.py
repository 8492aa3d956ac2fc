"""The arrays of the records as Dask's, in chunks, and how near to NumPy's results is near enough."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np

from softmax_xp.testing import contract
from softmax_xp.testing.records import AXES, RECORDS, numbers

N, C = 12, 10
NUMPY = numbers(N, C, uncounted=7)
NUMPY["logits"][3] = NUMPY["logits"][3, 0]


def lazy(chunks: tuple[int, int] = (5, 3)) -> dict[str, Any]:
    of_axis = {"r": chunks[0], "c": chunks[1], "1": 1}
    return {k: da.from_array(v, chunks=tuple(of_axis[a] for a in AXES[k])) for k, v in NUMPY.items()}


def chosen(given: dict[str, Any], axis: str, those: Any) -> dict[str, Any]:
    """Return the arrays with some of their rows (r) or classes (c)."""
    return {
        k: v[tuple(those if a == axis else slice(None) for a in AXES[k])] if axis in AXES[k] else v
        for k, v in given.items()
    }


def assert_close(actual: Any, expected: Any, text: str = "") -> None:
    """Sums over chunks are added in another order: the contract's 8 roundings of the largest entry."""
    is_elementwise = bool(text) and RECORDS[text.split(" ")[0]].kind == "elementwise"
    for a, b in zip(results(actual), results(expected), strict=True):
        a, b = np.asarray(a.compute()), np.asarray(b)
        assert (a.shape, a.dtype) == (b.shape, b.dtype), text
        finite = np.isfinite(b)
        np.testing.assert_array_equal(a[~finite], b[~finite], text)
        if b.dtype.kind != "f" or is_elementwise:
            np.testing.assert_array_equal(a, b, text)
            continue
        largest = np.max(np.abs(b[finite]), initial=0.0)
        assert np.all(np.abs(a[finite] - b[finite]) <= 16 * contract.FORMATS[b.dtype.name].unit * largest), text


def results(y: Any) -> tuple[Any, ...]:
    return y if isinstance(y, tuple) else (y,)
