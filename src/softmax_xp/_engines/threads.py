"""Threads over parts of one array: blocking waits, the process's share of the machine, nothing for small work."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import cache
from threading import Lock

BYTES = 1 << 20
"""Each thread gets at least so many bytes: for less, waking it costs more than it does."""

PARTS = 4
"""Parts for each thread: a slow one does not keep the others waiting."""

_limit: ContextVar[int | None] = ContextVar("softmax_xp_threads", default=None)
_busy = Lock()


@contextmanager
def limit(n: int) -> Iterator[None]:
    """Use at most ``n`` threads inside a ``with`` block, the caller's own included."""
    outer = _limit.get()
    token = _limit.set(n if outer is None else min(n, outer))
    try:
        yield
    finally:
        _limit.reset(token)


@cache
def available() -> int:
    """Return how many threads may run: those of the environment's settings, or the cores of this process."""
    for name in ("SOFTMAX_XP_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(name, "").partition(",")[0]
        if value.isdecimal() and int(value) > 0:
            return int(value)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spread(work: Callable[[int, int], None], n: int, nbytes: int, step: int = 1) -> None:
    """Call ``work(start, stop)`` for ranges that cover ``range(n)``, at once if there is enough to do.

    ``nbytes`` is the size of all the work; ranges start at multiples of ``step``. One call at a time
    has the threads: another that comes meanwhile, from a thread of the caller's, works by itself.
    """
    wanted = _limit.get()
    threads = 1 if nbytes < 2 * BYTES or n <= step else min(available() if wanted is None else wanted, nbytes // BYTES)
    if threads < 2 or not _busy.acquire(blocking=False):
        work(0, n)
        return
    try:
        size = -(-n // (PARTS * threads))
        _run(work, n, -(-size // step) * step, threads)
    finally:
        _busy.release()


def _run(work: Callable[[int, int], None], n: int, size: int, threads: int) -> None:
    """Do the parts in the caller's thread and in those of the pool, each taking the next one when it is free."""
    starts = deque(range(0, n, size))

    def take() -> None:
        while True:
            try:
                start = starts.popleft()
            except IndexError:
                return
            work(start, min(n, start + size))

    pool = _pool(threads - 1)
    # Context variables, NumPy's errstate among them, are those of the caller.
    others = [pool.submit(copy_context().run, take) for _ in range(threads - 1)]
    try:
        take()
    finally:
        for other in others:
            other.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "softmax_xp")


def _forget() -> None:
    """Start anew in a child process: it has none of the threads, and the lock may have been held."""
    global _busy
    _busy = Lock()
    _pool.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
