"""torch's own switches: what is put on to find faults finds none, and where new tensors go is not where results go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from softmax_xp import cross_entropy, use_engine  # noqa: E402

from ..public_calls import CALLS, IGNORED, Given, given, results  # noqa: E402

every_call = pytest.mark.parametrize("name", CALLS)
with_gradient = pytest.mark.parametrize("name", [n for n in CALLS if not n.startswith(("sample", "log1mexp"))])


def tensors(precision: Any = torch.float32, **changed: Any) -> Given:
    arrays = (torch.from_numpy(np.array(v)) for v in given()._replace(**changed))
    return Given(*(v.to(precision) if v.is_floating_point() else v for v in arrays))


def values_and_gradient(name: str, g: Given) -> list[Any]:
    """Return the results of a call, and the gradient of what is finite in them by the logits."""
    x = g.x.clone().requires_grad_()
    found = results(CALLS[name](g._replace(x=x)))
    total = sum(torch.where(torch.isfinite(y), y, 0.0).sum() for y in found if y.is_floating_point())
    slopes = torch.autograd.grad(total, x) if total.requires_grad else ()
    return [*(y.detach() for y in found), *slopes]


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
    g = given()
    return np.where(g.keep, g.x, value)


@with_gradient
@pytest.mark.parametrize("engine", ["auto", "generic"])
@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
def test_anomaly_detection_finds_nothing_where_results_and_gradients_have_no_nan(name, engine):
    for x in (given().x, *(logits_with(v) for v in (-np.inf, np.inf, np.nan, 1e30))):
        g = tensors(x=x)
        with use_engine(engine):
            if all(not torch.isnan(v).any() for v in values_and_gradient(name, g)):
                with torch.autograd.detect_anomaly():
                    values_and_gradient(name, g)


@with_gradient
@pytest.mark.parametrize("engine", ["auto", "generic"])
@pytest.mark.parametrize(
    "switch", [lambda: torch.device("meta"), lambda: default_dtype(torch.float64)], ids=["device", "dtype"]
)
def test_where_torch_makes_new_tensors_has_no_influence_on_results(name, engine, switch):
    for precision in (torch.float32, torch.float16):
        g = tensors(precision)
        with use_engine(engine):
            expected = values_and_gradient(name, g)
            with switch():
                found = values_and_gradient(name, g)
        for a, b in zip(found, expected, strict=True):
            assert (a.device, a.dtype) == (b.device, b.dtype)
            assert torch.equal(torch.nan_to_num(a), torch.nan_to_num(b))


@every_call
def test_inference_mode_changes_no_value(name):
    g = tensors()
    with use_engine("generic"):
        expected = results(CALLS[name](g))
        with torch.inference_mode():
            found = results(CALLS[name](g))
    assert all(torch.equal(torch.nan_to_num(a), torch.nan_to_num(b)) for a, b in zip(found, expected, strict=True))


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
def test_a_row_that_does_not_count_has_a_gradient_of_0_under_anomaly_detection():
    x = torch.from_numpy(given().x).index_fill(0, torch.tensor([IGNORED]), -torch.inf).requires_grad_()
    with torch.autograd.detect_anomaly():
        loss = cross_entropy(x, torch.from_numpy(given().labels), z_loss=0.01)
        loss.backward()
    assert not x.grad[IGNORED].any()
    assert torch.isfinite(x.grad).all()
