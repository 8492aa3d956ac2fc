"""The two states of jax_enable_x64."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


def _x64(enable: bool) -> Iterator[bool]:
    import jax

    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", enable)
    yield enable
    jax.config.update("jax_enable_x64", before)


@pytest.fixture(params=[False, True], ids=["x32", "x64"])
def x64(request: pytest.FixtureRequest) -> Iterator[bool]:
    yield from _x64(request.param)


@pytest.fixture
def only_x32() -> Iterator[bool]:
    yield from _x64(False)


@pytest.fixture
def only_x64() -> Iterator[bool]:
    yield from _x64(True)


@pytest.fixture
def quick_compilation() -> Iterator[None]:
    """Derivatives take longer to optimize than to run; what optimization does to values is for test_compiled_graphs."""
    import jax

    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture(autouse=True, scope="module")
def _compiled_code_is_dropped() -> Iterator[None]:
    """Hundreds of compiled derivatives would take gigabytes."""
    yield
    import jax

    jax.clear_caches()
