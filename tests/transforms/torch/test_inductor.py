"""torch.compile by Inductor, its default: what vectors and fused loops make of the formulas."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import numpy as np  # noqa: E402

import softmax_xp as sx  # noqa: E402
from softmax_xp import derivatives, sampling, sparse  # noqa: E402
from softmax_xp.testing import contract  # noqa: E402
from softmax_xp.testing.compare import ulp  # noqa: E402
from softmax_xp.testing.contract import FORMATS, MAX_ELEMENTARY_ERROR  # noqa: E402

from ...producers import PRODUCERS  # noqa: E402
from . import inductor_calls as given  # noqa: E402
from .compiling import results  # noqa: E402


@cache
def no_compiler() -> str:
    """Return why Inductor cannot compile here, or nothing."""
    from torch._inductor import cpp_builder

    try:
        return "" if cpp_builder.get_cpp_compiler() else "there is no C++ compiler"
    except Exception as error:
        return f"Inductor finds no C++ compiler ({type(error).__name__})"


LONG = pytest.mark.skipif(
    os.environ.get("SOFTMAX_XP_INDUCTOR") != "1", reason="Inductor takes minutes; set SOFTMAX_XP_INDUCTOR=1"
)
pytestmark = [pytest.mark.usefixtures("no_compiled_code", "formula", "cxx")]


@pytest.fixture
def cxx() -> None:
    if no_compiler():
        pytest.skip(no_compiler())


def compiled(f: Callable[..., Any]) -> Callable[..., Any]:
    return torch.compile(f, fullgraph=True)


def numbers(calls: given.Calls, dtype: Any) -> list[Any]:
    """Return what each call is made on."""
    return [torch.tensor(given.NUMBERS.get(name.split(" ")[0], given.LOGITS)).to(dtype) for name in calls]


def with_gradients(f: Callable[..., Any], xs: list[Any]) -> Iterator[tuple[list[Any], Any]]:
    """Yield what each call returns and the gradient of a weighted sum of its finite entries, in float64."""
    xs = [x.clone().requires_grad_() for x in xs]
    outs = f(xs)
    total = 0.0
    for y in (y for ys in outs for y in ys if y.requires_grad):
        weights = torch.linspace(0.5, 1.5, y.numel(), dtype=torch.float64).reshape(y.shape)
        total = total + (torch.where(torch.isfinite(y), y, 0.0).double() * weights).sum()
    grads = torch.autograd.grad(total, xs, allow_unused=True)
    for ys, g in zip(outs, grads, strict=True):
        yield [y.detach().double().numpy() for y in ys], None if g is None else g.double().numpy()


def misses(actual: Any, eager: Any, exact: Any, allowed: Any, least: float | None = None) -> float:
    """Return by how much a compiled result is farther from the exact one than twice what eager misses it by.

    ``allowed`` is the tolerance of both together; for a derivative it is the share of the largest of a row, or of
    ``least``. What no float32 holds is what it is eagerly.
    """
    exact = np.where(np.isfinite(eager) & np.isfinite(exact), exact, eager)
    same = (actual == exact) | (np.isnan(actual) & np.isnan(exact))
    with np.errstate(invalid="ignore"):
        gap, slack = (np.where(np.isfinite(exact), np.abs(v - exact), 0.0) for v in (actual, eager))
    gap = np.where(np.isfinite(exact), gap, np.inf)
    if least is not None:
        largest = np.max(np.where(np.isfinite(exact), np.abs(exact), 0.0), -1, keepdims=True)
        allowed, slack = allowed * np.maximum(largest, least), np.max(slack, -1, keepdims=True)
    return float(np.max(np.where(same, 0.0, gap - allowed - 2 * slack), initial=0.0))


SLOPE = 2 * contract.derivative_gate("float32").scale
COTANGENT = 1.5
OF_COTANGENTS = {"derivatives", "sampling", "js_divergence"}
"""Families and functions where entries of a gradient may be what rounding leaves of cotangents."""


def gates(exact: Any, dtype: str) -> Any:
    ulps = 2 * contract.gate("log_softmax", dtype, given.WIDTH, MAX_ELEMENTARY_ERROR).ulps
    return ulps * ulp(exact, dtype) + FORMATS[dtype].tiny


def test_small_numbers_keep_their_digits_in_a_compiled_graph():
    """The default check has this one; the others are a session of their own."""
    small = torch.tensor([1e-20, 1e-9, 1e-5, 0.3] * 8)
    sure = torch.zeros(4, given.WIDTH).index_fill(1, torch.tensor([0]), 1.0)

    def both(t: Any, x: Any) -> tuple[Any, Any]:
        return sx.log1mexp(t), sx.cross_entropy(x, sure, reduction="sum")

    def value_and_gradient(f: Callable[..., Any]) -> list[Any]:
        x = (20.0 * sure).requires_grad_()
        y, loss = f(small, x)
        return [y.numpy(), torch.autograd.grad(loss, x)[0].numpy()]

    for actual, eager in zip(value_and_gradient(compiled(both)), value_and_gradient(both), strict=True):
        assert np.all(np.abs(actual - eager) <= gates(eager, "float32"))


@LONG
@pytest.mark.parametrize("family", given.FAMILIES)
def test_values_and_gradients_are_as_exact_as_eager_ones(family):
    """Logits are a sum of two products, which for the dangerous rows are exact."""
    ordinary = np.isin(np.arange(given.SHAPE[0]), np.arange(len(given.SPECIAL), given.SHAPE[0]))[:, None]
    factor, more = (torch.tensor(np.where(ordinary, a, b)) for a, b in ((0.7, 1.0), (0.3, 0.0)))

    def run(dtype: Any) -> Callable[..., Any]:
        calls, a, b = given.FAMILIES[family](dtype), factor.to(dtype), more.to(dtype)
        whole = [name.split(" ")[0] in given.NUMBERS for name in calls]

        def together(xs: list[Any]) -> list[Any]:
            fs = zip(calls.values(), whole, xs, strict=True)
            return [results(f(x if as_it_is else x * a + a * b)) for f, as_it_is, x in fs]

        return together

    calls = given.FAMILIES[family](torch.float32)
    xs = numbers(calls, torch.float32)
    ways = (compiled(run(torch.float32)), xs), (run(torch.float32), xs), (run(torch.float64), [x.double() for x in xs])
    wrong = []
    for name, x, actual, eager, exact in zip(calls, xs, *(with_gradients(*way) for way in ways), strict=True):
        found = [misses(*ys, gates(ys[2], "float32")) for ys in zip(actual[0], eager[0], exact[0], strict=True)]
        if actual[1] is not None:
            # The derivative at NaN is no promise.
            slopes = (np.where(x.isnan(), 0.0, v[1]) for v in (actual, eager, exact))
            found.append(misses(*slopes, SLOPE, COTANGENT if OF_COTANGENTS & {family, name} else 0.0))
        if max(found) > 0.0:
            wrong.append((name, found))
    assert wrong == []


CORE = {
    "hardmax": sx.hardmax,
    "softmax": sx.softmax,
    "log_softmax": sx.log_softmax,
    "logsumexp": lambda x: sx.logsumexp(x, axis=-1),
    "cross_entropy_and_grad": lambda x: derivatives.cross_entropy_and_grad(x, given.LABELS, reduction="none"),
    "log1mexp": sx.log1mexp,
    "sparsemax": sparse.sparsemax,
    "top_k_logits": lambda x: sampling.top_k_logits(x, 3),
}
"""One of each way to be made of a row: by its maximum, by sums, by an order."""


def all_core(x: Any) -> list[tuple[Any, ...]]:
    return [results(f(x)) for f in CORE.values()]


def far_off(actual: Any, expected: Any) -> list[str]:
    """Return the names of what is not the same within twice the tolerance, or within that of a derivative."""
    found = []
    for name, ys, zs in zip(CORE, actual, expected, strict=True):
        for y, z in zip(ys, zs, strict=True):
            dtype = str(y.dtype).rpartition(".")[2]
            y, z = y.double().numpy(), z.double().numpy()
            scale = 2 * contract.derivative_gate(dtype).scale * (name in ("sparsemax", "cross_entropy_and_grad"))
            if misses(y, z, z, gates(z, dtype) + scale) > 0.0:
                found.append(name)
    return found


@LONG
def test_every_type_has_its_eager_values():
    xs = [torch.tensor(given.LOGITS).to(d) for d in (torch.float64, torch.float16, torch.bfloat16)]
    actual = compiled(lambda xs: [all_core(x) for x in xs])(xs)
    assert [far_off(a, all_core(x)) for a, x in zip(actual, xs, strict=True)] == [[]] * 3


@LONG
def test_rows_of_three_entries_have_their_eager_values():
    x = torch.tensor(given.LOGITS[:, :3].copy(), dtype=torch.float32)
    assert far_off(compiled(all_core)(x), all_core(x)) == []


@LONG
@pytest.mark.parametrize("contraction", ["off", "fast"])
def test_logits_that_a_graph_computes_have_the_values_of_these_logits(contraction):
    """Inductor rounds no number to a half type between two operations: compared is with what the logits then are."""
    random = np.random.default_rng(5)
    v = torch.tensor(8.0 * random.normal(size=given.SHAPE), dtype=torch.float32)
    w = torch.tensor(random.uniform(1.0, 1.1, given.SHAPE), dtype=torch.float32)

    def computed(v: Any, w: Any) -> list[Any]:
        logits = [f(v, w, lambda x, name: x.to(getattr(torch, name))) for f in PRODUCERS.values()]
        return [(x.float(), all_core(x)) for x in logits]

    with torch._inductor.config.patch({"cpp.enable_floating_point_contract_flag": contraction}):
        found = compiled(computed)(v, w)
    wrong = {}
    for name, (x, actual), (eager, like) in zip(PRODUCERS, found, computed(v, w), strict=True):
        dtype = like[0][0].dtype
        if "half" not in name and "float16" not in name and contraction == "off":
            assert torch.equal(x, eager), name
        expected = [tuple(y.to(dtype) for y in ys) for ys in all_core(x)]
        wrong[name] = far_off(actual, expected)
    assert {name: found for name, found in wrong.items() if found} == {}


def test_every_public_function_is_compiled_here():
    named = {name.split(" ")[0] for calls in given.FAMILIES.values() for name in calls(torch.float32)}
    modules = (sx.normalizers, sx.logsums, sx.losses, sx.derivatives, sx.sparse, sx.activations, sx.sampling)
    assert {name for module in modules for name in module.__all__} <= named
