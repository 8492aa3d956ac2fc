"""How near the results are to the exact ones."""

import mpmath
import numpy as np
import oracle
import pytest
from calls import call, label_nll, label_nll_grad, log_softmax, logsumexp, softmax

FLOATS = (np.float32, np.float64)
# Both layouts: rows that are contiguous, and rows that lie side by side.
LAYOUTS = ("rows", "columns")
SOFTMAX_ULPS, LOG_ULPS, DERIVATIVE_EPS, SUM_EPS = 5, 2.5, 8, 4

needs_extended = pytest.mark.skipif(not oracle.EXTENDED, reason="long double is no wider than double here")


def laid_out(function, layout, x, *more, where=None):
    """Apply a function along the last axis, from the memory of that layout."""
    if layout == "rows":
        return function(x, *more, where=where)
    turned = [np.ascontiguousarray(np.moveaxis(a, -1, 0)) for a in (x, *more)]
    out = function(*turned, axis=0, where=None if where is None else np.ascontiguousarray(np.moveaxis(where, -1, 0)))
    turn_back = lambda a: np.moveaxis(a, 0, -1)  # noqa: E731
    return tuple(map(turn_back, out)) if isinstance(out, tuple) else turn_back(out)


def dangerous_rows(dtype):
    """Yield rows on which formulas of this kind have been wrong."""
    rng = np.random.default_rng(1)
    big = float(np.finfo(dtype).max)
    for n in (1, 2, 3, 5, 8, 16, 17, 31, 33, 64, 127, 128, 129, 1000, 4097, 20000):
        for spread in (0.01, 1, 10, 40, 120, 900):
            yield (rng.normal(size=(3, n)) * spread).astype(dtype)
        for offset in (-1e3, 990, 1010, 4010, 2.0e4, 1e9, 1e30, big / 2):
            yield (rng.normal(size=(2, n)) * 5 + offset).astype(dtype)
        for height in (10, 20, 40, 88, 104, 709, 745):
            for sign in (1, -1):
                x = np.zeros((2, n), dtype)
                x[:, n // 2] = sign * height
                yield x
        yield np.full((2, n), 0.1, dtype)
        # A few neighbouring numbers, far from each other as exponents.
        yield (1e9 + rng.integers(0, 4, (2, n)) * 64).astype(dtype)
        yield (1e18 + rng.integers(0, 4, (2, n)) * 512).astype(dtype)
        yield np.sort(rng.normal(size=(2, n)) * 30).astype(dtype)
        yield np.sort(rng.normal(size=(2, n)) * 300 + 500).astype(dtype)
        x = np.full((2, n), -np.inf, dtype)
        x[:, -1] = 3
        yield x
        x = (rng.normal(size=(2, n)) - 17).astype(dtype)
        x[:, 0] = 0
        x[:, -1] = -1e-4
        yield x
    yield np.array([[big, -big], [big, big], [-big, -big]], dtype)


@needs_extended
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_softmax_is_within_its_gate_at_any_spread(dtype, layout):
    for x in dangerous_rows(dtype):
        p = laid_out(softmax, layout, x)
        assert oracle.ulps(p, oracle.softmax(x)) <= SOFTMAX_ULPS
        assert abs(p.astype(np.longdouble).sum(axis=-1) - 1).max() <= SUM_EPS * np.finfo(dtype).eps


@needs_extended
@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_log_softmax_is_within_its_gate_also_at_the_maximum(dtype, layout):
    for x in dangerous_rows(dtype):
        y = oracle.log_softmax(x)
        y = np.where(y < -np.finfo(dtype).max, -np.inf, y)
        assert oracle.ulps(laid_out(log_softmax, layout, x), y) <= LOG_ULPS


@needs_extended
@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_logsumexp_is_within_its_gate(dtype, layout):
    eps = np.finfo(dtype).eps
    for x in dangerous_rows(dtype):
        y = oracle.logsumexp(x)
        error = abs(laid_out(logsumexp, layout, x).astype(np.longdouble) - y)
        assert (error <= LOG_ULPS * eps * np.maximum(1, abs(y))).all()
        top = x - x.max(axis=-1, keepdims=True)
        assert oracle.ulps(laid_out(logsumexp, layout, top), oracle.logsumexp(top)) <= LOG_ULPS


@needs_extended
@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_the_loss_and_its_gradient_are_within_their_gates(dtype, layout):
    rng = np.random.default_rng(2)
    for x in dangerous_rows(dtype):
        labels = rng.integers(0, x.shape[-1], (len(x), 1))
        labels[0] = x[0].argmax()
        scale = rng.normal(size=(len(x), 1)).astype(dtype)
        y = oracle.label_nll(x, labels)
        y = np.where(y > np.finfo(dtype).max, np.inf, y)
        assert oracle.ulps(laid_out(label_nll, layout, x, labels), y) <= LOG_ULPS
        loss, grad = laid_out(label_nll_grad, layout, x, labels, scale)
        assert oracle.ulps(loss, y) <= LOG_ULPS
        exact = oracle.label_grad(x, labels, scale)
        assert oracle.ulps(grad, exact) <= SOFTMAX_ULPS + 1


@needs_extended
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_derivatives_are_within_their_gates(dtype, layout):
    rng = np.random.default_rng(3)
    for x in dangerous_rows(dtype):
        g = rng.normal(size=x.shape).astype(dtype)
        gate = DERIVATIVE_EPS * np.finfo(dtype).eps * abs(g).max()
        p, log_p = softmax(x), log_softmax(x)
        for name, y in (("softmax_vjp", p), ("log_softmax_vjp", log_p)):
            if not np.isfinite(y).all() and name == "softmax_vjp":
                continue
            out = laid_out(lambda *a, name=name, axis=-1, where=None: call(name, a, axis % 2, where)[0], layout, y, g)
            exact = getattr(oracle, name)(y, g)
            # Beside the total of g, its own rounding is what counts.
            size = 1 if name == "softmax_vjp" else np.maximum(1, abs(g.sum(axis=-1, keepdims=True)) / abs(g).max())
            assert (abs(out - exact) <= gate * size).all(), name


@pytest.mark.parametrize("dtype", FLOATS)
def test_small_results_agree_with_arbitrary_precision(dtype):
    with mpmath.workprec(200):
        for row in ([0, -40], [0, 0, -30], [88, 0], [-700, -740.5], [3, 2.999, -20], [0, -36.04365, -36.04365]):
            x = np.array([row], dtype)
            values = [mpmath.mpf(float(v)) for v in x[0]]
            total = mpmath.fsum(map(mpmath.exp, values))
            for out, exact in (
                (softmax(x), [mpmath.exp(v) / total for v in values]),
                (log_softmax(x), [v - mpmath.log(total) for v in values]),
            ):
                for got, want in zip(out[0], exact, strict=True):
                    unit = max(float(np.spacing(np.abs(dtype(float(want))))), float(np.finfo(dtype).tiny))
                    assert abs(mpmath.mpf(float(got)) - want) <= SOFTMAX_ULPS * unit


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_long_row_sums_to_one(dtype):
    x = np.random.default_rng(4).normal(size=(1, 10_000_000)).astype(dtype)
    assert abs(softmax(x).sum(dtype=np.longdouble) - 1) <= SUM_EPS * np.finfo(dtype).eps


def test_a_long_column_sums_to_one():
    p = softmax(np.zeros((2**22, 2), np.float32), axis=0)
    assert (p == np.float32(2**-22)).all()


@pytest.mark.parametrize("dtype", FLOATS)
def test_order_and_ties_are_kept(dtype):
    x = np.sort(np.random.default_rng(5).integers(-500, 500, (20, 300)) / 16, axis=-1).astype(dtype)
    p, y = softmax(x), log_softmax(x)
    assert (np.diff(p) >= 0).all()
    assert (np.diff(y) >= 0).all()
    assert (np.diff(p)[np.diff(x) == 0] == 0).all()


@pytest.mark.parametrize("dtype", FLOATS)
def test_one_entry_has_it_all(dtype):
    x = np.array([[-1e30], [0.3], [7], [1e30], [700]], dtype)
    assert (softmax(x) == 1).all()
    assert (log_softmax(x) == 0).all()
    assert (logsumexp(x) == x).all()
