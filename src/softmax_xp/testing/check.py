"""The contract, run on a user's own library and device."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import log_softmax, logsumexp, softmax
from .._gate.arrays import namespace_of
from .._xp.namespace import is_jax, short_name
from .arrays import floats_of, from_numpy, to_numpy
from .check_activations import activation_lines
from .check_losses import LONGEST, loss_lines
from .check_records import record_lines
from .check_sampling import sampling_lines
from .check_sparse import sparse_lines
from .compare import allowance, distance, ulp
from .contract import (
    EDGES,
    FORMATS,
    LENGTHS,
    MAX_ELEMENTARY_ERROR,
    OFFSETS,
    OPS,
    SPREADS,
    SUM_EDGES,
    WIDEST,
    Edge,
    SumEdge,
    sampled_widths,
    sum_gate,
)
from .oracle import Exact, Floats, exact_rows
from .report import Line
from .report import Report as Report

FUNCTIONS: dict[str, Any] = {"softmax": softmax, "log_softmax": log_softmax, "logsumexp": logsumexp}


def check_backend(xp: Any, /, *, device: Any = None, full: bool = False) -> Report:
    """Run the contract on an array library and return a readable report.

    Parameters
    ----------
    xp : namespace
        Such as ``numpy``, ``torch`` or ``jax.numpy``.
    device : device, optional
        Of that library; its default one if not given.
    full : bool
        Check every width from 1 to 4097 instead of about 60 of them, and, on JAX, which compiles each call for each
        shape and type, half types and every alpha of sparse maps too.

    Returns
    -------
    Report
        ``passed``, ``lines``, ``as_dict()``; printing it gives a table.

    Notes
    -----
    Per floating type: the library's own exp and log1p, the table of edge values, the dangerous
    inputs of the contract, also for losses and derivatives, and rows of zeros and of noise at many widths,
    against mpmath.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_xp.testing import check_backend
    >>> check_backend(np).passed
    True
    """
    xp = namespace_of(from_numpy([0.0], "float32", xp, device))
    lines: list[Line] = []
    # Each width, each function and each type is a program of its own, and takes a second.
    brief = is_jax(xp) and not full
    for dtype in floats_of(xp, device):
        probe = Probe(xp, device, dtype, elementary_error(xp, device, dtype))
        worst = probe.elementary
        lines.append(Line("elementary", dtype, "exp, log1p", worst, worst / MAX_ELEMENTARY_ERROR, ""))
        lines += [probe.edges(op) for op in OPS]
        lines.append(probe.sums())
        if brief and FORMATS[dtype].digits < FORMATS["float32"].digits:
            continue
        lines += probe.accuracy("dangerous", dangerous_rows(dtype))
        lines += loss_lines(xp, device, dtype, [rows for rows in dangerous_rows(dtype) if rows[1].shape[-1] <= LONGEST])
        lines += activation_lines(xp, device, dtype)
        lines += sparse_lines(xp, device, dtype, every_case=not brief)
        lines += sampling_lines(xp, device, dtype)
        lines += record_lines(xp, device, dtype)
        widths = range(1, WIDEST + 1) if full else sampled_widths()[:: 4 if brief else 1]
        lines += probe.accuracy("widths", width_rows(widths))
    return Report(short_name(xp), str(device or "the default device"), lines)


def elementary_error(xp: Any, device: Any, dtype: str) -> float:
    """Return the worst error in ulp of the library's own exp and log1p, which half types do not use."""
    import mpmath

    if dtype in ("float16", "bfloat16"):
        dtype = "float32"
    low = -700.0 if dtype == "float64" else -85.0
    worst = 0.0
    for name, grid in (("exp", np.linspace(low, 0.0, 1500)), ("log1p", np.geomspace(1e-7, 1e5, 500))):
        x = from_numpy(grid, dtype, xp, device)
        with mpmath.workprec(120):
            exact = [getattr(mpmath, name)(mpmath.mpf(float(v))) for v in to_numpy(x)]
            hi = np.asarray([float(v) for v in exact])
            lo = np.asarray([float(v - h) for v, h in zip(exact, hi, strict=True)])
        gap = distance(to_numpy(getattr(xp, name)(x)), Exact(hi, lo, lo, 1))
        worst = max(worst, float((gap / ulp(hi, dtype)).max()))
    return worst


def dangerous_rows(dtype: str) -> list[tuple[str, Floats]]:
    """Return the named inputs of the contract that are known to go wrong, within the range of ``dtype``."""
    limit = {"float64": 1.7e308, "float32": 3.4e38, "float16": 6.5e4, "bfloat16": 3.3e38}[dtype]
    noise = np.random.default_rng(0).normal(size=max(LENGTHS))
    rows = [(f"{n} equal", np.full((1, n), 0.7)) for n in LENGTHS]
    rows += [(f"{n} normal", 3.0 * noise[None, :n]) for n in LENGTHS]
    for g in SPREADS:
        rows.append((f"one at {g:+g}", np.asarray([[g, *[0.0] * 9]])))
        rows.append((f"one at {-g:+g}", np.asarray([[-g, *[0.0] * 9]])))
        rows.append((f"two tied, one {-g:+g} away", np.asarray([[1.0, 1.0, 1.0 - g]])))
    rows.append(("lse near 0", 1e-3 * noise[:128].reshape(64, 2) - np.log(2.0)))
    rows += [(f"offset {o:g}", o + noise[None, :100]) for o in (*OFFSETS, limit / 2) if o < limit]
    rows.append(("wide noise", 30.0 * noise[None, :1000]))
    return rows


def width_rows(widths: Any) -> list[tuple[str, Floats]]:
    """Return rows of zeros and of noise for each width."""
    noise = np.random.default_rng(1).normal(size=(2, WIDEST))
    zeros = np.zeros((1, WIDEST))
    return [(f"width {n}", np.concatenate([zeros[:, :n], noise[:, :n]])) for n in widths]


class Probe(NamedTuple):
    """One library, device and dtype, with its own worst error of exp and log1p."""

    xp: Any
    device: Any
    dtype: str
    elementary: float

    def edges(self, op: str) -> Line:
        """Return the line for the table of edge values."""
        lines = [self._edge(op, edge) for edge in EDGES if self._holds(edge)]
        return max(lines, key=lambda line: line.share_of_gate)

    def _holds(self, edge: Edge) -> bool:
        return self.dtype != "float16" or ("1e30" not in edge.name and "huge" not in edge.name)

    def _edge(self, op: str, edge: Edge) -> Line:
        x = from_numpy([edge.x], self.dtype, self.xp, self.device)
        where = None if edge.where is None else from_numpy([edge.where], "bool", self.xp, self.device)
        hi = np.asarray([getattr(edge, op)])
        return self._line(
            "edges", op, edge.name, x, Exact(hi, np.zeros_like(hi), np.zeros_like(hi), len(edge.x)), where
        )

    def sums(self) -> Line:
        """Return the line for the table of sums with weights, signs and all."""
        form = FORMATS[self.dtype]
        lines = [self._sum(edge) for edge in SUM_EDGES if edge.fits(form.digits, form.tiny)]
        return max(lines, key=lambda line: line.share_of_gate)

    def _sum(self, edge: SumEdge) -> Line:
        x, b = (from_numpy([v], self.dtype, self.xp, self.device) for v in (edge.x, edge.b))
        found = logsumexp(x, b=b, axis=-1, return_sign=True)
        hi, sign = np.asarray([edge.value]), np.asarray([edge.sign])
        size = Exact(hi, np.zeros_like(hi), np.zeros_like(hi), len(edge.x))
        gap = distance(to_numpy(found[0]), size)
        wrong = distance(to_numpy(found[1]), size._replace(hi=sign)) > 0
        share = np.where(wrong, np.inf, gap / allowance("logsumexp", self.dtype, size, elementary=self.elementary))
        return Line(
            "edges", self.dtype, "weighted sum", float((gap / ulp(hi, self.dtype))[0]), float(share[0]), edge.name
        )

    def accuracy(self, section: str, rows: list[tuple[str, Floats]]) -> list[Line]:
        """Return one line per function, and one for the sums of softmax, over all ``rows``."""
        lines: dict[str, Line] = {}
        for name, values in rows:
            x = from_numpy(values, self.dtype, self.xp, self.device)
            exact = exact_rows(to_numpy(x))
            found = [self._line(section, op, name, x, exact[op]) for op in OPS]
            for line in (*found, self._sums(section, name, x)):
                best = lines.setdefault(line.op, line)
                if line.share_of_gate > best.share_of_gate:
                    lines[line.op] = line
        return list(lines.values())

    def _line(self, section: str, op: str, name: str, x: Any, exact: Exact, where: Any = None) -> Line:
        gap = distance(to_numpy(FUNCTIONS[op](x, axis=-1, where=where)), exact)
        share = gap / allowance(op, self.dtype, exact, elementary=self.elementary)
        worst = int(np.argmax(share))
        units = gap / ulp(exact.hi, self.dtype)
        return Line(section, self.dtype, op, float(units.flat[worst]), float(share.flat[worst]), name)

    def _sums(self, section: str, name: str, x: Any) -> Line:
        p = to_numpy(softmax(x))
        off = float(np.abs(p.sum(axis=-1) - 1.0).max())
        unit = float(ulp(np.asarray(1.0), self.dtype))
        return Line(section, self.dtype, "sum of p", off / unit, off / sum_gate(self.dtype, p.shape[-1]), name)
