"""Who takes part: this library and its peers, as far as they are installed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any, NamedTuple

from ...versions import installed
from ..libraries import is_installed
from .cases import Case, Inputs

LIBRARIES = {
    "numpy": "numpy",
    "softmax_xp_kernels": "softmax-xp-kernels",
    "scipy": "scipy",
    "torch": "torch",
    "jax": "jax",
    "onnxruntime": "onnxruntime",
    "onnx": "onnx",
}
"""Import name to distribution name of all that can take part or has an influence."""

PEERS = ("numpy", "scipy", "torch", "jax", "onnxruntime")
SMALL = 1 << 20

MODULES = {"numpy": "numpy_", "torch": "torch_", "jax": "jax_", "onnxruntime": "onnx_"}


class Prepared(NamedTuple):
    """A call that can be timed, the context it is made in, and for this library the engine it takes.

    ``memory`` says how its peak memory is found: "traced", "resident", "planned", with ``plan`` to
    ask, or None if it cannot be.
    """

    call: Callable[[], Any]
    context: Callable[[], AbstractContextManager[Any]] = nullcontext
    engine: str | None = None
    memory: str | None = None
    plan: Callable[[], int] | None = None


class Contestant(NamedTuple):
    """A name, what must be installed, and how to prepare a case with a number of threads.

    ``prepare`` returns None for a case that is not the contestant's. ``rivals`` are those whose
    times are divided by its own. One that ``compiles`` for seconds takes part on request only, one
    with ``small`` only in cases of up to ``SMALL`` logits or that were asked for by their shape.
    """

    name: str
    needs: tuple[str, ...]
    prepare: Callable[[Case, Inputs, int], Prepared | None]
    rivals: tuple[str, ...] = ()
    compiles: bool = False
    small: bool = False


def find(libraries: list[str] | None = None, *, compiling: bool = False) -> list[Contestant]:
    """Return all contestants that are installed, of some libraries or of any."""
    found: list[Contestant] = []
    for library, module in MODULES.items():
        if is_installed(library) and (libraries is None or library in (*libraries, "numpy")):
            found += import_module(f".{module}", __package__).contestants()
    return [
        c
        for c in found
        if all(map(is_installed, c.needs))
        and (compiling or not c.compiles)
        and (libraries is None or c.needs[0] in (*libraries, "numpy"))
    ]


def versions() -> dict[str, str | None]:
    """Return the version of each library that is installed, and None for the others."""
    return {
        name: (installed(distribution) or "unknown version") if is_installed(name) else None
        for name, distribution in LIBRARIES.items()
    }
