"""Threads over parts of one array: blocking waits, the process's share of the machine, nothing for small work."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from functools import cache, partial
from queue import SimpleQueue
from threading import Thread

BYTES = 1 << 20
"""Each thread gets at least so many bytes: for less, waking it costs more than it does."""

PARTS = 4
"""Parts for each thread: a slow one does not keep the others waiting."""

_limit: ContextVar[int | None] = ContextVar("softmax_xp_threads", default=None)

Job = list[Callable[[], None]]
"""What a helper is to do; who takes it out does it, or, the caller at the end, has no need of it any more."""

Ends = SimpleQueue[BaseException | None]
"""One entry for each helper that has begun and ended: its error, or None."""

_jobs: SimpleQueue[tuple[Job, Ends]] = SimpleQueue()
_helpers: list[Thread] = []
"""The threads that take jobs: as many as a call has ever wanted. They end with the process."""

_claims: set[object] = set()
"""The calls that want the helpers; one that is alone here has them."""


@contextmanager
def limit(n: int) -> Iterator[None]:
    """Use at most ``n`` threads inside a ``with`` block, the caller's own included."""
    outer = _limit.get()
    try:
        # A limit inside another one never allows more.
        _limit.set(n if outer is None else min(n, outer))
        yield
    finally:
        _limit.set(outer)


def available() -> int:
    """Return how many threads may run: those of the environment's settings, or the cores that this process has now."""
    wanted = _of_environment()
    if wanted is not None:
        return wanted
    # The cores of the machine are more than those of the process in a container or under taskset.
    if hasattr(os, "sched_getaffinity"):
        with suppress(OSError):
            return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def _of_environment() -> int | None:
    for name in ("SOFTMAX_XP_NUM_THREADS", "OMP_NUM_THREADS"):
        # OMP_NUM_THREADS may be a list, with one number for each level of nested parallel regions.
        value = os.environ.get(name, "").partition(",")[0]
        if value.isdecimal() and int(value) > 0:
            return int(value)
    return None


def in_parallel(work: Callable[[int, int], None], n: int, nbytes: int, step: int = 1) -> None:
    """Call ``work(start, stop)`` for ranges that cover ``range(n)``, at once if there is enough to do.

    ``nbytes`` is the size of all the work; ranges start at multiples of ``step``. One call at a time
    has the threads: another that comes meanwhile, from a thread of the caller's, works by itself.
    """
    wanted = _limit.get()
    threads = 1 if nbytes < 2 * BYTES or n <= step else min(available() if wanted is None else wanted, nbytes // BYTES)
    if threads > 1:
        claim = object()
        # Each is one step of the interpreter: wherever an exception comes from outside, no claim stays behind.
        try:
            _claims.add(claim)
            if len(_claims) == 1:
                size = -(-n // (PARTS * threads))
                # Whole steps: what belongs to one of them is in one part for any number of threads, and has the same
                # bits.
                _run(work, n, -(-size // step) * step, threads)
                return
        finally:
            _claims.discard(claim)
    work(0, n)


def _run(work: Callable[[int, int], None], n: int, size: int, threads: int) -> None:
    """Do the parts in the caller's thread and in those of helpers, each taking the next one when it is free."""
    # popleft is one step of the interpreter, so no two threads take the same part, without a lock.
    starts = deque(range(0, n, size))

    def take() -> None:
        while True:
            try:
                start = starts.popleft()
            except IndexError:
                return
            try:
                work(start, min(n, start + size))
            except BaseException:
                # Nobody begins another part.
                starts.clear()
                raise

    jobs: list[Job] = []
    ends: Ends = SimpleQueue()
    try:
        for _ in range(_start(threads - 1)):
            # Context variables, NumPy's errstate among them, are those of the caller. A copy for each helper: no two
            # threads can enter one context.
            jobs.append([partial(copy_context().run, take)])
            _jobs.put((jobs[-1], ends))
        take()
    finally:
        # Whatever has happened: helpers that have begun write to memory of the caller. One that has not even woken is
        # not waited for.
        errors = [ends.get() for job in jobs if not _taken_back(job)]
    for error in errors:
        if error is not None:
            raise error


def _taken_back(job: Job) -> bool:
    """Take a job back from the helper that was to do it, if it has not begun."""
    try:
        job.pop()
    except IndexError:
        return False
    return True


def _start(wanted: int) -> int:
    """Start the helpers that are missing, and return how many of those wanted there are.

    The system may refuse a thread, and Python does when it ends: then there are fewer, or none.
    """
    with suppress(Exception):
        while len(_helpers) < wanted:
            # A daemon: it waits for ever, and the interpreter would wait for it at the end.
            helper = Thread(target=_serve, args=(_jobs,), name="softmax_xp", daemon=True)
            helper.start()
            _helpers.append(helper)
    return min(wanted, len(_helpers))


def _serve(jobs: SimpleQueue[tuple[Job, Ends]]) -> None:
    """Do jobs for ever; no name refers to the last one while the next is waited for."""
    while True:
        _do(*jobs.get())


def _do(job: Job, ends: Ends) -> None:
    try:
        call = job.pop()
    except IndexError:
        return
    try:
        call()
    except BaseException as error:
        ends.put(error)
    else:
        # The caller goes on, and may count on having the only reference to its result.
        del call
        ends.put(None)


def _forget() -> None:
    """Start anew in a child process: it has none of the threads, and one of them may have been at the queue."""
    global _jobs
    _jobs = SimpleQueue()
    _helpers.clear()
    _claims.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
