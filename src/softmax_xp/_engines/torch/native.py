"""torch's own kernels, where they keep the contract and are the fastest.

log_softmax, logsumexp and cross_entropy of torch are never taken: they add what is small to the 1
of the maximum and lose it. On other axes than the last one, and on other devices than the CPU,
softmax is not taken either: there the formula is faster, or nothing was measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from ..._xp.dtypes import dtype_name
from ..kernels import found as kernels
from ..ways import Passed, Way

SLOWER = Passed("slower or less accurate at this size")


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


def prepare(formula: Callable[..., Any], arrays: tuple[Any, ...], options: dict[str, Any]) -> Way | str:
    """Return the way to execute a formula, or the reason why there is none."""
    name, x = formula.__name__, arrays[0]
    if name != "softmax":
        return (
            "loses what is small beside 1"
            if name in ("log_softmax", "logsumexp", "label_nll")
            else "has no such function"
        )
    # None of these can be put into torch's softmax without another pass over the logits.
    temperature = options["temperature"]
    plain = options["where"] is None and options["sink"] is None
    if not plain or not isinstance(temperature, float) or temperature != 1.0:
        return "has no mask, no sink and no temperature"
    if type(x) not in (torch.Tensor, torch.nn.Parameter) or not x.is_cpu:
        return "for plain tensors on the CPU"
    if options["axis"] != (x.ndim - 1,):
        return "slower on other axes than the last one"
    row = next((row for row in TABLE if row.name == name and dtype_name(x.dtype) in row.dtypes), None)
    if row is None or x.shape[-1] > row.longest:
        return str(SLOWER)
    return _way(row, x.ndim - 1, x.numel(), kernels.find()[0] is None)


def _way(row: Row, axis: int, size: int, alone: bool) -> Way:
    """Return torch's kernel on the last axis, where it is faster than the kernels of softmax-xp if they are there."""
    # Without the C engine the alternative is the formula, which is slower at all of these sizes.
    plain, followed = (size <= most or (most > 0 and alone) for most in (row.most, row.most_with_grad))

    def way(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
        (x,) = arrays
        # Asked at each call: a plan is kept for tensors with and without a gradient alike.
        best = followed if x.requires_grad and torch.is_grad_enabled() else plain
        return torch.softmax(x, axis) if best else SLOWER

    return way
