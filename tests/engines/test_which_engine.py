"""What `which_engine` says is what a profile of the call finds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import CodeType, FrameType
from typing import Any

import pytest

from softmax_xp import use_engine, which_engine
from softmax_xp._engines import ENGINES, threads
from softmax_xp._engines.selection import Recording, selected
from softmax_xp.testing.records import RECORDS, examples, fullest, numbers

pytestmark = [pytest.mark.kernel, pytest.mark.records, pytest.mark.every_backend]

MARKS = {
    "numpy/rows.py": "numpy_inplace",
    "numpy/runs.py": "numpy_inplace",
    "numpy/blocks.py:in_blocks": "numpy_blocks",
    "jax/jit.py:_call": "jax_jit",
    "dask/rows.py:_of_rows": "dask_rows",
}
"""Files of engines, or functions in them, that run only where the engine does."""

WHOLES = ("blocks.py:block", "jit.py:calculate", "rows.py:_of_chunk")
"""What has a formula computed for an engine."""


@cache
def named(code: CodeType) -> str:
    return f"{code.co_filename.rpartition('_engines/')[2]}:{code.co_name}"


def place(frame: FrameType) -> str:
    return named(frame.f_code)


def is_executed_by_itself(frame: FrameType | None) -> bool:
    """Whether a formula is executed, and not a part of what an engine executes."""
    while frame is not None and not place(frame).endswith(WHOLES):
        if place(frame) in ("__init__.py:execute", "__init__.py:_recorded", "planned.py:public"):
            return True
        frame = frame.f_back
    return False


@cache
def engine_of(where: str) -> str | None:
    return next((engine for mark, engine in MARKS.items() if mark in where), None)


@contextmanager
def profiled() -> Iterator[set[tuple[str, str]]]:
    """Give the engines that execute inside the block, with the names of formulas that are executed by themselves."""
    found: set[tuple[str, str]] = set()

    def note(frame: FrameType, event: str, arg: Any) -> None:
        if event == "c_call":
            owner = getattr(getattr(arg, "__self__", None), "__name__", "")
            if owner.startswith("softmax_xp_kernels"):
                found.add(("cpu_kernels", ""))
            elif arg.__name__ == "softmax" and "torch/native" in place(frame):
                found.add(("torch_native", ""))
        elif event == "call":
            where = place(frame)
            if engine := engine_of(where):
                found.add((engine, ""))
            if where in ("generic.py:call", "generic.py:call_wide") and is_executed_by_itself(frame.f_back):
                found.add(("generic", frame.f_locals["formula"].__name__))

    with threads.limit(1):
        sys.setprofile(note)
        try:
            yield found
        finally:
            sys.setprofile(None)


def noted(call: Any) -> set[tuple[str, str]]:
    """Return what is noted of a call: engines, and the formulas that are executed by themselves."""
    recording = Recording(selected.get())
    token = selected.set(recording)
    try:
        call()
    finally:
        selected.reset(token)
    engines = {(formula, engine.partition(" ")[0]) for formula, engine in recording.lines}
    return {(engine, formula if engine == "generic" else "") for formula, engine in engines}


def engines_of(library: str) -> list[str]:
    known = {"jax": "jax.numpy", "dask": "dask.array", "ml_dtypes": "numpy"}.get(library, library)
    if library == "jax":
        # There the formula is executed operation by operation, each of which is compiled for its shape.
        return ["auto"]
    if library == "dask":
        return ["auto", "generic"]
    return ["auto", "generic", *(name for name, engine in ENGINES.items() if known in engine.libraries)]


@pytest.mark.parametrize("name", RECORDS)
def test_what_is_noted_is_what_runs(backend: Any, name: str) -> None:
    if backend.name == "strict-no_x64" and name in ("sample_categorical", "typical_logits"):
        return
    given = backend.arrays(numbers(uncounted=None), backend.dtypes[0])
    # A graph of Dask that is profiled, and one compiled by JAX, take seconds.
    slow = backend.lazy or backend.library == "jax"
    for text, one in ({name: fullest(name)} if slow else examples(name)).items():
        for engine in engines_of(backend.library):
            with use_engine(engine):
                expected = noted(lambda one=one: one(given))
                one(given)
                with profiled() as found:
                    one(given)
            assert found == expected, (text, engine)


@pytest.mark.parametrize(
    "name", [n for n, r in RECORDS.items() if r.kind not in ("jacobian",) and n != "softmax_jacobian"]
)
def test_the_same_holds_for_large_arrays_of_numpy(name: str) -> None:
    given = numbers(400, 500, uncounted=None)
    one = next(iter(examples(name).values()))
    expected = noted(lambda: one(given))
    one(given)
    with profiled() as found:
        one(given)
    assert found == expected


def test_a_function_of_one_formula_has_one_line() -> None:
    assert "\n" not in which_engine("softmax", numbers()["logits"])
    lines = which_engine("kl_divergence", numbers()["logits"], numbers()["shares"], p_kind="logits").splitlines()
    assert [line.partition(":")[0] for line in lines] == ["log_softmax", "kl_rows"]
