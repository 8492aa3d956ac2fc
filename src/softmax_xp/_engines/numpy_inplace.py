"""NumPy: the row formulas written into the output itself, a block in the cache at a time, on all cores."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any, NamedTuple

import numpy as np

from .._formulas import labels as formulas_of_labels
from .._formulas import normalizers as formulas
from .._formulas.rows import drop_axes
from .._gate.dtypes import is_half
from .._gate.namespace import is_numpy
from . import generic, numpy_rows, numpy_runs
from .layout import layout_of, rows_shape
from .threads import spread

BLOCK = 1 << 18
"""Bytes of logits to work on at a time: they and as many exponentials stay in the cache of a core."""

FUNCTIONS = ("softmax", "log_softmax", "logsumexp", "label_nll", "label_nll_and_grad")


def supports(name: str, x: Any, xp: Any, options: dict[str, Any]) -> str | None:
    """Return None if a call can be executed here, or the reason why not."""
    if not is_numpy(xp) or not isinstance(x, np.ndarray):
        return "for NumPy arrays"
    if name not in FUNCTIONS:
        return f"does not have {name}"
    if options.get("sink") is not None:
        return "has no sink"
    if not is_unit(options.get("temperature", 1.0)):
        return "has no temperature"
    if x.size == 0 or not options["axis"] or not (x.dtype.char in "fd" or is_half(x.dtype)) or not x.dtype.isnative:
        return "for logits of float64, float32 and half types in this machine's byte order that are not empty"
    return None if layout_of(x, options["axis"]) else "for one axis, or axes side by side in memory"


def is_unit(temperature: Any) -> bool:
    return isinstance(temperature, float) and temperature == 1.0


def softmax(x: Any, /, *, sink: None, temperature: float, **options: Any) -> Any:
    """Return what the formula does."""
    call = Call(numpy_rows.softmax, numpy_runs.softmax, formulas.softmax, {"sink": sink, "temperature": temperature})
    return _compute(call, x, **options)


def log_softmax(x: Any, /, *, sink: None, temperature: float, **options: Any) -> Any:
    """Return what the formula does."""
    extra = {"sink": sink, "temperature": temperature}
    return _compute(Call(numpy_rows.log_softmax, numpy_runs.log_softmax, formulas.log_softmax, extra), x, **options)


def logsumexp(x: Any, /, *, axis: tuple[int, ...], keepdims: bool, **options: Any) -> Any:
    """Return what the formula does."""
    call = Call(numpy_rows.logsumexp, numpy_runs.logsumexp, formulas.logsumexp, {"keepdims": True}, reduces=True)
    return drop_axes(_compute(call, x, axis=axis, **options), axis, keepdims, np)


def label_nll(x: Any, /, *, axis: tuple[int, ...], where: Any, labels: Any, idle: Any = None, xp: Any) -> Any:
    """Return what the formula does. The logits are a block already: losses are computed by blocks."""
    rows = partial(numpy_rows.label_nll, axis=axis[0], labels=labels)
    formula = partial(formulas_of_labels.label_nll, x, axis=axis, where=where, labels=labels, xp=xp)
    return numpy_rows.with_special(rows, formula, _masked(x, where), axis[0])


def label_nll_and_grad(x: Any, /, *, axis: tuple[int, ...], where: Any, labels: Any, scale: Any, xp: Any) -> Any:
    """Return what the formula does, for a block of logits."""
    rows = partial(numpy_rows.label_nll_and_grad, axis=axis[0], labels=labels, scale=scale)
    options = {"axis": axis, "where": where, "labels": labels, "scale": scale, "xp": xp}
    formula = partial(formulas_of_labels.label_nll_and_grad, x, **options)
    return numpy_rows.with_special(rows, formula, _masked(x, where), axis[0])


def _masked(x: Any, where: Any) -> Any:
    if where is None:
        return x
    x = x.copy()
    np.copyto(x, -inf, where=~where)
    return x


class Call(NamedTuple):
    """What to call for rows that fit in the cache, for longer ones, and for special ones."""

    rows: Callable[..., Any]
    runs: Callable[..., Any]
    formula: Callable[..., Any]
    extra: dict[str, Any]
    reduces: bool = False


def _compute(call: Call, x: Any, /, *, axis: tuple[int, ...], where: Any, xp: Any) -> Any:
    """Return what the formula does, a block after the other."""
    layout = layout_of(x, axis)
    assert layout is not None
    given = layout.view(x)
    outer, n, inner = given.shape
    keep = None if where is None else layout.view(np.broadcast_to(where, x.shape))
    out = np.empty((outer, 1 if call.reduces else n, inner), x.dtype)
    wide = np.dtype(np.float32) if is_half(x.dtype) else x.dtype
    slab = n * inner * wide.itemsize
    step = max(1, BLOCK // slab)

    def block(here: slice) -> Any:
        z, mask = given[here], None if keep is None else keep[here]
        room = None if call.reduces else out[here]
        if mask is not None or wide != x.dtype:
            z = z.astype(wide)
            room = None if call.reduces else z
        if mask is not None:
            np.copyto(z, -inf, where=~mask)
        if slab <= BLOCK:
            rows = partial(call.rows, axis=1, out=room)
        else:
            rows = partial(call.runs, out=room, step=max(1, BLOCK // (inner * wide.itemsize)))
        formula = partial(generic.call, call.formula, given[here], axis=(1,), where=mask, xp=xp, **call.extra)
        return numpy_rows.with_special(rows, formula, z, 1)

    def work(first: int, last: int) -> None:
        for start in range(first, last, step):
            here = slice(start, min(start + step, last))
            found = block(here)
            if found.base is not out:
                with generic.quiet(xp):
                    out[here] = found

    spread(work, outer, x.nbytes, step)
    return layout.undo(out, rows_shape(x, axis) if call.reduces else x.shape)
