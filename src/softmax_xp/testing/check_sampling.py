"""The contract of sampling, run on one library, device and dtype: what is kept and drawn, exactly."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import inf
from typing import Any

import numpy as np

from .. import sampling
from .arrays import from_numpy, to_numpy
from .compare import allowance, distance, ulp
from .contract import DRAW_EDGES, FILTER_EDGES, FILTER_FILL, FILTERS, MAX_ELEMENTARY_ERROR, FilterEdge
from .exact_sampling import exact_drawn, exact_filter
from .oracle import Exact, Floats, exact_rows
from .records.sampling import RECORDS
from .report import Line

FILTER_VALUES = {
    name: tuple(value for case in record.cases for value in case.values())
    for name, record in RECORDS.items()
    if record.kind == "filter"
}
"""The numbers that each filter is called with on ordinary rows: the first for all, or the two in turn."""

NO_INDICES = "left out: indices of this library are of a type that the device does not have"
"""What the line of a function says that cannot be run."""


def sampling_lines(xp: Any, device: Any, dtype: str) -> Iterator[Line]:
    """Yield one line per function: for its edge values, and for ordinary rows and their masks."""
    indices = has_indices(xp, device)
    for name in FILTERS:
        if name == "typical_logits" and not indices:
            yield Line("edges", dtype, name, 0.0, 0.0, NO_INDICES)
            continue
        yield max(_filter_edges(xp, device, dtype, name), key=_share)
        yield max(_filter_rows(xp, device, dtype, name), key=_share)
    yield max(_relaxed_edges(xp, device, dtype), key=_share)
    yield max(_relaxed_rows(xp, device, dtype), key=_share)
    if indices:
        yield max(_label_edges(xp, device, dtype), key=_share)
        yield max(_label_rows(xp, device, dtype), key=_share)
    else:
        yield Line("edges", dtype, "sample_categorical", 0.0, 0.0, NO_INDICES)


def has_indices(xp: Any, device: Any) -> bool:
    """Whether the indices that ``argmax`` gives are of a type of the device: array-api-strict has a device without."""
    try:
        xp.argmax(from_numpy([0.0, 1.0], "float32", xp, device))
    except ValueError:
        return False
    return True


def filter_rows() -> tuple[Floats, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Return ordinary logits, flat ones and peaked ones, and a mask for them."""
    rng = np.random.default_rng(5)
    scale = np.asarray([[0.25], [1.0], [1.0], [3.0], [3.0]])
    return scale * rng.normal(size=(5, 30)), rng.uniform(size=(5, 30)) < 0.75


def draw_rows() -> tuple[Floats, Floats, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Return logits, noise for three draws and a mask; each type holds them and, from float32 on, their sums.

    They are multiples of 1/8, so many sums are equal.
    """
    rng = np.random.default_rng(6)
    x, noise = rng.integers(-64, 65, size=(5, 30)) / 8, rng.integers(-16, 33, size=(3, 5, 30)) / 8
    x[rng.uniform(size=x.shape) < 0.1] = -inf
    return x, noise, rng.uniform(size=x.shape) < 0.75


@cache
def exact_filtered(name: str, numbers: bytes, values: tuple[float, ...], masked: bool) -> Floats:
    """Return what a filter gives for `filter_rows` rounded to a type."""
    where = filter_rows()[1]
    return exact_filter(name, np.frombuffer(numbers).reshape(where.shape), values, where if masked else None)


@cache
def exact_labels(masked: bool) -> Floats:
    """Return the labels of `draw_rows` in the order drawn, for each set of noises; -1 where nothing is left."""
    x, noises, where = draw_rows()
    x = np.where(where, x, -inf) if masked else x
    n = x.shape[-1]
    drawn = [[exact_drawn(*pair) for pair in zip(x.tolist(), noise.tolist(), strict=True)] for noise in noises]
    return np.asarray([[(row + [-1] * n)[:n] for row in rows] for rows in drawn], dtype=np.float64)


@cache
def exact_shares(masked: bool, temperature: float) -> Exact:
    """Return the exact softmax of the sums of `draw_rows` with the first noise, over a power of 2."""
    x, noises, where = draw_rows()
    return exact_rows((np.where(where, x, -inf) if masked else x) / temperature + noises[0] / temperature)["softmax"]


def _share(line: Line) -> float:
    return line.share_of_gate


def _filter_edges(xp: Any, device: Any, dtype: str, name: str) -> Iterator[Line]:
    """Yield lines for the table: one value per row and a mask, then numbers without a mask or options."""
    for options in dict.fromkeys(edge.options for edge in FILTER_EDGES[name]):
        edges = [edge for edge in FILTER_EDGES[name] if edge.options == options]
        kind = "int32" if name == "top_k_logits" else "float32"
        values = from_numpy([[edge.value] for edge in edges], kind, xp, device)
        yield from _edge_rows(xp, device, dtype, name, edges, values, masked=True)
    edges = [edge for edge in FILTER_EDGES[name] if edge.where is None and not edge.options]
    for value in dict.fromkeys(edge.value for edge in edges if edge.is_number):
        # All rows each time, of which some count: so that JAX compiles one shape.
        yield from _edge_rows(xp, device, dtype, name, edges, value, masked=False)


def _edge_rows(
    xp: Any, device: Any, dtype: str, name: str, edges: list[FilterEdge], value: Any, *, masked: bool
) -> Iterator[Line]:
    x = from_numpy([edge.x for edge in edges], dtype, xp, device)
    masks = [edge.where or (True,) * len(edge.x) for edge in edges]
    where = from_numpy(masks, "bool", xp, device) if masked else None
    options = {**dict(edges[0].options), "where": where, "fill": FILTER_FILL}
    found = to_numpy(getattr(sampling, name)(x, value, **options))
    for edge, row in zip(edges, found, strict=True):
        if masked or edge.value == value:
            yield exact_line("edges", dtype, name, row, edge.expected, edge.name)


def _filter_rows(xp: Any, device: Any, dtype: str, name: str) -> Iterator[Line]:
    """Yield lines for ordinary rows: by a number and a mask, and by one value per row."""
    for case, found, expected in filter_calls(xp, device, dtype, name):
        yield exact_line("ordinary", dtype, name, to_numpy(found), expected, case)


def filter_calls(xp: Any, device: Any, dtype: str, name: str) -> Iterator[tuple[str, Any, Floats]]:
    """Yield what a filter gives for ordinary rows and what it should."""
    rows, mask = filter_rows()
    x, where = from_numpy(rows, dtype, xp, device), from_numpy(mask, "bool", xp, device)
    numbers, few = to_numpy(x).tobytes(), FILTER_VALUES[name]
    kind = "int32" if name == "top_k_logits" else "float32"
    each = from_numpy([[few[i % 2]] for i in range(len(rows))], kind, xp, device)
    given = tuple(to_numpy(each)[:, 0].tolist())
    call = getattr(sampling, name)
    yield "masked", call(x, few[0], where=where), exact_filtered(name, numbers, (few[0],) * len(rows), True)
    yield "one value per row", call(x, each), exact_filtered(name, numbers, given, False)


def _edge_draws(xp: Any, device: Any, dtype: str) -> tuple[Any, dict[str, Any]]:
    """Return the logits of the table of draws, and their noise and masks."""
    x, noise = (from_numpy([getattr(edge, part) for edge in DRAW_EDGES], dtype, xp, device) for part in ("x", "noise"))
    masks = [edge.where or (True,) * len(edge.x) for edge in DRAW_EDGES]
    return x, {"noise": noise, "where": from_numpy(masks, "bool", xp, device)}


def _relaxed_edges(xp: Any, device: Any, dtype: str) -> Iterator[Line]:
    x, options = _edge_draws(xp, device, dtype)
    hard, soft = (to_numpy(sampling.gumbel_softmax(x, hard=sharp, **options)) for sharp in (True, False))
    for edge, sharp, row in zip(DRAW_EDGES, hard, soft, strict=True):
        yield exact_line("edges", dtype, "gumbel_softmax", sharp, edge.hard, f"{edge.name}, hard")
        if edge.sums is None:
            yield exact_line("edges", dtype, "gumbel_softmax", row, edge.hard, edge.name)
        else:
            yield _near("edges", dtype, row[None], exact_rows(np.asarray([edge.sums]))["softmax"], edge.name)


def _relaxed_rows(xp: Any, device: Any, dtype: str) -> Iterator[Line]:
    for case, found, exact in relaxed_calls(xp, device, dtype):
        yield _near("ordinary", dtype, to_numpy(found), exact, case)


def relaxed_calls(xp: Any, device: Any, dtype: str) -> Iterator[tuple[str, Any, Exact]]:
    """Yield relaxed draws of rows and the exact ones."""
    x, noise, where = _draw_arrays(xp, device, dtype)
    for temperature, masked in ((1.0, False), (0.25, True)):
        kept = where if masked else None
        found = sampling.gumbel_softmax(x, noise=noise[0, ...], temperature=temperature, where=kept)
        yield f"temperature {temperature}", found, exact_shares(masked, temperature)


def _label_edges(xp: Any, device: Any, dtype: str) -> Iterator[Line]:
    x, options = _edge_draws(xp, device, dtype)
    first = to_numpy(sampling.sample_categorical(x, **options))
    drawn = to_numpy(sampling.sample_categorical(x, replace=False, shape=5, **options)).T
    for edge, label, labels in zip(DRAW_EDGES, first, drawn, strict=True):
        expected = [*edge.labels, *[-1] * 5][:5]
        yield exact_line("edges", dtype, "sample_categorical", label, expected[0], edge.name)
        yield exact_line("edges", dtype, "sample_categorical", labels, expected, f"{edge.name}, in order")


def _label_rows(xp: Any, device: Any, dtype: str) -> Iterator[Line]:
    for case, found, expected in label_calls(xp, device, dtype):
        yield exact_line("ordinary", dtype, "sample_categorical", to_numpy(found), expected, case)


def label_calls(xp: Any, device: Any, dtype: str) -> Iterator[tuple[str, Any, Floats]]:
    """Yield labels of rows, with and without replacement, and those that should be drawn."""
    x, noise, where = _draw_arrays(xp, device, dtype)
    found = sampling.sample_categorical(x, noise=noise, shape=3)
    yield "with replacement", found, exact_labels(False)[..., 0]
    n = x.shape[-1]
    found = sampling.sample_categorical(x, noise=noise[0, ...], shape=n, replace=False, where=where)
    yield "masked, without replacement", found, exact_labels(True)[0].T


def _draw_arrays(xp: Any, device: Any, dtype: str) -> list[Any]:
    return [from_numpy(v, kind, xp, device) for v, kind in zip(draw_rows(), (dtype, dtype, "bool"), strict=True)]


def exact_line(section: str, dtype: str, op: str, found: Any, expected: Any, case: str) -> Line:
    """Return the line of what has no gate: its bits are right or not."""
    hi = np.asarray(expected, dtype=np.float64)
    gap = distance(found, Exact(hi, np.zeros_like(hi), np.zeros_like(hi), 1))
    wrong = (gap > 0) | ((hi == 0) & (np.signbit(found) != np.signbit(hi)))
    units = float((gap / ulp(hi, dtype)).max())
    return Line(section, dtype, op, units, inf if bool(wrong.any()) else 0.0, case)


def _near(section: str, dtype: str, found: Floats, exact: Exact, case: str) -> Line:
    gap = distance(found, exact)
    share = gap / allowance("softmax", dtype, exact, elementary=MAX_ELEMENTARY_ERROR)
    worst = int(np.argmax(share))
    units = gap / ulp(exact.hi, dtype)
    return Line(section, dtype, "gumbel_softmax", float(units.flat[worst]), float(share.flat[worst]), case)
