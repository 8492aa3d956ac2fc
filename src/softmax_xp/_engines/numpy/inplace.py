"""NumPy: the row formulas written into the output itself, a block in the cache at a time, on all cores."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any, NamedTuple

import numpy as np

from ..._formulas.rows import drop_axes
from ..._xp.dtypes import is_half
from .. import generic
from ..layout import is_flat, layout_of, rows_shape
from ..threads import in_parallel
from ..ways import Passed, Way, lacks, sure
from . import rows as numpy_rows
from . import runs as numpy_runs

BLOCK = 1 << 18
"""Bytes of logits to work on at a time: they and as many exponentials stay in the cache of a core."""

FUNCTIONS = ("softmax", "log_softmax", "logsumexp", "label_nll", "label_nll_and_grad", "mean_label_loss")


SPECIAL = Passed("where all labels are classes and all logits finite")


class Call(NamedTuple):
    """What to call for rows that fit in the cache, for longer ones, and for special ones."""

    rows: Callable[..., Any]
    runs: Callable[..., Any]
    formula: Callable[..., Any]
    reduces: bool


def prepare(formula: Callable[..., Any], arrays: tuple[Any, ...], options: dict[str, Any]) -> Way | str:
    """Return the way to execute a formula, or the reason why there is none."""
    name, x = formula.__name__, arrays[0]
    if not isinstance(x, np.ndarray):
        return "for NumPy arrays"
    if name not in FUNCTIONS:
        return f"does not have {name}"
    reason = lacks(options)
    if reason is not None:
        return reason
    # Numbers in another byte order are swapped anew in each operation of NumPy; without axes there is no row to sum.
    if x.size == 0 or not options["axis"] or not (x.dtype.char in "fd" or is_half(x.dtype)) or not x.dtype.isnative:
        return "for logits of float64, float32 and half types in this machine's byte order that are not empty"
    if name == "mean_label_loss":
        return _mean_label_loss if x.nbytes <= BLOCK and not is_half(x.dtype) else "for logits that fit in the cache"
    if name in ("label_nll", "label_nll_and_grad"):
        return partial(_of_labels, getattr(numpy_rows, name))
    if name == "logsumexp" and is_flat(x, options):
        # The sum of everything is that of one row, along which entries are side by side.
        one = {**options, "axis": (0,)}
        flat = prepare(formula, (x.reshape(-1),), one)
        return flat if isinstance(flat, str) else sure(lambda arrays, options: flat((arrays[0].reshape(-1),), one))
    # Of one block there is nothing to gain, and a row that is masked altogether would be computed twice.
    if options["where"] is not None and x.nbytes <= BLOCK:
        return "for masked logits that do not fit in the cache"
    call = Call(getattr(numpy_rows, name), getattr(numpy_runs, name), formula, name == "logsumexp")
    # For these the layout, the blocks and the threads would only add to the time.
    small = len(options["axis"]) == 1 and x.nbytes <= BLOCK and not is_half(x.dtype)
    return _small(call, options) if small else partial(_compute, call)


def _small(call: Call, given: dict[str, Any]) -> Way:
    """Return the way of rows that fit in the cache all together."""
    rows, (axis,), squeezed = call.rows, given["axis"], call.reduces and not given["keepdims"]

    def way(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
        found = rows(arrays[0], axis)
        if found is NotImplemented:
            # Special rows among them: the longer way tells them from the others.
            return _compute(call, arrays, given)
        return found.squeeze(axis) if squeezed else found

    return sure(way)


def _of_labels(rows: Callable[..., Any], arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return the result for logits that are a block already: losses are computed by blocks."""
    given = {name: options[name] for name in ("labels", "scale", "where") if name in options}
    return rows(arrays[0], options["axis"][0], **given)


def _mean_label_loss(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
    x, labels = arrays
    (axis,) = options["axis"]
    at = labels.astype(np.int64, copy=False).reshape(*x.shape[:axis], 1, *x.shape[axis + 1 :])
    # Ignored labels are negative, or else they would be the label of a class.
    if at.size == 0 or at.min() < 0 or at.max() >= x.shape[axis]:
        return SPECIAL
    loss = numpy_rows.label_nll(x, axis, at, None)
    mean = np.add.reduce(loss, None, np.float64) / loss.size
    return np.asarray(mean, dtype=x.dtype) if mean == mean else SPECIAL


def _compute(call: Call, arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return the result of the formula, computed a block of rows at a time."""
    (x,), axis, where = arrays, options["axis"], options["where"]
    layout = layout_of(x, axis)
    if layout is None:
        return Passed("for one axis, or axes side by side in memory")
    extra = {**options, "axis": (1,), **({"keepdims": True} if call.reduces else {})}
    # The formula itself, for rows without a finite maximum: of one block, not of the whole array.
    special = generic.prepare(call.formula, arrays, options)
    given = layout.view(x)
    outer, n, inner = given.shape
    keep = None if where is None else layout.view(np.broadcast_to(where, x.shape))
    out = np.empty((outer, 1 if call.reduces else n, inner), x.dtype)
    # NumPy casts half types one by one for each operation: in float32 it is once for each block.
    wide = np.dtype(np.float32) if is_half(x.dtype) else x.dtype
    slab = n * inner * wide.itemsize
    step = max(1, BLOCK // slab)

    def block(here: slice) -> Any:
        z, mask = given[here], None if keep is None else keep[here]
        room = None if call.reduces else out[here]
        # The block is a copy then, and has room for the result; else the result is written to the output at once.
        if mask is not None or wide != x.dtype:
            z = z.astype(wide)
            room = None if call.reduces else z
        if mask is not None:
            np.copyto(z, -inf, where=~mask)
        # A row, or the rows side by side along a strided axis, may be more than fits in the cache.
        if slab <= BLOCK:
            rows = partial(call.rows, axis=1, out=room)
        else:
            rows = partial(call.runs, out=room, step=max(1, BLOCK // (inner * wide.itemsize)))
        formula = partial(special, (given[here],), {**extra, "where": mask})
        return numpy_rows.with_special(rows, formula, z, 1)

    def work(first: int, last: int) -> None:
        for start in range(first, last, step):
            here = slice(start, min(start + step, last))
            found = block(here)
            # Else it stands in the output already. A half type may overflow or underflow in this cast, which is right.
            if found.base is not out:
                with np.errstate(over="ignore", under="ignore"):
                    out[here] = found

    in_parallel(work, outer, x.nbytes, step)
    if not call.reduces:
        return layout.undo(out, x.shape)
    return drop_axes(layout.undo(out, rows_shape(x, axis)), axis, options["keepdims"], np)
