"""Work over parts of an array: each part once, by as many threads as are worth it, after a fork too."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from contextvars import ContextVar

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

    threads.in_parallel(work, n, nbytes, step)
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
        threads.in_parallel(lambda a, b: meet.wait(30) and None, 4, MUCH)
    assert not meet.broken


def test_an_error_in_any_part_reaches_the_caller() -> None:
    def work(start: int, stop: int) -> None:
        if stop == 1000:
            raise ZeroDivisionError

    for _ in range(3):
        with threads.limit(4), pytest.raises(ZeroDivisionError):
            threads.in_parallel(work, 1000, MUCH)
    assert parts_of(10, MUCH)[0], "the threads are free again"


def test_work_within_work_stays_in_its_thread() -> None:
    inner: list[set[int]] = []

    def work(start: int, stop: int) -> None:
        inner.append(parts_of(100, MUCH)[1] - {threading.get_ident()})

    with threads.limit(4):
        threads.in_parallel(work, 16, MUCH)
    assert inner == [set()] * 16


def test_threads_have_the_context_of_the_caller() -> None:
    seen: list[str] = []
    token = SETTING.set("mine")
    try:
        with threads.limit(4):
            threads.in_parallel(lambda a, b: seen.append(SETTING.get()), 64, MUCH)
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
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert threads._of_environment.__wrapped__() == expected


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not tell the cores of a process")
def test_the_cores_of_the_process_are_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_of_environment", lambda: None)
    for cores in ({0}, {0, 1, 2}, {5, 7}):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid, cores=cores: cores)
        assert threads.available() == len(cores)


def test_no_part_is_worked_on_after_an_error_has_been_raised() -> None:
    at_work: list[int] = []

    def work(start: int, stop: int) -> None:
        at_work.append(start)
        time.sleep(0.002)
        at_work.remove(start)
        raise ZeroDivisionError(start)

    for _ in range(20):
        with threads.limit(4), pytest.raises(ZeroDivisionError):
            threads.in_parallel(work, 1000, MUCH)
        assert not at_work


def test_nothing_refers_to_the_work_when_it_is_done() -> None:
    for _ in range(200):
        array = threading.Event()
        with threads.limit(4):
            threads.in_parallel(lambda a, b, array=array: array.is_set() and None, 64, MUCH)
        assert sys.getrefcount(array) == 2


def run(code: str) -> str:
    """Return what a process prints that can share work, and that says nothing on stderr."""
    done = subprocess.run(
        [sys.executable, "-c", START + code], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


START = """
import os, sys, threading, time
from softmax_xp._engines import threads

def total(n=4):
    found = []
    with threads.limit(n):
        threads.in_parallel(lambda a, b: found.append(b - a), 1000, 1 << 30)
    return sum(found)

def all_get_work(n=4):
    meet = threading.Barrier(n)
    with threads.limit(n):
        threads.in_parallel(lambda a, b: meet.wait(30), n, 1 << 30)
    return True
"""

ENDS = {
    "in atexit": "import atexit\natexit.register(lambda: print(total()))",
    "in atexit, for the second time": "import atexit\ntotal()\natexit.register(lambda: print(total()))",
    "in a thread that outlives the main one": """
def late():
    threading.main_thread().join()
    time.sleep(0.1)
    print(total())
threading.Thread(target=late).start()
""",
    "when modules are taken down": """
class Late:
    def __del__(self, total=total, print=print):
        print(total())
total()
late = Late()
""",
}


@pytest.mark.parametrize("when", ENDS)
def test_a_call_while_the_interpreter_ends_gets_its_result(when: str) -> None:
    assert run(ENDS[when]) == "1000"


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_a_call_gets_its_result_where_no_thread_starts(allowed: int) -> None:
    refusing = f"""
start, started = threading.Thread.start, []
def refuse(self):
    if len(started) >= {allowed}:
        raise RuntimeError("can't start new thread")
    started.append(self)
    start(self)
threading.Thread.start = refuse
print([total() for _ in range(50)] == [1000] * 50)
threading.Thread.start = start
print(all_get_work())
"""
    assert run(refusing).split() == ["True", "True"]


LIMITED = """
import resource
import numpy as np
from softmax_xp import softmax, use_engine
x = np.random.default_rng(0).normal(size=(2000, 1000))
with threads.limit(1):
    p = softmax(x)
if os.getuid() == 0:
    os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
try:
    threading.Thread(target=print).start()
    print("threads start nevertheless")
except RuntimeError:
    with threads.limit(4):
        print(np.array_equal(softmax(x), p) and total() == 1000)
"""


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="this system has no limit on threads")
def test_a_call_gets_its_result_where_the_system_allows_no_thread() -> None:
    found = run(LIMITED)
    if found.endswith("nevertheless"):
        pytest.skip("this system does not limit threads")
    assert found == "True"


INTERRUPTED = """
def interrupt(k):
    seen = 0
    def profile(frame, event, arg):
        nonlocal seen
        if event == "c_return" and frame.f_code.co_filename == threads.__file__:
            seen += 1
            if seen == k:
                sys.setprofile(None)
                raise KeyboardInterrupt
    sys.setprofile(profile)
    try:
        total()
        return False
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)

count = 0
while interrupt(count + 1):
    assert all_get_work(), count
    assert total() == 1000
    count += 1
print(count > 20)
"""


def test_an_exception_from_outside_leaves_the_threads_free() -> None:
    """It comes after a call of a function in C, at each of those that sharing work makes in the caller's thread."""
    assert run(INTERRUPTED) == "True"


def test_there_are_as_many_threads_as_were_ever_wanted() -> None:
    assert run("for n in (2, 5, 3, 8, 8, 2, 8): all_get_work(n)\nprint(threading.active_count())") == "8"


FORK = """
assert total() == 1000
# A call has the threads while the process forks: its child must not wait for threads that it does not have.
threads._claims.add("a call")
child = os.fork()
if child == 0:
    os._exit(0 if total() == 1000 and all_get_work() else 1)
threads._claims.clear()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print(total())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own() -> None:
    assert run("import warnings\nwarnings.simplefilter('ignore')" + FORK) == "1000"
