"""Sparse maps and their losses in torch, points away from their kinks, and what derivatives are compared with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from softmax_xp import sparse
from softmax_xp.sparse import entmax, entmax_loss, fenchel_young_loss, normmax
from softmax_xp.testing import Derivative, Exact, contract
from softmax_xp.testing.check_activations import name_of

F64 = torch.float64
# No entry is at a threshold of any of the maps.
X = torch.tensor([[0.5, -0.25, 0.8125, 0.0], [1.0, 0.375, 1.125, -2.0], [3.0, 0.0, -4.0, 2.25]], dtype=F64)
G = torch.tensor([[1.0, -0.5, 0.25, 2.0], [0.0, 1.5, -1.0, 0.5], [-2.0, 0.25, 1.0, 0.75]], dtype=F64)
SHARES = torch.tensor([[0.5, 0.0, 0.25, 0.25], [0.125, 0.125, 0.25, 0.5], [0.0, 0.0, 1.0, 0.0]], dtype=F64)
LABELS = torch.tensor([0, -100, 1])
WEIGHT = torch.tensor([1.0, 0.5, 2.0], dtype=F64)
KEEP = torch.tensor([True, True, False, True])
JUNK = (torch.nan, torch.inf, -torch.inf, 1e30)

MAPS: dict[str, Callable[..., Any]] = {
    name_of(n, o): partial(getattr(sparse, n), **o) for n, o in contract.SPARSE_CASES
}
ALPHAS = {
    name_of(n, o): o.get("alpha", 1.5) if n == "entmax" else 2.0
    for n, o in contract.SPARSE_CASES
    if n in ("entmax", "sparsemax")
}
"""Of those that have entmax_vjp as their derivative."""


def column(*values: float) -> Any:
    return torch.tensor(values, dtype=F64)[:, None]


ROWS = {
    "entmax alpha": column(1.25, 1.75, 3.0),
    "entmax alpha at its corners": column(1.0 + 2.0**-16, 1.5, 2.0),
    "normmax alpha": column(1.25, 2.0, 4.0),
    "k_subset k": column(1.25, 2.0, 2.625),
    "project_simplex scale": column(0.75, 2.0, 4.0),
}
"""One number per row."""

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
    alpha = {"shannon": 1.0, "gini": 2.0}.get(options.get("regularizer"), options.get("alpha", 1.5))
    return partial(normmax if options.get("regularizer") == "norm" else entmax, alpha=alpha)


def one_hot(labels: Any) -> Any:
    """Return the labels as probabilities of 4 classes; nothing for one that is ignored."""
    return (torch.arange(4) == labels[:, None]).to(F64)


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


def relative(expected: Any) -> Derivative:
    """Return a derivative of which every entry must keep its digits."""
    hi = np.asarray(expected, dtype=np.float64)
    return Derivative(Exact(hi, np.zeros_like(hi), np.zeros_like(hi), hi.shape[-1]), np.abs(hi))


def absolute(expected: Any, largest: float = 1.0) -> Derivative:
    """Return a derivative of cotangents up to ``largest``; one that is steeper has a gate as much wider."""
    expected = relative(expected)
    return expected._replace(largest=np.maximum(largest, expected.largest))
