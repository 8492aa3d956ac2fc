"""A namespace in pure Python: one-dimensional float64 arrays with only what the formulas need.

It runs in a process in which no array library can be imported.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


class Dtype:
    def __init__(self, name: str) -> None:
        self.name = name


float64, boolean = Dtype("float64"), Dtype("bool")


class Array:
    """Values in one dimension; length 1 broadcasts."""

    device = "toy"
    ndim = 1

    def __init__(self, values: list[Any]) -> None:
        self.values = values
        self.dtype = boolean if all(isinstance(v, bool) for v in values) and values else float64
        self.shape = (len(values),)

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        return namespace


def spread(function: Callable[..., Any], *arguments: Any) -> Array:
    columns = [a.values if isinstance(a, Array) else [a] for a in arguments]
    n = next((len(c) for c in columns if len(c) != 1), 1)
    return Array([function(*row) for row in zip(*(c * n if len(c) == 1 else c for c in columns), strict=True)])


def _divide(a: float, b: float) -> float:
    return a / b if b else math.nan


OPERATORS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "radd": lambda a, b: b + a,
    "sub": lambda a, b: a - b,
    "rsub": lambda a, b: b - a,
    "mul": lambda a, b: a * b,
    "rmul": lambda a, b: b * a,
    "truediv": _divide,
    "rtruediv": lambda a, b: _divide(b, a),
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "neg": lambda a: -a,
    "invert": lambda a: not a,
}
for _name, _function in OPERATORS.items():
    setattr(Array, f"__{_name}__", lambda *a, f=_function: spread(f, *a))


def _reduction(function: Callable[..., Any]) -> Callable[..., Array]:
    def reduce(x: Array, *, axis: Any, keepdims: bool, **_: Any) -> Array:
        assert axis == (0,)
        assert keepdims
        return Array([function(x.values)])

    return reduce


def _elementwise(function: Callable[..., Any]) -> Callable[..., Array]:
    return lambda *arrays: spread(function, *arrays)


def _log(v: float) -> float:
    return math.log(v) if v > 0 else -math.inf


namespace = SimpleNamespace(
    __name__="toy",
    float64=float64,
    bool=boolean,
    finfo=lambda dtype: SimpleNamespace(max=1.7976931348623157e308),
    astype=lambda x, dtype: Array([float(v) for v in x.values]),
    full_like=lambda x, v: Array([v] * len(x.values)),
    zeros_like=lambda x: Array([0.0] * len(x.values)),
    ones_like=lambda x: Array([1.0] * len(x.values)),
    squeeze=lambda x, axis: x,
    where=_elementwise(lambda c, a, b: a if c else b),
    isfinite=_elementwise(math.isfinite),
    exp=_elementwise(math.exp),
    expm1=_elementwise(math.expm1),
    log=_elementwise(_log),
    log1p=_elementwise(math.log1p),
    max=_reduction(max),
    sum=_reduction(math.fsum),
    any=_reduction(any),
)
