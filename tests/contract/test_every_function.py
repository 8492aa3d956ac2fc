"""What holds for every public function, on every library: each test reads the records."""

from __future__ import annotations

import numpy as np
import pytest

from softmax_xp import use_engine
from softmax_xp._xp.dtypes import dtype_name
from softmax_xp.testing import contract
from softmax_xp.testing.check_records import record_lines
from softmax_xp.testing.records import KINDS, RECORDS, Array, calls, examples, fullest, numbers

from ..backends import BACKENDS
from ..matrix_calls import plain_and_fullest
from ..plans import forget

pytestmark = [pytest.mark.records, pytest.mark.every_backend]

every_function = pytest.mark.parametrize("name", RECORDS)

NO_INDICES = ("sample_categorical", "typical_logits")
"""What needs indices, of which array-api-strict has none of a type of its device without float64."""


def test_exact_results_and_edges_are_within_their_gates(backend, dtype):
    if backend.library == "ml_dtypes":
        return  # NumPy has no type of that name
    found = list(record_lines(backend.xp, backend.device, dtype))
    assert found
    assert [line for line in found if not line.passed] == []


def chosen_calls(backend, name):
    """Return every call; JAX compiles each, and Dask makes a graph: there the one with the most options must do."""
    return [fullest(name)] if backend.library in ("jax", "dask") else calls(name).values()


@every_function
def test_every_call_gives_arrays_of_the_library_in_the_floating_type_of_the_first(backend, call, name):
    dtype = backend.dtypes[-1]
    gives_labels = RECORDS[name].kind == "draw" and not RECORDS[name].differentiable
    if gives_labels or (backend.name == "strict-no_x64" and name in NO_INDICES):
        return
    given = backend.arrays(numbers(), dtype)
    for one in chosen_calls(backend, name):
        arrays, options = (
            {k: given[v.holds] if isinstance(v, Array) else v for k, v in part.items()}
            for part in (one.arguments, one.options)
        )
        call(name, *arrays.values(), **options)


@every_function
def test_a_call_with_one_array_in_two_places_leaves_no_plan_that_mixes_up_others(backend, name):
    if backend.name == "strict-no_x64" and name in NO_INDICES:
        return
    given = backend.arrays(numbers(), backend.dtypes[0])
    first: dict = {}
    same = {k: first.setdefault((v.shape, v.dtype), v) for k, v in given.items()}
    for one in chosen_calls(backend, name):
        forget()
        expected = one.results(given)
        forget()
        # Not all of these arrays are what they should hold in the place of another.
        with np.errstate(all="ignore"):
            one.results(same)
        for a, b in zip(one.results(given), expected, strict=True):
            np.testing.assert_array_equal(backend.numpy(a), backend.numpy(b))


@every_function
def test_every_engine_and_library_gives_what_the_formula_does_on_numpy(backend, name):
    dtype = backend.dtypes[0]
    if backend.name == "strict-no_x64" and name in NO_INDICES:
        return
    given = backend.arrays(numbers(), dtype)
    exact = {k: backend.numpy(v) for k, v in given.items()}
    exact = {k: v.astype(np.float64) if v.dtype.kind == "f" else v for k, v in exact.items()}
    for text, one in (plain_and_fullest if backend.library == "jax" else examples)(name).items():
        with use_engine("generic"):
            expected = one.results(exact)
        for a, b in zip(one.results(given), expected, strict=True):
            form = contract.FORMATS.get(dtype_name(a.dtype))
            tolerance = 128 * form.unit if form else 0.0
            np.testing.assert_allclose(backend.numpy(a), b, rtol=tolerance, atol=tolerance, err_msg=text)


@every_function
def test_numbers_that_are_no_arrays_are_named_with_what_to_pass(name):
    one = examples(name)[name]
    given = numbers()
    with pytest.raises(TypeError, match=r"is a list, not an array"):
        one(given | {one.arrays[0]: given[one.arrays[0]].tolist()})


@pytest.mark.parametrize("name", [n for n, record in RECORDS.items() if record.offset])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_offset_of_the_logits_does_what_the_record_says(name, dtype):
    backend, given = BACKENDS["numpy"], numbers()
    # Multiples of 1/8: the sum is exact.
    given |= {k: np.round(8 * v) / 8 for k, v in given.items() if k in ("logits", "lower logits")}
    moved = given | {k: given[k] + 4.0 for k in ("logits", "lower logits")}
    one = examples(name)[name]
    found, expected = (one.results(backend.arrays(v, dtype))[0] for v in (moved, given))
    added = 4.0 if RECORDS[name].offset == "adds" else 0.0
    np.testing.assert_allclose(found, expected + added, rtol=0, atol=16 * np.finfo(dtype).eps * 8)


def test_the_arrays_of_the_records_are_what_the_entries_name():
    given = numbers()
    assert set(KINDS) == set(given)
    assert {k: {"f": "float", "i": "int", "b": "bool"}[v.dtype.kind] for k, v in given.items()} == KINDS
    assert all(fullest(name).arrays for name in RECORDS)
