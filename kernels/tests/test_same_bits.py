"""A row gives the same bits wherever it stands: slices, batches, threads, forks."""

import multiprocessing
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from calls import OPERATIONS, call, operands, results


def slices_of(shape, axis, rng):
    """Yield slices of the dimensions that are not the axis, single rows among them."""
    for _ in range(12):
        index = []
        for d, n in enumerate(shape):
            start = int(rng.integers(n))
            stop = start + 1 if rng.random() < 0.3 else int(rng.integers(start + 1, n + 1))
            index.append(slice(None) if d == axis else slice(start, stop))
        yield tuple(index)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("masked", [False, True])
def test_slices_give_the_bits_of_the_whole(name, dtype, masked):
    rng = np.random.default_rng(0)
    for shape in ((7, 5), (40, 10), (6, 200), (3, 5000), (33, 9, 20), (5, 300, 70)):
        for axis in range(len(shape)):
            for spread in (3, 80):
                inputs = operands(name, shape, axis, dtype, rng, spread)
                keep = rng.random(shape) < 0.7 if masked else None
                whole = call(name, inputs, axis, keep)
                for index in slices_of(shape, axis, rng):
                    outs = [a[index] for a in results(name, inputs[0], axis)]
                    part = call(name, [a[index] for a in inputs], axis, None if keep is None else keep[index], outs)
                    for a, b in zip(part, whole, strict=True):
                        assert a.tobytes() == b[index].tobytes()


def work(seed: int) -> list[bytes]:
    rng = np.random.default_rng(seed)
    found = []
    for name in OPERATIONS:
        for axis in (0, 1):
            for dtype in (np.float16, np.float32, np.float64):
                inputs = operands(name, (130, 170), axis, dtype, rng)
                found += [a.tobytes() for a in call(name, inputs, axis)]
    return found


def test_threads_do_not_disturb_each_other():
    alone = [work(seed) for seed in range(4)]
    with ThreadPoolExecutor(8) as pool:
        for seed, found in zip(list(range(4)) * 8, pool.map(work, list(range(4)) * 8), strict=True):
            assert found == alone[seed]


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="there is no safe fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_computes_while_threads_of_its_parent_do():
    alone = work(0)
    with ThreadPoolExecutor(2) as pool:
        busy = [pool.submit(work, 0) for _ in range(6)]
        with multiprocessing.get_context("fork").Pool(2) as processes:
            assert all(found == alone for found in processes.map(work, [0, 0]))
        assert all(b.result() == alone for b in busy)
