"""The records of the losses and of what is beside them."""

from __future__ import annotations

from typing import Any

from .entry import (
    CANDIDATES,
    CLASS_COUNTS,
    CLASS_WEIGHTS,
    CLASSES,
    DIVISOR,
    LABELS,
    LOGITS,
    LOGS,
    MASK,
    OTHER_LOGITS,
    OTHER_SHARES,
    ROW_NUMBERS,
    ROW_WEIGHTS,
    SHARES,
    Example,
    Record,
)

Values = dict[str, tuple[Any, ...]]

SAMPLES: Values = {
    "sample_weight": (ROW_WEIGHTS,),
    "where": (MASK,),
    "reduction": ("none", "sum"),
    "normalizer": (3.0, DIVISOR),
}
"""The options of all losses of classes."""

CLASS: Values = {"weight": (CLASS_WEIGHTS,), **SAMPLES}
_ALL = {"weight": CLASS_WEIGHTS, "sample_weight": ROW_WEIGHTS, "where": MASK}
_OF_TARGETS = ("target", "weight", "sample_weight")


def examples(together: dict[str, Any]) -> tuple[Example, ...]:
    """Return calls with other targets and axes, and with many options."""
    of_shares = {key: value for key, value in together.items() if key not in ("where", "normalizer")}
    return (
        Example({"target": CLASSES}, {"ignore_index": 2}),
        Example({"target": SHARES}, {"axis": 0}),
        Example({"target": SHARES}, {**of_shares, "reduction": "none"}),
        Example({}, together),
    )


def of_labels(
    options: Values, together: dict[str, Any], logits: Any = LOGITS, offset: str = "nothing", kind: str = "loss"
) -> Record:
    """Return the record of a loss of labels or of probabilities, ``options`` being its own."""
    first = "log_probs" if logits == LOGS else "logits"
    return Record(
        kind,
        {first: logits, "target": LABELS},
        {},
        {**CLASS, **options, "axis": (1,), "ignore_index": (0,)},
        examples({**_ALL, **together}),
        (first, *_OF_TARGETS),
        offset,
    )


CROSS_ENTROPY: Values = {"label_smoothing": (0.1,), "z_loss": (0.01,), "softcap": (8.0,)}
CROSS_ENTROPY_ALL = {"label_smoothing": 0.1, "z_loss": 0.01, "softcap": 8.0, "normalizer": DIVISOR}

_BINARY: Values = {
    "weight": (ROW_NUMBERS, CLASS_WEIGHTS),
    "reduction": ("none", "sum"),
    "normalizer": (3.0, DIVISOR),
}
_DIVERGENCE: Values = {"where": (MASK,), "reduction": ("sum", "mean", "batchmean"), "axis": (0,)}
_KINDS = (
    Example({"p": LOGITS}, {"p_kind": "logits"}),
    Example({"q": LOGITS}, {"q_kind": "logits", "where": MASK, "reduction": "batchmean"}),
    Example({"p": LOGITS, "q": OTHER_LOGITS}, {"p_kind": "logits", "q_kind": "logits"}),
    Example({"p": LOGS, "q": OTHER_SHARES}, {"p_kind": "log_probs"}),
)

RECORDS = {
    "cross_entropy": of_labels(CROSS_ENTROPY, CROSS_ENTROPY_ALL),
    "nll_loss": of_labels({}, {}, LOGS, ""),
    "focal_loss": of_labels(
        {"gamma": (0.0, 0.5), "alpha": (0.25, CLASS_WEIGHTS)}, {"gamma": 0.5, "alpha": CLASS_WEIGHTS}
    ),
    "poly_cross_entropy": of_labels({"epsilon": (0.5,)}, {"epsilon": -0.5}),
    "generalized_cross_entropy": of_labels({"q": (0.25, 1.0)}, {"q": 0.5}),
    "partial_label_cross_entropy": Record(
        "loss",
        {"logits": LOGITS, "candidates": CANDIDATES},
        {},
        {**SAMPLES, "axis": (0,)},
        (Example({}, {"sample_weight": ROW_WEIGHTS, "where": MASK, "normalizer": DIVISOR}),),
        ("logits", "sample_weight"),
        "nothing",
    ),
    "binary_cross_entropy_with_logits": Record(
        "loss",
        {"logits": LOGITS, "target": SHARES},
        {},
        {**_BINARY, "pos_weight": (3.0, CLASS_WEIGHTS)},
        (
            Example({"target": MASK}, {"pos_weight": 3.0}),
            Example({}, {"weight": ROW_NUMBERS, "pos_weight": CLASS_WEIGHTS, "reduction": "none"}),
        ),
        ("logits", "target", "weight", "pos_weight"),
    ),
    "binary_focal_loss": Record(
        "loss",
        {"logits": LOGITS, "target": SHARES},
        {},
        {**_BINARY, "gamma": (0.0, 0.5), "alpha": (0.25,)},
        (
            Example({"target": MASK}, {"gamma": 0.5}),
            Example({}, {"weight": ROW_NUMBERS, "gamma": 0.5, "alpha": 0.25, "reduction": "none"}),
        ),
        ("logits", "target", "weight"),
    ),
    "kl_divergence": Record("divergence", {"p": SHARES, "q": OTHER_SHARES}, {}, _DIVERGENCE, _KINDS, ("p", "q")),
    "js_divergence": Record("divergence", {"p": SHARES, "q": OTHER_SHARES}, {}, _DIVERGENCE, _KINDS, ("p", "q")),
    "balanced_class_weights": Record("labels", {"target": LABELS, "num_classes": 5}),
    "logit_adjustment": Record(
        "rows",
        {"logits": LOGITS, "class_counts": CLASS_COUNTS},
        {},
        {"tau": (0.0, 0.5), "axis": (1,)},
        (Example({"class_counts": CLASS_WEIGHTS}, {"tau": 0.5}),),
        ("logits", "class_counts"),
        "adds",
    ),
}
