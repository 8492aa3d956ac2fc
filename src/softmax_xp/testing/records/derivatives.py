"""The records of the derivatives."""

from __future__ import annotations

from .entry import COTANGENT, LOGITS, LOGS, MASK, ROW_COTANGENT, ROW_NUMBERS, SHARES, TANGENT, Example, Record
from .losses import CROSS_ENTROPY, CROSS_ENTROPY_ALL, of_labels

_OPTIONS = {"axis": (0, (), None), "where": (MASK,)}

RECORDS = {
    "cross_entropy_and_grad": of_labels(CROSS_ENTROPY, CROSS_ENTROPY_ALL, kind="derivative"),
    "softmax_vjp": Record("derivative", {"p": SHARES, "g": COTANGENT}, {}, _OPTIONS, differentiable=("p", "g")),
    "softmax_jvp": Record("derivative", {"p": SHARES, "t": TANGENT}, {}, _OPTIONS, differentiable=("p", "t")),
    "softmax_hvp": Record(
        "derivative",
        {"p": SHARES, "g": COTANGENT, "t": TANGENT},
        options={"axis": (0, (), None)},
        differentiable=("p", "g", "t"),
    ),
    "softmax_jacobian": Record("derivative", {"p": SHARES}, options={"axis": (0,)}, differentiable=("p",)),
    "log_softmax_vjp": Record("derivative", {"log_p": LOGS, "g": COTANGENT}, {}, _OPTIONS, (), ("log_p", "g")),
    "logsumexp_vjp": Record(
        "derivative",
        {"x": LOGITS, "g": ROW_COTANGENT},
        {"axis": 1},
        {"axis": (-1,), "where": (MASK,)},
        (Example({"g": COTANGENT}, {"axis": ()}),),
        ("x", "g"),
    ),
    "sparsemax_vjp": Record("derivative", {"p": SHARES, "g": COTANGENT}, {}, _OPTIONS, differentiable=("p", "g")),
    "entmax_vjp": Record(
        "derivative",
        {"p": SHARES, "g": COTANGENT},
        {"alpha": 1.25},
        {**_OPTIONS, "alpha": (1.0, 1.5, 2.5, ROW_NUMBERS)},
        (Example({}, {"alpha": ROW_NUMBERS, "where": MASK}),),
        ("p", "g"),
    ),
}
