"""Arrays as (outer, n, inner): the axes before those to reduce, those to reduce, and those behind them."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple


class Layout(NamedTuple):
    """The order of the axes, outermost first (None: as they are), and which of them are reduced."""

    order: tuple[int, ...] | None
    start: int
    stop: int

    def view(self, x: Any) -> Any:
        """Return an array of logits, or of one value per row, with three axes; a copy only if it is not dense."""
        x = x if self.order is None else x.transpose(self.order)
        return x.reshape(
            [prod(x.shape[: self.start]), prod(x.shape[self.start : self.stop]), prod(x.shape[self.stop :])]
        )

    def undo(self, x: Any, shape: tuple[int, ...]) -> Any:
        """Return an array with three axes in its own ``shape``."""
        if self.order is None:
            return x.reshape(shape)
        back = sorted(range(len(shape)), key=self.order.__getitem__)
        return x.reshape([shape[a] for a in self.order]).transpose(back)


def layout_of(x: Any, axis: tuple[int, ...]) -> Layout | None:
    """Return the layout of a NumPy array; None if its reduced axes are not side by side in memory."""
    order = None
    if not x.flags.c_contiguous:
        # By size alone: an axis that is read backwards is as near in memory.
        order = tuple(sorted(range(x.ndim), key=lambda a: -abs(x.strides[a])))
    axes = order or range(x.ndim)
    places = [i for i, a in enumerate(axes) if a in axis]
    # Axes of length 1 may stand between the others.
    at = [i for i in places if x.shape[axes[i]] != 1] or places[:1]
    # With another axis between them the rows are no single axis of any view: only a copy would be.
    if any(x.shape[axes[i]] != 1 and axes[i] not in axis for i in range(at[0], at[-1])):
        return None
    return Layout(order, at[0], at[-1] + 1)


def rows_shape(x: Any, axis: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of one value per row of ``x``, reduced axes having length 1."""
    return tuple(1 if a in axis else n for a, n in enumerate(x.shape))


def is_flat(x: Any, options: dict[str, Any]) -> bool:
    """Whether a sum of a whole array may as well be that of a single axis."""
    return x.ndim > 1 and len(options["axis"]) == x.ndim and options["where"] is None and not options["keepdims"]
