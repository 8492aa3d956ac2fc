"""What is particular to engines of NumPy arrays: layouts, shortcuts, threads, and kernels that are not there."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from math import fsum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from softmax_xp import (
    cross_entropy,
    log_softmax,
    logsumexp,
    softmax,
    softmax_and_logsumexp,
    use_engine,
    which_engine,
)
from softmax_xp._engines import MOST, planned, threads
from softmax_xp._engines.kernels import found as kernels
from softmax_xp._engines.layout import layout_of, rows_shape
from softmax_xp.derivatives import cross_entropy_and_grad
from softmax_xp.testing import contract

from ...plans import forget

FUNCTIONS = {"softmax": softmax, "log_softmax": log_softmax, "logsumexp": logsumexp}
ENGINES = ["numpy_inplace", "cpu_kernels"]
RNG = np.random.default_rng(4)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Any:
    reason = kernels.find()[1]
    if request.param == "cpu_kernels" and reason:
        pytest.skip(reason)
    with use_engine(request.param):
        yield request.param


SHAPES = [((3, 4, 5), (1,)), ((3, 4, 5), (0, 1)), ((3, 1, 5), (0, 2)), ((1, 1), (0,)), ((2, 3, 4), (0, 1, 2))]


@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_a_layout_is_undone(shape: tuple[int, ...], axis: tuple[int, ...]) -> None:
    x = RNG.normal(size=shape)
    for order in permutations(range(x.ndim)):
        y = x.transpose(order)
        moved = tuple(sorted(order.index(a) for a in axis))
        layout = layout_of(y, moved)
        assert layout is not None
        assert layout.view(y).shape[1] == np.prod([y.shape[a] for a in moved])
        np.testing.assert_array_equal(layout.undo(layout.view(y), y.shape), y)
        sums = y.sum(axis=moved, keepdims=True)
        found = layout.view(y).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(layout.undo(found, rows_shape(y, moved)), sums)


def test_axes_apart_have_no_layout() -> None:
    assert layout_of(np.zeros((2, 3, 4)), (0, 2)) is None


def layouts(x: Any) -> dict[str, Any]:
    wide = np.zeros((2 * x.shape[0], x.shape[1] + 3), x.dtype)
    wide[::2, 3:] = x
    packed = np.zeros(x.shape, [("a", "i1"), ("x", x.dtype)])
    packed["x"] = x
    found = {
        "C": x,
        "F": np.asfortranarray(x),
        "strided": wide[::2, 3:],
        "reversed": x[::-1, ::-1],
        "packed": packed["x"],
    }
    found["swapped bytes"] = x.astype(x.dtype.newbyteorder())
    return found


@pytest.mark.parametrize("masked", [False, True], ids=["all", "masked"])
@pytest.mark.parametrize("axis", [0, 1, (0, 1)], ids=str)
@pytest.mark.parametrize("shape", [(300, 700), (3, 200_000), (200_000, 3)], ids=str)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_arrays_larger_than_a_block_are_as_by_the_formula(engine, name, shape, axis, masked) -> None:
    x = (3 * RNG.normal(size=shape)).astype(np.float32)
    x[1] = -np.inf
    x[2, 1] = np.nan
    where = RNG.random(size=shape) < 0.7 if masked else None
    for label, y in (layouts(x) if shape == (300, 700) else {"C": x}).items():
        with use_engine("generic"):
            expected = FUNCTIONS[name](y, axis=axis, where=where)
        found = FUNCTIONS[name](y, axis=axis, where=where)
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        numbers = np.isfinite(expected)
        np.testing.assert_array_equal(found[~numbers], expected[~numbers], err_msg=label)
        # Either may have lost what the rounding of x - m costs, which for these logits is 30 at most.
        size = np.maximum(np.abs(expected[numbers]), 1.0 if name == "logsumexp" else 0.0)
        far = np.abs(found[numbers] - expected[numbers]) > 64 * np.spacing(size)
        assert not far.any(), label


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("axis", [0, 1])
def test_any_number_of_threads_gives_the_same_bits(engine, axis, dtype) -> None:
    for shape in ((400, 3000), (2, 600_000), (600_000, 2)):
        x = (3 * RNG.normal(size=shape)).astype(dtype)
        labels = RNG.integers(0, shape[axis], size=shape[1 - axis])
        found = []
        for n in (1, 2, 3, 7):
            with threads.limit(n):
                results = [f(x, axis=axis) for f in FUNCTIONS.values()]
                results += cross_entropy_and_grad(x, labels, axis=axis, reduction="none")
                found.append(results)
        for other in found[1:]:
            for a, b in zip(found[0], other, strict=True):
                np.testing.assert_array_equal(a, b, strict=True)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_probabilities_sum_to_one_along_any_axis(engine, axis, dtype) -> None:
    for n in (100, 128, 1000, 4097):
        x = (0.1 * RNG.normal(size=(n, 20) if axis == 0 else (20, n))).astype(dtype)
        p = softmax(x, axis=axis).astype(np.float64)
        off = [abs(fsum(row) - 1.0) for row in (p.T if axis == 0 else p)]
        assert max(off) <= contract.sum_gate(dtype, n)


def test_many_threads_may_call_at_once(engine) -> None:
    x = RNG.normal(size=(1000, 700)).astype(np.float32)
    expected = [f(x, axis=-1) for f in FUNCTIONS.values()]

    def check(i: int) -> None:
        with use_engine(engine):
            for f, y in zip(FUNCTIONS.values(), expected, strict=True):
                np.testing.assert_array_equal(f(x, axis=-1), y)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(check, range(32)))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("shape", [(), (1,), (10,), (1, 10), (8, 8), (0, 3), (3, 0), (2, 3, 4), (300, 1000)], ids=str)
def test_a_plain_call_has_the_bits_of_the_long_way(engine, shape, dtype) -> None:
    x = np.asarray(RNG.normal(size=shape), dtype=dtype)
    for axis in range(-x.ndim, x.ndim):
        for name, f in FUNCTIONS.items():
            rest = {"keepdims": False} if name == "logsumexp" else {"temperature": 1.0}
            short, long = f(x, axis=axis), f(x, axis=axis, **rest)
            assert type(short) is type(long)
            np.testing.assert_array_equal(short, long, strict=True)


@pytest.mark.parametrize("labels", [[2, 0], [2, -100], [3, 0], [-1, 0]], ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_a_plain_loss_has_the_bits_of_the_long_way(engine, labels, dtype) -> None:
    x = RNG.normal(size=(2, 3)).astype(dtype)
    for kind in ("int64", "int8", "uint8"):
        y = np.asarray(labels).astype(kind)
        np.testing.assert_array_equal(cross_entropy(x, y), cross_entropy(x, y, reduction="mean"), strict=True)


@pytest.mark.parametrize(("shape", "axis"), [((5,), 0), ((2, 3, 4), 1), ((2, 3, 4), 0), ((4, 3), -2)], ids=str)
def test_a_plain_loss_takes_any_axis(engine, shape, axis) -> None:
    x = RNG.normal(size=shape)
    y = np.asarray(RNG.integers(0, shape[axis], size=[n for a, n in enumerate(shape) if a != axis % len(shape)]))
    long = cross_entropy(x, y, axis=axis, reduction="mean")
    np.testing.assert_array_equal(cross_entropy(x, y, axis=axis), long, strict=True)


def test_plans_are_kept_for_so_many_kinds_of_calls_only(engine) -> None:
    x = RNG.normal(size=(2, MOST))
    for n in range(MOST + 9):
        softmax(x[:, :n], axis=0)
        softmax(x[:1, :3], temperature=1.5 + n)
        assert all(0 < len(plans) <= MOST for plans in planned._plans.values() if plans)
    np.testing.assert_array_equal(softmax(x[:, :7], axis=0), softmax(x[:, :7], axis=0))


def test_every_nan_is_the_same_number_to_a_plan(engine) -> None:
    forget()
    for _ in range(3):
        assert np.isnan(softmax(np.zeros(3), sink=float("nan"))).all()
    assert [len(plans) for plans in planned._plans.values() if plans] == [1]


@pytest.mark.parametrize("axis", [True, 1.0, 2, -3, None, (1,), [1]], ids=repr)
def test_a_shortcut_checks_what_the_long_way_checks(engine, axis) -> None:
    x = RNG.normal(size=(4, 5))
    for _ in range(2):
        softmax(x, axis=1)
        long = outcome(lambda: softmax(x, axis=axis, temperature=1.0))
        assert outcome(lambda: softmax(x, axis=axis)) == long


def outcome(call: Any) -> Any:
    try:
        return call().tolist()
    except (TypeError, ValueError) as error:
        return type(error), str(error)


def test_the_caller_of_numpy_decides_about_warnings_and_gets_none(engine) -> None:
    with np.errstate(all="raise"):
        for x in (
            np.asarray([[1e308, -1e308]]),
            np.asarray([[0.0, -800.0]]),
            np.asarray([[np.inf, 1.0], [-np.inf] * 2]),
        ):
            for f in FUNCTIONS.values():
                f(x, axis=-1)


@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_the_kernels_keep_the_contract_of_compiled_engines(dtype: str, axis: int) -> None:
    """CONTRACT 2: no term for the rounding of x - m, which the kernels do not round."""
    if reason := kernels.find()[1]:
        pytest.skip(reason)
    pytest.importorskip("mpmath")
    from softmax_xp.testing import assert_ulp, exact_rows
    from softmax_xp.testing.check import dangerous_rows

    spreads = [
        (f"spread {s:g}", s * RNG.normal(size=(10, 33)))
        for s in (1.0, 30.0, 80.0, 1e3, 1e5, 1e30)
        if s < 1e4 or dtype != "float16"
    ]
    for name, values in [*dangerous_rows(dtype), *spreads]:
        x = np.asarray(values, dtype=dtype)
        exact = exact_rows(x.astype(np.float64))
        z = np.ascontiguousarray(np.moveaxis(x, -1, 0)) if axis == 0 else x
        with use_engine("cpu_kernels"):
            p, lse = softmax_and_logsumexp(z, axis=axis)
            results = [(op, FUNCTIONS[op](z, axis=axis)) for op in contract.OPS]
        for op, found in [*results, ("softmax", p), ("logsumexp", lse.squeeze(axis))]:
            found = np.moveaxis(found, 0, -1) if axis == 0 and op != "logsumexp" else found
            try:
                assert_ulp(found, exact[op], op=op, dtype=dtype, compiled=True, elementary=1.0)
            except AssertionError as error:
                raise AssertionError(f"{name}: {error}") from None


@pytest.mark.parametrize("axis", [-1, 0, (1, 2), (0, 1, 2)], ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_softmax_and_logsumexp_have_the_bits_of_either(dtype: str, axis: int | tuple[int, ...]) -> None:
    if reason := kernels.find()[1]:
        pytest.skip(reason)
    x = np.asarray(80 * RNG.normal(size=(4, 5, 6)), dtype=dtype)
    x[0, 0, 0], x[1] = np.nan, -np.inf
    with use_engine("cpu_kernels"):
        assert which_engine("softmax_and_logsumexp", x, axis=axis) == "cpu_kernels"
        for where in (None, RNG.random(x.shape) < 0.7):
            p, lse = softmax_and_logsumexp(x, axis=axis, where=where)
            np.testing.assert_array_equal(p, softmax(x, axis=axis, where=where), strict=True)
            np.testing.assert_array_equal(lse, logsumexp(x, axis=axis, where=where, keepdims=True), strict=True)


REFILLED = """
import sys, threading, time
import numpy as np
from softmax_xp import cross_entropy, use_engine
from softmax_xp.derivatives import cross_entropy_and_grad

rng, done = np.random.default_rng(0), threading.Event()
good = rng.integers(0, 300, 2000)
labels, far = good.copy(), good + 2**40

def refill():
    while not done.is_set():
        labels[...] = far
        labels[...] = good

threading.Thread(target=refill, daemon=True).start()
with use_engine(sys.argv[1]):
    for axis in (0, 1):
        x = rng.normal(size=(300, 2000) if axis == 0 else (2000, 300)).astype(np.float32)
        end = time.monotonic() + 0.7
        while time.monotonic() < end:
            cross_entropy(x, labels, axis=axis)
            cross_entropy_and_grad(x, labels, axis=axis)
done.set()
"""


def test_labels_may_be_refilled_while_they_are_read(engine: str) -> None:
    command = [sys.executable, "-W", "error", "-c", REFILLED, engine]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def run(folder: Path, **settings: str) -> str:
    code = (
        "import numpy as np, softmax_xp\n"
        "x = np.asarray([0.0, 0.0])\n"
        "print(softmax_xp.softmax(x), softmax_xp.which_engine('softmax', x))\n"
        "from softmax_xp.cli import main\n"
        "main(['info'])\n"
    )
    import os

    environment = {**os.environ, "PYTHONPATH": str(folder), **settings}
    environment.pop("SOFTMAX_XP_ENGINE", None)
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


BROKEN = {
    "for another interface": ("ABI = 99\n", None, "softmax-xp-kernels has interface 99, and interface 1 is needed"),
    "that is no library": ("from . import _kernels\n", b"\x7fELF and nothing else", "softmax-xp-kernels does not load"),
    "without an interface": ("", None, "softmax-xp-kernels has interface None"),
    "that fails": ("raise RuntimeError('bad day')\n", None, "softmax-xp-kernels does not load: bad day"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_everything_works_beside_kernels(kind: str, tmp_path: Path) -> None:
    code, library, reason = BROKEN[kind]
    package = tmp_path / "softmax_xp_kernels"
    package.mkdir()
    (package / "__init__.py").write_text(code)
    if library is not None:
        (package / "_kernels.abi3.so").write_bytes(library)
    out = run(tmp_path)
    assert out.startswith(f"[0.5 0.5] numpy_inplace (cpu_kernels: {reason}")
    assert any(line.startswith(f"cpu_kernels       {reason}") for line in out.splitlines())


def test_the_kernels_can_be_switched_off(tmp_path: Path) -> None:
    assert run(tmp_path, SOFTMAX_XP_KERNELS="0").startswith(
        "[0.5 0.5] numpy_inplace (cpu_kernels: SOFTMAX_XP_KERNELS is 0)"
    )
