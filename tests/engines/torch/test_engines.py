"""torch's own kernels and the C engine: when they are taken, their gradients, and what they leave to the formula."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import numpy as np  # noqa: E402
from torch.autograd import forward_ad, gradcheck, gradgradcheck  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from softmax_xp import (  # noqa: E402
    cross_entropy,
    log_softmax,
    logsumexp,
    softmax,
    softmax_and_logsumexp,
    use_engine,
    which_engine,
)
from softmax_xp._engines.kernels import found as kernels  # noqa: E402
from softmax_xp._engines.torch import native as torch_native  # noqa: E402
from softmax_xp.losses import focal_loss  # noqa: E402
from softmax_xp.testing import assert_ulp, exact_rows  # noqa: E402

REASON = kernels.find()[1]
with_kernels = pytest.mark.skipif(bool(REASON), reason=REASON or "")
KEEP = torch.tensor([[True, False, True, True], [True, True, True, True], [False, False, False, False]])
LABELS = torch.tensor([2, -100, 3])
CALLS = {
    "softmax": softmax,
    "log_softmax": log_softmax,
    "logsumexp": partial(logsumexp, axis=-1),
    "softmax of columns": partial(softmax, axis=0),
    "log_softmax of columns": partial(log_softmax, axis=0),
    "softmax_and_logsumexp": lambda x: torch.cat(softmax_and_logsumexp(x), -1),
    "softmax_and_logsumexp of columns": lambda x: torch.cat(softmax_and_logsumexp(x, axis=0)),
    "masked softmax": partial(softmax, where=KEEP),
    "masked log_softmax": lambda x: torch.where(KEEP, log_softmax(x, where=KEEP), 0.0),
    "masked logsumexp": lambda x: logsumexp(x, axis=0, where=KEEP),
    "cross_entropy": lambda x: cross_entropy(x, torch.tensor([2, 0, 3])),
    "cross_entropy by options": lambda x: cross_entropy(x, LABELS, reduction="sum", weight=torch.arange(4.0).double()),
    "focal_loss": lambda x: focal_loss(x, LABELS, reduction="none"),
}
calls = pytest.mark.parametrize("name", CALLS)


def logits(*shape, dtype=torch.float64, requires_grad=True):
    values = torch.from_numpy(np.random.default_rng(3).normal(size=shape)).to(dtype)
    return values.requires_grad_(requires_grad)


@with_kernels
@calls
def test_the_kernels_have_the_gradient(name):
    with use_engine("cpu_kernels"):
        assert gradcheck(CALLS[name], logits(3, 4), check_batched_grad=True)
        assert gradgradcheck(CALLS[name], logits(3, 4))


@with_kernels
@calls
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_values_and_gradients_are_those_of_the_formula(name, dtype):
    found = []
    for engine in ("cpu_kernels", "generic"):
        x = logits(3, 4, dtype=dtype)
        with use_engine(engine):
            y = CALLS[name](x.T.contiguous().T)
            (g,) = torch.autograd.grad(y.sum() + (y * y).sum(), x)
        assert y.dtype == g.dtype == dtype
        found.append((y.detach(), g))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=16 * torch.finfo(dtype).eps, atol=16 * torch.finfo(dtype).eps)


@with_kernels
def test_a_plain_call_is_one_step_of_the_graph():
    x = logits(300, 400)
    for f in (log_softmax, cross_entropy_of_rows):
        y = f(x)
        assert y.grad_fn.name().startswith(("Kernel", "MeanLoss")), y.grad_fn
        assert y.grad_fn.next_functions[0][0].variable is x


def cross_entropy_of_rows(x):
    return cross_entropy(x, torch.zeros(len(x), dtype=torch.int64))


@with_kernels
@pytest.mark.parametrize("labels", [[2, 0, 3], [2, -100, 3], [4, 0, 1], [-1, 0, 1]], ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_a_plain_loss_is_that_of_the_long_way(labels, dtype):
    found = []
    for options in ({}, {"reduction": "mean"}):
        x = logits(3, 4, dtype=dtype)
        loss = cross_entropy(x, torch.tensor(labels), **options)
        loss.backward()
        found.append((loss, x.grad))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=4 * torch.finfo(dtype).eps, atol=0, equal_nan=True)


@with_kernels
@pytest.mark.parametrize(("shape", "axis"), [((5,), 0), ((2, 3, 4), 1), ((2, 3, 4), 0), ((4, 3), -2)], ids=str)
def test_a_plain_loss_takes_any_axis(shape, axis):
    labels = torch.ones([n for a, n in enumerate(shape) if a != axis % len(shape)], dtype=torch.int64)
    assert gradcheck(lambda x: cross_entropy(x, labels, axis=axis), logits(*shape))
    found, long = (cross_entropy(logits(*shape), labels, axis=axis, **o) for o in ({}, {"reduction": "mean"}))
    torch.testing.assert_close(found, long)


def followed(x):
    """Yield contexts and inputs in which a kernel would go unnoticed by torch."""
    with forward_ad.dual_level():
        yield forward_ad.make_dual(x.detach(), torch.ones_like(x))
    yield torch.nn.Parameter(x.detach()).to("meta")
    with FlopCounterMode(display=False):
        yield x


def test_what_follows_a_call_gets_the_formula():
    for x in followed(logits(3, 4)):
        assert x.device.type == "meta" or which_engine("log_softmax", x).startswith("generic")


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp", "softmax of columns"])
def test_transformations_get_the_formula(name):
    x = logits(3, 4, requires_grad=False)
    f = CALLS[name]
    with use_engine("generic"):
        expected = torch.func.jacrev(f)(x), torch.func.jacfwd(f)(x), torch.func.vmap(f)(torch.stack([x, x]))
    found = torch.func.jacrev(f)(x), torch.func.jacfwd(f)(x), torch.func.vmap(f)(torch.stack([x, x]))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_softmax_of_torch_is_taken_on_the_last_axis_only():
    small, long = logits(4, 8, requires_grad=False), logits(2, 129, requires_grad=False)
    assert which_engine("softmax", small) == "torch_native"
    assert "other axes" in which_engine("softmax", small, axis=0)
    assert "at this size" in which_engine("softmax", long)
    assert "no mask" in which_engine("softmax", small, where=small > 0)
    assert "loses what is small" in which_engine("log_softmax", small)
    assert not which_engine("softmax", logits(4, 8, dtype=torch.bfloat16)).startswith("torch_native")


@pytest.mark.parametrize("row", torch_native.TABLE, ids=lambda r: "-".join(r.dtypes))
def test_the_table_gives_a_reason(row):
    assert row.why


@with_kernels
def test_the_kernels_heed_the_number_of_threads_of_torch(monkeypatch):
    seen = []
    in_parallel = kernels.in_parallel
    monkeypatch.setattr(kernels, "in_parallel", lambda *args: (seen.append(kernels_limit()), in_parallel(*args)))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        log_softmax(logits(1000, 1000, requires_grad=False))
    finally:
        torch.set_num_threads(before)
    assert seen == [1]


def kernels_limit():
    from softmax_xp._engines import threads

    return threads._limit.get()


@with_kernels
def test_tensors_that_are_views_are_read_as_they_are():
    base = logits(6, 10, requires_grad=False)
    for x in (base.T, base[::2, 1::3], base[:1].expand(4, 10), base[0], torch.nn.Parameter(base)):
        with use_engine("generic"):
            expected = log_softmax(x)
        torch.testing.assert_close(log_softmax(x), expected)


@with_kernels
def test_no_tensor_is_changed_and_results_are_new():
    x = logits(5, 7, requires_grad=False)
    before = x.clone()
    y = log_softmax(x)
    y.zero_()
    assert torch.equal(x, before)


@with_kernels
@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_the_kernels_keep_the_contract_of_compiled_engines(dtype, axis):
    """CONTRACT 2: no term for the rounding of x - m, on tensors either."""
    pytest.importorskip("mpmath")
    name = str(dtype).removeprefix("torch.")
    x = torch.cat([s * logits(10, 33, requires_grad=False) for s in (1, 30, 80, 1000)]).to(dtype)
    exact = exact_rows(x.double().numpy())
    z = x.T.contiguous() if axis == 0 else x
    with use_engine("cpu_kernels"):
        assert which_engine("softmax_and_logsumexp", z, axis=axis).startswith("cpu_kernels")
        p, lse = softmax_and_logsumexp(z, axis=axis)
        results = [("softmax", softmax(z, axis=axis)), ("log_softmax", log_softmax(z, axis=axis))]
        results += [("logsumexp", logsumexp(z, axis=axis)), ("softmax", p), ("logsumexp", lse.squeeze(axis))]
    for op, found in results:
        found = (found.T if axis == 0 and op != "logsumexp" else found).double().numpy()
        assert_ulp(found, exact[op], op=op, dtype=name, compiled=True, elementary=1.0)


REFILLED = """
import sys, threading, time
import numpy as np, torch
from softmax_xp import cross_entropy, use_engine

rng, on, idle = np.random.default_rng(0), threading.Event(), threading.Event()
good = rng.integers(0, 4000, 600)
labels, far = good.copy(), good + 2**40
at = torch.from_numpy(labels)

def refill():
    while True:
        idle.set()
        on.wait()
        idle.clear()
        while on.is_set():
            labels[...] = far
            labels[...] = good

sys.setswitchinterval(1e-5)
threading.Thread(target=refill, daemon=True).start()
with use_engine("cpu_kernels"):
    for axis in (0, 1):
        x = torch.randn((4000, 600) if axis == 0 else (600, 4000), requires_grad=True)
        end = time.monotonic() + 1
        while time.monotonic() < end:
            losses = [cross_entropy(x, at, axis=axis), cross_entropy(x, at, axis=axis, reduction="sum")]
            on.set()
            while idle.is_set():
                time.sleep(0)
            for loss in losses:
                loss.backward()
            on.clear()
            idle.wait()
"""


@with_kernels
def test_labels_may_be_refilled_while_a_gradient_is_computed():
    """They lie in the memory of a NumPy array, whose owner writes to it."""
    done = subprocess.run([sys.executable, "-c", REFILLED], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
