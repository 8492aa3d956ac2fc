"""Arrays and the library that they all belong to."""

from __future__ import annotations

from numbers import Real
from typing import Any

from .._xp.compat import array_namespace, torch_namespace
from .._xp.facts import learn
from .._xp.namespace import device_of, is_jax, seen, short_name

# type -> namespace, for types that were accepted once; pure metadata.
_NAMESPACES: dict[type, Any] = {}

_FIXES = {
    "builtins": "numpy.asarray({0})",
    "array": "numpy.asarray({0})",
    "decimal": "numpy.asarray({0})",
    "fractions": "numpy.asarray({0})",
    "pandas": "{0}.to_numpy()",
    "polars": "{0}.to_numpy()",
    "pyarrow": "{0}.to_numpy()",
    "xarray": "{0}.data",
    "scipy": "{0}.toarray()",
    "tensorflow": "{0}.numpy()",
}
_REFUSED_NUMPY = {
    "MaskedArray": "numpy.asarray({0}) with where=~{0}.mask",
    "matrix": "numpy.asarray({0})",
}


def namespace_of(x: Any, name: str = "x", beside: Any = None) -> Any:
    """Return the namespace of ``x``; TypeError with the fix for anything that is no array."""
    xp = _NAMESPACES.get(type(x))
    if xp is None:
        xp = _NAMESPACES[type(x)] = seen(_find(x, name, "numpy" if beside is None else short_name(beside)))
        learn(type(x), xp)
    return xp


def _find(x: Any, name: str, library: str) -> Any:
    kind = type(x)
    module = kind.__module__.partition(".")[0]
    if module == "torch" and hasattr(x, "detach"):
        return torch_namespace()
    fix = _FIXES.get(module)
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] == "numpy":
            fix = _REFUSED_NUMPY.get(base.__name__, fix)
    if fix is None:
        try:
            return array_namespace(x)
        except TypeError:
            fix = "numpy.asarray({0})"
    label = kind.__name__ if module == "builtins" else f"{module}.{kind.__name__}"
    fix = fix.format(name).replace("numpy.asarray", f"{library}.asarray")
    raise TypeError(f"{name} is a {label}, not an array; pass {fix}")


def common_namespace(
    xp: Any, arrays: dict[str, Any], optional: dict[str, Any] | None = None, numbers: dict[str, Any] | None = None
) -> Any:
    """Return the namespace that all arrays share; ``optional`` ones may be None, and ``numbers`` a number too.

    A namespace given by the caller is taken as it is, unless it is the bare module of one
    that array-api-compat wraps.
    """
    given = dict(arrays)
    for name, x in (optional or {}).items():
        if x is not None:
            given[name] = x
    for name, x in (numbers or {}).items():
        if x is not None and not isinstance(x, Real):
            given[name] = x
    if xp is not None and all(_is_foreign(x) for x in given.values()):
        return seen(xp)
    (owner, kept), *rest = given.items()
    first = namespace_of(kept, owner)
    for name, x in rest:
        found = namespace_of(x, name, first)
        if found is not first:
            raise TypeError(
                f"{owner} is an array of {short_name(first)} and {name} is an array of "
                f"{short_name(found)}; convert one of them, for example with "
                f"{short_name(first)}.{'from_array' if short_name(first) == 'dask.array' else 'from_dlpack'}({name})"
            )
        _same_device(owner, kept, name, x, found)
    return first if xp is None or short_name(xp) == short_name(first) else xp


def _is_foreign(x: Any) -> bool:
    """Whether ``x`` is an array of a library that only its caller can name."""
    kind = type(x)
    return (
        kind not in _NAMESPACES
        and not hasattr(x, "__array_namespace__")
        and hasattr(x, "dtype")
        and (kind.__module__.partition(".")[0] not in {*_FIXES, "numpy", "torch", "jax", "jaxlib", "cupy", "dask"})
    )


def _same_device(name_a: str, a: Any, name_b: str, b: Any, xp: Any) -> None:
    # JAX moves uncommitted arrays by design and raises a ValueError of its own for committed ones.
    if is_jax(xp):
        return
    device_a, device_b = device_of(a), device_of(b)
    if device_a != device_b:
        raise ValueError(
            f"{name_a} is on device {device_a} and {name_b} is on device {device_b}; "
            "move one of them first, nothing is copied between devices silently"
        )
