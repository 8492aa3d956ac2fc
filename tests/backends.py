"""Every library and device the suite runs on, and how its arrays are made and read."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

FLOATS = ("float64", "float32", "float16", "bfloat16")


class Backend(NamedTuple):
    """One library on one device, with the floating types it holds there."""

    name: str
    library: str  # the module that must be importable
    dtypes: tuple[str, ...]
    device: Any = None
    lazy: bool = False
    accelerator: bool = False  # tested only where it is asked for by name

    @property
    def xp(self) -> Any:
        """The namespace to make arrays with."""
        if self.library in ("numpy", "ml_dtypes"):
            return np
        name = {"jax": "jax.numpy", "dask": "dask.array", "strict": "array_api_strict", "mlx": "mlx.core"}
        return import_module(name.get(self.library, self.library))

    def dtype(self, name: str) -> Any:
        if self.library == "ml_dtypes" and name == "bfloat16":
            return np.dtype(import_module("ml_dtypes").bfloat16)
        if self.library == "dask":
            return np.dtype(name)
        if name == "bool" and not hasattr(self.xp, "bool"):
            return self.xp.bool_
        return getattr(self.xp, name)

    def array(self, values: Any, dtype: str = "float64") -> Any:
        """Return ``values`` as an array of this library on this device."""
        values = np.asarray(values)
        if self.library in ("numpy", "ml_dtypes"):
            with np.errstate(over="ignore"):
                out = values.astype(self.dtype(dtype))
            out.flags.writeable = self.name != "numpy-readonly"
            return out
        if self.library == "torch":
            return (
                self.xp.asarray(np.ascontiguousarray(values).reshape(values.shape))
                .to(self.dtype(dtype))
                .to(self.device)
            )
        if self.library == "jax":
            place = None if self.device is None else import_module("jax").devices(self.device)[0]
            with np.errstate(over="ignore"):
                return self.xp.asarray(values, dtype=self.dtype(dtype), device=place)
        if self.library == "dask":
            chunks = tuple(max(1, (n + 1) // 2) for n in values.shape)
            with np.errstate(over="ignore"):
                return self.xp.from_array(values.astype(dtype), chunks=chunks)
        return self.xp.asarray(values, dtype=self.dtype(dtype), device=self.device)

    def arrays(self, values: Mapping[str, Any], dtype: str) -> dict[str, Any]:
        """Return the arrays of NumPy as those of this library; integers and masks keep their type."""
        kinds = {"f": dtype, "i": "int32" if dtype != "float64" else "int64", "b": "bool"}
        return {name: self.array(v, kinds[v.dtype.kind]) for name, v in values.items()}

    def numpy(self, x: Any) -> np.ndarray[Any, Any]:
        """Return ``x`` as NumPy array; half types as float32, which holds them exactly."""
        if self.library == "torch":
            x = x.detach()
            return x.float().cpu().numpy() if x.dtype == self.xp.bfloat16 else x.cpu().numpy()
        if self.library == "dask":
            return np.asarray(x.compute(scheduler="synchronous"))
        if self.library == "cupy":
            return x.get()
        if self.library == "strict":
            return np.asarray(x._array)
        if self.library == "mlx" and x.dtype == self.xp.bfloat16:
            return np.asarray(x.astype(self.xp.float32))
        x = np.asarray(x)
        return x.astype(np.float32) if x.dtype.name == "bfloat16" else x


def _backends() -> list[Backend]:
    wide = FLOATS[:3]
    found = [
        Backend("numpy", "numpy", wide),
        Backend("numpy-readonly", "numpy", wide),
        Backend("ml_dtypes", "ml_dtypes", ("bfloat16",)),
        Backend("torch", "torch", FLOATS, "cpu"),
        Backend("jax", "jax", FLOATS[1:]),
        Backend("jax-x64", "jax", FLOATS),
        Backend("dask", "dask", wide, lazy=True),
        Backend("cupy", "cupy", wide, accelerator=True),
        Backend("torch-cuda", "torch", FLOATS, "cuda", accelerator=True),
        Backend("torch-mps", "torch", FLOATS[1:], "mps", accelerator=True),
        Backend("jax-cuda", "jax", FLOATS[1:], "cuda", accelerator=True),
    ]
    if find_spec("array_api_strict"):
        devices = import_module("array_api_strict").__array_namespace_info__().devices()
        for device in devices:
            label = str(device).partition("'")[2].rstrip("')")
            dtypes = ("float32",) if label.startswith("no_") else ("float64", "float32")
            found.append(Backend(f"strict-{label}", "strict", dtypes, device))
    return found


BACKENDS = {b.name: b for b in _backends()}

ON_JAX = {"jax": ("float32",), "jax-x64": ("float64", "bfloat16")}
"""The types that are tested on JAX, which compiles each call for each: the ways in which it computes."""


def missing(backend: Backend) -> str | None:
    """Return why a backend cannot run here, or None."""
    module = "array_api_strict" if backend.library == "strict" else backend.library
    if find_spec(module) is None:
        return f"{module} is not installed"
    return _missing_device(backend) if backend.accelerator else None


def _missing_device(backend: Backend) -> str | None:
    module = import_module(backend.library)
    if backend.library == "torch":
        found = module.cuda if backend.device == "cuda" else module.backends.mps
        return None if found.is_available() else f"torch finds no device {backend.device}"
    try:
        if backend.library == "cupy":
            module.cuda.runtime.getDeviceCount()
        else:
            module.devices(backend.device)
    # Each library has a class of its own for a driver or device that is not there.
    except Exception as error:
        return f"{backend.library} finds no GPU ({str(error).splitlines()[0]})"
    return None
