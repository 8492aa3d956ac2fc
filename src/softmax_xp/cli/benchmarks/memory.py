"""Peak memory of one call: all that is held at once beside the arguments, results included."""

from __future__ import annotations

import ctypes
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .contestants import Prepared

CLEAR = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")
SMALLEST = 1 << 25
"""Blocks of so many bytes go back to the system when they are freed; allocators may keep smaller ones."""


def peak(p: Prepared, nbytes: int) -> int | None:
    """Return the bytes held by a second call on logits of ``nbytes``, or None if that cannot be measured.

    NumPy's allocations can be traced, and JAX's compiler tells what it has planned. For the others
    Linux is asked for the largest number of bytes that were resident during the call.
    """
    with p.context():
        if p.plan is not None:
            return p.plan()
        # Kept, for its memory must not be there to be used again.
        first = p.call()
        found = traced(p.call) if p.memory == "traced" else None
        if p.memory == "resident" and nbytes >= SMALLEST:
            found = _resident(p.call)
        del first
        return found


def traced(call: Callable[[], Any]) -> int:
    """Return the largest number of bytes of NumPy that are held during a call, beside those held before it."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        result = call()
        _, top = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del result
    return top - before


def _resident(call: Callable[[], Any]) -> int | None:
    before = _forget_peak()
    if before is None:
        return None
    result = call()
    top = _status("VmHWM")
    del result
    return max(0, top - before)


def _forget_peak() -> int | None:
    """Start anew to find the peak; return what is resident now, or None where the system does not tell."""
    try:
        # What an earlier call has freed must not be counted as there already.
        ctypes.CDLL(None).malloc_trim(0)
        CLEAR.write_text("5")
        return _status("VmRSS")
    # ctypes has an error for each system: TypeError on Windows, AttributeError for another C library.
    except (OSError, AttributeError, KeyError, TypeError):
        return None


def _status(key: str) -> int:
    lines = dict(line.split(":", 1) for line in STATUS.read_text(encoding="utf-8").splitlines() if ":" in line)
    return 1024 * int(lines[key].split()[0])
