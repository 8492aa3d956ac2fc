"""torch's own kernels, where they keep the contract and are the fastest.

log_softmax, logsumexp and cross_entropy of torch are never taken: they add what is small to the 1
of the maximum and lose it. On other axes than the last one, and on other devices than the CPU,
softmax is not taken either: there the formula is faster, or nothing was measured.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from .._gate.dtypes import dtype_name
from . import kernels


class Row(NamedTuple):
    """A range of calls that go to torch's kernel."""

    name: str
    dtypes: tuple[str, ...]
    longest: int  # row: torch adds in lanes, and beyond that the sum of a row may be 4 eps off 1
    most: int  # elements of a call without a gradient, unless there is no C engine
    most_with_grad: int  # and of one with: an autograd function in Python takes its time; 0 for never
    why: str


TABLE = (
    Row("softmax", ("float64", "float32"), 128, 4096, 131072, "without the cost of a call from Python"),
    Row("softmax", ("float16", "bfloat16"), 1024, 2048, 0, "the same, but gradients start from a rounded result"),
)
"""The calls, on the last axis of tensors on the CPU, that torch's kernels execute."""


def supports(name: str, x: Any, xp: Any, options: dict[str, Any]) -> str | None:
    """Return None if a call can be executed here, or the reason why not."""
    if name != "softmax":
        return (
            "loses what is small beside 1"
            if name in ("log_softmax", "logsumexp", "label_nll")
            else "has no such function"
        )
    temperature = options["temperature"]
    if options["where"] is not None or options["sink"] is not None or not isinstance(temperature, float):
        return "has no mask, no sink and no temperature"
    if temperature != 1.0:
        return "has no mask, no sink and no temperature"
    if type(x) not in (torch.Tensor, torch.nn.Parameter) or not x.is_cpu:
        return "for plain tensors on the CPU"
    if options["axis"] != (x.ndim - 1,):
        return "slower on other axes than the last one"
    row = row_of(name, x.dtype)
    return None if row is not None and is_best(row, x) else "slower or less accurate at this size"


def row_of(name: str, dtype: Any) -> Row | None:
    """Return the row of the table for a function and a dtype."""
    return next((row for row in TABLE if row.name == name and dtype_name(dtype) in row.dtypes), None)


def is_best(row: Row, x: Any) -> bool:
    """Whether torch's kernel on the last axis is right, and faster than the kernels of softmax-xp if they are there."""
    if x.shape[-1] > row.longest:
        return False
    most = row.most_with_grad if x.requires_grad and torch.is_grad_enabled() else row.most
    return x.numel() <= most or (most > 0 and kernels.find()[0] is None)


def softmax(x: Any, /, *, axis: tuple[int, ...], where: None, temperature: float, sink: None, xp: Any) -> Any:
    """Return what the formula does."""
    return torch.softmax(x, axis[0])
