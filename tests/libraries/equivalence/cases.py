"""What any two libraries are compared on: a call of each function of the contract, and its tolerances."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

import softmax_xp
from softmax_xp import activations, derivatives, sampling, sparse
from softmax_xp.testing import contract
from softmax_xp.testing.check import dangerous_rows
from softmax_xp.testing.check_activations import activation_numbers, name_of
from softmax_xp.testing.check_losses import three_labels, thrice
from softmax_xp.testing.check_records import exact_result, record_allowance, rounded_numbers
from softmax_xp.testing.check_sampling import FILTER_VALUES, draw_rows, exact_shares, filter_rows
from softmax_xp.testing.check_sparse import exact_of, loss_rows, row_groups
from softmax_xp.testing.compare import allowance, derivative_allowance, ulp
from softmax_xp.testing.exact_activations import exact_activation
from softmax_xp.testing.exact_sparse import exact_fenchel_young
from softmax_xp.testing.oracle import Derivative, Exact, Floats, exact_rows, of_labels
from softmax_xp.testing.records import RECORDS, calls

from ...backends import BACKENDS, Backend, missing

NAMES = ("numpy", "strict-CPU_DEVICE", "torch", "jax", "jax-x64", "dask", "ml_dtypes")


class Gate(NamedTuple):
    """What is allowed for each number of a result, and the unit that distances are told in."""

    allowed: Any
    unit: Any


EQUAL = Gate(0.0, 1.0)
"""The tolerance of labels, and of what a filter keeps: none."""


class Case(NamedTuple):
    """The results of a library, one after the other, and their tolerances."""

    call: Callable[[Backend], Iterator[Any]]
    gates: list[Gate]


def libraries(dtype: str) -> list[Backend]:
    """Return what is installed and holds a type."""
    found = [BACKENDS[n] for n in NAMES if n in BACKENDS and dtype in BACKENDS[n].dtypes]
    return [b for b in found if not missing(b)]


def rounded(values: Any, dtype: str) -> Floats:
    first = libraries(dtype)[0]
    return first.numpy(first.array(values, dtype)).astype(np.float64)


def gate(op: str, dtype: str, exact: Exact | Derivative, least: float = 0.0) -> Gate:
    """Return the tolerance of a result; its unit is the ulp of what is exact, or of ``least`` if that is more."""
    if isinstance(exact, Derivative):
        # In ulp of the largest entry that the cotangent allows, as the tolerance is.
        return Gate(derivative_allowance(dtype, exact), ulp(exact.largest, dtype))
    allowed = allowance(op, dtype, exact, elementary=contract.MAX_ELEMENTARY_ERROR)
    return Gate(allowed, ulp(np.maximum(np.abs(exact.hi), least), dtype))


@cache
def rows_of(dtype: str) -> list[tuple[Floats, dict[str, Exact]]]:
    """Return the dangerous rows in a type and their exact results."""
    rows = [rounded(x, dtype) for _, x in dangerous_rows(dtype) if x.shape[-1] <= 1025]
    return [(x, exact_rows(x)) for x in rows]


def of_normalizer(op: str, dtype: str) -> Case:
    def call(b: Backend) -> Iterator[Any]:
        return (getattr(softmax_xp, op)(b.array(x, dtype), axis=-1) for x, _ in rows_of(dtype))

    return Case(call, [gate(op, dtype, exact[op]) for _, exact in rows_of(dtype)])


def of_cross_entropy(op: str, dtype: str) -> Case:
    def call(b: Backend) -> Iterator[Any]:
        for x, _ in rows_of(dtype):
            logits, labels = b.array(np.concatenate([x] * 3), dtype), b.array(three_labels(x), "int32")
            if op == "cross_entropy":
                yield softmax_xp.cross_entropy(logits, labels, reduction="none")
            else:
                yield derivatives.cross_entropy_and_grad(logits, labels, reduction="none")[1]

    def exact(x: Floats, rows: dict[str, Exact]) -> Exact | Derivative:
        labels = of_labels({name: thrice(rows[name]) for name in ("softmax", "log_softmax")}, three_labels(x))
        return labels[op == "cross_entropy_grad"]

    return Case(call, [gate(op, dtype, exact(*rows)) for rows in rows_of(dtype)])


def of_map(name: str, options: dict[str, Any], dtype: str) -> Case:
    """Rows of all lengths in one array: eager JAX compiles each shape."""
    (rows,) = row_groups(options, dtype, of_one_length=True)
    x = rounded(rows, dtype)
    exact = exact_of(name, tuple(options.items()), x.tobytes(), x.shape[-1])

    def call(b: Backend) -> Iterator[Any]:
        yield getattr(sparse, name)(b.array(x, dtype), **options)

    return Case(call, [gate(contract.sparse_op(name, **options), dtype, exact, 1.0)])


def of_fenchel_young(options: dict[str, Any], dtype: str) -> Case:
    rows = [(rounded(x, dtype), target, kind) for x, target, kind in loss_rows(dtype)]
    shares = [t if t.ndim == x.ndim else np.eye(x.shape[-1])[t] for x, t, _ in rows]
    exact = [exact_fenchel_young(x, t, **options)[0] for (x, _, _), t in zip(rows, shares, strict=True)]

    def call(b: Backend) -> Iterator[Any]:
        for x, target, kind in rows:
            yield sparse.fenchel_young_loss(b.array(x, dtype), b.array(target, kind), reduction="none", **options)

    return Case(call, [gate("fenchel_young_loss", dtype, loss, 1.0) for loss in exact])


def of_activation(name: str, options: dict[str, Any], dtype: str) -> Case:
    x = rounded(activation_numbers(name, dtype), dtype)

    def call(b: Backend) -> Iterator[Any]:
        yield getattr(activations, name)(b.array(x, dtype), **options)

    return Case(call, [gate(contract.activation_op(name, **options), dtype, exact_activation(name, x, **options))])


def of_filter(name: str, dtype: str) -> Case:
    """Ordinary rows, with a mask and with one value for each; and the table of edge values."""
    rows, mask = filter_rows()
    values, kind = FILTER_VALUES[name], "int32" if name == "top_k_logits" else "float32"
    edges = [edge for edge in contract.FILTER_EDGES[name] if not edge.options]
    masks = [edge.where or (True,) * len(edge.x) for edge in edges]

    def call(b: Backend) -> Iterator[Any]:
        function, x = getattr(sampling, name), b.array(rounded(rows, dtype), dtype)
        yield function(x, values[0], where=b.array(mask, "bool"))
        yield function(x, b.array([[values[i % 2]] for i in range(len(rows))], kind))
        given = b.array([[edge.value] for edge in edges], kind)
        yield function(b.array([edge.x for edge in edges], dtype), given, where=b.array(masks, "bool"))

    return Case(call, [EQUAL] * 3)


def of_relaxed_draws(dtype: str) -> Case:
    rows, noises, mask = draw_rows()

    def call(b: Backend) -> Iterator[Any]:
        x, noise = b.array(rows, dtype), b.array(noises[0], dtype)
        yield sampling.gumbel_softmax(x, noise=noise)
        yield sampling.gumbel_softmax(x, noise=noise, temperature=0.25, where=b.array(mask, "bool"))
        yield sampling.gumbel_softmax(x, noise=noise, hard=True)

    exact = (exact_shares(False, 1.0), exact_shares(True, 0.25))
    return Case(call, [*(gate("softmax", dtype, shares) for shares in exact), EQUAL])


def of_labels_drawn(dtype: str) -> Case:
    rows, noises, mask = draw_rows()

    def call(b: Backend) -> Iterator[Any]:
        x, noise, where = b.array(rows, dtype), b.array(noises, dtype), b.array(mask, "bool")
        yield sampling.sample_categorical(x, noise=noise, shape=len(noises), where=where)
        first = b.array(noises[0], dtype)
        yield sampling.sample_categorical(x, noise=first, shape=rows.shape[-1], replace=False)

    return Case(call, [EQUAL] * 2)


def of_record(name: str, dtype: str) -> Case:
    """The example of a record that has the exact result."""
    exact = exact_result(name)

    def call(b: Backend) -> Iterator[Any]:
        yield calls(name)[name](b.arrays(rounded_numbers(), dtype))

    return Case(call, [Gate(record_allowance(name, dtype, exact), ulp(exact.hi, dtype))])


def _loss_name(options: dict[str, Any]) -> str:
    return name_of("fenchel_young_loss", options)


CASES: dict[str, Callable[[str], Case]] = {
    **{op: partial(of_normalizer, op) for op in contract.OPS},
    **{op: partial(of_cross_entropy, op) for op in ("cross_entropy", "cross_entropy_grad")},
    **{name_of(name, o): partial(of_map, name, o) for name, o in contract.SPARSE_CASES},
    **{_loss_name(o): partial(of_fenchel_young, o) for o in contract.LOSS_CASES},
    **{name_of(name, o): partial(of_activation, name, o) for name, o in contract.ACTIVATION_CASES},
    **{name: partial(of_filter, name) for name in contract.FILTERS},
    "gumbel_softmax": of_relaxed_draws,
    "sample_categorical": of_labels_drawn,
    **{name: partial(of_record, name) for name, record in RECORDS.items() if record.exact is not None},
}
"""What is compared in each type, by the function and its options."""

OPS = (*contract.OPS, "cross_entropy", "cross_entropy_grad")
"""Those of the logarithm of a sum: the tables have a line for each pair of libraries."""
