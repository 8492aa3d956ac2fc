"""Which library a namespace is, and the few facts about it that the standard does not answer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

# The namespaces of the libraries that are asked for by name, once they have been seen: identity is the fastest answer.
_numpy: Any = None
_torch: Any = None
_jax: Any = None
_dask: Any = None
_mlx: Any = None


def short_name(xp: Any) -> str:
    """Return the name its users know a namespace by: numpy, torch, jax.numpy, ..."""
    return str(getattr(xp, "__name__", xp)).rpartition("array_api_compat.")[2]


def seen(xp: Any) -> Any:
    """Return a namespace, or the one of the same library that was seen first."""
    global _numpy, _torch, _jax, _dask, _mlx
    name = short_name(xp)
    if name == "numpy":
        xp = _numpy = _numpy or xp
    elif name == "torch":
        xp = _torch = _torch or xp
    elif name == "jax.numpy":
        xp = _jax = _jax or xp
    elif name == "dask.array":
        xp = _dask = _dask or xp
    elif name == "mlx.core":
        xp = _mlx = _mlx or xp
    return xp


def is_numpy(xp: Any) -> bool:
    return xp is _numpy


def is_torch(xp: Any) -> bool:
    return xp is _torch


def is_jax(xp: Any) -> bool:
    return xp is _jax


def is_dask(xp: Any) -> bool:
    return xp is _dask


def is_mlx(xp: Any) -> bool:
    return xp is _mlx


def has_derivatives(xp: Any) -> bool:
    """Whether a library may differentiate what is done with its arrays; one that is not known may."""
    return xp is not _numpy and xp is not _dask


def differentiates(xp: Any) -> bool:
    """Whether the library is one whose automatic differentiation is told of our derivatives."""
    return xp is _torch or xp is _jax


def is_chunked(xp: Any) -> bool:
    """Whether arrays consist of chunks, of which some may be empty, or of unknown length."""
    return xp is _dask


def flushes_subnormals(xp: Any) -> bool:
    """Whether numbers below the normal ones are taken for 0."""
    return xp is _jax


def device_of(x: Any) -> Any:
    """Return the device of ``x``, or None where the library has no such notion."""
    return getattr(x, "device", None)


def stop_gradient(x: Any, xp: Any) -> Any:
    """Return ``x`` as a constant for automatic differentiation."""
    if xp is _torch:
        return x.detach()
    if xp is _jax:
        from jax import Array, lax

        x = lax.stop_gradient(x)
        # What JAX holds constant of an array of NumPy that it differentiates at is of a type of its own.
        return x if isinstance(x, Array) else xp.asarray(x)
    return x


def is_compiling(xp: Any) -> bool:
    """Whether torch.compile is tracing this call (context variables do not trace there)."""
    if xp is not _torch:
        return False
    import torch

    return bool(torch.compiler.is_compiling())


def without_range_warnings(xp: Any) -> AbstractContextManager[Any]:
    """Return a context without NumPy's warnings of results that are right.

    [1e308, -1e308] overflows to the right answer, and so does a half type's cast to inf.
    """
    if xp is not _numpy:
        return nullcontext()
    import numpy as np

    return np.errstate(over="ignore", under="ignore")


def called_without_range_warnings(function: Function, xp: Any) -> Function:
    """Return a function that is called so; as a decorator NumPy's context costs half of what a with statement does."""
    return without_range_warnings(xp)(function) if xp is _numpy else function  # type: ignore[operator]
