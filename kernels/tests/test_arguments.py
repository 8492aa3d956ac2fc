"""Bad arguments raise, and nothing crashes whatever is passed."""

import ctypes
import inspect
import random

import numpy as np
import pytest
import softmax_xp_kernels as kernels
from calls import OPERATIONS, operands, results

ERRORS = (TypeError, ValueError, BufferError)


def good(name, dtype=np.float32):
    inputs = operands(name, (3, 4), 1, dtype, np.random.default_rng(0))
    return [*inputs, *results(name, inputs[0], 1), 1, None]


BAD = [
    None,
    3,
    "text",
    b"bytes",
    [1.0, 2.0],
    object(),
    memoryview(b""),
    np.zeros((), np.float32),
    np.zeros((3, 4), np.int32),
    np.zeros((3, 4), np.complex64),
    np.zeros((3, 4), np.longdouble),
    np.zeros((3, 4), ">f4"),
    np.zeros((3, 4), "f4,f4"),
    np.zeros((3, 4), object),
    np.zeros((3, 4), "S3"),
    np.zeros((3, 4), np.uint8),
    np.zeros((3, 4), np.uint64),
    np.zeros((3, 5), np.float32),
    np.zeros((4, 3), np.float32),
    np.zeros((3, 4, 1), np.float32),
    np.zeros((12,), np.float32),
    np.zeros((3, 0), np.float32),
    np.zeros((1, 4), np.float32),
    np.zeros((1, 1), bool),
    np.zeros((3, 4), np.float64),
]


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_bad_argument_raises(name):
    for position in range(len(good(name))):
        for bad in BAD:
            arguments = good(name)
            if position == len(arguments) - 1 and bad is None:
                continue
            if position == len(arguments) - 2 and bad is not None and isinstance(bad, int):
                bad = 2
            if position == 0 and name in ("logsumexp", "label_nll") and getattr(bad, "dtype", None) == np.float32:
                continue  # rows of any length are right there
            if type(bad) is np.ndarray and type(arguments[position]) is np.ndarray:
                one = arguments[position]
                if (bad.shape, bad.dtype) == (one.shape, one.dtype):
                    continue
            arguments[position] = bad
            with pytest.raises(ERRORS):
                getattr(kernels, name)(*arguments)


@pytest.mark.parametrize("name", OPERATIONS)
def test_too_few_and_too_many_arguments_raise(name):
    arguments = good(name)
    for some in (arguments[:-1], [*arguments, None], []):
        with pytest.raises(TypeError, match="arguments expected"):
            getattr(kernels, name)(*some)
    with pytest.raises(TypeError):
        getattr(kernels, name)(*arguments[:-1], where=None)


@pytest.mark.parametrize("axis", [-1, 2, 10**30, -(10**30), 1.0, "0", None])
def test_an_axis_out_of_range_raises(axis):
    with pytest.raises((ValueError, TypeError, OverflowError)):
        kernels.softmax(np.zeros((2, 3)), np.zeros((2, 3)), axis, None)


def test_a_result_that_is_read_only_raises():
    for name in OPERATIONS:
        arguments = good(name)
        count = len(results(name, arguments[0], 1))
        for position in range(len(arguments) - 2 - count, len(arguments) - 2):
            some = list(arguments)
            some[position] = some[position].copy()
            some[position].flags.writeable = False
            with pytest.raises(ERRORS):
                getattr(kernels, name)(*some)


def test_a_mask_of_another_shape_or_type_raises():
    x = np.zeros((2, 3))
    for mask in (np.ones((2, 1), bool), np.ones((3,), bool), np.ones((2, 3), np.uint8), np.ones((2, 3))):
        with pytest.raises(ERRORS):
            kernels.softmax(x, np.empty_like(x), 1, mask)


def test_buffers_are_let_go_after_success_and_failure():
    x, out = bytearray(16), bytearray(16)
    views = memoryview(x).cast("d"), memoryview(out).cast("d")
    kernels.softmax(*views, 0, None)
    with pytest.raises(ValueError, match="axis"):
        kernels.softmax(*views, 1, None)
    with pytest.raises(TypeError):
        kernels.softmax(*views, 0, views[0])
    for view in views:
        view.release()
    x.append(0)
    out.append(0)


def test_formats_with_a_byte_order_are_accepted_where_it_is_native():
    x, out = (ctypes.c_double * 2)(1, 1), (ctypes.c_double * 2)()
    kernels.softmax(x, out, 0, None)
    assert list(out) == [0.5, 0.5]


def test_random_arguments_never_crash():
    rng = random.Random(0)
    pool = [*BAD, np.zeros((3, 4), np.float32), np.zeros((3, 1), np.int64), np.zeros((3, 1), np.float32)]
    pool += [np.ones((3, 4), bool), np.zeros((3, 4), np.float16), np.zeros((3, 4), np.int16), 0, 1, -1, 2**70]
    pool += [np.full((3, 1), value) for value in (-(2**63), 2**63 - 1, 4, -1)]
    for _ in range(20_000):
        name = rng.choice(OPERATIONS)
        arguments = good(name, rng.choice([np.float16, np.float32, np.float64]))
        for _ in range(rng.randrange(4)):
            arguments[rng.randrange(len(arguments))] = rng.choice(pool)
        try:
            getattr(kernels, name)(*arguments)
        except (*ERRORS, OverflowError):
            pass


def test_the_interface_is_described():
    assert kernels.ABI == 1
    assert kernels.VARIANT in kernels.VARIANTS
    for name in OPERATIONS:
        function = getattr(kernels, name)
        assert function.__doc__
        kinds = {p.kind for p in inspect.signature(function).parameters.values()}
        assert kinds == {inspect.Parameter.POSITIONAL_ONLY}
