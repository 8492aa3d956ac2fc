"""The array libraries of this environment: which there are, their arrays from and to NumPy."""

from __future__ import annotations

from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Any

from ..versions import LIBRARIES, installed
from .output import CommandError

NAMESPACES = {"jax": "jax.numpy", "dask": "dask.array", "mlx": "mlx.core"}
"""Where the functions are, if not in the module that has the library's name."""

READERS = {"cupy": "get", "sparse": "todense", "ndonnx": "unwrap_numpy"}
"""The method that gives a NumPy array, where ``numpy.asarray`` does not."""

NAMES = tuple(name for name in LIBRARIES if name != "ml_dtypes")
"""The libraries that have arrays of their own."""


def is_installed(name: str) -> bool:
    """Return whether the module ``name`` can be found."""
    return find_spec(name) is not None


def version_of(name: str) -> str | None:
    """Return the version of an installed library, or None."""
    if not is_installed(name):
        return None
    found = installed(LIBRARIES[name])
    if found is None:
        # CuPy's wheels are named after the version of CUDA they are for.
        owners = metadata.packages_distributions().get(name, [])
        found = installed(owners[0]) if owners else None
    return found or "unknown version"


def require_numpy() -> None:
    """Raise an error that says how to install NumPy if it is missing."""
    if not is_installed("numpy"):
        raise CommandError("this command needs NumPy: pip install numpy")


def namespace(name: str) -> Any:
    """Import a library and return its array namespace."""
    if name == "marray":
        return import_module("marray").masked_namespace(import_module("numpy"))
    return import_module(NAMESPACES.get(name, name))


def from_numpy(name: str, values: Any) -> Any:
    """Return NumPy ``values`` as an array of the library ``name``, on its default device."""
    xp = namespace(name)
    return xp.array(values) if name == "mlx" else xp.asarray(values)


def to_numpy(name: str, x: Any) -> Any:
    """Return an array of the library ``name`` as one of NumPy; a lazy one is computed."""
    import numpy as np

    if name in READERS:
        return getattr(x, READERS[name])()
    return np.asarray(x.data if name == "marray" else x)


def one_line(error: BaseException) -> str:
    """Return the kind and the first line of an error."""
    message = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {message[:100]}" if message else type(error).__name__
