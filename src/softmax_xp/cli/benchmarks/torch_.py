"""On torch: its own functions, the same compiled, and this library; forward, or forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from .cases import Case, Inputs
from .contestants import Contestant, Prepared
from .numpy_ import OURS, engine_of


def contestants() -> list[Contestant]:
    """Return this library first, then its peers."""
    return [
        Contestant("softmax_xp, torch", ("torch",), _ours, ("torch", "torch.compile")),
        Contestant("torch", ("torch",), _native),
        Contestant("torch.compile", ("torch",), _compiled, compiles=True),
    ]


def _tensors(case: Case, inputs: Inputs) -> Inputs:
    """Return tensors that share the memory of the arrays where there is such a dtype."""
    dtype = getattr(torch, case.dtype)
    x = torch.from_numpy(inputs.x).to(dtype)
    g = None if inputs.g is None else torch.from_numpy(inputs.g).to(dtype)
    return Inputs(x.requires_grad_(case.backward), torch.from_numpy(inputs.labels), g)


def _call(f: Callable[[Any], Any], x: Any, g: Any, case: Case) -> Callable[[], Any]:
    if not case.backward:
        return partial(f, x)
    return lambda: torch.autograd.grad(f(x), x, g)


def _ours(case: Case, inputs: Inputs, threads: int) -> Prepared:
    x, labels, g = _tensors(case, inputs)
    function, axis = OURS[case.op], case.axis
    if case.op == "cross_entropy":
        function = partial(_with_labels, function, labels)
    f = partial(function, axis=axis)
    return Prepared(_call(f, x, g, case), engine=engine_of(case.op, x, labels, axis), memory="resident")


def _with_labels(function: Callable[..., Any], labels: Any, x: Any, **options: Any) -> Any:
    return function(x, labels, **options)


def _function(case: Case, labels: Any) -> Callable[[Any], Any]:
    """Return the function of torch; its cross-entropy wants the classes second."""
    functional, axis = torch.nn.functional, case.axis
    if case.op != "cross_entropy":
        return partial(getattr(torch, case.op), dim=axis)
    if axis == min(1, len(case.shape) - 1):
        return lambda x: functional.cross_entropy(x, labels)
    return lambda x: functional.cross_entropy(x.movedim(axis, 1), labels)


def _native(case: Case, inputs: Inputs, threads: int) -> Prepared:
    x, labels, g = _tensors(case, inputs)
    return Prepared(_call(_function(case, labels), x, g, case), memory="resident")


def _compiled(case: Case, inputs: Inputs, threads: int) -> Prepared:
    # Compiled functions of other cases count towards a limit, beyond which nothing is compiled.
    torch._dynamo.reset()
    x, labels, g = _tensors(case, inputs)
    return Prepared(_call(torch.compile(_function(case, labels), dynamic=False), x, g, case), memory="resident")
