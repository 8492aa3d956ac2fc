"""Every loss of one row of four logits, in torch and exactly."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from softmax_xp import losses

from . import exact

# Binary fractions, the same numbers in every floating type; 0 where a row of the tests has -inf.
SHARES = np.asarray([0.5, 0.0, 0.25, 0.25])
OTHER = np.asarray([0.25, 0.125, 0.5, 0.125])
WEIGHT = np.asarray([0.5, 2.0, 1.0, 0.25])
KEEP = np.asarray([True, False, True, True])
LABEL = 2
HIT = np.eye(4)[LABEL]


class Call(NamedTuple):
    """A loss as a function of logits (and of ``where``), and the exact one with ``keep``."""

    loss: Callable[..., Any]
    exact: Callable[..., Any]
    scale: float = 1.0  # of the largest cotangent that it gives to log p
    shifts: bool = False  # whether a common offset of the logits changes it


def tensor(values: Any) -> Any:
    return torch.tensor(values)


def of_label(f: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    return partial(_called, f, tensor(LABEL), reduction="sum", **options)


def of_shares(f: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    return partial(_called, f, tensor(SHARES), reduction="sum", **options)


def _called(f: Callable[..., Any], target: Any, x: Any, **options: Any) -> Any:
    return f(x, target, **options)


def _pair(f: Any, change: Any, *, scale: float = 1.0, **options: Any) -> dict[str, Call]:
    """Return the calls of a loss that changes -log p, for a label and for probabilities."""
    name = " ".join([f.__name__, *(f"{k}={v}" for k, v in options.items())])
    changed = partial(change, **options)
    return {
        name: Call(of_label(f, **options), partial(exact.class_loss, t=HIT, change=changed), scale),
        f"{name} of probabilities": Call(
            of_shares(f, **options), partial(exact.class_loss, t=SHARES, change=changed), scale
        ),
    }


def _cross_entropies() -> dict[str, Call]:
    f = losses.cross_entropy
    weight = tensor(WEIGHT)
    found = {}
    for kind, call, t in (("a label", of_label, HIT), ("probabilities", of_shares, SHARES)):
        now = partial(exact.class_loss, t=t)
        found |= {
            f"cross_entropy of {kind}": Call(call(f), now),
            f"cross_entropy of {kind} with weight": Call(call(f, weight=weight), partial(now, weight=WEIGHT)),
            f"cross_entropy of {kind} capped": Call(call(f, softcap=4.0), partial(now, cap=4.0), shifts=True),
        }
    smooth = {"smoothing": 0.25}
    # Smoothing gives a share to every kept class; one of -inf has no finite loss then.
    found |= {
        "cross_entropy smoothed": Call(of_label(f, label_smoothing=0.25), partial(exact.class_loss, t=HIT, **smooth)),
        "cross_entropy smoothed with weight": Call(
            of_shares(f, label_smoothing=0.25, weight=weight),
            partial(exact.class_loss, t=SHARES, weight=WEIGHT, **smooth),
        ),
    }
    return found


CLASS_LOSSES = {
    **_cross_entropies(),
    **_pair(losses.focal_loss, exact.focal, gamma=2.0),
    **_pair(losses.focal_loss, exact.focal, gamma=0.5, scale=2.0),
    **_pair(losses.poly_cross_entropy, exact.poly, epsilon=2.0, scale=3.0),
    **_pair(losses.generalized_cross_entropy, exact.generalized, q=0.5),
    "partial_label_cross_entropy": Call(
        lambda x, **o: losses.partial_label_cross_entropy(x, tensor(HIT + SHARES > 0.25), reduction="sum", **o),
        partial(exact.candidates_loss, candidates=HIT + SHARES > 0.25),
    ),
}
"""Losses of classes: each takes ``where`` and ``keep``."""


def _divergences() -> dict[str, Call]:
    found = {}
    for f, now in ((losses.kl_divergence, exact.kl), (losses.js_divergence, exact.js)):
        other = tensor(OTHER)
        found |= {
            f"{f.__name__} of logits from probabilities": Call(
                lambda x, f=f, other=other: f(x, other, p_kind="logits"),
                lambda x, now=now: now(x, OTHER, "logits"),
                scale=4.0,
            ),
            f"{f.__name__} of probabilities from logits": Call(
                lambda x, f=f: f(tensor(SHARES).to(x.dtype), x, q_kind="logits"),
                lambda x, now=now: now(SHARES, x, "probs", "logits"),
            ),
        }
    return found


FLAT_LOSSES = {
    **_divergences(),
    "binary_cross_entropy_with_logits": Call(
        lambda x: losses.binary_cross_entropy_with_logits(x, tensor(SHARES), reduction="sum"),
        partial(exact.binary_loss, t=SHARES),
        shifts=True,
    ),
    "binary_cross_entropy_with_logits with weights": Call(
        lambda x: losses.binary_cross_entropy_with_logits(
            x, tensor(SHARES), weight=tensor(WEIGHT), pos_weight=3.0, reduction="sum"
        ),
        partial(exact.binary_loss, t=SHARES, weight=WEIGHT, pos_weight=3.0),
        3.0,
        shifts=True,
    ),
    "binary_focal_loss": Call(
        lambda x: losses.binary_focal_loss(x, tensor(SHARES), gamma=2.0, alpha=0.25, reduction="sum"),
        partial(exact.binary_loss, t=SHARES, gamma=2.0, alpha=0.25),
        shifts=True,
    ),
    "binary_focal_loss gamma=0.5": Call(
        lambda x: losses.binary_focal_loss(x, tensor(SHARES), gamma=0.5, reduction="sum"),
        partial(exact.binary_loss, t=SHARES, gamma=0.5),
        shifts=True,
    ),
    "z_loss": Call(
        lambda x: losses.cross_entropy(x, tensor(LABEL), z_loss=0.125),
        partial(exact.class_loss, t=HIT, z_loss=0.125),
        scale=16.0,
        shifts=True,
    ),
}
"""Losses of one row that take no mask here."""

CALLS = {**CLASS_LOSSES, **FLAT_LOSSES}
