"""The smallest conforming library: arrays of pure Python, strict about array API 2023.12.

It has the functions that the core formulas use and no other, and refuses everything that the
standard leaves open: Python scalars in ``where``, promotion between kinds, devices that differ,
an empty tuple of axes, the values of an array as a bool or a number.
"""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

DEVICES = ("toy:0", "toy:1")
DEFAULT_DEVICE = DEVICES[0]


class DType:
    """A data type; it has no ``name``, as the standard asks for none."""

    def __init__(self, name: str, kind: str, size: int, convert: Callable[[Any], Any]) -> None:
        self._name, self.kind, self.size, self.convert = name, kind, size, convert

    def __repr__(self) -> str:
        return f"toy.{self._name}"


def _float32(value: Any) -> float:
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


BOOL = DType("bool", "bool", 1, bool)
INT64 = DType("int64", "integral", 8, int)
FLOAT32 = DType("float32", "real floating", 4, _float32)
FLOAT64 = DType("float64", "real floating", 8, float)
DTYPES = {"bool": BOOL, "int64": INT64, "float32": FLOAT32, "float64": FLOAT64}
_KINDS = {bool: ("bool",), int: ("integral", "real floating"), float: ("real floating",)}


class Array:
    """Values in C order, and a shape."""

    def __init__(self, flat: list[Any], shape: tuple[int, ...], dtype: DType, device: str) -> None:
        if len(flat) != math.prod(shape):
            raise ValueError(f"{len(flat)} values do not fill the shape {shape}")
        self.flat = [dtype.convert(v) for v in flat]
        self.shape, self.dtype, self.device = shape, dtype, device

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return len(self.flat)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        if api_version not in (None, "2023.12"):
            raise ValueError(f"toy has no version {api_version} of the standard")
        return xp

    def __repr__(self) -> str:
        return f"toy.Array({self.flat}, shape={self.shape}, dtype={self.dtype}, device={self.device})"

    def __bool__(self) -> bool:
        raise TypeError("toy arrays have no truth value: they might be lazy")

    def __float__(self) -> float:
        raise TypeError("toy arrays are no numbers: they might be lazy")

    def __getitem__(self, key: Any) -> Array:
        key = key if isinstance(key, tuple) else (key,)
        full = slice(None)
        if key.count(...) > 1 or any(k is not None and k is not ... and k != full for k in key):
            raise IndexError("toy arrays are indexed by None, full slices and one ... only")
        if ... not in key and key.count(full) != self.ndim:
            raise IndexError("an index must have as many entries as the array has dimensions, or a ...")
        lengths, out = list(self.shape), []
        for k in key:
            if k is None:
                out.append(1)
            else:
                count = len(self.shape) - key.count(full) if k is ... else 1
                out += [lengths.pop(0) for _ in range(count)]
        return Array(self.flat, tuple(out), self.dtype, self.device)

    def __neg__(self) -> Array:
        return _map(operator.neg, self, ("integral", "real floating"))

    def __invert__(self) -> Array:
        return _map(operator.not_ if self.dtype is BOOL else operator.invert, self, ("bool", "integral"))

    def __add__(self, other: Any) -> Array:
        return _combine(operator.add, self, other)

    def __radd__(self, other: Any) -> Array:
        return _combine(operator.add, other, self)

    def __sub__(self, other: Any) -> Array:
        return _combine(operator.sub, self, other)

    def __rsub__(self, other: Any) -> Array:
        return _combine(operator.sub, other, self)

    def __mul__(self, other: Any) -> Array:
        return _combine(operator.mul, self, other)

    def __rmul__(self, other: Any) -> Array:
        return _combine(operator.mul, other, self)

    def __truediv__(self, other: Any) -> Array:
        return _combine(_divide, self, other, ("real floating",))

    def __rtruediv__(self, other: Any) -> Array:
        return _combine(_divide, other, self, ("real floating",))

    def __pow__(self, other: Any) -> Array:
        return _combine(math.pow, self, other, ("real floating",))

    def __and__(self, other: Any) -> Array:
        return _combine(operator.and_, self, other, ("bool", "integral"))

    def __or__(self, other: Any) -> Array:
        return _combine(operator.or_, self, other, ("bool", "integral"))

    def __xor__(self, other: Any) -> Array:
        return _combine(operator.xor, self, other, ("bool", "integral"))

    def __rshift__(self, other: Any) -> Array:
        return _combine(operator.rshift, self, other, ("integral",))

    def __eq__(self, other: object) -> Array:  # type: ignore[override]
        return _combine(operator.eq, self, other, tuple(_ALL_KINDS), BOOL)

    def __ne__(self, other: object) -> Array:  # type: ignore[override]
        return _combine(operator.ne, self, other, tuple(_ALL_KINDS), BOOL)

    def __lt__(self, other: Any) -> Array:
        return _combine(operator.lt, self, other, result=BOOL)

    def __le__(self, other: Any) -> Array:
        return _combine(operator.le, self, other, result=BOOL)

    def __gt__(self, other: Any) -> Array:
        return _combine(operator.gt, self, other, result=BOOL)

    def __ge__(self, other: Any) -> Array:
        return _combine(operator.ge, self, other, result=BOOL)

    __hash__ = None  # type: ignore[assignment]


_ALL_KINDS = ("bool", "integral", "real floating")
_NUMERIC = ("integral", "real floating")


def _divide(a: float, b: float) -> float:
    if b:
        return a / b
    return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1.0, b)


def _combine(
    f: Callable[[Any, Any], Any], a: Any, b: Any, kinds: tuple[str, ...] = _NUMERIC, result: DType | None = None
) -> Array:
    """Apply ``f`` to two arrays, or to an array and a Python scalar of a kind that fits."""
    like = a if isinstance(a, Array) else b
    a, b = _operand(a, like), _operand(b, like)
    dtype = result_type(a, b)
    if dtype.kind not in kinds:
        raise TypeError(f"{f.__name__} is not defined for {dtype}")
    _check_devices(a, b)
    shape = _broadcast(a.shape, b.shape)
    flat = [f(dtype.convert(v), dtype.convert(w)) for v, w in zip(_stretch(a, shape), _stretch(b, shape), strict=True)]
    return Array(flat, shape, result or dtype, a.device)


def _operand(value: Any, like: Array) -> Array:
    if isinstance(value, Array):
        return value
    if like.dtype.kind not in _KINDS.get(type(value), ()):
        raise TypeError(f"{value!r} ({type(value).__name__}) does not mix with an array of {like.dtype}")
    return Array([value], (), like.dtype, like.device)


def _check_devices(*arrays: Array) -> None:
    if len({a.device for a in arrays}) > 1:
        raise ValueError(f"arrays on different devices: {[a.device for a in arrays]}")


def _broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    ndim = max(map(len, shapes))
    out = []
    for lengths in zip(*((1,) * (ndim - len(s)) + s for s in shapes), strict=True):
        longer = {n for n in lengths if n != 1}
        if len(longer) > 1:
            raise ValueError(f"shapes {shapes} do not broadcast")
        out.append(longer.pop() if longer else 1)
    return tuple(out)


def _stretch(a: Array, shape: tuple[int, ...]) -> Iterator[Any]:
    lengths = (1,) * (len(shape) - a.ndim) + a.shape
    for place in product(*map(range, shape)):
        yield a.flat[_position(place, lengths)]


def _position(place: tuple[int, ...], shape: tuple[int, ...]) -> int:
    at = 0
    for i, n in zip(place, shape, strict=True):
        at = at * n + (i if n != 1 else 0)
    return at


def _map(f: Callable[[Any], Any], x: Array, kinds: tuple[str, ...], result: DType | None = None) -> Array:
    if not isinstance(x, Array):
        raise TypeError(f"{x!r} is not a toy array")
    if x.dtype.kind not in kinds:
        raise TypeError(f"{f.__name__} is not defined for {x.dtype}")
    return Array([f(v) for v in x.flat], x.shape, result or x.dtype, x.device)


def _fold(f: Callable[[list[Any]], Any], x: Array, axis: Any, keepdims: bool, dtype: DType) -> Array:
    """Reduce the values of each row by ``f``."""
    axes = _axes(axis, x.ndim)
    kept = tuple(1 if a in axes else n for a, n in enumerate(x.shape))
    rows: list[list[Any]] = [[] for _ in range(math.prod(kept))]
    for place, value in zip(product(*map(range, x.shape)), x.flat, strict=True):
        rows[_position(place, kept)].append(value)
    shape = kept if keepdims else tuple(n for a, n in enumerate(x.shape) if a not in axes)
    return Array([f(row) for row in rows], shape, dtype, x.device)


def _axes(axis: Any, ndim: int) -> set[int]:
    if axis is None:
        return set(range(ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    found = {a % ndim for a in axes if -ndim <= a < ndim}
    if not axes or len(found) != len(axes):
        raise ValueError(f"axis={axis} is empty, repeated or out of range for {ndim} dimensions")
    return found


class FInfo:
    """What finfo returns, as Python floats."""

    def __init__(self, dtype: DType) -> None:
        double = dtype is FLOAT64
        self.bits = 64 if double else 32
        self.eps = 2.0**-52 if double else 2.0**-23
        self.max = math.ldexp(2.0 - self.eps, 1023 if double else 127)
        self.min = -self.max
        self.smallest_normal = math.ldexp(1.0, -1022 if double else -126)
        self.dtype = dtype


class IInfo:
    """What iinfo returns, as Python integers."""

    def __init__(self, dtype: DType) -> None:
        self.bits = 8 * dtype.size
        self.max = 2 ** (self.bits - 1) - 1
        self.min = -self.max - 1
        self.dtype = dtype


class Info:
    """What __array_namespace_info__ returns."""

    def capabilities(self) -> dict[str, bool]:
        return {"boolean indexing": False, "data-dependent shapes": False}

    def default_device(self) -> str:
        return DEFAULT_DEVICE

    def default_dtypes(self, *, device: str | None = None) -> dict[str, DType]:
        return {"real floating": FLOAT64, "integral": INT64, "indexing": INT64}

    def devices(self) -> list[str]:
        return list(DEVICES)

    def dtypes(self, *, device: str | None = None, kind: Any = None) -> dict[str, DType]:
        kinds = (kind,) if isinstance(kind, str) else kind
        return {name: d for name, d in DTYPES.items() if kinds is None or d.kind in kinds}


class Namespace:
    """The namespace: an attribute that is not listed here is an AttributeError."""

    __name__ = "toy"
    __array_api_version__ = "2023.12"
    bool, int64, float32, float64 = BOOL, INT64, FLOAT32, FLOAT64
    inf, nan, pi, e, newaxis = math.inf, math.nan, math.pi, math.e, None

    def __repr__(self) -> str:
        return "<namespace toy>"


xp: Any = Namespace()


def _public(f: Callable[..., Any]) -> Callable[..., Any]:
    # One underscore at the end keeps a function apart from the builtin it is named as.
    name = f.__name__ if f.__name__.endswith("__") else f.__name__.removesuffix("_")
    setattr(Namespace, name, staticmethod(f))
    return f


@_public
def __array_namespace_info__() -> Info:  # noqa: N807
    return Info()


@_public
def asarray(values: Any, /, *, dtype: DType | None = None, device: str | None = None, copy: Any = None) -> Array:
    """Return nested lists, or a Python scalar, as an array."""
    if isinstance(values, Array):
        return Array(values.flat, values.shape, dtype or values.dtype, device or values.device)
    shape, flat = (), [values]
    while flat and isinstance(flat[0], list):
        shape, flat = (*shape, len(flat[0])), [v for row in flat for v in row]
    if isinstance(values, list) and not flat:
        raise ValueError("an empty list has no dtype; use zeros_like or reshape")
    kinds = {type(v) for v in flat}
    found = BOOL if kinds == {bool} else INT64 if kinds == {int} else FLOAT64
    return Array(flat, shape, dtype or found, device or DEFAULT_DEVICE)


@_public
def arange(start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None) -> Array:
    numbers = list(range(start) if stop is None else range(start, stop, step))
    return Array(numbers, (len(numbers),), dtype or INT64, device or DEFAULT_DEVICE)


@_public
def full_like(x: Array, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Array:
    dtype = dtype or x.dtype
    if dtype.kind not in _KINDS.get(type(fill_value), ()):
        raise TypeError(f"full_like: {fill_value!r} is not of the kind of {dtype}")
    return Array([fill_value] * x.size, x.shape, dtype, device or x.device)


@_public
def zeros_like(x: Array, /, *, dtype: Any = None, device: Any = None) -> Array:
    return Array([0] * x.size, x.shape, dtype or x.dtype, device or x.device)


@_public
def ones_like(x: Array, /, *, dtype: Any = None, device: Any = None) -> Array:
    return Array([1] * x.size, x.shape, dtype or x.dtype, device or x.device)


@_public
def astype(x: Array, dtype: DType, /, *, copy: bool = True, device: Any = None) -> Array:
    if not isinstance(x, Array) or not isinstance(dtype, DType):
        raise TypeError(f"astype takes an array and a dtype, not {x!r} and {dtype!r}")
    return Array(x.flat, x.shape, dtype, device or x.device)


@_public
def finfo(dtype: Any, /) -> FInfo:
    dtype = dtype.dtype if isinstance(dtype, Array) else dtype
    if dtype.kind != "real floating":
        raise TypeError(f"finfo is not defined for {dtype}")
    return FInfo(dtype)


@_public
def iinfo(dtype: Any, /) -> IInfo:
    dtype = dtype.dtype if isinstance(dtype, Array) else dtype
    if dtype.kind != "integral":
        raise TypeError(f"iinfo is not defined for {dtype}")
    return IInfo(dtype)


@_public
def result_type(*arrays_and_dtypes: Array | DType) -> DType:
    dtypes = []
    for item in arrays_and_dtypes:
        if not isinstance(item, Array | DType):
            raise TypeError(f"result_type takes arrays and dtypes, not {item!r}: scalars came in 2024.12")
        dtypes.append(item.dtype if isinstance(item, Array) else item)
    if len({d.kind for d in dtypes}) > 1:
        raise TypeError(f"no promotion between kinds: {dtypes}")
    return max(dtypes, key=lambda d: d.size)


@_public
def where(condition: Array, x1: Array, x2: Array, /) -> Array:
    if not all(isinstance(a, Array) for a in (condition, x1, x2)):
        raise TypeError("where takes arrays: scalars came in 2024.12")
    if condition.dtype is not BOOL:
        raise TypeError(f"where takes a boolean condition, not {condition.dtype}")
    _check_devices(condition, x1, x2)
    dtype, shape = result_type(x1, x2), _broadcast(condition.shape, x1.shape, x2.shape)
    triples = zip(*(_stretch(a, shape) for a in (condition, x1, x2)), strict=True)
    return Array([v if c else w for c, v, w in triples], shape, dtype, x1.device)


def _extended(f: Callable[[float], float], at_pole: float) -> Callable[[float], float]:
    """Return ``f`` with infinite values where it overflows and ``at_pole`` at its pole, NaN outside its domain."""

    def total(v: float) -> float:
        try:
            return f(v)
        except OverflowError:
            return math.inf
        except ValueError:
            return -math.inf if v == at_pole else math.nan

    total.__name__ = f.__name__
    return total


def _elementwise(f: Callable[[float], float], pole: float = math.nan) -> None:
    total = _extended(f, pole)

    def function(x: Array, /) -> Array:
        return _map(total, x, ("real floating",))

    function.__name__ = f.__name__
    _public(function)


for _f, _pole in (
    (math.exp, math.nan),
    (math.expm1, math.nan),
    (math.log, 0.0),
    (math.log1p, -1.0),
    (math.tanh, math.nan),
):
    _elementwise(_f, _pole)


@_public
def round_(x: Array, /) -> Array:
    return _map(lambda v: float(round(v)) if math.isfinite(v) else v, x, ("real floating",))


@_public
def isfinite(x: Array, /) -> Array:
    return _map(math.isfinite, x, _NUMERIC, BOOL)


@_public
def abs_(x: Array, /) -> Array:
    return _map(abs, x, _NUMERIC)


@_public
def sign(x: Array, /) -> Array:
    return _map(lambda v: v if v != v else (v > 0) - (v < 0), x, _NUMERIC)


@_public
def sum_(x: Array, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Array:
    if x.dtype.kind not in _NUMERIC:
        raise TypeError(f"sum is not defined for {x.dtype}")
    wide = dtype or x.dtype

    def total(row: list[Any]) -> Any:
        s = wide.convert(0)
        for v in row:
            s = wide.convert(s + v)
        return s

    return _fold(total, x, axis, keepdims, wide)


def _extreme(f: Callable[[list[Any]], Any], x: Array, axis: Any, keepdims: bool) -> Array:
    if x.dtype.kind not in _NUMERIC:
        raise TypeError(f"{f.__name__} is not defined for {x.dtype}")
    return _fold(lambda row: math.nan if any(v != v for v in row) else f(row), x, axis, keepdims, x.dtype)


@_public
def max_(x: Array, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    return _extreme(max, x, axis, keepdims)


@_public
def min_(x: Array, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    return _extreme(min, x, axis, keepdims)


@_public
def any_(x: Array, /, *, axis: Any = None, keepdims: bool = False) -> Array:
    return _fold(any, x, axis, keepdims, BOOL)


@_public
def reshape(x: Array, /, shape: tuple[int, ...], *, copy: Any = None) -> Array:
    known = math.prod(n for n in shape if n != -1)
    return Array(x.flat, tuple(x.size // known if n == -1 else n for n in shape), x.dtype, x.device)


@_public
def squeeze(x: Array, /, axis: Any) -> Array:
    axes = _axes(axis, x.ndim)
    if any(x.shape[a] != 1 for a in axes):
        raise ValueError(f"axis={axis} has entries of a length other than 1 in {x.shape}")
    return Array(x.flat, tuple(n for a, n in enumerate(x.shape) if a not in axes), x.dtype, x.device)


@_public
def expand_dims(x: Array, /, *, axis: int = 0) -> Array:
    if not -x.ndim - 1 <= axis <= x.ndim:
        raise IndexError(f"axis={axis} is out of range")
    axis %= x.ndim + 1
    return Array(x.flat, (*x.shape[:axis], 1, *x.shape[axis:]), x.dtype, x.device)
