"""The contract of the maps onto the simplex and of their losses, run on one library, device and dtype."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from .. import sparse
from .._xp.namespace import is_jax
from .arrays import from_numpy, to_numpy
from .check_activations import name_of
from .compare import allowance, distance, ulp
from .contract import (
    LOSS_CASES,
    MAX_ELEMENTARY_ERROR,
    SPARSE_CASES,
    sparse_op,
    sum_gate,
    total_of,
)
from .exact_sparse import exact_fenchel_young, exact_map
from .oracle import Exact, Floats
from .report import Line
from .sparse_edges import Edges, masked_edges, plain_edges


def sparse_rows() -> dict[int, Floats]:
    """Return rows that are known to go wrong, by their length: ties, far ones, clusters beside the threshold."""
    rng = np.random.default_rng(3)
    rows = {n: [np.zeros(n), *(s * rng.normal(size=n) for s in (1e-3, 0.3, 1.0, 4.0, 30.0))] for n in (1, 2, 3, 7, 40)}
    steps = np.linspace(0.0, 25.0, 39)
    for m in (0.5, 1.0, 2.0, 4.0):
        rows[40].append(np.concatenate([[0.0], m * (np.exp(-steps) - 1.0)]))
        rows[40].append(np.concatenate([[1e3], 1e3 - m * (1.0 - 2.0**-10) * np.ones(39)]))
    rows[3] += [np.asarray(v) for v in ([1e30, 0.0, -1e30], [1.0, 1.0, -9.0], [0.0, -1.0, -2.0], [7.0, 6.0, -np.inf])]
    return {n: np.stack(v) for n, v in rows.items()}


def loss_rows(dtype: str) -> list[tuple[Floats, Floats, str]]:
    """Return logits, targets and their dtype: labels that are right, wrong and on the edge, and probabilities."""
    x = np.random.default_rng(4).normal(size=(6, 5))
    x[0, 0], x[1, 0], x[2, 0] = x[0].max() + 0.999, x[1].max() + 0.5, -30.0
    shares = np.asarray([[0.5, 0.0, 0.25, 0.25, 0.0], [0.125, 0.125, 0.125, 0.5, 0.125]])
    return [(x[:4], np.asarray([0, 0, 0, 3]), "int32"), (x[4:], shares, dtype)]


def sparse_lines(xp: Any, device: Any, dtype: str, *, every_case: bool = True) -> Iterator[Line]:
    """Yield one line per map: for its edge values, for dangerous rows and for their sums; and one per loss."""
    # Half types are computed as float32: one case of each map shows how they are rounded.
    every_map = every_case and dtype not in ("float16", "bfloat16")
    for name, options in (case for case in SPARSE_CASES if every_map or case[1].get("alpha") in (None, 1.25)):
        if total_of(**options) == 1.0:
            # Among masked edges are all rows of the others, and JAX compiles for a second.
            if not is_jax(xp):
                yield _edges(xp, device, dtype, name, options, plain_edges())
            yield _edges(xp, device, dtype, name, options, masked_edges())
        groups = row_groups(options, dtype, of_one_length=is_jax(xp))
        found = [_rows(xp, device, dtype, name, options, rows) for rows in groups]
        for lines in zip(*found, strict=True):
            yield max(lines, key=_share)
    for options in (case for case in LOSS_CASES if every_case or case.get("alpha") in (None, 1.2)):
        yield max((_loss(xp, device, dtype, options, *rows) for rows in loss_rows(dtype)), key=_share)


def _share(line: Line) -> float:
    return line.share_of_gate


@cache
def exact_of(name: str, options: tuple[tuple[str, Any], ...], numbers: bytes, n: int) -> Exact:
    """Return the exact map of rows of n numbers; the same rows are asked for by every library."""
    return exact_map(name, np.frombuffer(numbers).reshape(-1, n), **dict(options))


def _edges(xp: Any, device: Any, dtype: str, name: str, options: dict[str, Any], edges: Edges) -> Line:
    x = from_numpy(edges.x, dtype, xp, device)
    where = None if edges.where is None else from_numpy(edges.where, "bool", xp, device)
    p = getattr(sparse, name)(x, where=where, **options)
    hi = np.asarray(edges.p)
    exact = Exact(hi, np.zeros_like(hi), np.ones_like(hi), hi.shape[-1])
    return _line("edges", dtype, name, options, p, exact, "plain" if where is None else "masked")


def _rows(xp: Any, device: Any, dtype: str, name: str, options: dict[str, Any], rows: Floats) -> tuple[Line, Line]:
    x = from_numpy(rows, dtype, xp, device)
    values = to_numpy(x)
    exact = exact_of(name, tuple(options.items()), values.tobytes(), values.shape[-1])
    p = getattr(sparse, name)(x, **options)
    total = total_of(**options)
    off = float(np.abs(to_numpy(p).sum(axis=-1) - total).max())
    allowed = 2 * max(1.0, total) * sum_gate(dtype, values.shape[-1])
    unit = float(ulp(np.asarray(1.0), dtype))
    sums = Line("dangerous", dtype, f"sum of {name_of(name, options)}", off / unit, off / allowed, "")
    return _line("dangerous", dtype, name, options, p, exact, f"{values.shape[-1]} entries"), sums


def row_groups(options: dict[str, Any], dtype: str, *, of_one_length: bool = False) -> list[Floats]:
    """Return the rows that a map is defined for and a type can hold, by their length, or filled up by -inf.

    JAX compiles a function for each length.
    """
    groups = list(sparse_rows().values())
    if of_one_length:
        n = max(rows.shape[-1] for rows in groups)
        filled = [np.pad(rows, ((0, 0), (0, n - rows.shape[-1])), constant_values=-np.inf) for rows in groups]
        groups = [np.concatenate(filled)]
    if dtype == "float16":
        groups = [rows[(np.abs(np.where(np.isfinite(rows), rows, 0.0)) < 6e4).all(axis=-1)] for rows in groups]
    groups = [rows[np.isfinite(rows).sum(axis=-1) >= options.get("k", 0.0)] for rows in groups]
    return [rows for rows in groups if rows.size]


def _loss(xp: Any, device: Any, dtype: str, options: dict[str, Any], x: Floats, t: Floats, kind: str) -> Line:
    logits, target = from_numpy(x, dtype, xp, device), from_numpy(t, kind, xp, device)
    exact, _ = exact_fenchel_young(to_numpy(logits), t if t.ndim == x.ndim else np.eye(x.shape[-1])[t], **options)
    loss = sparse.fenchel_young_loss(logits, target, reduction="none", **options)
    return _line(
        "dangerous", dtype, "fenchel_young_loss", options, loss, exact, "labels" if t.ndim < x.ndim else "shares"
    )


def _line(section: str, dtype: str, name: str, options: dict[str, Any], found: Any, exact: Exact, case: str) -> Line:
    gap = distance(to_numpy(found), exact)
    share = gap / allowance(sparse_op(name, **options), dtype, exact, elementary=MAX_ELEMENTARY_ERROR)
    worst = int(np.argmax(share))
    units = gap / ulp(np.maximum(np.abs(exact.hi), 1.0), dtype)
    return Line(section, dtype, name_of(name, options), float(units.flat[worst]), float(share.flat[worst]), case)
