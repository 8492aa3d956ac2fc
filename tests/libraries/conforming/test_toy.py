"""The formulas on a library of pure Python, with nothing beyond array API 2023.12."""

from __future__ import annotations

import math
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import softmax_xp

from .toy import BOOL, DEVICES, FLOAT32, FLOAT64, INT64, Array, xp

ULPS = 4
INF, NAN = math.inf, math.nan
REPOSITORY = Path(__file__).parents[3]


def values(x: Array) -> list[Any]:
    return x.flat


def check(out: Any, expected: list[float], shape: tuple[int, ...], dtype: Any = FLOAT64) -> None:
    """Assert type, dtype, shape and the values within ``ULPS`` units of the relative precision."""
    assert type(out) is Array
    assert out.dtype is dtype
    assert out.shape == shape
    assert len(out.flat) == len(expected)
    for got, want in zip(out.flat, expected, strict=True):
        if got == want:
            continue
        if math.isfinite(want):
            assert abs(got - want) <= ULPS * xp.finfo(dtype).eps * abs(want), (got, want)
        else:
            assert (got != got, want != want) == (True, True), (out.flat, expected)


def shares(row: list[float], sink: float = -INF) -> list[float]:
    m = max(*row, sink)
    e = [math.exp(v - m) for v in row]
    total = math.fsum([*e, math.exp(sink - m)])
    return [v / total for v in e]


def exact_lse(row: list[float]) -> Decimal:
    return sum((Decimal(v).exp() for v in row), Decimal(0)).ln()


def lse(row: list[float]) -> float:
    return float(exact_lse(row))


def log_shares(row: list[float], sink: float = -INF) -> list[float]:
    total = exact_lse([*row, sink])
    return [float(Decimal(v) - total) for v in row]


A, B = [1.0, 2.0, -3.0], [0.0, 4.0, 1.0]
BOTH = [*A, *B]


@pytest.fixture(params=DEVICES)
def x(request: pytest.FixtureRequest) -> Array:
    return xp.asarray([A, B], device=request.param)


@pytest.mark.parametrize("axis", [-1, 1, (1,), (-1,)])
def test_softmax_along_the_last_axis(x, axis):
    out = softmax_xp.softmax(x, axis=axis)
    check(out, shares(A) + shares(B), (2, 3))
    assert out.device == x.device


def test_softmax_along_the_first_axis(x):
    columns = [shares([a, b]) for a, b in zip(A, B, strict=True)]
    check(softmax_xp.softmax(x, axis=0), [c[0] for c in columns] + [c[1] for c in columns], (2, 3))


@pytest.mark.parametrize("axis", [None, (0, 1), (1, 0), (-2, -1)])
def test_all_axes(x, axis):
    check(softmax_xp.softmax(x, axis=axis), shares(BOTH), (2, 3))
    check(softmax_xp.log_softmax(x, axis=axis), log_shares(BOTH), (2, 3))
    check(softmax_xp.logsumexp(x, axis=axis), [lse(BOTH)], ())
    check(softmax_xp.logsumexp(x, axis=axis, keepdims=True), [lse(BOTH)], (1, 1))
    check(softmax_xp.hardmax(x, axis=axis), [0, 0, 0, 0, 1, 0], (2, 3))


def test_no_axes(x):
    check(softmax_xp.softmax(x, axis=()), [1] * 6, (2, 3))
    check(softmax_xp.log_softmax(x, axis=()), [0] * 6, (2, 3))
    check(softmax_xp.logsumexp(x, axis=()), BOTH, (2, 3))
    check(softmax_xp.hardmax(x, axis=()), [1] * 6, (2, 3))


def test_no_dimensions():
    x = xp.asarray(3.0)
    check(softmax_xp.softmax(x, axis=None), [1], ())
    check(softmax_xp.log_softmax(x, axis=None), [0], ())
    check(softmax_xp.logsumexp(x), [3], ())
    with pytest.raises(softmax_xp._gate.axes.AxisError):
        softmax_xp.softmax(x)


def test_log_softmax_keeps_small_losses():
    check(softmax_xp.log_softmax(xp.asarray([0.0, -40.0])), [-math.exp(-40.0), -40.0], (2,))


def test_float32():
    x = xp.asarray([A, B], dtype=FLOAT32)
    check(softmax_xp.softmax(x), shares(A) + shares(B), (2, 3), FLOAT32)
    check(softmax_xp.log_softmax(x), log_shares(A) + log_shares(B), (2, 3), FLOAT32)
    check(softmax_xp.logsumexp(x, axis=1), [lse(A), lse(B)], (2,), FLOAT32)
    check(softmax_xp.softmax(x, dtype=FLOAT64), shares(A) + shares(B), (2, 3))


def test_float32_is_summed_in_float64():
    n = 3000
    x = xp.zeros_like(xp.reshape(xp.astype(xp.arange(n), FLOAT32), (n,)))
    check(softmax_xp.logsumexp(x), [math.log(n)], (), FLOAT32)
    assert abs(math.fsum(values(softmax_xp.softmax(x))) - 1) <= ULPS * xp.finfo(FLOAT32).eps


@pytest.mark.parametrize("integers", [INT64, BOOL])
def test_integers_are_promoted_first(integers):
    row = [0, 1, 1] if integers is BOOL else [0, 255, 254]
    x = xp.astype(xp.asarray(row), integers)
    check(softmax_xp.softmax(x), shares([float(v) for v in row]), (3,))
    check(softmax_xp.logsumexp(x), [lse([float(v) for v in row])], ())


def test_where(x):
    where = xp.asarray([[True, False, True], [False, False, False]], device=x.device)
    check(softmax_xp.softmax(x, where=where), [*_spread(shares([1.0, -3.0])), 0, 0, 0], (2, 3))
    small = lse([1.0, -3.0])
    first, last = log_shares([1.0, -3.0])
    check(softmax_xp.log_softmax(x, where=where), [first, -INF, last, -INF, -INF, -INF], (2, 3))
    check(softmax_xp.logsumexp(x, where=where, axis=-1), [small, -INF], (2,))
    check(softmax_xp.logmeanexp(x, where=where, axis=-1), [small - math.log(2), NAN], (2,))
    check(softmax_xp.hardmax(x, where=where), [1, 0, 0, 0, 0, 0], (2, 3))


def test_where_of_fewer_dimensions(x):
    where = xp.asarray([True, False, True], device=x.device)
    check(softmax_xp.softmax(x, where=where), [*_spread(shares([1.0, -3.0])), *_spread(shares([0.0, 1.0]))], (2, 3))


def _spread(pair: list[float]) -> list[float]:
    return [pair[0], 0.0, pair[1]]


@pytest.mark.parametrize("bad", [NAN, INF, 1e30])
def test_masked_values_have_no_influence(bad):
    x, where = xp.asarray([0.0, bad, 1.0]), xp.asarray([True, False, True])
    check(softmax_xp.softmax(x, where=where), _spread(shares([0.0, 1.0])), (3,))
    check(softmax_xp.logsumexp(x, where=where), [lse([0.0, 1.0])], ())


def test_temperature_number(x):
    halves = [[v / 2 for v in row] for row in (A, B)]
    check(softmax_xp.softmax(x, temperature=2), shares(halves[0]) + shares(halves[1]), (2, 3))
    check(softmax_xp.softmax(x, temperature=0), [0, 1, 0, 0, 1, 0], (2, 3))
    check(softmax_xp.softmax(x, temperature=INF), [1 / 3] * 6, (2, 3))


def test_temperature_array(x):
    t = xp.asarray([[2.0], [0.0]], device=x.device)
    check(softmax_xp.softmax(x, temperature=t), [*shares([v / 2 for v in A]), 0, 1, 0], (2, 3))
    t = xp.asarray([[INF], [-1.0]], device=x.device)
    check(softmax_xp.softmax(x, temperature=t), [1 / 3] * 3 + [NAN] * 3, (2, 3))
    t = xp.asarray(2, device=x.device)  # of another kind: it is cast
    check(softmax_xp.softmax(x, temperature=t, axis=None), shares([v / 2 for v in BOTH]), (2, 3))


def test_sink(x):
    check(softmax_xp.softmax(x, sink=0), shares(A, 0.0) + shares(B, 0.0), (2, 3))
    sink = xp.asarray([[5.0], [-INF]], device=x.device)
    check(softmax_xp.softmax(x, sink=sink), shares(A, 5.0) + shares(B), (2, 3))
    check(softmax_xp.log_softmax(x, sink=sink), log_shares(A, 5.0) + log_shares(B), (2, 3))


def test_softmax_and_logsumexp(x):
    p, total = softmax_xp.softmax_and_logsumexp(x, axis=(0, 1), sink=0.0)
    check(p, shares(BOTH, 0.0), (2, 3))
    check(total, [lse([*BOTH, 0.0])], (1, 1))
    p, total = softmax_xp.softmax_and_logsumexp(x, temperature=2.0)
    check(total, [lse([v / 2 for v in A]), lse([v / 2 for v in B])], (2, 1))


def test_softmin(x):
    check(softmax_xp.softmin(x), shares([-v for v in A]) + shares([-v for v in B]), (2, 3))


def test_logmeanexp(x):
    check(softmax_xp.logmeanexp(x, axis=1), [lse(A) - math.log(3), lse(B) - math.log(3)], (2,))


def test_weighted_logsumexp(x):
    b = xp.asarray([1.0, -1.0, 2.0], device=x.device)
    sums = [math.exp(r[0]) - math.exp(r[1]) + 2 * math.exp(r[2]) for r in (A, B)]
    size, sign = softmax_xp.logsumexp(x, axis=-1, b=b, return_sign=True)
    check(size, [math.log(abs(s)) for s in sums], (2,))
    check(sign, [math.copysign(1.0, s) for s in sums], (2,))
    check(softmax_xp.logsumexp(x, axis=-1, b=b), [NAN, NAN], (2,))
    check(softmax_xp.logsumexp(x, b=2.0), [lse(BOTH) + math.log(2)], ())


def test_hardmax_takes_the_first_of_ties():
    x = xp.asarray([[1, 3, 3], [2, 2, 0]])
    check(softmax_xp.hardmax(x), [0, 1, 0, 1, 0, 0], (2, 3))
    check(softmax_xp.hardmax(x, axis=(0, 1)), [0, 1, 0, 0, 0, 0], (2, 3))
    check(softmax_xp.hardmax(xp.asarray([0.0, NAN])), [NAN, NAN], (2,))


def test_one_hot():
    labels = xp.asarray([[0, 2], [-1, 3]], device=DEVICES[1])
    out = softmax_xp.one_hot(labels, 3)
    check(out, [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], (2, 2, 3))
    assert out.device == DEVICES[1]
    check(softmax_xp.one_hot(labels, 3, axis=0), [1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0], (3, 2, 2))
    check(softmax_xp.one_hot(labels, 1, dtype=INT64), [1, 0, 0, 0], (2, 2, 1), INT64)
    check(softmax_xp.one_hot(labels, 0), [], (2, 2, 0))


def test_log1mexp():
    x = xp.asarray([1e-20, 0.5, 2.0, 50.0, 0.0, -1.0, INF, NAN])
    far = math.log1p(-math.exp(-2.0))
    expected = [math.log(1e-20), math.log(-math.expm1(-0.5)), far, -math.exp(-50.0), -INF, NAN, 0.0, NAN]
    check(softmax_xp.log1mexp(x), expected, (8,))


def test_logsubexp():
    a, b = xp.asarray([[1000.0], [1.0]]), xp.asarray([999.0, 1.0, -INF])
    one = math.log(-math.expm1(-1.0))
    expected = [1000 + one, 1000.0, 1000.0, NAN, -INF, 1.0]
    check(softmax_xp.logsubexp(a, b), expected, (2, 3))
    check(softmax_xp.logsubexp(xp.asarray([2]), xp.asarray([1.0], dtype=FLOAT32)), [2 + one], (1,))


SPECIAL = {
    "some -inf": ([0.0, -INF, 0.0], [0.5, 0, 0.5], math.log(2)),
    "only -inf": ([-INF, -INF], [NAN, NAN], -INF),
    "+inf": ([0.0, INF], [NAN, NAN], INF),
    "two +inf": ([INF, INF, -INF], [NAN] * 3, INF),
    "nan": ([0.0, NAN, -INF], [NAN] * 3, NAN),
    "nan and +inf": ([INF, NAN], [NAN, NAN], NAN),
    "huge": ([1e30, 0.0], [1, 0], 1e30),
    "both ends": ([1e308, -1e308], [1, 0], 1e308),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_special_rows(name):
    row, p, total = SPECIAL[name]
    x = xp.asarray([row, [0.0] * len(row)])
    n = len(row)
    check(softmax_xp.softmax(x), p + [1 / n] * n, (2, n))
    check(softmax_xp.logsumexp(x, axis=-1), [total, math.log(n)], (2,))
    log_p = values(softmax_xp.log_softmax(x))
    assert [v != v for v in log_p[:n]] == [v != v for v in p]
    check(softmax_xp.log_softmax(x[...]), log_p, (2, n))


def test_masked_slots_of_a_nan_row():
    x, where = xp.asarray([NAN, 0.0, 1.0]), xp.asarray([True, True, False])
    check(softmax_xp.softmax(x, where=where), [NAN, NAN, 0], (3,))
    check(softmax_xp.log_softmax(x, where=where), [NAN, NAN, -INF], (3,))


def test_empty_rows():
    x = xp.reshape(xp.asarray(xp.arange(0), dtype=FLOAT64), (2, 0))
    check(softmax_xp.softmax(x), [], (2, 0))
    check(softmax_xp.logsumexp(x, axis=-1), [-INF, -INF], (2,))
    check(softmax_xp.logsumexp(x), [-INF], ())
    check(softmax_xp.logmeanexp(x), [NAN], ())


def test_empty_batch():
    x = xp.reshape(xp.asarray(xp.arange(0), dtype=FLOAT64), (0, 3))
    check(softmax_xp.softmax(x), [], (0, 3))
    check(softmax_xp.log_softmax(x), [], (0, 3))
    check(softmax_xp.hardmax(x), [], (0, 3))
    check(softmax_xp.logsumexp(x, axis=-1), [], (0,))


def test_two_devices_are_refused():
    with pytest.raises(ValueError, match="toy:0 and where is on device toy:1"):
        softmax_xp.softmax(xp.asarray([0.0]), where=xp.asarray([True], device="toy:1"))


def test_the_toy_is_strict():
    x = xp.asarray([0.0, 1.0])
    refused = [
        lambda: xp.where(x > 0, x, 0.0),
        lambda: x + xp.asarray([1, 2]),
        lambda: xp.asarray([1, 2]) * 0.5,
        lambda: x + (x > 0),
        lambda: xp.sum(x > 0),
        lambda: xp.result_type(x, 1.0),
        lambda: xp.full_like(x > 0, 1),
        lambda: xp.exp(xp.asarray([1])),
        lambda: bool(xp.sum(x) > 0),
        lambda: float(xp.sum(x)),
    ]
    for use in refused:
        with pytest.raises(TypeError):
            use()
    with pytest.raises(AttributeError):
        _ = xp.logsumexp
    with pytest.raises(AttributeError):
        _ = x.astype
    with pytest.raises(ValueError, match="empty"):
        xp.sum(x, axis=())
    with pytest.raises(ValueError, match="devices"):
        _ = x + xp.asarray([1.0, 2.0], device="toy:1")


WITHOUT_NUMPY = """
import sys
import softmax_xp
from tests.libraries.conforming.toy import xp

x, where = xp.asarray([[0.0, 1.0, 2.0]]), xp.asarray([True, False, True])
for f in (softmax_xp.softmax, softmax_xp.log_softmax, softmax_xp.softmin, softmax_xp.softmax_and_logsumexp):
    f(x, where=where, temperature=xp.asarray([[2.0]]), sink=0.0)
for f in (softmax_xp.logsumexp, softmax_xp.logmeanexp, softmax_xp.hardmax):
    f(x, where=where, axis=(0, 1))
softmax_xp.logsumexp(x, b=x, return_sign=True)
softmax_xp.one_hot(xp.asarray([0, 1]), 3)
softmax_xp.log1mexp(x)
softmax_xp.logsubexp(x + 1.0, x)
print(sorted(m for m in sys.modules if m.partition(".")[0] in ("numpy", "torch", "jax", "dask", "cupy")))
"""


def test_numpy_is_never_imported():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_NUMPY], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout == "[]\n"
