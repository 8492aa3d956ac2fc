"""Every width from 1 to 300, in both layouts, for every operation: vectors, their tails and what is beside them."""

import numpy as np
import oracle
import pytest
from calls import OPERATIONS, call, operands

pytestmark = pytest.mark.skipif(not oracle.EXTENDED, reason="long double is no wider than double here")


def expected(name, inputs, keep):
    if name == "logsumexp_vjp":
        x, g = inputs
        p = oracle.softmax(x, keep) * g.astype(oracle.Wide)
        return [p if keep is None else np.where(keep, p, 0)]
    if name == "label_nll_grad":
        return [oracle.label_nll(inputs[0], inputs[1], keep), oracle.label_grad(*inputs, keep)]
    return [getattr(oracle, name)(*inputs, keep)]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_width(name, dtype, masked):
    rng = np.random.default_rng(0)
    eps = np.finfo(dtype).eps
    for n in range(1, 301):
        rows = int(rng.integers(1, 20)) if n % 10 == 0 else int(rng.integers(1, 4))
        inputs = operands(name, (rows, n), 1, dtype, rng)
        keep = rng.random((rows, n)) < 0.7 if masked else None
        if masked:
            keep[:, int(rng.integers(n))] = True
        want = expected(name, inputs, keep)
        columns = [np.ascontiguousarray(a.T) for a in inputs]
        by_row = call(name, inputs, 1, keep)
        by_column = [a.T for a in call(name, columns, 0, None if keep is None else np.ascontiguousarray(keep.T))]
        for results in (by_row, by_column):
            for out, exact in zip(results, want, strict=True):
                same = np.isinf(exact) & (out == exact)
                scale = np.where(same, 1, np.maximum(np.abs(exact), 1 if "vjp" in name else 1e-30))
                error = np.where(same, 0, np.abs(out - np.where(same, 0, exact)))
                factor = 8 * max(1, abs(inputs[1].sum(axis=1)).max()) if name == "log_softmax_vjp" else 8
                assert (error <= factor * eps * scale).all(), (n, name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("axis", [0, 1])
def test_nothing_beside_the_results_is_written(name, dtype, axis):
    rng = np.random.default_rng(1)
    for n in (*range(1, 70), 300, 5001):
        for rows in (1, 2, 9):
            shape = (rows, n) if axis == 1 else (n, rows)
            inputs = operands(name, shape, axis, dtype, rng)
            frames, outs = [], []
            for out in call(name, inputs, axis):
                frame = np.full(out.size + 64, 123, out.dtype)
                frames.append(frame)
                outs.append(frame[32:-32].reshape(out.shape))
            call(name, inputs, axis, None, outs)
            for frame in frames:
                assert (frame[:32] == 123).all()
                assert (frame[-32:] == 123).all()
