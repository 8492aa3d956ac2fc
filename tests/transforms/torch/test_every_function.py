"""torch.compile(fullgraph=True), torch.func.vmap and meta tensors: every function, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from softmax_xp.testing.records import AXES, RECORDS, Call, examples, numbers  # noqa: E402

from ...matrix_calls import two, unreduced  # noqa: E402
from .compiling import assert_same, compiled, results  # noqa: E402

OF_EACH_KIND = ("softmax", "logsumexp", "cross_entropy", "sparsemax", "top_p_logits", "gelu")
"""Functions of which the derivative is traced too: that knows operations of torch alone, which others share.

With --thorough it is traced of all, which takes three times as long.
"""

every_function = pytest.mark.parametrize("name", RECORDS)


def tensors(dtype: Any = torch.float64, device: str = "cpu") -> dict[str, Any]:
    given = {k: torch.tensor(v).to(device) for k, v in numbers().items()}
    return {k: v.to(dtype) if v.is_floating_point() else v for k, v in given.items()}


def with_gradients(f: Callable[..., Any], call: Call, given: dict[str, Any]) -> list[Any]:
    """Return what a call gives, and the gradients of the sum of its finite entries by what it is differentiable in."""
    leaves = {k: given[k].clone().requires_grad_() for k in call.differentiable}
    found = results(f(given | leaves))
    total = sum(torch.where(torch.isfinite(y), y, 0.0).sum() for y in found if y.requires_grad)
    slopes = torch.autograd.grad(total, list(leaves.values()), allow_unused=True) if leaves else ()
    return [*(y.detach() for y in found), *(g for g in slopes if g is not None)]


@every_function
@pytest.mark.usefixtures("no_compiled_code", "formula_of_graphs")
def test_compiled_values_and_gradients_are_the_eager_ones(name, request):
    given = tensors()
    backend = "aot_eager" if name in OF_EACH_KIND or request.config.getoption("--thorough") else "eager"
    # Tracing takes seconds, and the call with options does all that the plain one does.
    plain, *others = two(name).values()
    for call in others or [plain]:
        f = lambda given, call=call: call(given)  # noqa: E731
        assert_same(with_gradients(compiled(f, backend), call, given), with_gradients(f, call, given))


@every_function
def test_meta_tensors_have_the_shapes_and_types_of_results(name):
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        given, meta = tensors(dtype), tensors(dtype, "meta")
        for call in examples(name).values():
            for y, expected in zip(call.results(meta), call.results(given), strict=True):
                assert (y.shape, y.dtype, y.device.type) == (expected.shape, expected.dtype, "meta")


def is_of_rows(call: Call) -> bool:
    """Whether each row has a result of its own; the seat of a new axis in front would not be that of a row."""
    return call.options.get("axis", -1) in (-1, 1) and "shape" not in call.options


@every_function
@pytest.mark.usefixtures("formula")
def test_vmap_over_rows_gives_the_batched_values(name):
    given = tensors()
    for text, call in examples(name).items():
        one = unreduced(call)
        # The sign of array-api-compat, which weights of sums need, assigns to a mask: vmap cannot.
        if not is_of_rows(one) or RECORDS[name].kind == "labels" or "b" in one.options:
            continue
        rows = [k for k in one.arrays if AXES[k].startswith("r")]
        options = {"axis": -1} if "axis" in one.options else {}

        def of_row(values, one=one, options=options):
            # What has one number per row has none beside a single row.
            alone = {k: v[0] if AXES[k] == "r1" else v for k, v in values.items()}
            return one.results(given | alone, **options)

        mapped = torch.func.vmap(of_row)({k: given[k] for k in rows})
        for a, b in zip(mapped, one.results(given), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-14, atol=1e-14, equal_nan=True, msg=text)
