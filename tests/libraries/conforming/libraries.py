"""The libraries of this folder: how their arrays are made and read, and what is near enough to NumPy."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import pytest

TOLERANCE = 4  # eps, relative: what two libraries' exp and log1p may differ by


class Library(NamedTuple):
    """One library: its module, the floating types it computes in, and the type of Python numbers."""

    name: str
    module: str
    floats: tuple[str, ...] = ("float64", "float32")
    default: str = "float64"

    @property
    def xp(self) -> Any:
        if self.name == "marray":
            return _marray()
        return import_module(self.module)

    def array(self, values: Any) -> Any:
        """Return a NumPy array as an array of this library, in the same dtype."""
        values = np.asarray(values)
        if self.name == "mlx":
            dtype = self.xp.bool_ if values.dtype == bool else getattr(self.xp, values.dtype.name)
            return self.xp.array(values, dtype=dtype)
        if self.name == "cubed":
            return self.xp.asarray(values, chunks=tuple(max(1, (n + 1) // 2) for n in values.shape))
        return self.xp.asarray(values)

    def numpy(self, x: Any) -> Any:
        if self.name == "ndonnx":
            return x.unwrap_numpy()
        if self.name == "sparse":
            return x.todense()
        if self.name == "cubed":
            return x.compute()
        if self.name == "marray":
            assert not np.any(x.mask)
            return np.asarray(x.data)
        return np.asarray(x)


_MARRAY: list[Any] = []


def _marray() -> Any:
    # Each call makes a new class of arrays.
    if not _MARRAY:
        _MARRAY.append(import_module("marray").masked_namespace(np))
    return _MARRAY[0]


LIBRARIES = [
    Library("ndonnx", "ndonnx"),
    Library("sparse", "sparse"),
    Library("mlx", "mlx.core", ("float32",), "float32"),
    Library("cubed", "cubed.array_api"),
    Library("marray", "marray"),
]


def skip(name: str) -> list[Any]:
    found = find_spec(name) is not None
    return [] if found else [pytest.mark.skip(reason=f"{name} is not installed")]


# Measured: 2 ulp at -2, 8 at -10, 31 at -40, 63 at -85. The contract refuses a backend above 4.
MLX_EXP = "mlx: exp of float32 on the CPU is wrong by up to 63 ulp, and flushes subnormals to 0"
NEEDS_EXP = {
    "test_axes[mlx-softmax-(2, 1)-float32]",
    "test_axes[mlx-softmax-None-float32]",
    "test_softmax_and_logsumexp[mlx--1-float32]",
    "test_softmax_and_logsumexp[mlx-(0, 2)-float32]",
    "test_softmax_and_logsumexp[mlx-None-float32]",
    "test_temperature_number[mlx-softmax-0.5-float32]",
    "test_temperature_number[mlx-softmax_and_logsumexp-0.5-float32]",
    "test_temperature_array[mlx-softmax-float32]",
    "test_temperature_array[mlx-softmax_and_logsumexp-float32]",
    "test_sink_array[mlx-softmax-float32]",
    "test_sink_array[mlx-softmax_and_logsumexp-float32]",
    "test_special_rows[mlx-softmax-confident-float32]",
    "test_other_functions[mlx-float32]",
}


def only(name: str) -> Any:
    """Return the decorator that gives a test one library."""
    chosen = [lib for lib in LIBRARIES if lib.name == name]
    params = [pytest.param(lib, id=name, marks=skip(name)) for lib in chosen]
    return pytest.mark.parametrize("library", params, indirect=True)


def agree(got: Any, want: Any, *, floor: float = 0.0) -> None:
    got, want = np.asarray(got), np.asarray(want)
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    eps = np.finfo(want.dtype).eps
    with np.errstate(invalid="ignore"):
        near = abs(got - want) <= TOLERANCE * eps * np.maximum(abs(want), floor)
    same = near | (got == want) | ((got != got) & (want != want))
    assert np.all(same), f"{got[~same]} is not {want[~same]}"
