"""The contract of losses and derivatives, run on one library, device and dtype."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .. import binary_cross_entropy_with_logits, cross_entropy, log_softmax, softmax
from ..derivatives import cross_entropy_and_grad, log_softmax_vjp, softmax_vjp
from .arrays import from_numpy, to_numpy
from .compare import allowance, derivative_allowance, distance, row_sum_allowance, ulp
from .contract import LOSS_EDGES, MAX_ELEMENTARY_ERROR, LossEdge
from .oracle import Derivative, Exact, Floats, exact_binary_cross_entropy, exact_derivative, exact_rows, of_labels
from .report import Line

LONGEST = 1025
"""Rows that are longer are left to the normalizers, which losses and derivatives are made of."""


def loss_lines(xp: Any, device: Any, dtype: str, rows: list[tuple[str, Floats]]) -> list[Line]:
    """Return one line per function: for the edge values, for the named ``rows``, and for the sums of gradients."""
    probe = Probe(xp, device, dtype)
    worst: dict[tuple[str, ...], Line] = {}
    for line in probe.lines(rows):
        best = worst.setdefault(line[:3], line)
        if line.share_of_gate > best.share_of_gate:
            worst[line[:3]] = line
    return list(worst.values())


def three_labels(x: Floats) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the first largest, the first smallest and the middle class of each row, one after the other."""
    middle = np.full(x.shape[:-1], x.shape[-1] // 2)
    return np.concatenate([x.argmax(axis=-1), x.argmin(axis=-1), middle])


def thrice(exact: Exact) -> Exact:
    """Return exact rows three times, one after the other."""
    hi, lo, slack = (np.concatenate([part] * 3) for part in (exact.hi, exact.lo, exact.slack))
    return Exact(hi, lo, slack, exact.n)


def cotangent(shape: tuple[int, ...]) -> Floats:
    """Return a cotangent for rows of this shape, always the same."""
    return np.random.default_rng(2).normal(size=shape)


def edge_arguments(edge: LossEdge, array: Any) -> tuple[Any, Any, dict[str, Any]]:
    """Return logits, target and options of one row of the table; ``array(values, dtype name)`` makes arrays.

    A dtype name of None stands for the floating type of the logits.
    """
    made = {"where": "bool", "weight": None, "sample_weight": None}
    options = {k: array([v] if k == "where" else v, made[k]) if k in made else v for k, v in edge.options.items()}
    target = array([edge.target], edge.labels if isinstance(edge.target, int) else None)
    return array([edge.logits], None), target, {**options, "reduction": "none"}


class Probe(NamedTuple):
    """One library, device and dtype."""

    xp: Any
    device: Any
    dtype: str

    def array(self, values: Any, dtype: str | None = None) -> Any:
        return from_numpy(values, dtype or self.dtype, self.xp, self.device)

    def lines(self, rows: list[tuple[str, Floats]]) -> Iterator[Line]:
        """Yield one line per function and input."""
        for edge in LOSS_EDGES:
            if edge.fits(self.dtype):
                yield from self._edge(edge)
        yield self._decisions()
        for name, values in rows:
            x = self.array(values)
            yield from self._labels(name, x)
            yield from self._products(name, x)

    def _edge(self, edge: LossEdge) -> Iterator[Line]:
        logits, target, options = edge_arguments(edge, self.array)
        loss, grad = cross_entropy_and_grad(logits, target, **options)
        again = cross_entropy(logits, target, **options)
        for op, gate, found, expected in (
            ("cross_entropy", "cross_entropy", again, [edge.loss]),
            ("cross_entropy", "cross_entropy", loss, [edge.loss]),
            # Relative to each entry, so that a gradient of 1e-26 counts: what softmax is allowed.
            ("cross_entropy_grad", "softmax", grad, [edge.grad]),
        ):
            hi = np.asarray(expected)
            exact = Exact(hi, np.zeros_like(hi), np.zeros_like(hi), len(edge.logits))
            yield self._line("edges", op, edge.name, found, exact, gate)

    def _decisions(self) -> Line:
        grid = np.concatenate([np.linspace(-100.0, 100.0, 101), [*np.geomspace(1e-4, 1.0, 20)], [0.0]])
        logits = self.array(np.tile(grid, 2))
        target = self.array(np.repeat([0.0, 1.0], len(grid)))
        exact = exact_binary_cross_entropy(to_numpy(logits), to_numpy(target))
        loss = binary_cross_entropy_with_logits(logits, target, reduction="none")
        return self._line("dangerous", "binary_cross_entropy", "-100 to 100", loss, exact)

    def _labels(self, name: str, x: Any) -> Iterator[Line]:
        values = to_numpy(x)
        y = three_labels(values)
        rows = exact_rows(values, ops=("softmax", "log_softmax"))
        exact, slopes = of_labels({op: thrice(found) for op, found in rows.items()}, y)
        logits, labels = self.array(np.concatenate([values] * 3)), self.array(y, "int32")
        loss, grad = cross_entropy_and_grad(logits, labels, reduction="none")
        yield self._line("dangerous", "cross_entropy", name, cross_entropy(logits, labels, reduction="none"), exact)
        yield self._line("dangerous", "cross_entropy", name, loss, exact)
        yield from self._slopes("cross_entropy_grad", name, grad, slopes)

    def _products(self, name: str, x: Any) -> Iterator[Line]:
        g = self.array(cotangent(x.shape))
        for function, of in ((softmax_vjp, softmax), (log_softmax_vjp, log_softmax)):
            op, y = function.__name__, of(x)
            yield from self._slopes(op, name, function(y, g), exact_derivative(op, to_numpy(y), to_numpy(g)))

    def _line(self, section: str, op: str, name: str, found: Any, exact: Exact, gate: str | None = None) -> Line:
        gap = distance(to_numpy(found), exact)
        share = gap / allowance(gate or op, self.dtype, exact, elementary=MAX_ELEMENTARY_ERROR)
        worst = int(np.argmax(share))
        units = gap / ulp(exact.hi, self.dtype)
        return Line(section, self.dtype, op, float(units.flat[worst]), float(share.flat[worst]), name)

    def _slopes(self, op: str, name: str, found: Any, expected: Derivative) -> Iterator[Line]:
        """Yield the lines for a derivative and for the sums of its rows, in ulp of the largest cotangent."""
        values, unit = to_numpy(found), ulp(expected.largest, self.dtype)
        gap = distance(values, expected.exact)
        yield self._worst(op, name, gap / unit, gap / derivative_allowance(self.dtype, expected))
        # What the given log p miss is not for the derivative to mend.
        due = expected.exact.hi.sum(axis=-1) if op == "log_softmax_vjp" else 0.0
        off = np.abs(values.sum(axis=-1) - due)
        yield self._worst(f"sum of {op}", name, off / unit[..., 0], off / row_sum_allowance(self.dtype, expected))

    def _worst(self, op: str, name: str, units: Floats, share: Floats) -> Line:
        worst = int(np.argmax(share))
        return Line("dangerous", self.dtype, op, float(units.flat[worst]), float(share.flat[worst]), name)
