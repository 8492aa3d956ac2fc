"""torch's own switches: what is put on to find faults finds none, and where new tensors go is not where results go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from softmax_xp import cross_entropy, use_engine  # noqa: E402
from softmax_xp.testing.records import RECORDS, Call, calls, examples, numbers  # noqa: E402

IGNORED = 2
"""The row of the arrays of the records that is masked, has a label to be ignored, and the weight 0."""

every_function = pytest.mark.parametrize("name", RECORDS)
with_gradient = pytest.mark.parametrize("name", [n for n, record in RECORDS.items() if record.differentiable])


def tensors(precision: Any = torch.float32, **changed: Any) -> dict[str, Any]:
    arrays = {k: torch.from_numpy(np.array(v)) for k, v in (numbers(uncounted=IGNORED) | changed).items()}
    return {k: v.to(precision) if v.is_floating_point() else v for k, v in arrays.items()}


def values_and_gradients(call: Call, given: dict[str, Any]) -> list[Any]:
    """Return the results of a call, and the gradients of what is finite in them."""
    leaves = {k: given[k].clone().requires_grad_() for k in call.differentiable}
    found = call.results(given | leaves)
    total = sum(torch.where(torch.isfinite(y), y, 0.0).sum() for y in found if y.is_floating_point())
    slopes = torch.autograd.grad(total, list(leaves.values()), allow_unused=True) if total.requires_grad else ()
    return [*(y.detach() for y in found), *(g for g in slopes if g is not None)]


@contextmanager
def default_dtype(precision: Any) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(precision)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def logits_with(value: float) -> Any:
    """Return the logits with a value where they are masked, and in the row that does not count."""
    given = numbers(uncounted=IGNORED)
    return np.where(given["mask"], given["logits"], value)


@with_gradient
@pytest.mark.parametrize("engine", ["auto", "generic"])
@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
def test_anomaly_detection_finds_nothing_where_results_and_gradients_have_no_nan(name, engine):
    for x in (numbers()["logits"], *(logits_with(v) for v in (-np.inf, np.inf, np.nan, 1e30))):
        given = tensors(logits=x)
        for call in examples(name).values():
            with use_engine(engine):
                if all(not torch.isnan(v).any() for v in values_and_gradients(call, given)):
                    with torch.autograd.detect_anomaly():
                        values_and_gradients(call, given)


@with_gradient
@pytest.mark.parametrize("engine", ["auto", "generic"])
@pytest.mark.parametrize(
    "switch", [lambda: torch.device("meta"), lambda: default_dtype(torch.float64)], ids=["device", "dtype"]
)
def test_where_torch_makes_new_tensors_has_no_influence_on_results(name, engine, switch):
    for precision in (torch.float32, torch.float16):
        given = tensors(precision)
        for text, call in examples(name).items():
            with use_engine(engine):
                expected = values_and_gradients(call, given)
                with switch():
                    found = values_and_gradients(call, given)
            for a, b in zip(found, expected, strict=True):
                assert (a.device, a.dtype) == (b.device, b.dtype), text
                assert torch.equal(torch.nan_to_num(a), torch.nan_to_num(b)), text


@every_function
def test_inference_mode_changes_no_value(name):
    given = tensors()
    for text, call in calls(name).items():
        with use_engine("generic"):
            expected = call.results(given)
            with torch.inference_mode():
                found = call.results(given)
        same = (torch.equal(torch.nan_to_num(a), torch.nan_to_num(b)) for a, b in zip(found, expected, strict=True))
        assert all(same), text


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
def test_a_row_that_does_not_count_has_a_gradient_of_0_under_anomaly_detection():
    given = tensors(torch.float64)
    x = given["logits"].index_fill(0, torch.tensor([IGNORED]), -torch.inf).requires_grad_()
    with torch.autograd.detect_anomaly():
        loss = cross_entropy(x, given["labels"], z_loss=0.01)
        loss.backward()
    assert not x.grad[IGNORED].any()
    assert torch.isfinite(x.grad).all()
