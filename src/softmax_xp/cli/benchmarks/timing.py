"""Interleaved timing: all contestants in each round, so that what disturbs one disturbs its rivals as well."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import repeat
from random import Random
from statistics import median, quantiles
from typing import NamedTuple

from ..libraries import one_line
from .contestants import Prepared

ROUNDS = (5, 200)
"""At least and at most so many rounds."""

SAMPLE = 1e-3
"""A sample lasts so many seconds, or one call: clocks are coarse."""

MAX_CALLS = 1 << 20

Clock = Callable[[], float]


class Times(NamedTuple):
    """Seconds per call of each contestant in each round, and what was raised by those that failed."""

    samples: dict[str, list[float]]
    errors: dict[str, str]


class Summary(NamedTuple):
    """The median and the quartiles of some numbers."""

    median: float
    quartiles: tuple[float, float]


def measure(
    prepared: Mapping[str, Prepared], seconds: float, *, pause: float = 0.0, clock: Clock = time.perf_counter
) -> Times:
    """Return the times of calls in rounds, for about ``seconds`` for each contestant.

    Each is warmed up first: what it compiles is not timed. The order changes from round to round,
    so that none always comes after the same other. Threads that spin after a call have the ``pause``
    to fall asleep.
    """
    errors: dict[str, str] = {}
    calls: dict[str, int] = {}
    samples: dict[str, list[float]] = {}
    with _without_collector():
        for name, p in prepared.items():
            with reported(name, errors):
                calls[name], samples[name] = _calls_per_sample(p, clock), []
        order, random = list(calls), Random(0)
        end = clock() + seconds * len(order)
        for done in range(ROUNDS[1]):
            if done >= ROUNDS[0] and clock() >= end:
                break
            random.shuffle(order)
            for name in order:
                if name not in errors:
                    with reported(name, errors):
                        samples[name].append(_sample(prepared[name], calls[name], clock, pause))
    return Times({name: s for name, s in samples.items() if name not in errors}, errors)


@contextmanager
def reported(name: str, errors: dict[str, str]) -> Iterator[None]:
    """Keep what a contestant raises, which may be of any class: the others go on."""
    try:
        yield
    except Exception as error:
        errors[name] = one_line(error)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep the garbage collector from running inside a ``with`` block: it would hit one contestant by chance."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _calls_per_sample(p: Prepared, clock: Clock) -> int:
    """Warm up, and return how many calls last as long as a sample should."""
    with p.context():
        p.call()
        calls = 1
        while calls < MAX_CALLS:
            taken = _seconds(p, calls, clock)
            if taken >= SAMPLE:
                break
            calls = min(MAX_CALLS, max(2 * calls, int(calls * SAMPLE / max(taken, 1e-9))))
    return calls


def _sample(p: Prepared, calls: int, clock: Clock, pause: float) -> float:
    """Return the seconds per call."""
    with p.context():
        if pause:
            time.sleep(pause)
        if calls > 1:
            # The caches hold what the one before has left there.
            p.call()
        return _seconds(p, calls, clock) / calls


def _seconds(p: Prepared, calls: int, clock: Clock) -> float:
    call = p.call
    start = clock()
    for _ in repeat(None, calls):
        call()
    return clock() - start


def summary(values: list[float]) -> Summary:
    """Return the median and the quartiles."""
    if len(values) < 2:
        return Summary(values[0], (values[0], values[0]))
    low, _, high = quantiles(values, n=4, method="inclusive")
    return Summary(median(values), (low, high))


def times_as_fast(own: list[float], other: list[float]) -> float:
    """Return the median over the rounds of the other's time divided by one's own in the same round."""
    return median(b / a for a, b in zip(own, other, strict=True))
