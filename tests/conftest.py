"""Fixtures: the libraries to test, and a call that checks what every call must keep."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from softmax_xp.testing.records import function
from softmax_xp.versions import engine_states

from .backends import BACKENDS, ON_JAX, Backend, missing


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    # A machine with a GPU where nothing can be installed may have neither this plugin nor xdist.
    if not pluginmanager.hasplugin("timeout"):
        parser.addini("timeout", "seconds that a test may take, with pytest-timeout")
    parser.addoption("--api-version", help="version of the standard that array-api-strict keeps to")
    parser.addoption(
        "--thorough", action="store_true", help="everything on every backend: JAX in all types, with x64 and without"
    )
    parser.addoption("--backend", default="all", help="backends to test, by name or library, comma-separated")


def pytest_configure(config: pytest.Config) -> None:
    version = config.getoption("--api-version")
    if version:
        import array_api_strict

        array_api_strict.set_array_api_strict_flags(
            api_version=version, boolean_indexing=False, data_dependent_shapes=False
        )


def pytest_report_header(config: pytest.Config) -> list[str]:
    names = [f"{name}: {missing(b) or 'tested'}" for name, b in _chosen(config).items()]
    engines = [f"{name}: {state}" for name, state in engine_states().items()]
    chosen = f"softmax_xp engines, {os.environ.get('SOFTMAX_XP_ENGINE', 'auto')} selected:"
    return ["softmax_xp backends:", *(f"  {line}" for line in names), chosen, *(f"  {line}" for line in engines)]


def _chosen(config: pytest.Config) -> dict[str, Backend]:
    wanted = config.getoption("--backend")
    names = wanted.split(",")

    def is_chosen(name: str, b: Backend) -> bool:
        return name in names or (not b.accelerator and (wanted == "all" or b.library in names))

    return {name: b for name, b in BACKENDS.items() if is_chosen(name, b)}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" not in metafunc.fixturenames:
        return
    chosen = _chosen(metafunc.config)
    params = []
    for name, backend in chosen.items():
        reason = missing(backend)
        marks = [pytest.mark.skip(reason=reason)] if reason else []
        if "dtype" in metafunc.fixturenames:
            params += [pytest.param(name, d, id=f"{name}-{d}", marks=marks) for d in backend.dtypes]
        else:
            params.append(pytest.param(name, id=name, marks=marks))
    if "dtype" in metafunc.fixturenames:
        metafunc.parametrize(("backend", "dtype"), params, indirect=["backend"])
    else:
        metafunc.parametrize("backend", params, indirect=True)


SAME_ARITHMETIC = ("numpy-readonly", "strict-device1", "strict-device2")
"""Backends that compute as another one: what is marked `every_backend` tells what they may change."""

SISTERS = (*SAME_ARITHMETIC, "ml_dtypes", "jax-x64")
"""Backends of a library that has another one, which tells all error messages: these depend on metadata alone."""

TESTS = Path(__file__).parent

KINDS = {
    "contract": "value",
    "gate": "gate",
    "engines": "engine",
    "transforms": "transform",
    "libraries": "library",
    "structure": "slow",
}
"""The folders, and what can change the outcome of the tests there: each test gets this marker."""

LIBRARIES = {b.library for b in BACKENDS.values()}


@cache
def library_of(path: Path) -> str | None:
    """Return the library whose name a folder of tests has: the tests below are of this library alone."""
    return next((name for name in path.relative_to(TESTS).parts if name in LIBRARIES), None)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    library = library_of(collection_path)
    return True if library and all(b.library != library for b in _chosen(config).values()) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = _chosen(config)
    ours = [item for item in items if item.path.is_relative_to(TESTS)]
    for item in ours:
        item.add_marker(KINDS[item.path.relative_to(TESTS).parts[0]])
        if config.pluginmanager.hasplugin("xdist"):
            # For --dist loadgroup: what is compiled is compiled once, if the tests of a function have one process.
            group = "records" if item.get_closest_marker("records") else item.path
            item.add_marker(pytest.mark.xdist_group(f"{group} {_params(item).get('name', '')}"))
        _place(item, chosen)
    thorough = config.getoption("--thorough")
    left_out = [i for i in ours if not (_is_tested(i, chosen) and (thorough or _is_tested_by_default(i)))]
    config.hook.pytest_deselected(items=left_out)
    gone = set(left_out)
    items[:] = [item for item in items if item not in gone]


def _place(item: pytest.Item, chosen: dict[str, Backend]) -> None:
    """Let tests without a backend of their own be of the accelerators, where nothing else is tested."""
    if not all(b.accelerator for b in chosen.values()) or "backend" in getattr(item, "fixturenames", ()):
        return
    library = library_of(item.path)
    backend = next((b for b in chosen.values() if b.library == library), None)
    reason = "makes no arrays of the backends" if backend is None else missing(backend)
    if reason:
        item.add_marker(pytest.mark.skip(reason=reason))
    elif library == "torch":
        # JAX takes a GPU by itself.
        item.add_marker(pytest.mark.usefixtures("on_accelerator"))


@pytest.fixture
def on_accelerator(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let torch put new tensors on the accelerator that is tested."""
    import torch

    device = next(b.device for b in _chosen(request.config).values() if b.library == "torch")
    with torch.device(device):
        yield


def _params(item: pytest.Item) -> dict[str, Any]:
    return item.callspec.params if hasattr(item, "callspec") else {}


def _is_tested(item: pytest.Item, chosen: dict[str, Backend]) -> bool:
    if item.get_closest_marker("gate"):
        return _params(item).get("backend") not in SISTERS
    # Values of no backend are NumPy's.
    of_numpy = item.get_closest_marker("value") or item.get_closest_marker("engine")
    return not of_numpy or "numpy" in chosen or "backend" in item.fixturenames or library_of(item.path) is not None


def _is_tested_by_default(item: pytest.Item) -> bool:
    """Whether a test may say something new, and is worth the time that its library takes for it in every run."""
    params = _params(item)
    backend, dtype = params.get("backend"), params.get("dtype")
    of_jax = library_of(item.path) == "jax"
    slow = of_jax or backend in (*ON_JAX, "dask") or item.get_closest_marker("library")
    if slow and item.get_closest_marker("thorough"):
        return False
    if of_jax:
        return not params.get("x64", False)
    if backend in SAME_ARITHMETIC:
        return item.get_closest_marker("every_backend") is not None
    if backend not in (*ON_JAX, "dask"):
        return True
    every_type = item.get_closest_marker("every_type") is not None
    if backend == "dask":
        # The chunks of Dask are NumPy's.
        return every_type or dtype in (None, "float32")
    if dtype is None:
        return backend == ("jax-x64" if item.get_closest_marker("double") else "jax")
    return dtype in ON_JAX[backend] and (every_type or dtype == "float32")


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    chosen = BACKENDS[request.param]
    if chosen.library == "jax":
        import jax

        before = jax.config.jax_enable_x64
        jax.config.update("jax_enable_x64", chosen.name == "jax-x64")
        yield chosen
        jax.config.update("jax_enable_x64", before)
    else:
        yield chosen


MAPPINGS = Path("/proc/self/maps")

MOST_MAPPINGS = 30_000
"""Linux allows a process about twice as many, and XLA, which takes eight for each program, crashes beyond."""


@pytest.fixture(autouse=True, scope="module")
def _compiled_code_is_dropped_in_time() -> Iterator[None]:
    yield
    if "jax" in sys.modules and MAPPINGS.exists():
        with MAPPINGS.open("rb") as lines:
            several = sum(1 for _ in lines) > MOST_MAPPINGS
        if several:
            sys.modules["jax"].clear_caches()


@pytest.fixture
def call(backend: Backend) -> Callable[..., Any]:
    """Call a public function by its name on arrays of the backend; return NumPy float64 arrays.

    Arrays go in as they are (made with ``backend.array``). Checked on the way: library,
    device and floating dtype are those of the first array, and no input has changed.
    """

    def checked(name: str, *arrays: Any, **options: Any) -> Any:
        given = [*arrays, *(v for k, v in options.items() if k != "dtype")]
        inputs = [v for v in given if hasattr(v, "shape")]
        before = [backend.numpy(a).tobytes() for a in inputs]
        result = function(name)(*arrays, **options)
        for out in result if isinstance(result, tuple) else (result,):
            _check_kind(out, arrays[0], backend, options)
        assert [backend.numpy(a).tobytes() for a in inputs] == before, "an input was changed"
        if isinstance(result, tuple):
            return tuple(_float64(backend.numpy(r)) for r in result)
        return _float64(backend.numpy(result))

    return checked


def _check_kind(out: Any, x: Any, backend: Backend, options: dict[str, Any]) -> None:
    if backend.library in ("numpy", "ml_dtypes"):
        assert isinstance(out, np.ndarray | np.generic)
    else:
        assert type(out) is type(x)
    if backend.device is not None:
        assert str(out.device) == str(x.device)
    dtype = options.get("dtype")
    if dtype is not None:
        assert out.dtype == dtype
    elif "float" in str(x.dtype) or "complex" in str(x.dtype):
        assert out.dtype == x.dtype
    else:
        assert out.dtype == backend.xp.asarray(0.5, **({"device": x.device} if backend.device else {})).dtype


def _float64(a: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return a if a.dtype.kind == "c" else a.astype(np.float64)
