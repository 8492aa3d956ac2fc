"""On NumPy: this library with each of its engines, the textbook, SciPy, and a plain copy for the bandwidth."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from ... import _engines
from ...engines import use_engine, which_engine
from ...logsums import logsumexp
from ...losses import cross_entropy
from ...normalizers import log_softmax, softmax
from .cases import Case, Inputs
from .contestants import Contestant, Prepared

OURS: dict[str, Callable[..., Any]] = {
    "softmax": softmax,
    "log_softmax": log_softmax,
    "logsumexp": logsumexp,
    "cross_entropy": cross_entropy,
}
RIVALS = ("numpy textbook", "scipy", "torch", "onnxruntime", "copy")


def contestants() -> list[Contestant]:
    """Return this library first, then its peers."""
    engines = [*_engines.ENGINES, "generic"]
    return [
        Contestant("softmax_xp", ("numpy",), partial(_ours, "auto"), RIVALS),
        *(_with_engine(e) for e in engines),
        Contestant("numpy textbook", ("numpy",), partial(_peer, TEXTBOOK)),
        Contestant("scipy", ("scipy",), _scipy),
        Contestant("copy", ("numpy",), _copy),
        Contestant("copy, reused", ("numpy",), partial(_copy, reuse=True)),
    ]


def _with_engine(engine: str) -> Contestant:
    """Return this library with one engine; the generic formula is slow, and no news, in large cases."""
    prepare = partial(_ours, engine)
    return Contestant(f"softmax_xp ({engine})", ("numpy",), prepare, RIVALS, small=engine == "generic")


def engine_of(op: str, x: Any, labels: Any, axis: int) -> str:
    """Return the engine that a call takes, without the reasons."""
    arrays = (x, labels) if op == "cross_entropy" else (x,)
    return which_engine(op, *arrays, axis=axis).partition(" ")[0]


def _is_numpys(case: Case) -> bool:
    return case.dtype != "bfloat16" and not case.backward


def _ours(engine: str, case: Case, inputs: Inputs, threads: int) -> Prepared | None:
    """Return the call with the engine chosen for it, or with another that can do it."""
    if not _is_numpys(case):
        return None
    asked = partial(engine_of, case.op, inputs.x, inputs.labels, case.axis)
    with use_engine(engine):
        taken = asked()
    with use_engine("auto"):
        if engine != "auto" and (taken != engine or taken == asked()):
            return None
    arrays = (inputs.x, inputs.labels) if case.op == "cross_entropy" else (inputs.x,)
    return Prepared(partial(OURS[case.op], *arrays, axis=case.axis), partial(use_engine, engine), taken, "traced")


def _peer(functions: dict[str, Callable[..., Any]], case: Case, inputs: Inputs, threads: int) -> Prepared | None:
    if not _is_numpys(case):
        return None
    arrays = (inputs.x, inputs.labels) if case.op == "cross_entropy" else (inputs.x,)
    return Prepared(partial(functions[case.op], *arrays, axis=case.axis), memory="traced")


def _textbook_softmax(x: Any, axis: int) -> Any:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _textbook_log_softmax(x: Any, axis: int) -> Any:
    d = x - x.max(axis=axis, keepdims=True)
    return d - np.log(np.exp(d).sum(axis=axis, keepdims=True))


def _textbook_logsumexp(x: Any, axis: int) -> Any:
    m = x.max(axis=axis, keepdims=True)
    return np.squeeze(m, axis=axis) + np.log(np.exp(x - m).sum(axis=axis))


def _picked(log_p: Any, labels: Any, axis: int) -> Any:
    """Return the mean loss from log-probabilities."""
    return -np.take_along_axis(log_p, np.expand_dims(labels, axis), axis=axis).mean()


def _textbook_cross_entropy(x: Any, labels: Any, axis: int) -> Any:
    return _picked(_textbook_log_softmax(x, axis), labels, axis)


TEXTBOOK: dict[str, Callable[..., Any]] = {
    "softmax": _textbook_softmax,
    "log_softmax": _textbook_log_softmax,
    "logsumexp": _textbook_logsumexp,
    "cross_entropy": _textbook_cross_entropy,
}


def _scipy(case: Case, inputs: Inputs, threads: int) -> Prepared | None:
    special = import_module("scipy.special")

    def loss(x: Any, labels: Any, axis: int) -> Any:
        return _picked(special.log_softmax(x, axis=axis), labels, axis)

    functions = {name: getattr(special, name) for name in ("softmax", "log_softmax", "logsumexp")}
    return _peer({**functions, "cross_entropy": loss}, case, inputs, threads)


def _copy(case: Case, inputs: Inputs, threads: int, reuse: bool = False) -> Prepared | None:
    """Return a copy of the logits: memory read once and written once, into a new array or always the same."""
    if not _is_numpys(case):
        return None
    x = inputs.x
    if reuse:
        return Prepared(partial(np.copyto, np.empty_like(x), x), memory="traced")
    return Prepared(lambda: np.copyto(np.empty_like(x), x), memory="traced")
