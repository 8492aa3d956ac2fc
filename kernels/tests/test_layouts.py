"""Any layout of the operands: strides of all kinds, offsets, masks that are broadcast."""

import numpy as np
import pytest
from calls import OPERATIONS, call, operands, results
from hypothesis import given, settings
from hypothesis import strategies as st


@st.composite
def layouts(draw, shape):
    """Draw how an array of a shape lies in memory: the order of its dimensions, steps, signs, an offset."""
    ndim = len(shape)
    order = draw(st.permutations(range(ndim)))
    steps = draw(st.tuples(*[st.sampled_from([1, 1, 1, 2, 3, -1, -2]) for _ in range(ndim)]))
    return order, steps, draw(st.sampled_from([0, 0, 1, 3, 4]))


def lay(a: np.ndarray, layout) -> np.ndarray:
    """Return a copy that lies in memory as drawn; an offset in bytes may leave it unaligned."""
    order, steps, offset = layout
    full = [a.shape[d] * abs(steps[d]) for d in order]
    memory = np.zeros(int(np.prod(full)) * a.itemsize + offset, np.uint8)
    view = (
        memory[offset:].view(a.dtype)
        if offset % a.itemsize == 0
        else np.ndarray((int(np.prod(full)),), a.dtype, memory.data, offset)
    )
    view = view.reshape(full).transpose(np.argsort(order))[tuple(slice(None, None, s) for s in steps)]
    view[...] = a
    return view


@st.composite
def calls(draw):
    name = draw(st.sampled_from(OPERATIONS))
    shape = tuple(draw(st.lists(st.integers(1, 9), min_size=1, max_size=4)))
    axis = draw(st.integers(0, len(shape) - 1))
    if draw(st.booleans()):
        shape = tuple(draw(st.integers(1, 70)) if a == axis else n for a, n in enumerate(shape))
    dtype = draw(st.sampled_from([np.float16, np.float32, np.float64]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    inputs = operands(name, shape, axis, dtype, rng)
    keep = rng.random(shape) < 0.8 if draw(st.booleans()) else None
    if keep is not None and draw(st.booleans()):
        d = draw(st.integers(0, len(shape) - 1))
        keep = np.broadcast_to(keep.take([0], d), shape)
    elif keep is not None:
        keep = lay(keep, draw(layouts(shape)))
    laid = [lay(a, draw(layouts(a.shape))) for a in inputs]
    outs = [lay(a, draw(layouts(a.shape))) for a in results(name, inputs[0], axis)]
    return name, inputs, laid, axis, keep, outs


@settings(max_examples=600, deadline=None)
@given(calls())
def test_layouts_agree_with_contiguous_rows(example):
    name, inputs, laid, axis, keep, outs = example
    call(name, laid, axis, keep, outs)
    rows = [np.ascontiguousarray(np.moveaxis(a, axis, -1)) for a in inputs]
    ndim = rows[0].ndim
    where = None if keep is None else np.ascontiguousarray(np.moveaxis(keep, axis, -1))
    for out, want in zip(outs, call(name, rows, ndim - 1, where), strict=True):
        tolerance = 64 * np.finfo(out.dtype).eps
        np.testing.assert_allclose(np.moveaxis(out, axis, -1), want, rtol=tolerance, atol=tolerance, equal_nan=True)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_input_that_is_broadcast_is_read_as_it_is(name, dtype):
    rng = np.random.default_rng(0)
    for axis in (0, 1, 2):
        inputs = operands(name, (3, 4, 5), axis, dtype, rng)
        for d in range(3):
            wide = [np.broadcast_to(a.take([0], d), a.shape) for a in inputs]
            expected = call(name, [np.array(a) for a in wide], axis)
            for out, want in zip(call(name, wide, axis), expected, strict=True):
                np.testing.assert_allclose(out, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp_vjp", "label_nll_grad"])
def test_the_input_may_be_the_output(name, axis, dtype):
    rng = np.random.default_rng(0)
    for shape in ((3, 7), (40, 50), (9, 6000), (6000, 9), (257, 300)):
        for spread in (3, 60):
            inputs = operands(name, shape, axis, dtype, rng, spread)
            want = call(name, inputs, axis)
            outs = results(name, inputs[0], axis)
            outs[-1] = inputs[0]
            call(name, inputs, axis, None, outs)
            for out, exact in zip(outs, want, strict=True):
                limits = np.finfo(out.dtype)
                np.testing.assert_allclose(out, exact, rtol=8 * limits.eps, atol=limits.tiny)


def test_memory_of_other_owners_is_accepted():
    import array

    x, out = array.array("d", [0.0, 0.0]), bytearray(16)
    import softmax_xp_kernels as kernels

    kernels.softmax(x, memoryview(out).cast("d"), 0, None)
    assert memoryview(out).cast("d").tolist() == [0.5, 0.5]


def test_many_dimensions():
    x = np.random.default_rng(0).normal(size=(1,) * 20 + (2, 3) + (1,) * 20 + (4,)).astype(np.float32)
    for axis in (0, 20, 21, 42):
        rows = np.ascontiguousarray(np.moveaxis(x, axis, -1))
        want = np.moveaxis(call("softmax", [rows], x.ndim - 1)[0], -1, axis)
        np.testing.assert_allclose(call("softmax", [x], axis)[0], want, rtol=1e-6)
