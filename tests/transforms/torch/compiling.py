"""Compiled functions and how they are compared with eager ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def compiled(f: Callable[..., Any], backend: str = "aot_eager") -> Callable[..., Any]:
    """Return a function as one graph: "eager" executes what Dynamo found, "aot_eager" traces its derivative too."""
    return torch.compile(f, fullgraph=True, backend=backend)


def results(y: Any) -> tuple[Any, ...]:
    return y if isinstance(y, tuple) else (y,)


def with_gradient(f: Callable[..., Any], at: Any) -> list[Any]:
    """Return what f gives there, and the gradient of the sum of its finite entries."""
    x = at.clone().requires_grad_()
    outs = results(f(x))
    sum(torch.where(torch.isfinite(y), y, 0.0).sum() for y in outs if y.requires_grad).backward()
    return [*(y.detach() for y in outs), x.grad]


def assert_same(actual: Any, expected: Any) -> None:
    """Raise unless all tensors are the same bit for bit, in dtype too."""
    for a, b in zip(actual, expected, strict=True):
        assert a.dtype == b.dtype
        assert torch.equal(a.isnan(), b.isnan())
        assert torch.equal(a.nan_to_num(), b.nan_to_num())
