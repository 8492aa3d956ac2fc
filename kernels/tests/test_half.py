"""Half precision: computed in float32, rounded once."""

import numpy as np
import oracle
import pytest
from calls import call

pytestmark = [
    pytest.mark.skipif(not oracle.EXTENDED, reason="long double is no wider than double here"),
    pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid"),
]
ALL = np.arange(65536, dtype=np.uint16)


def from_bits(bits: np.ndarray, kind: str) -> np.ndarray:
    """Return the numbers as float32."""
    if kind == "float16":
        return bits.view(np.float16).astype(np.float32)
    return (bits.astype(np.uint32) << 16).view(np.float32)


def array_of(bits: np.ndarray, kind: str) -> np.ndarray:
    return bits.view(np.float16) if kind == "float16" else bits


def spacing(y: np.ndarray, kind: str) -> np.ndarray:
    """Return the distance of neighbours around a number."""
    digits, lowest = (10, -14) if kind == "float16" else (7, -126)
    _, e = np.frexp(np.where(np.isfinite(y), y, 1))
    return np.ldexp(oracle.Wide(1), np.maximum(e - 1, lowest) - digits)


def assert_rounded(bits: np.ndarray, exact: np.ndarray, kind: str) -> None:
    """Half the distance of neighbours, and no more than a float32 error beyond."""
    out = from_bits(bits, kind).astype(oracle.Wide)
    biggest = from_bits(np.array([0x7BFF if kind == "float16" else 0x7F7F], np.uint16), kind)[0]
    overflow = np.abs(exact) > biggest
    special = np.isnan(exact) | np.isinf(exact) | overflow
    near = np.abs(out - exact) <= spacing(exact, kind) / 2 + 1e-6 * np.abs(exact) + 2.0**-126
    as_nan = np.isnan(exact) & np.isnan(out)
    as_infinity = ((np.abs(out) == np.inf) | (np.abs(out) == biggest)) & (np.sign(out) == np.sign(exact))
    assert np.where(special, as_nan | as_infinity, near).all()


KINDS = ("float16", "bfloat16")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
@pytest.mark.parametrize("axis", [0, 1])
def test_each_of_all_numbers_beside_others(name, kind, axis):
    one = 0x3C00 if kind == "float16" else 0x3F80
    for other in (0, one, one | 0x8000):
        bits = np.stack([ALL, np.full_like(ALL, other), np.full_like(ALL, 0)], axis=1)
        x = from_bits(bits, kind)
        shape = (65536, 1) if name == "logsumexp" else bits.shape
        memory = bits if axis == 1 else np.ascontiguousarray(bits.T)
        out = np.empty(shape if axis == 1 else shape[::-1], np.uint16)
        call(name, [array_of(memory, kind)], axis, None, [array_of(out, kind)])
        out = out if axis == 1 else out.T
        ordinary = np.isfinite(x[:, 0]) | (x[:, 0] == -np.inf)
        exact = getattr(oracle, name)(x[ordinary])
        assert_rounded(np.ascontiguousarray(out[ordinary]), exact, kind)
        rest = from_bits(np.ascontiguousarray(out[~ordinary]), kind)
        if name == "logsumexp":
            assert (np.isnan(rest) | (rest == np.inf)).all()
        else:
            assert np.isnan(rest).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("axis", [0, 1])
def test_what_is_read_and_written_keeps_every_number(kind, axis):
    # logsumexp of one number is that number: read and written, and nothing else.
    shape = (65536, 1) if axis == 1 else (1, 65536)
    out = np.empty(shape, np.uint16)
    call("logsumexp", [array_of(ALL.reshape(shape), kind)], axis, None, [array_of(out, kind)])
    got, want = from_bits(out.ravel(), kind), from_bits(ALL, kind)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 5, 8, 17, 100, 4096, 4097, 9000])
def test_rows_of_random_numbers(kind, n):
    rng = np.random.default_rng(n)
    low = ALL[np.abs(from_bits(ALL, kind)) < 20]
    for step in (1, 3):
        bits = rng.choice(low, (4, n * step))[:, ::step]
        x = from_bits(np.ascontiguousarray(bits), kind)
        for name in ("softmax", "log_softmax", "logsumexp"):
            out = np.empty((4, 1 if name == "logsumexp" else n), np.uint16)
            call(name, [array_of(np.ascontiguousarray(bits), kind)], 1, None, [array_of(out, kind)])
            assert_rounded(out, getattr(oracle, name)(x), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_the_derivatives(kind):
    rng = np.random.default_rng(0)
    low = ALL[np.abs(from_bits(ALL, kind)) < 6]
    for n in (3, 33, 5000):
        bits = rng.choice(low, (3, n))
        x, out = from_bits(bits, kind), np.empty((3, n), np.uint16)
        g_bits = rng.choice(low, (3, n))
        g = from_bits(g_bits, kind)
        p_bits = np.empty((3, n), np.uint16)
        call("softmax", [array_of(bits, kind)], 1, None, [array_of(p_bits, kind)])
        call("softmax_vjp", [array_of(p_bits, kind), array_of(g_bits, kind)], 1, None, [array_of(out, kind)])
        exact = oracle.softmax_vjp(from_bits(p_bits, kind), g)
        error = np.abs(from_bits(out, kind) - exact)
        assert (error <= spacing(exact, kind) / 2 + 1e-5).all()
        labels = rng.integers(0, n, (3, 1))
        loss, scale = np.empty((3, 1), np.float32), rng.normal(size=(3, 1)).astype(np.float32)
        call("label_nll_grad", [array_of(bits, kind), labels, scale], 1, None, [loss, array_of(out, kind)])
        np.testing.assert_allclose(loss, oracle.label_nll(x, labels).astype(np.float32), rtol=4e-7)
        assert_rounded(out, oracle.label_grad(x, labels, scale), kind)


def test_one_hundred_thousand_zeros():
    x = np.zeros((1, 100_000), np.float16)
    assert (call("softmax", [x], 1)[0] == np.float16(1e-5)).all()
    assert (call("log_softmax", [x], 1)[0] == np.float16(-11.51292546)).all()
    assert call("logsumexp", [x], 1)[0] == np.float16(11.51292546)
