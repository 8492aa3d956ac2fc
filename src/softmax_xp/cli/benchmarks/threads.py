"""How many threads the contestants may use, and what runs beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from importlib import import_module
from typing import Any

MODES = ("one", "all", "oversubscribed")

# It ends with its parent, even if that is killed and cannot stop it.
SPIN = """
import os
parent = os.getppid()
print("ready", flush=True)
while os.getppid() == parent:
    sum(range(1_000_000))
"""


def usable_cores() -> int:
    """Return how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def setting(mode: str) -> Iterator[int]:
    """Bound the threads inside a ``with`` block, or keep the cores busy as well; yield how many threads there are."""
    n = 1 if mode == "one" else usable_cores()
    with ExitStack() as stack:
        stack.enter_context(_own_limit(n))
        if "torch" in sys.modules:
            stack.enter_context(_torch_limit(n))
        if mode == "oversubscribed":
            stack.enter_context(busy(n))
        yield n


def _own_limit(n: int) -> AbstractContextManager[Any]:
    """Bound the threads of this library's engines."""
    try:
        threads = import_module("..._engines.threads", __package__)
    except ModuleNotFoundError:
        return nullcontext()
    return threads.limit(n)


@contextmanager
def _torch_limit(n: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def busy(n: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run ``n`` processes that do nothing but compute inside a ``with`` block."""
    helpers: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(n):
            helpers.append(subprocess.Popen([sys.executable, "-c", SPIN], stdout=subprocess.PIPE))
        for helper in helpers:
            assert helper.stdout is not None
            helper.stdout.readline()
        yield helpers
    finally:
        for helper in helpers:
            helper.kill()
        for helper in helpers:
            helper.wait()
            if helper.stdout is not None:
                helper.stdout.close()
