"""Dask in one thread, and a scheduler that computes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    dask = pytest.importorskip("dask", reason="dask is not installed")
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.fixture
def refused(one_thread: None) -> Iterator[None]:
    """Let no graph be computed."""

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("something was computed")

    with pytest.importorskip("dask").config.set(scheduler=refuse):
        yield
