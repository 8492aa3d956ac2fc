"""The records of the normalizers and of the sums of exponentials."""

from __future__ import annotations

from math import inf, nan
from typing import Any

from .entry import COTANGENT, LABELS, LOGITS, LOWER_LOGITS, MASK, POSITIVE, ROW_NUMBERS, Example, Gate, Record

_AXES = (0, (), None)
_OPTIONS: dict[str, tuple[Any, ...]] = {
    "axis": _AXES,
    "where": (MASK,),
    "temperature": (0.5, 0.0, ROW_NUMBERS),
    "sink": (0.0, ROW_NUMBERS),
}
_ALL = Example({}, {"where": MASK, "temperature": ROW_NUMBERS, "sink": ROW_NUMBERS})
_WHOLE = Example({}, {"axis": None, "temperature": 0.5, "sink": 0.0})
_DIFFERENTIABLE = ("x", "temperature", "sink")


def _log_total(row: list[Any]) -> Any:
    import mpmath

    top = max(row)
    return top + mpmath.log1p(mpmath.fsum(mpmath.exp(v - top) for v in row) - 1)


def _log_mean(row: list[Any]) -> Any:
    import mpmath

    return _log_total(row) - mpmath.log(len(row))


def _softmin(row: list[Any]) -> list[Any]:
    import mpmath

    total = _log_total([-v for v in row])
    return [mpmath.exp(-v - total) for v in row]


def _log1mexp(x: Any) -> Any:
    import mpmath

    return mpmath.log(-mpmath.expm1(-x))


RECORDS = {
    "softmax": Record("rows", {"x": LOGITS}, {}, _OPTIONS, (_WHOLE, _ALL), _DIFFERENTIABLE, "nothing"),
    "log_softmax": Record("rows", {"x": LOGITS}, {}, _OPTIONS, (_WHOLE, _ALL), _DIFFERENTIABLE, "nothing"),
    "softmin": Record(
        "rows",
        {"x": LOGITS},
        {},
        _OPTIONS,
        (_WHOLE, _ALL),
        _DIFFERENTIABLE,
        "nothing",
        gate=Gate(8.0),
        exact=_softmin,
    ),
    "softmax_and_logsumexp": Record("rows", {"x": LOGITS}, {}, _OPTIONS, (_WHOLE, _ALL), _DIFFERENTIABLE),
    "hardmax": Record(
        "rows",
        {"x": LOGITS},
        options={"axis": (0, (), None), "where": (MASK,)},
        also=(Example({}, {"axis": (0, 1), "where": MASK}),),
        offset="nothing",
        exact=lambda row: [int(i == row.index(max(row))) for i in range(len(row))],
        edges=(
            ((inf, inf, 0.0), (1.0, 0.0, 0.0)),
            ((1.0, nan, 2.0), (nan, nan, nan)),
            ((-inf, -inf, -inf), (1.0, 0.0, 0.0)),
        ),
    ),
    "one_hot": Record(
        "labels", {"labels": LABELS, "num_classes": 5}, options={"axis": (0,)}, also=(Example({"num_classes": 3}, {}),)
    ),
    "logsumexp": Record(
        "reduction",
        {"x": LOGITS},
        {"axis": -1},
        {
            "axis": _AXES,
            "b": (0.5, ROW_NUMBERS, COTANGENT),
            "where": (MASK,),
            "keepdims": (True,),
            "return_sign": (True,),
        },
        (Example({}, {"b": COTANGENT, "where": MASK, "return_sign": True}),),
        ("x", "b"),
        "adds",
    ),
    "logmeanexp": Record(
        "reduction",
        {"x": LOGITS},
        {"axis": -1},
        {"axis": _AXES, "where": (MASK,), "keepdims": (True,)},
        (Example({}, {"where": MASK, "keepdims": True}),),
        ("x",),
        "adds",
        gate=Gate(1.0, 24.0),
        exact=_log_mean,
    ),
    "log1mexp": Record(
        "elementwise",
        {"x": POSITIVE},
        differentiable=("x",),
        gate=Gate(4.0),
        exact=_log1mexp,
        edges=(((0.0, -1.0, inf, nan), (-inf, nan, 0.0, nan)),),
    ),
    "logsubexp": Record("elementwise", {"a": LOGITS, "b": LOWER_LOGITS}, differentiable=("a", "b"), offset="adds"),
}
