"""What draws and filters take beside their logits: noise or a generator, counts, and shares of the mass."""

from __future__ import annotations

from math import prod
from numbers import Integral, Real
from operator import index
from typing import Any

from .._xp.dtypes import kind_of
from .._xp.namespace import device_of, short_name
from .._xp.noise import Source
from .arrays import common_namespace
from .axes import check_axis, check_count
from .dtypes import from_top, to_floating
from .losses import check_number
from .masks import check_lengths, check_temperature, check_where, per_row, same_lengths

_NUMPY = "numpy.random.default_rng(seed)"

_GENERATORS: dict[str, tuple[tuple[str, ...], str]] = {
    "numpy": (("numpy",), _NUMPY),
    "array_api_strict": (("numpy",), _NUMPY),
    "dask.array": (("numpy", "dask"), _NUMPY),
    "cupy": (("cupy",), "cupy.random.default_rng(seed)"),
    "torch": (("torch",), "torch.Generator(device=logits.device).manual_seed(seed)"),
    "jax.numpy": (("jax",), "jax.random.key(seed)"),
}
"""By library: whose generators make noise for its arrays, and how to write one."""


def admit_noisy(
    logits: Any, *, noise: Any, rng: Any, temperature: Any, axis: Any, where: Any, xp: Any
) -> tuple[Any, Source, dict[str, Any]]:
    """Return logits as floating point, where their noise comes from, and the options of a softmax, checked."""
    xp = common_namespace(xp, {"logits": logits}, {"noise": noise, "where": where}, {"temperature": temperature})
    axes = (check_axis(axis, logits.ndim, "an integer"),)
    keep = check_where(where, logits)
    x, _ = from_top(logits, None, axis=axes, where=keep, xp=xp, name="logits")
    source = _check_source(noise, rng, x, tuple(x.shape), "the shape of logits", xp)
    temperature = check_temperature(temperature, x, axes)
    return x, source, {"axis": axes, "where": keep, "temperature": temperature, "xp": xp}


def admit_draws(
    logits: Any, *, noise: Any, rng: Any, axis: Any, shape: Any, replace: Any, where: Any, xp: Any
) -> tuple[Any, Source, dict[str, Any]]:
    """Return logits as floating point, where their noise comes from, and the options of draws, checked."""
    xp = common_namespace(xp, {"logits": logits}, {"noise": noise, "where": where})
    a = check_axis(axis, logits.ndim, "an integer")
    keep = check_where(where, logits)
    x, _ = from_top(logits, None, axis=(a,), where=keep, xp=xp, name="logits")
    draws = _check_shape(shape)
    n, wanted = x.shape[a], prod(draws)
    if replace:
        source = _check_source(noise, rng, x, (*draws, *x.shape), "that of the draws and then that of logits", xp)
    else:
        # Different labels of one row are taken in falling order: it is sorted, and its length must be known.
        check_lengths(x, (a,), "logits")
        source = _check_source(noise, rng, x, tuple(x.shape), "the shape of logits, as replace=False", xp)
        if wanted > n:
            raise ValueError(
                f"shape={draws} asks for {wanted} different labels of {n} classes; ask for at most {n}, "
                "or use replace=True"
            )
        if len(draws) > 1:
            check_lengths(x, tuple(range(x.ndim)), "logits")
    return x, source, {"axis": (a,), "where": keep, "shape": draws, "xp": xp}


def _check_shape(shape: Any) -> tuple[int, ...]:
    """Return the shape of the draws as a tuple of integers."""
    given = shape if isinstance(shape, tuple) else (shape,)
    try:
        lengths = tuple(index(n) for n in given)
    except TypeError:
        raise TypeError(f"shape={shape!r} is no shape; use a tuple of integers") from None
    if any(n < 0 for n in lengths):
        raise ValueError(f"shape={shape} has a negative length; use integers of at least 0")
    return lengths


def _check_source(noise: Any, rng: Any, x: Any, shape: tuple[Any, ...], meaning: str, xp: Any) -> Source:
    """Return the noise, or the generator that is to make it."""
    library = short_name(xp)
    kinds, fix = _GENERATORS.get(library, ((), ""))
    instead = f"pass rng={fix}, or noise" if fix else "pass noise"
    if noise is None and rng is None:
        raise ValueError(f"neither noise nor rng is given; {instead}: standard Gumbel numbers of shape {shape}")
    if noise is not None and rng is not None:
        raise ValueError("noise and rng are both given; pass one of them")
    if noise is not None:
        if kind_of(noise.dtype) != "real floating":
            raise TypeError(f"noise has dtype {noise.dtype}; use a floating type")
        if not same_lengths(noise.shape, shape):
            raise ValueError(f"noise has shape {tuple(noise.shape)}; use {shape}, {meaning}")
        return Source(noise, None, "", shape)
    kind = _kind_of_rng(rng)
    if kind not in kinds:
        module = type(rng).__module__.partition(".")[0]
        label = type(rng).__name__ if module == "builtins" else f"{module}.{type(rng).__name__}"
        raise TypeError(f"rng is a {label}, which makes no noise for arrays of {library}; {instead}")
    if kind == "jax":
        _check_key(rng)
    if kind == "torch":
        _check_generator_device(rng.device, device_of(x))
    check_lengths(x, tuple(range(x.ndim)), "logits")
    return Source(None, rng, kind, shape)


def _check_generator_device(made: Any, device: Any) -> None:
    # A device without an index is the current one, whichever that is.
    same_index = made.index == device.index or None in (made.index, device.index)
    if made.type != device.type or not same_index:
        raise ValueError(
            f"rng is on device {made} and logits is on device {device}; use a generator on the device of logits"
        )


def _kind_of_rng(rng: Any) -> str | None:
    """Return the library of a generator, by names alone: none is imported for it."""
    for base in type(rng).__mro__:
        library = base.__module__.partition(".")[0]
        if base.__name__ == "Generator" and library in ("numpy", "cupy", "dask", "torch"):
            return library
    dtype = str(getattr(rng, "dtype", ""))
    of_jax = type(rng).__module__.partition(".")[0] in ("jax", "jaxlib")
    return "jax" if of_jax and (dtype.startswith("key<") or dtype == "uint32") else None


def _check_key(key: Any) -> None:
    """Raise ValueError unless this is one key, of the new kind or of the one that is an array of integers."""
    if key.ndim != (1 if str(key.dtype) == "uint32" else 0):
        raise ValueError(f"rng is an array of keys of shape {tuple(key.shape)}; pass one of them, or use jax.vmap")


def admit_filter(
    x: Any, value: Any, *, name: str, axis: Any, where: Any, fill: Any, min_keep: Any = 1, zero: bool = True, xp: Any
) -> tuple[Any, dict[str, Any]]:
    """Return logits as floating point and the options of a filter by probability, checked."""
    x, options = _admit_rows(x, value, name=name, axis=axis, where=where, fill=fill, xp=xp)
    return x, {
        **options,
        "p": _check_share(name, value, x, options["axis"], zero),
        "min_keep": check_count("min_keep", min_keep, 1),
    }


def admit_top_k(x: Any, k: Any, *, axis: Any, where: Any, ties: Any, fill: Any, xp: Any) -> tuple[Any, dict[str, Any]]:
    """Return logits as floating point and the options of the filter by rank, checked."""
    x, options = _admit_rows(x, k, name="k", axis=axis, where=where, fill=fill, xp=xp)
    if ties not in ("first", "all"):
        raise ValueError(f"ties={ties!r} is not known; use one of 'first', 'all'")
    if hasattr(k, "shape") and not isinstance(k, Integral):
        if kind_of(k.dtype) != "integer":
            raise TypeError(f"k has dtype {k.dtype}; supported: int8..int64, uint8..uint64")
        k = per_row("k", k, x, options["axis"])
    else:
        k = check_count("k", k, 1)
    return x, {**options, "k": k, "ties": ties}


def _admit_rows(
    x: Any, value: Any, *, name: str, axis: Any, where: Any, fill: Any, xp: Any
) -> tuple[Any, dict[str, Any]]:
    optional = {name: value} if hasattr(value, "shape") and not isinstance(value, Real) else {}
    xp = common_namespace(xp, {"x": x}, {"where": where, **optional})
    axes = (check_axis(axis, x.ndim, "an integer"),)
    check_lengths(x, axes)
    keep = check_where(where, x)
    d, top = from_top(x, None, axis=axes, where=keep, xp=xp)
    # The mask compares differences to the largest integer; what it keeps are the logits themselves.
    values = None if top is None else to_floating(x, None, xp)
    return d, {"axis": axes, "where": keep, "fill": check_number("fill", fill), "values": values, "xp": xp}


def _check_share(name: str, value: Any, x: Any, axes: tuple[int, ...], zero: bool) -> Any:
    """Return a share of the mass as a number, or as an array with one for each row."""
    if hasattr(value, "shape") and not isinstance(value, Real):
        return per_row(name, value, x, axes)
    return check_number(name, value, low=0.0, high=1.0, above=None if zero else 0.0)
