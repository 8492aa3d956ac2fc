"""Dask: every function stays lazy, and gives what NumPy gives however the arrays of a call are chunked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

dask = pytest.importorskip("dask", reason="dask is not installed")
da = pytest.importorskip("dask.array", reason="dask.array needs numpy")

import numpy as np  # noqa: E402

from softmax_xp.testing.records import RECORDS, Call, examples, fullest  # noqa: E402
from softmax_xp.testing.records.entry import LABELS  # noqa: E402

from ...matrix_calls import two  # noqa: E402
from .lazy import NUMPY, C, N, assert_close, chosen, lazy  # noqa: E402

CHUNKS = {"chunked batch": (5, C), "chunked axis": (N, 3)}
SIZES = (5, 3, 12, 4, 7, 2, 6)
"""Of the chunks of each array, along all of its axes."""

every_function = pytest.mark.parametrize("name", RECORDS)


def needs_all_classes(call: Call) -> bool:
    """Whether a formula sorts or numbers the classes, so that their number must be known."""
    record = RECORDS[call.name]
    numbered = LABELS in record.arguments.values() and record.kind != "labels"
    sorts = record.kind in ("map", "filter") or not call.options.get("replace", True)
    return numbered or sorts or call.name == "softmax_jacobian"


def is_of_rows(call: Call) -> bool:
    """Whether each row has a result of its own, and the number of rows need not be known."""
    return call.options.get("axis", -1) in (-1, 1) and not isinstance(call.options.get("shape"), tuple)


def row_calls(name: str) -> Iterator[tuple[str, Call]]:
    return ((text, call) for text, call in two(name).items() if is_of_rows(call))


@every_function
def test_nothing_is_computed_while_the_graph_is_built(name, refused):
    given = lazy()
    for text, call in examples(name).items():
        for y, expected in zip(call.results(given), call.results(NUMPY), strict=True):
            assert isinstance(y, da.Array), text
            assert type(y._meta) is np.ndarray, text
            assert y.dtype == y._meta.dtype == expected.dtype, text
            assert y.shape == np.shape(expected), text


@every_function
@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS)
def test_values_are_those_of_numpy_however_chunked(name, chunks):
    call = fullest(name)
    assert_close(call.results(lazy(chunks)), call.results(NUMPY), name)


@pytest.mark.filterwarnings("ignore:Increasing number of chunks:dask.array.PerformanceWarning")
@pytest.mark.parametrize("name", [n for n, record in RECORDS.items() if record.kind not in ("map", "filter", "draw")])
def test_values_are_those_of_numpy_in_chunks_of_single_entries(name):
    assert_close(examples(name)[name].results(lazy((1, 1))), examples(name)[name].results(NUMPY), name)


@every_function
def test_values_are_those_of_numpy_with_each_array_in_chunks_of_its_own(name):
    for text, call in two(name).items():
        sizes = dict(zip(call.arrays, SIZES, strict=False))
        given = {k: da.from_array(v, chunks=tuple(min(sizes.get(k, 5), n) for n in v.shape)) for k, v in NUMPY.items()}
        assert_close(call.results(given), call.results(NUMPY), text)


@every_function
def test_rows_chosen_by_value_have_unknown_chunks_and_the_right_answer(name):
    given, plain = lazy(), NUMPY["logits"][:, 0] > 0
    some, few = chosen(given, "r", given["logits"][:, 0] > 0), chosen(NUMPY, "r", plain)
    assert np.isnan(some["logits"].shape[0])
    for text, call in row_calls(name):
        assert_close(call.results(some), call.results(few), text)


@every_function
def test_an_unknown_chunk_that_turns_out_empty_changes_nothing(name):
    rows = np.arange(N) >= 5
    some, few = chosen(lazy(), "r", da.from_array(rows, chunks=5)), chosen(NUMPY, "r", rows)
    for text, call in row_calls(name):
        assert_close(call.results(some), call.results(few), text)


@every_function
def test_unknown_chunks_are_not_computed_while_the_graph_is_built(name, refused):
    given = lazy()
    some = chosen(given, "r", given["logits"][:, 0] > 0)
    for _, call in row_calls(name):
        call.results(some)


@every_function
def test_classes_of_unknown_number_have_the_right_answer_or_are_refused_with_what_to_do(name):
    given, plain = lazy(), NUMPY["logits"][0] > 0
    some, few = chosen(given, "c", given["logits"][0] > 0), chosen(NUMPY, "c", plain)
    for text, call in row_calls(name):
        if needs_all_classes(call):
            with pytest.raises(
                ValueError, match=r"length of axis 1 of \w+ is unknown; .* \w+\.compute_chunk_sizes\(\)"
            ):
                call(some)
        else:
            assert_close(call.results(some), call.results(few), text)


SAME_CHUNKS = ("elementwise", "rows", "map", "filter")


@pytest.mark.parametrize("name", [n for n, record in RECORDS.items() if record.kind in SAME_CHUNKS])
def test_results_of_the_shape_of_the_argument_keep_its_chunks(name):
    given = lazy()
    for text, call in row_calls(name):
        assert call.results(given)[0].chunks == given[call.arrays[0]].chunks, text


@every_function
def test_floating_dtype_is_kept(name):
    given = {k: v.astype("float32") if v.dtype.kind == "f" else v for k, v in lazy().items()}
    call = examples(name)[name]
    for y in call.results(given):
        if y.dtype.kind == "f" and call.differentiable:
            assert y.dtype == y._meta.dtype == y.compute().dtype == "float32"
