"""What the records say of results, run on one library, device and dtype."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from .arrays import from_numpy, to_numpy
from .compare import distance, ulp
from .contract import FORMATS, Gate, underflow
from .oracle import BITS, Exact, Floats
from .records import RECORDS, Call, arguments, calls, name_of, numbers
from .report import Line

HALVES = ("float16", "bfloat16")

STEP = 16
"""Numbers are multiples of one by this, so that every type holds them and their differences."""


def record_lines(xp: Any, device: Any, dtype: str) -> Iterator[Line]:
    """Yield one line per function that its record has an exact result of, and one for its edges."""
    for name, record in RECORDS.items():
        if record.exact is None:
            continue
        for options in record.cases or ({},):
            call = calls(name)[name_of(name, options)]
            given = arguments(xp, dtype, device=device, given=rounded_numbers())
            yield record_line("ordinary", dtype, call, call(given), exact_result(name_of(name, options)))
        for row, expected in record.edges:
            call = calls(name)[name]
            given = {call.arrays[0]: from_numpy(row, dtype, xp, device)}
            hi = np.asarray(expected, dtype=np.float64)
            exact = Exact(hi, np.zeros_like(hi), np.zeros_like(hi), len(row))
            yield record_line("edges", dtype, call, call(given), exact)


@cache
def rounded_numbers() -> dict[str, Any]:
    """Return the arrays of the records, rounded to what every type holds."""
    return {k: np.round(v * STEP) / STEP if v.dtype.kind == "f" else v for k, v in numbers(rows=6, classes=10).items()}


@cache
def exact_result(text: str) -> Exact:
    """Return the exact result of a call, given as text, on `rounded_numbers`."""
    import mpmath

    name = text.split(" ")[0]
    record, call, given = RECORDS[name], calls(name)[text], rounded_numbers()
    assert record.exact is not None
    arrays = [given[holds].tolist() for holds in call.arrays]
    with mpmath.workprec(BITS):
        rows = [[[mpmath.mpf(v) for v in row] for row in array] for array in arrays]
        if record.kind == "elementwise":
            found = [
                [record.exact(*v, **call.options) for v in zip(*row, strict=True)] for row in zip(*rows, strict=True)
            ]
        else:
            options = {k: v for k, v in call.options.items() if k != "axis"}
            found = [record.exact(*row, **options) for row in zip(*rows, strict=True)]
        hi = np.asarray(found, dtype=np.float64)
        lo = np.asarray(np.asarray(found, dtype=object) - hi, dtype=np.float64)
    return Exact(hi, np.where(np.isfinite(hi), lo, 0.0), np.zeros_like(hi), len(arrays[0][0]))


def record_allowance(name: str, dtype: str, exact: Exact) -> Floats:
    """Return the distance that the gate of a record allows at each element."""
    gate, unit = RECORDS[name].gate or Gate(0.0), ulp(exact.hi, dtype)
    if not gate.ulps:
        return np.zeros_like(unit)
    allowed = unit if dtype in HALVES else gate.ulps * unit + gate.units * FORMATS[dtype].unit
    return np.asarray(allowed + underflow("softmax", dtype, exact.n))


def record_line(section: str, dtype: str, call: Call, found: Any, exact: Exact) -> Line:
    """Return the line of one call, by the gate of its record; without one the result is right or not."""
    unit, allowed = ulp(exact.hi, dtype), record_allowance(call.name, dtype, exact)
    gap = distance(to_numpy(found), exact)
    with np.errstate(divide="ignore"):
        share = np.divide(gap, allowed, out=np.zeros_like(gap), where=gap > 0.0)
    worst = int(np.argmax(share))
    text = name_of(call.name, {k: v for k, v in call.options.items() if k != "axis"})
    return Line(section, dtype, text, float((gap / unit).flat[worst]), float(share.flat[worst]), "")
