"""Memory that belongs to others: labels of any value, operands that overlap, and owners who write meanwhile."""

import random
import subprocess
import sys

import numpy as np
import pytest
import softmax_xp_kernels as kernels
from calls import OPERATIONS, call, operands, results
from hypothesis import given, settings
from hypothesis import strategies as st

FAR = (-(2**63), -(2**62), -(2**31), -100, -1, 2**31, 2**62, 2**63 - 1)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("masked", [False, True])
def test_a_label_that_is_no_class_touches_no_memory(masked, dtype, axis):
    rng = np.random.default_rng(0)
    for shape in ((4, 5), (5, 4), (40, 70), (70, 40), (3, 5000), (5000, 3)):
        x, labels, scale = operands("label_nll_grad", shape, axis, dtype, rng)
        keep = rng.random(shape) < 0.7 if masked else None
        far = rng.random(labels.shape) < 0.5
        wrong = np.where(far, rng.choice([*FAR, shape[axis]], labels.shape), labels)
        loss, grad = call("label_nll_grad", [x, labels, scale], axis, keep)
        found, slope = call("label_nll_grad", [x, wrong, scale], axis, keep)
        np.testing.assert_array_equal(found, np.where(far, np.nan, loss))
        expected = np.where(far, np.nan if keep is None else np.where(keep, np.nan, 0), grad)
        np.testing.assert_array_equal(slope, expected.astype(dtype))
        np.testing.assert_array_equal(call("label_nll", [x, wrong], axis, keep)[0], found)


def cut(arena: np.ndarray, rng: random.Random, shape: tuple[int, ...], dtype) -> np.ndarray:
    """Return an array somewhere in the arena: steps, signs, an order of dimensions, aligned or not."""
    dtype = np.dtype(dtype)
    strides, step = [0] * len(shape), dtype.itemsize * rng.choice([1, 1, 1, 2])
    for d in rng.sample(range(len(shape)), len(shape)):
        strides[d] = step * rng.choice([1, 1, -1])
        step *= shape[d] + rng.choice([0, 0, 1, 3])
    below = sum(-s * (n - 1) for s, n in zip(strides, shape, strict=True) if s < 0)
    offset = below + rng.choice([0, 0, 1, 4, 8, dtype.itemsize * rng.randrange(60), rng.randrange(400)])
    return np.ndarray(shape, dtype, arena.data, offset, strides)


def twin(a: np.ndarray, arena: np.ndarray, copy: np.ndarray) -> np.ndarray:
    """Return what is at the same place in a copy of the arena."""
    offset = place(a) - place(arena)
    return np.ndarray(a.shape, a.dtype, copy.data, offset, a.strides) if 0 <= offset < arena.nbytes else a


def place(a: np.ndarray) -> int:
    return a.__array_interface__["data"][0]


def is_same(a: np.ndarray, b: np.ndarray) -> bool:
    steps = zip(a.strides, b.strides, a.shape, strict=True)
    return a.shape == b.shape and place(a) == place(b) and all(s == t or n == 1 for s, t, n in steps)


def collides(name: str, inputs: list[np.ndarray], outs: list[np.ndarray]) -> bool:
    """Whether a result shares a byte with another operand, and is not that of the same type, entry for entry."""
    for i, out in enumerate(outs):
        for k, other in enumerate([*inputs, *outs]):
            if k == len(inputs) + i or not np.shares_memory(out, other):
                continue
            may = name != "label_nll" and i == len(outs) - 1 and k < 2 and out.dtype == other.dtype
            if not (may and is_same(out, other)):
                return True
    return False


def fill(a: np.ndarray, rng: np.random.Generator) -> None:
    if a.dtype == bool:
        a[...] = rng.random(a.shape) < 0.7
    elif a.dtype == np.int64:
        a[...] = rng.integers(-1, 6, a.shape)
    else:
        a[...] = rng.normal(size=a.shape)


@st.composite
def overlapping(draw):
    """Draw the operands of a call, most of them cut from one piece of memory."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    name, dtype = rng.choice(OPERATIONS), rng.choice([np.float16, np.float32, np.float64])
    shape = tuple(rng.choice([1, 2, 3, 5, 9]) for _ in range(rng.randrange(1, 4)))
    axis, arena = rng.randrange(len(shape)), np.zeros(1 << 15, np.uint8)
    models = operands(name, shape, axis, dtype, np.random.default_rng(0))
    models += [np.zeros(shape, bool)] if rng.random() < 0.3 else []
    count = len(models)
    models += results(name, models[0], axis)
    arrays = [cut(arena, rng, a.shape, a.dtype) if rng.random() < 0.6 else a for a in models]
    if rng.random() < 0.2:
        k = rng.randrange(min(2, count))
        if (models[k].shape, models[k].dtype) == (models[-1].shape, models[-1].dtype):
            arrays[-1] = arrays[k]
    for a in arrays:
        fill(a, np.random.default_rng(rng.randrange(2**32)))
    return name, axis, arena, arrays[:count], arrays[count:]


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
@settings(max_examples=1500, deadline=None)
@given(overlapping())
def test_results_that_overlap_an_operand_are_refused_and_others_are_right(example):
    name, axis, arena, inputs, outs = example
    copy = arena.copy()
    # Those that are not of the arena may be a result as well.
    apart = [np.copy(a) if twin(a, arena, copy) is a else twin(a, arena, copy) for a in inputs]
    masked = inputs[-1].dtype == bool
    arrays, mask = (inputs[:-1], inputs[-1]) if masked else (inputs, None)
    try:
        call(name, arrays, axis, mask, outs)
    except ValueError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert "shares memory with" in refused
        return
    assert not collides(name, inputs, outs)
    fresh = [np.empty(a.shape, a.dtype) for a in outs]
    call(name, apart[:-1] if masked else apart, axis, apart[-1] if masked else None, fresh)
    for out, want in zip(outs, fresh, strict=True):
        limits = np.finfo(out.dtype)
        np.testing.assert_allclose(out, want, rtol=64 * limits.eps, atol=limits.tiny, equal_nan=True)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("name", ["softmax_vjp", "log_softmax_vjp"])
def test_a_derivative_may_be_written_over_either_operand(name, place, axis):
    rng = np.random.default_rng(0)
    for shape in ((3, 7), (40, 50), (9, 6000), (6000, 9)):
        inputs = operands(name, shape, axis, np.float32, rng)
        want = call(name, inputs, axis)[0]
        call(name, inputs, axis, None, [inputs[place]])
        np.testing.assert_array_equal(inputs[place], want)


OVERLAPS = {
    "the labels": ("loss", "labels"),
    "the scale": ("loss", "scale"),
    "the other result": ("out", "loss"),
    "the logits of other rows": ("out", "the first argument"),
}


@pytest.mark.parametrize("what", OVERLAPS)
def test_a_result_in_the_memory_of_an_operand_is_refused(what):
    x, labels, scale = operands("label_nll_grad", (6, 5), 1, np.float64, np.random.default_rng(0))
    loss, grad = results("label_nll_grad", x, 1)
    if what == "the labels":
        loss = labels.view(np.float64)
    elif what == "the scale":
        loss = scale
    elif what == "the other result":
        loss = grad[:, 2:3]
    else:
        memory = np.zeros((7, 5))
        x, grad = memory[1:], memory[:-1]
    result, other = OVERLAPS[what]
    with pytest.raises(ValueError, match=f"^{result}: shares memory with {other}; use memory of its own"):
        kernels.label_nll_grad(x, labels, scale, loss, grad, 1, None)


def test_columns_of_a_table_and_fields_of_records_do_not_overlap():
    table, rng = np.zeros((6, 12)), np.random.default_rng(0)
    records = np.zeros(6, [("labels", "i8"), ("x", "f4", 5), ("loss", "f4"), ("grad", "f4", 5), ("keep", "?", 5)])
    records["x"], records["keep"] = rng.normal(size=(6, 5)), True
    table[:, :5] = records["x"]
    kernels.label_nll(table[:, :5], records["labels"][:, None], table[:, 11:], 1, None)
    kernels.log_softmax(table[:, :5], table[::-1, 5:10], 1, None)
    np.testing.assert_array_equal(table[:, 11], -table[::-1, 5])
    one = np.ones((6, 1), np.float32)
    arrays = (records["x"], records["labels"][:, None], one, records["loss"][:, None], records["grad"])
    kernels.label_nll_grad(*arrays, 1, records["keep"])
    np.testing.assert_allclose(records["loss"], table[:, 11], rtol=1e-6)


REFILLED = """
import threading, time
import numpy as np
import softmax_xp_kernels as kernels

rng = np.random.default_rng(0)
done = threading.Event()

def refill(labels, good):
    # They differ in one byte: half of one and half of the other is either of them.
    far = good + 2**40
    while not done.is_set():
        labels[...] = far
        labels[...] = good

def check(shape, axis, dtype, seconds):
    x = rng.normal(size=shape).astype(dtype)
    small = [1 if a == axis else n for a, n in enumerate(shape)]
    good = rng.integers(0, shape[axis], small)
    wide = np.float64 if dtype == np.float64 else np.float32
    scale, loss, right = (np.ones(small, wide) for _ in range(3))
    grad, slope = np.empty_like(x), np.empty_like(x)
    kernels.label_nll_grad(x, good, scale, right, slope, axis, None)
    labels = good.copy()
    done.clear()
    writer = threading.Thread(target=refill, args=(labels, good), daemon=True)
    writer.start()
    end, mixed = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        kernels.label_nll_grad(x, labels, scale, loss, grad, axis, None)
        wrong = np.isnan(loss)
        mixed += 0 < wrong.sum() < wrong.size
        np.testing.assert_array_equal(loss, np.where(wrong, np.nan, right))
        np.testing.assert_array_equal(grad, np.where(wrong, np.nan, slope))
        kernels.label_nll(x, labels, loss, axis, None)
        np.testing.assert_array_equal(loss, np.where(np.isnan(loss), np.nan, right))
    done.set()
    writer.join()
    return mixed

print(sum(check(s, a, t, 0.3) for s in ((2000, 300), (300, 2000)) for a in (0, 1) for t in (np.float16, np.float64)))
"""


def test_labels_may_be_refilled_while_a_kernel_reads_them():
    """Each row has the loss and the gradient of one label that it had, or NaN for both."""
    done = subprocess.run([sys.executable, "-c", REFILLED], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0
