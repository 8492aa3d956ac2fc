"""Work over parts of an array: each part once, by as many threads as are worth it, after a fork too."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from contextvars import ContextVar
from typing import Any

import pytest

from softmax_xp._engines import threads

MUCH = 1 << 30
SETTING: ContextVar[str] = ContextVar("setting", default="none")


def parts_of(n: int, nbytes: int, step: int = 1) -> tuple[list[tuple[int, int]], set[int]]:
    """Return the ranges that were worked on, and the threads that did it."""
    done: list[tuple[int, int]] = []
    seen: set[int] = set()

    def work(start: int, stop: int) -> None:
        done.append((start, stop))
        seen.add(threading.get_ident())

    threads.spread(work, n, nbytes, step)
    return sorted(done), seen


@pytest.mark.parametrize("limit", [1, 2, 3, 8])
@pytest.mark.parametrize("step", [1, 7, 64, 1000])
@pytest.mark.parametrize("n", [0, 1, 2, 63, 64, 65, 1000])
def test_each_entry_is_in_one_part(n: int, step: int, limit: int) -> None:
    with threads.limit(limit):
        done, _ = parts_of(n, MUCH, step)
    assert Counter(i for a, b in done for i in range(a, b)) == Counter(range(n))
    assert all(a % step == 0 for a, _ in done)


def test_small_work_stays_in_the_thread_of_the_caller() -> None:
    with threads.limit(8):
        done, seen = parts_of(1000, threads.BYTES)
    assert done == [(0, 1000)]
    assert seen == {threading.get_ident()}


def test_one_thread_is_the_thread_of_the_caller() -> None:
    with threads.limit(1):
        done, seen = parts_of(1000, MUCH)
    assert (done, seen) == ([(0, 1000)], {threading.get_ident()})


def test_all_threads_get_work() -> None:
    meet = threading.Barrier(4)
    with threads.limit(4):
        threads.spread(lambda a, b: meet.wait(30) and None, 4, MUCH)
    assert not meet.broken


def test_an_error_in_any_part_reaches_the_caller() -> None:
    def work(start: int, stop: int) -> None:
        if stop == 1000:
            raise ZeroDivisionError

    for _ in range(3):
        with threads.limit(4), pytest.raises(ZeroDivisionError):
            threads.spread(work, 1000, MUCH)
    assert parts_of(10, MUCH)[0], "the threads are free again"


def test_work_within_work_stays_in_its_thread() -> None:
    inner: list[set[int]] = []

    def work(start: int, stop: int) -> None:
        inner.append(parts_of(100, MUCH)[1] - {threading.get_ident()})

    with threads.limit(4):
        threads.spread(work, 16, MUCH)
    assert inner == [set()] * 16


def test_threads_have_the_context_of_the_caller() -> None:
    seen: list[str] = []
    token = SETTING.set("mine")
    try:
        with threads.limit(4):
            threads.spread(lambda a, b: seen.append(SETTING.get()), 64, MUCH)
    finally:
        SETTING.reset(token)
    assert set(seen) == {"mine"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"SOFTMAX_XP_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "5"}, 5),
        ({"OMP_NUM_THREADS": "5,2"}, 5),
        ({"SOFTMAX_XP_NUM_THREADS": "2", "OMP_NUM_THREADS": "5"}, 2),
        ({"SOFTMAX_XP_NUM_THREADS": "many", "OMP_NUM_THREADS": "0"}, None),
    ],
)
def test_the_environment_sets_the_number_of_threads(
    settings: dict[str, str], expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SOFTMAX_XP_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    cores = threads.available.__wrapped__()
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert threads.available.__wrapped__() == (expected or cores)


FORK = """
import os, sys, threading
from softmax_xp._engines import threads

def total():
    found = []
    with threads.limit(4):
        threads.spread(lambda a, b: found.append(b - a), 1000, 1 << 30)
    return sum(found)

assert total() == 1000
# The lock is held while the process forks: its child must not wait for a thread that it does not have.
threads._busy.acquire()
child = os.fork()
if child == 0:
    os._exit(0 if total() == 1000 else 1)
threads._busy.release()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert total() == 1000
"""


@pytest.mark.skipif(not hasattr(sys.modules["os"], "fork"), reason="this system does not fork")
def test_a_forked_process_has_threads_of_its_own() -> None:
    done: Any = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
