"""Distance from the exact answer, and whether the contract allows it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import dtype_of, to_numpy
from .contract import FORMATS, MAX_ELEMENTARY_ERROR, derivative_gate, gate, row_sum_gate, underflow
from .oracle import Derivative, Exact, Floats


def ulp(y: Any, dtype: str) -> Floats:
    """Return the unit in the last place of ``y`` in ``dtype``, with the subnormal floor."""
    digits, lowest = FORMATS[dtype]
    _, exponent = np.frexp(np.where(np.isfinite(y), y, 1.0))
    exponent = np.where(np.asarray(y) == 0, lowest, exponent - 1)
    return np.ldexp(1.0, np.maximum(exponent, lowest) - digits + 1)


def distance(actual: Any, exact: Exact) -> Floats:
    """Return abs(actual - exact): 0 where both are the same infinity or NaN, else inf there."""
    a = np.asarray(actual, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        gap = np.abs((a - exact.hi) - exact.lo)
        same = (a == exact.hi) | (np.isnan(a) & np.isnan(exact.hi))
    special = ~(np.isfinite(a) & np.isfinite(exact.hi))
    return np.where(special, np.where(same, 0.0, np.inf), gap)


def allowance(
    op: str, dtype: str, exact: Exact, *, elementary: float, sequential: bool = False, compiled: bool = False
) -> Floats:
    """Return the distance the contract allows at each element."""
    form = FORMATS[dtype]
    unit = ulp(exact.hi, dtype)
    ulps, units, conditioned = gate(op, dtype, exact.n, elementary, sequential=sequential, compiled=compiled)
    allowed = ulps * unit + units * form.unit
    if conditioned:
        allowed = allowed + conditioned * form.unit * exact.slack
    elif units:
        # Where the maximum is 0, logsumexp is minus log_softmax there and has its relative gate.
        relative, _, _ = gate("log_softmax", dtype, exact.n, elementary, sequential=sequential)
        allowed = np.where(np.isnan(exact.slack), allowed, relative * unit + form.unit * exact.slack)
    return allowed + underflow(op, dtype, exact.n)


def assert_ulp(
    actual: Any,
    expected: Any,
    /,
    *,
    op: str,
    dtype: str | None = None,
    elementary: float = MAX_ELEMENTARY_ERROR,
    sequential: bool = False,
    compiled: bool = False,
) -> None:
    """Raise AssertionError unless ``actual`` is as near to ``expected`` as the contract promises.

    Parameters
    ----------
    actual : array
        A result of this library, of any array library.
    expected : Exact or array
        From `exact_rows`, or float64 numbers (the conditioning term is then 0, and rows are
        as long as the last axis).
    op : str
        ``"softmax"``, ``"log_softmax"``, ``"logsumexp"``, ``"cross_entropy"`` (one loss per row of a label)
        or ``"binary_cross_entropy"``.
    dtype : str, optional
        The name of the floating type that was computed in; that of ``actual`` if not given.
    elementary : float
        The array library's own worst error of exp and log1p, in ulp.
    sequential : bool
        Whether the library sums float64 along this axis one after the other.
    compiled : bool
        Whether a compiled engine computed, whose gate has no conditioning term.

    Raises
    ------
    AssertionError
        With the worst element, its distance and what is allowed.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp import logsumexp
    >>> from softmax_xp.testing import assert_ulp
    >>> assert_ulp(logsumexp(np.asarray([0.0, -40.0])), 4.248354255291589e-18, op="logsumexp")
    """
    name = dtype or dtype_of(actual)
    values = to_numpy(actual)
    if not isinstance(expected, Exact):
        hi = np.asarray(expected, dtype=np.float64)
        expected = Exact(hi, np.zeros_like(hi), np.zeros_like(hi), hi.shape[-1] if hi.ndim else 1)
    assert values.shape == expected.hi.shape, f"shape {values.shape} is not {expected.hi.shape}"
    gap = distance(values, expected)
    allowed = allowance(op, name, expected, elementary=elementary, sequential=sequential, compiled=compiled)
    if bool((gap <= allowed).all()):
        return
    worst = int(np.argmax(gap / allowed))
    unit = float(ulp(expected.hi, name).flat[worst])
    raise AssertionError(
        f"{op} {name}: {values.flat[worst]!r} is {gap.flat[worst] / unit:.3g} ulp from "
        f"{expected.hi.flat[worst]!r}, allowed are {allowed.flat[worst] / unit:.3g} (element {worst})"
    )


def derivative_allowance(dtype: str, expected: Derivative) -> Floats:
    """Return the distance the contract allows at each entry of a derivative."""
    gate = derivative_gate(dtype)
    return gate.ulps * ulp(expected.exact.hi, dtype) + gate.scale * expected.largest


def row_sum_allowance(dtype: str, expected: Derivative) -> Floats:
    """Return the distance the contract allows for the sum of each row of a derivative."""
    gate = row_sum_gate(dtype, expected.exact.n)
    return (gate.scale * expected.largest + gate.floor)[..., 0]


def assert_derivative(actual: Any, expected: Derivative, /, *, dtype: str | None = None) -> None:
    """Raise AssertionError unless ``actual`` is as near to ``expected`` as the contract promises.

    Parameters
    ----------
    actual : array
        A result of `softmax_xp.derivatives`, or a gradient that automatic differentiation found.
    expected : Derivative
        From `exact_derivative` or `exact_cross_entropy`.
    dtype : str, optional
        The name of the floating type that was computed in; that of ``actual`` if not given.

    Raises
    ------
    AssertionError
        With the worst element, its distance and what is allowed.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.derivatives import softmax_vjp
    >>> from softmax_xp.testing import assert_derivative, exact_derivative
    >>> p, g = np.asarray([0.25, 0.75]), np.asarray([1.0, 3.0])
    >>> assert_derivative(softmax_vjp(p, g), exact_derivative("softmax_vjp", p, g))
    """
    name = dtype or dtype_of(actual)
    values = to_numpy(actual)
    exact = expected.exact
    assert values.shape == exact.hi.shape, f"shape {values.shape} is not {exact.hi.shape}"
    gap, allowed = distance(values, exact), derivative_allowance(name, expected)
    if bool((gap <= allowed).all()):
        return
    worst = int(np.argmax(gap - allowed))
    raise AssertionError(
        f"{name}: {values.flat[worst]!r} is {gap.flat[worst]:.3g} from {exact.hi.flat[worst]!r}, "
        f"allowed are {allowed.flat[worst]:.3g} (element {worst})"
    )
