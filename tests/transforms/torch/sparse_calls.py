"""Sparse maps and their losses as functions of tensors, and gradients of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from softmax_xp import sparse
from softmax_xp.sparse import entmax, entmax_loss, fenchel_young_loss, normmax
from softmax_xp.testing import contract
from softmax_xp.testing.check_activations import name_of

from ...contract.sparse import points

F64 = torch.float64
X, G, SHARES, WEIGHT, LABELS, KEEP = (
    torch.tensor(v) for v in (points.X, points.G, points.SHARES, points.WEIGHT, points.LABELS, points.KEEP)
)
MAPS: dict[str, Callable[..., Any]] = {
    name_of(n, o): partial(getattr(sparse, n), **o) for n, o in contract.SPARSE_CASES
}


def column(*values: float) -> Any:
    return torch.tensor(values, dtype=F64)[:, None]


ROWS = {name: column(*values) for name, values in points.ROWS.items()}
LOSSES: dict[str, Callable[..., Any]] = {
    "entmax_loss": entmax_loss,
    "entmax_loss alpha=1.3": partial(entmax_loss, alpha=1.3),
    **{name_of("fenchel_young_loss", o): partial(fenchel_young_loss, **o) for o in contract.LOSS_CASES},
}
TARGETS = {"labels": LABELS, "probabilities": SHARES}


def with_rows(name: str) -> Callable[..., Any]:
    """Return a map as a function of logits and of its number."""
    function, option = name.split(" ")[:2]
    return lambda x, v, **options: getattr(sparse, function)(x, **{option: v}, **options)


def prediction(name: str) -> Any:
    """Return the map whose result is the prediction of a loss."""
    options = getattr(LOSSES[name], "keywords", {})
    orders = {"shannon": 1.0, "gini": 2.0, "norm": 2.0}
    alpha = options.get("alpha") or orders.get(options.get("regularizer"), 1.5)
    return partial(normmax if options.get("regularizer") == "norm" else entmax, alpha=alpha)


def one_hot(labels: Any) -> Any:
    return torch.tensor(points.one_hot(labels)).to(F64)


def gradient(f: Callable[..., Any], x: Any, g: Any = 1.0) -> Any:
    x = x.clone().requires_grad_()
    (found,) = torch.autograd.grad((f(x) * g).sum(), x)
    return found


def double_backward(f: Callable[..., Any]) -> Callable[..., Any]:
    def hessian(x: Any) -> Any:
        x = x.clone().requires_grad_()
        (first,) = torch.autograd.grad(f(x), x, create_graph=True)
        rows = [torch.autograd.grad(g, x, retain_graph=True)[0] for g in first if first.requires_grad]
        return torch.stack(rows) if rows else torch.zeros(len(x), len(x), dtype=x.dtype)

    return hessian
