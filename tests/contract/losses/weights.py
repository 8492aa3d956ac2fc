"""Losses as functions of logits and of weights, in which they are linear: for tests of derivatives in the weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from softmax_xp import losses, sparse
from softmax_xp.derivatives import cross_entropy_and_grad

from .reference import LABELS, PROBS

IGNORED = np.asarray([2, -100, 0, 0])
CANDIDATES = np.asarray([[True, False, True], [False, True, True], [True, False, False], [True, True, True]])
POSITIVE = np.asarray([[1.0, 0.0, 1.0], [0.25, 0.5, 0.75], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
KEPT = PROBS != 0.0


class Weighted(NamedTuple):
    """The sum of a loss over four rows of three logits, as a function of these and of a weight."""

    loss: Callable[[Any, Any], Any]
    shape: tuple[int, ...]  # of the weight
    removes: bool = True  # whether a weight of 0 removes a row or an entry, whatever its logits are


def weighted_losses(array: Callable[[Any, str | None], Any]) -> dict[str, Weighted]:
    """Return the losses by name; ``array(values, dtype name)`` makes arrays, of the type of the logits for None."""
    labels, probs = array(LABELS, "int32"), array(PROBS, None)
    capped, smoothed = {"z_loss": 0.125, "softcap": 2.0}, {"label_smoothing": 0.25}
    of_classes: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
        "cross_entropy": (losses.cross_entropy, {}),
        "smoothed": (losses.cross_entropy, smoothed),
        "capped": (losses.cross_entropy, capped),
        "masked": (losses.cross_entropy, {"where": array(KEPT, "bool")}),
        "focal": (losses.focal_loss, {"gamma": 0.5, "alpha": array([0.5, 2.0, 1.0], None)}),
        "poly": (losses.poly_cross_entropy, {}),
        "generalized": (losses.generalized_cross_entropy, {}),
        "with gradient": (_first_of(cross_entropy_and_grad), {}),
        "with gradient, capped": (_first_of(cross_entropy_and_grad), capped),
    }
    of_samples = {
        "entmax": (sparse.entmax_loss, {}),
        "norm": (sparse.fenchel_young_loss, {"regularizer": "norm"}),
        "shannon": (sparse.fenchel_young_loss, {"regularizer": "shannon"}),
    }
    made = {}
    for kind, target in (("labels", labels), ("probabilities", probs)):
        for name, (f, options) in (*of_classes.items(), *of_samples.items()):
            made[f"{name}, {kind}"] = Weighted(partial(_sum, f, target, "sample_weight", options), (4,))
        for name, (f, options) in of_classes.items():
            removes = kind == "labels" and name != "smoothed"
            call = partial(_sum, f, target, "weight", options)
            made[f"{name}, {kind}, class weight"] = Weighted(call, (3,), removes)
    ignored, candidates, positive = array(IGNORED, "int32"), array(CANDIDATES, "bool"), array(POSITIVE, None)
    for name, options in (("ignored", {}), ("ignored, smoothed", smoothed), ("ignored, capped", capped)):
        made[name] = Weighted(partial(_sum, losses.cross_entropy, ignored, "sample_weight", options), (4,))
    made["candidates"] = Weighted(
        partial(_sum, losses.partial_label_cross_entropy, candidates, "sample_weight", {}), (4,)
    )
    made["binary"] = Weighted(
        partial(_sum, losses.binary_cross_entropy_with_logits, positive, "weight", {"pos_weight": 2.0}), (4, 3)
    )
    made["binary focal"] = Weighted(
        partial(_sum, losses.binary_focal_loss, positive, "weight", {"alpha": 0.25}), (4, 3)
    )
    made["binary, positive"] = Weighted(partial(_positive_part, positive), (4, 3), removes=False)
    return made


def _sum(f: Callable[..., Any], target: Any, kind: str, options: dict[str, Any], x: Any, w: Any) -> Any:
    return f(x, target, reduction="sum", **{kind: w}, **options)


def _positive_part(target: Any, x: Any, w: Any) -> Any:
    """Return the part of the loss that the weight of positive targets multiplies, without the rest."""
    loss = partial(losses.binary_cross_entropy_with_logits, x, target, reduction="sum")
    return loss(pos_weight=w) - loss(pos_weight=0.0)


def _first_of(f: Callable[..., Any]) -> Callable[..., Any]:
    def first(*arrays: Any, **options: Any) -> Any:
        return f(*arrays, **options)[0]

    return first
