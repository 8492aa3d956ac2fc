"""Dask: sparse maps and their losses stay lazy, and give what NumPy gives however the input is chunked."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import pytest

dask = pytest.importorskip("dask", reason="dask is not installed")
da = pytest.importorskip("dask.array", reason="dask.array needs numpy")

import numpy as np  # noqa: E402

from softmax_xp import derivatives, softmax, sparse  # noqa: E402
from softmax_xp.sparse import entmax, entmax_loss, fenchel_young_loss, k_subset, normmax, sparsemax  # noqa: E402
from softmax_xp.testing import contract  # noqa: E402
from softmax_xp.testing.check_activations import name_of  # noqa: E402

N, C = 12, 10


class Given(NamedTuple):
    """The arrays of a call: of NumPy, or of Dask."""

    x: Any
    g: Any
    probs: Any
    keep: Any
    labels: Any
    rows: Any  # one weight per sample
    numbers: Any  # one number from 1 per row


def given() -> Given:
    rng = np.random.default_rng(0)
    x = rng.normal(scale=2.0, size=(N, C))
    x[3] = x[3, 0]
    x[4, 2:] = -np.inf
    labels = rng.integers(0, C, size=N)
    labels[[1, 7]] = -100
    labels[4] = 1
    keep = x > -3
    return Given(
        x,
        rng.normal(size=(N, C)),
        np.where(np.isfinite(x), softmax(rng.normal(size=(N, C)), where=np.isfinite(x)), 0.0),
        keep,
        labels,
        np.where(np.arange(N) == 5, 0.0, rng.uniform(0.5, 2.0, size=N)),
        np.where(np.arange(N) == 4, 1.25, rng.uniform(1.0, 3.0, size=N))[:, None],
    )


NUMPY = given()
MAPS = {
    name_of(n, o): lambda g, n=n, o=o: getattr(sparse, n)(g.x, **o)
    for n, o in contract.SPARSE_CASES
    if name_of(n, o) not in ("entmax alpha=1.001", "entmax alpha=1.9", "entmax alpha=10.0", "normmax alpha=5.0")
}
ROWS = {
    "sparsemax with a mask": lambda g: sparsemax(g.x, where=g.keep),
    "entmax of rows": lambda g: entmax(g.x, alpha=g.numbers, where=g.keep),
    "normmax of rows": lambda g: normmax(g.x, alpha=g.numbers, where=g.keep),
    "k_subset of rows": lambda g: k_subset(g.x, k=g.numbers / 2, where=g.x > -np.inf),
    "project_simplex of rows": lambda g: sparse.project_simplex(g.x, scale=g.numbers, where=g.keep),
    "sparsemax_vjp": lambda g: derivatives.sparsemax_vjp(g.probs, g.g, where=g.keep),
    "entmax_vjp": lambda g: derivatives.entmax_vjp(g.probs, g.g, alpha=1.25),
    "entmax_vjp of rows": lambda g: derivatives.entmax_vjp(g.probs, g.g, alpha=g.numbers, where=g.keep),
}
WIDE = {
    "sparsemax along axis 0": lambda g: sparsemax(g.x, axis=0),
    "entmax along axis 0": lambda g: entmax(g.x, alpha=1.25, axis=0),
    "sparsemax of all axes": lambda g: sparsemax(g.x, axis=None),
    "entmax of all axes": lambda g: entmax(g.x, alpha=2.5, axis=None, where=g.keep),
    "normmax of all axes": lambda g: normmax(g.x, axis=None),
    "k_subset of all axes": lambda g: k_subset(g.x, k=4.5, axis=None),
}


def losses():
    calls = {"entmax_loss": entmax_loss, "entmax_loss alpha=1.3": partial(entmax_loss, alpha=1.3)}
    for o in contract.LOSS_CASES:
        calls[name_of("fenchel_young_loss", o)] = partial(fenchel_young_loss, **o)
    for name, f in calls.items():
        yield f"{name} of labels", lambda g, f=f: f(g.x, g.labels, sample_weight=g.rows)
        yield f"{name} of probabilities", lambda g, f=f: f(g.x, g.probs, reduction="none")
    yield "entmax_loss with a mask", lambda g: entmax_loss(g.x, g.labels, where=g.x > -np.inf, reduction="sum")


LOSSES = dict(losses())
CALLS = {**MAPS, **ROWS, **WIDE, **LOSSES}
PER_ROW = {**MAPS, **ROWS, **LOSSES}
every_call = pytest.mark.parametrize("name", CALLS)
CHUNKS = {"one chunk": (N, C), "chunked batch": (5, C), "chunked axis": (N, 3), "chunked both": (5, 3)}


def lazy(chunks=(5, 3)):
    sizes = {"labels": chunks[0], "rows": chunks[0], "numbers": (chunks[0], 1)}
    return Given(**{name: da.from_array(v, chunks=sizes.get(name, chunks)) for name, v in NUMPY._asdict().items()})


def some_samples(g, samples):
    return Given(*(v[samples] for v in g))


def some_classes(g, classes):
    return g._replace(**{name: getattr(g, name)[:, classes] for name in ("x", "g", "probs", "keep")})


def assert_close(actual, expected):
    """Sums over chunks are added in another order: the gate of a map, of the largest entry."""
    actual, expected = np.asarray(actual.compute()), np.asarray(expected)
    assert (actual.shape, actual.dtype) == (expected.shape, expected.dtype)
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(actual[~finite], expected[~finite])
    allowed = contract.SPARSE_GATES["entmax"].units * contract.FORMATS[expected.dtype.name].unit
    largest = np.max(np.abs(expected[finite]), initial=1.0)
    assert np.all(np.abs(actual[finite] - expected[finite]) <= allowed * largest)


@pytest.mark.parametrize("public", [*sparse.__all__, "sparsemax_vjp", "entmax_vjp"])
def test_every_public_function_is_called_here(public):
    assert any(name.split(" ")[0] == public for name in CALLS)


@every_call
def test_nothing_is_computed_while_the_graph_is_built(name, refused):
    y, expected = CALLS[name](lazy()), CALLS[name](NUMPY)
    assert isinstance(y, da.Array)
    assert y.dtype == y._meta.dtype == expected.dtype
    assert y.shape == np.shape(expected)


@every_call
@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS)
def test_values_are_those_of_numpy_however_chunked(name, chunks):
    assert_close(CALLS[name](lazy(chunks)), CALLS[name](NUMPY))


@pytest.mark.parametrize("kind", ["float32", "float16"])
@pytest.mark.parametrize("name", ["sparsemax", "entmax", "normmax", "k_subset k=1.75", "entmax_loss of labels"])
def test_floating_dtype_is_kept(name, kind):
    y = CALLS[name](lazy()._replace(x=lazy().x.astype(kind)))
    assert y.dtype == y._meta.dtype == y.compute().dtype == kind


@pytest.mark.parametrize("name", PER_ROW)
def test_samples_chosen_by_value_have_unknown_chunks_and_the_right_answer(name):
    g = lazy()
    some = some_samples(g, g.x[:, 0] > 0)
    assert np.isnan(some.x.shape[0])
    assert_close(CALLS[name](some), CALLS[name](some_samples(NUMPY, NUMPY.x[:, 0] > 0)))


@pytest.mark.parametrize("name", PER_ROW)
def test_unknown_chunks_are_not_computed_while_the_graph_is_built(name, refused):
    g = lazy()
    CALLS[name](some_samples(g, g.x[:, 0] > 0))


@pytest.mark.parametrize("name", [n for n in CALLS if "vjp" not in n and "axis 0" not in n])
def test_a_row_of_unknown_length_is_refused_with_what_to_do(name, refused):
    g = lazy()
    few = some_classes(g, g.x[0] > 0)
    with pytest.raises(ValueError, match=r"length of axis 1 of x is unknown; .* x\.compute_chunk_sizes\(\)"):
        CALLS[name](few)


@pytest.mark.parametrize("name", [n for n in CALLS if "all axes" in n])
def test_rows_of_all_axes_need_every_length(name, refused):
    g = lazy()
    with pytest.raises(ValueError, match=r"length of axis 0 of x is unknown; .* x\.compute_chunk_sizes\(\)"):
        CALLS[name](some_samples(g, g.x[:, 0] > 0))


@pytest.mark.parametrize("name", [n for n in ROWS if "vjp" in n])
def test_analytic_gradients_take_rows_of_unknown_length(name):
    g = lazy()
    assert_close(CALLS[name](some_classes(g, g.x[0] > 0)), CALLS[name](some_classes(NUMPY, NUMPY.x[0] > 0)))


def test_numpy_numbers_beside_dask_logits_are_refused():
    with pytest.raises(TypeError, match=r"dask.*numpy"):
        entmax(lazy().x, alpha=NUMPY.numbers)


def test_errors_come_before_anything_is_computed(refused):
    with pytest.raises(ValueError, match=r"alpha=0\.5 is not allowed"):
        entmax(lazy().x, alpha=0.5)
    with pytest.raises(ValueError, match=r"k has shape \(3, 1\), which does not broadcast"):
        k_subset(lazy().x, k=lazy().numbers[:3])
