"""What is computed: a function, a dtype, a shape and an axis; and the arrays to compute it on."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from ..output import CommandError

OPS = ("softmax", "log_softmax", "logsumexp", "cross_entropy")
DTYPES = ("float32", "float64", "float16", "bfloat16")
DISPATCH = ((10,), 0)
"""So few elements that the call itself is what takes the time."""

Place = tuple[tuple[int, ...], int]

QUICK: tuple[Place, ...] = (DISPATCH, ((64, 1000), 1), ((1024, 1024), 1))
FULL: tuple[Place, ...] = (
    DISPATCH,
    ((1, 10), 1),
    ((8, 8), 1),
    ((64, 1000), 1),
    ((1024, 1024), 1),
    ((32768, 128), 1),
    ((256, 50257), 1),
    ((16, 262144), 1),
    ((1, 10_000_000), 1),
    ((1024, 1024), 0),
    ((4096, 4096), 0),
    ((64, 512, 64), 1),
    ((8, 50257, 16), 1),
)

FLOAT16_LIMIT = 1 << 20
"""Of float16 the sets have no larger cases: NumPy converts the numbers one by one, for seconds."""

PERIOD = 1_000_003
"""Random numbers are repeated after so many: a prime, so that rows are not alike."""


class Case(NamedTuple):
    """One thing to compute."""

    op: str
    dtype: str
    shape: tuple[int, ...]
    axis: int
    backward: bool = False

    @property
    def size(self) -> int:
        """Return the number of logits."""
        return prod(self.shape)

    @property
    def title(self) -> str:
        """Return the case in a few words; an axis that is not the last is named."""
        axis = "" if self.axis == len(self.shape) - 1 else f" axis {self.axis}"
        backward = " + backward" if self.backward else ""
        return f"{self.op}{backward} {self.dtype} {'x'.join(map(str, self.shape))}{axis}"


class Inputs(NamedTuple):
    """NumPy arrays: logits, labels, and the cotangent of the result; float32 stands in for bfloat16."""

    x: Any
    labels: Any
    g: Any


def parse_shape(text: str) -> tuple[int, ...]:
    """Return the shape that ``text`` such as 64x1000 names."""
    try:
        shape = tuple(int(n) for n in text.lower().split("x"))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise CommandError(f"a shape is written as 64x1000, not {text!r}")
    return shape


def chosen(places: tuple[Place, ...], ops: list[str] | None, dtypes: list[str] | None, *, backward: bool) -> list[Case]:
    """Return the cases of some places, those of one function together."""
    return [
        Case(op, dtype, shape, axis, backward)
        for op in ops or OPS
        for dtype in dtypes or DTYPES
        for shape, axis in places
    ]


def is_in_sets(case: Case) -> bool:
    """Return whether a case is short enough to be measured if it was not asked for by its shape."""
    return case.dtype != "float16" or case.size <= FLOAT16_LIMIT


def inputs(case: Case) -> Inputs:
    """Return the same random logits for every function of a dtype and shape, and what belongs to them."""
    import numpy as np

    rng = np.random.default_rng(0)
    dtype = np.dtype("float32" if case.dtype == "bfloat16" else case.dtype)
    draws = rng.standard_normal(min(case.size, PERIOD)).astype(dtype)
    x = np.resize(draws, case.shape)
    rows = tuple(n for a, n in enumerate(case.shape) if a != case.axis)
    labels = np.asarray(rng.integers(0, case.shape[case.axis], size=rows))
    shape = {"logsumexp": rows, "cross_entropy": ()}.get(case.op, case.shape)
    g = np.resize(draws[::-1], shape) if case.backward and case.op != "cross_entropy" else None
    return Inputs(x, labels, g)
