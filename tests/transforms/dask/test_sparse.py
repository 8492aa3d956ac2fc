"""Dask: sparse maps of rows of unknown length, and what is refused."""

from __future__ import annotations

import pytest

dask = pytest.importorskip("dask", reason="dask is not installed")
da = pytest.importorskip("dask.array", reason="dask.array needs numpy")

from softmax_xp.sparse import entmax, k_subset  # noqa: E402
from softmax_xp.testing.records import RECORDS, calls  # noqa: E402

from .lazy import NUMPY, chosen, lazy  # noqa: E402


@pytest.mark.parametrize("name", [n for n, record in RECORDS.items() if record.kind == "map"])
def test_rows_of_all_axes_need_every_length(name, refused):
    given = lazy()
    some = chosen(given, "r", given["logits"][:, 0] > 0)
    with pytest.raises(ValueError, match=r"length of axis 0 of x is unknown; .* x\.compute_chunk_sizes\(\)"):
        calls(name)[f"{name} axis=None"](some)


def test_numpy_numbers_beside_dask_logits_are_refused():
    with pytest.raises(TypeError, match=r"dask.*numpy"):
        entmax(lazy()["logits"], alpha=NUMPY["row numbers"])


def test_errors_come_before_anything_is_computed(refused):
    given = lazy()
    with pytest.raises(ValueError, match=r"alpha=0\.5 is not allowed"):
        entmax(given["logits"], alpha=0.5)
    with pytest.raises(ValueError, match=r"k has shape \(3, 1\), which does not broadcast"):
        k_subset(given["logits"], k=given["row numbers"][:3])
