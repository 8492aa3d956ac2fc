"""Activations and their derivatives from mpmath at 200 bits; this shares no code with the formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .oracle import BITS, Derivative, Exact, Floats, _split

Terms = tuple[Any, ...]
UNITS = 16
"""The gate of a derivative in units of one rounding."""

FAR = 1e4


def exact_activation(name: str, x: Any, /, **options: float | bool) -> Exact:
    """Return the exact values of a function of `softmax_xp.activations` at finite numbers."""

    def both(v: Any) -> tuple[Any, Any]:
        y = _VALUES[name](v, **options)
        if name != "gelu":
            return y, 0
        return y, abs(y) * _sigmoid(-_exponent(v)) * _exponent_error(name, v, **options)

    hi, lo, slack = _each(both, x)
    return Exact(hi, lo, slack, 1)


def exact_slope(name: str, x: Any, /, order: int = 1, **options: float | bool) -> Derivative:
    """Return the exact first or second derivatives at finite numbers.

    Their gate is multiplied by the sum of the absolute values of the terms that a derivative is the sum of, and
    grows by what the rounding of an exponent moves them.
    """
    slopes = _SLOPES if order == 1 else _CURVES

    def both(v: Any) -> tuple[Any, Any]:
        terms = slopes[name](v, **options)
        wider = 1 + _exponent_error(name, v, **options) / UNITS
        return sum(terms), wider * sum(abs(t) for t in terms)

    hi, lo, largest = _each(both, x)
    return Derivative(Exact(hi, lo, np.zeros_like(hi), 1), largest)


def _each(f: Callable[[Any], tuple[Any, Any]], x: Any) -> tuple[Floats, Floats, Floats]:
    """Return the first results of f as ``hi + lo``, and the second ones."""
    import mpmath

    x = np.asarray(x, dtype=np.float64)
    with mpmath.workprec(BITS):
        first, second = zip(*(f(mpmath.mpf(v)) for v in x.ravel().tolist()), strict=True)
        hi, lo = _split(list(first))
    rest = np.asarray([float(v) for v in second])
    return hi.reshape(x.shape), lo.reshape(x.shape), rest.reshape(x.shape)


def _exponent_error(name: str, x: Any, approximate: Any = False, cap: Any = None, **_: Any) -> Any:
    """Return what the exponent of a result may be off by, in units of one rounding.

    Only of an exponent that is no given number but has been rounded itself: that of the approximate gelu three times,
    that of the derivative of softcap twice.
    """
    if name == "gelu" and approximate:
        return 3 * abs(_exponent(x))
    return 0 if cap is None else 2 * abs(2 * x / cap)


def _exp(x: Any) -> Any:
    import mpmath

    return mpmath.exp(x)


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + _exp(-x))


def _softplus(x: Any, beta: float = 1.0) -> Any:
    import mpmath

    return max(x, 0) + mpmath.log1p(_exp(-abs(x * beta))) / beta


def _logit(p: Any) -> Any:
    import mpmath

    if p in (0, 1):
        return mpmath.inf if p else -mpmath.inf
    return mpmath.log(p / (1 - p)) if 0 < p < 1 else mpmath.nan


def _tanh(x: Any) -> Any:
    import mpmath

    return mpmath.tanh(x)


def _elu(x: Any, alpha: float = 1.0) -> Any:
    import mpmath

    return x if x > 0 else alpha * mpmath.expm1(x)


def _phi(x: Any) -> Any:
    import mpmath

    return _exp(-(min(abs(x), FAR) ** 2) / 2) / mpmath.sqrt(2 * mpmath.pi)


def _normal(x: Any) -> Any:
    import mpmath

    # mpmath's erfc has no result for 1e200; beyond 1e4 it is 0 or 2 to 200 bits.
    return mpmath.erfc(-min(max(x, -FAR), FAR) / mpmath.sqrt(2)) / 2


def _exponent(x: Any, order: int = 0) -> Any:
    """Return 2 sqrt(2 / pi) (x + 0.044715 x**3), or a derivative of it."""
    import mpmath

    x = min(max(x, -FAR), FAR)
    c, k = 2 * mpmath.sqrt(2 / mpmath.pi), mpmath.mpf("0.044715")
    return c * (x + k * x**3, 1 + 3 * k * x**2, 6 * k * x)[order]


def _gelu(x: Any, approximate: bool = False) -> Any:
    return x * (_sigmoid(_exponent(x)) if approximate else _normal(x))


def _sparse_plus(x: Any) -> Any:
    return x if x >= 1 else (x + 1) ** 2 / 4 if x > -1 else 0


_VALUES: dict[str, Callable[..., Any]] = {
    "sigmoid": _sigmoid,
    "log_sigmoid": lambda x: -_softplus(-x),
    "logit": _logit,
    "softplus": _softplus,
    "tanh": _tanh,
    "relu": lambda x: max(x, 0),
    "leaky_relu": lambda x, negative_slope=0.01: x if x > 0 else negative_slope * x,
    "elu": _elu,
    "silu": lambda x: x * _sigmoid(x),
    "gelu": _gelu,
    "linear": lambda x, slope=1.0: slope * x,
    "binary_step": lambda x, threshold=0.0: 1 if x >= threshold else 0,
    "softcap": lambda x, cap: cap * _tanh(x / cap),
    "sparse_plus": _sparse_plus,
    "sparse_sigmoid": lambda x: min(max((x + 1) / 2, 0), 1),
}


def _bell(x: Any) -> Any:
    """Return the derivative of sigmoid."""
    return _sigmoid(x) * _sigmoid(-x)


def _tilt(x: Any) -> Terms:
    """Return the second derivative of sigmoid."""
    return _bell(x) * _sigmoid(-x), -_bell(x) * _sigmoid(x)


def _of_gated(y: Any, x: Any, slope: Any = 1) -> Terms:
    """Return the derivative of x * sigmoid(y), where y has the derivative ``slope``."""
    return _sigmoid(y), x * _bell(y) * slope


def _gelu_slope(x: Any, approximate: bool = False) -> Terms:
    if approximate:
        return _of_gated(_exponent(x), x, _exponent(x, 1))
    return _normal(x), x * _phi(x)


_SLOPES: dict[str, Callable[..., Terms]] = {
    "sigmoid": lambda x: (_bell(x),),
    "log_sigmoid": lambda x: (_sigmoid(-x),),
    "logit": lambda p: (1 / (p * (1 - p)),),
    "softplus": lambda x, beta=1.0: (_sigmoid(beta * x),),
    "tanh": lambda x: (4 * _bell(2 * x),),
    "relu": lambda x: (x > 0,),
    "leaky_relu": lambda x, negative_slope=0.01: (1 if x > 0 else negative_slope,),
    "elu": lambda x, alpha=1.0: (1 if x > 0 else alpha * _exp(x),),
    "silu": lambda x: _of_gated(x, x),
    "gelu": _gelu_slope,
    "linear": lambda x, slope=1.0: (slope,),
    "binary_step": lambda x, threshold=0.0: (0,),
    "softcap": lambda x, cap: (4 * _bell(2 * x / cap),),
    "sparse_plus": lambda x: (min(max((x + 1) / 2, 0), 1),),
    "sparse_sigmoid": lambda x: (0.5 if -1 < x < 1 else 0,),
}


def _gelu_curve(x: Any, approximate: bool = False) -> Terms:
    if not approximate:
        return 2 * _phi(x), -x * x * _phi(x)
    y, first, second = (_exponent(x, k) for k in range(3))
    up, down = _tilt(y)
    return 2 * _bell(y) * first, x * up * first**2, x * down * first**2, x * _bell(y) * second


_CURVES: dict[str, Callable[..., Terms]] = {
    "sigmoid": _tilt,
    "log_sigmoid": lambda x: (-_bell(x),),
    "logit": lambda p: (1 / (1 - p) ** 2, -1 / p**2),
    "softplus": lambda x, beta=1.0: (beta * _bell(beta * x),),
    "tanh": lambda x: tuple(8 * t for t in _tilt(2 * x)),
    "elu": lambda x, alpha=1.0: (0 if x > 0 else alpha * _exp(x),),
    "silu": lambda x: (2 * _bell(x), *(x * t for t in _tilt(x))),
    "gelu": _gelu_curve,
    "softcap": lambda x, cap: tuple(8 * t / cap for t in _tilt(2 * x / cap)),
    "sparse_plus": lambda x: (0.5 if -1 < x < 1 else 0,),
}
"""Those of the others are 0."""
