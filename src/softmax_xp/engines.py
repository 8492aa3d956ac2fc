"""Which engine executes a call, and how to choose it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ._engines import ENGINES, selection
from ._engines.selection import Recording
from ._gate.engines import check_engine, check_function

__all__ = ["use_engine", "which_engine"]


@contextmanager
def use_engine(name: str) -> Iterator[None]:
    """Execute with one engine inside a ``with`` block.

    Parameters
    ----------
    name : str
        ``"auto"`` (for each call the fastest engine that keeps the contract), ``"generic"``
        (the formula and nothing else, executed by the array's own library), or the name of one engine; calls
        that this engine does not support take the generic formula.

    Raises
    ------
    ValueError
        If there is no engine of that name.

    Notes
    -----
    The selection is a context variable: it holds for the current thread or task only. Inside
    ``torch.compile`` it is ignored and the generic formula is compiled. The environment
    variable ``SOFTMAX_XP_ENGINE`` sets the selection of a whole process.

    Examples
    --------
    >>> import numpy as np
    >>> import softmax_xp
    >>> with softmax_xp.use_engine("generic"):
    ...     print(softmax_xp.softmax(np.asarray([0.0, 0.0])))
    [0.5 0.5]
    """
    token = selection.selected.set(check_engine(name, ENGINES))
    try:
        yield
    finally:
        selection.selected.reset(token)


def which_engine(function_name: str, x: Any, /, *args: Any, **options: Any) -> str:
    """Return which engine executes a call, and why not a faster one.

    Parameters
    ----------
    function_name : str
        The name of a function of ``softmax_xp``, such as ``"softmax"``.
    x : array
        The first argument of the call.
    *args, **options
        The rest of the call.

    Returns
    -------
    str
        The engine's name; behind it, in parentheses, a reason for each faster engine that was
        passed over. For a function that is made of several executed formulas, one line for each,
        which begins with the name of the formula.

    Raises
    ------
    ValueError
        If there is no such function; and whatever the call itself would raise.

    Notes
    -----
    The call is made, and what executes it is noted meanwhile. ``"generic"`` is the formula
    itself, executed by the array's own library.

    Examples
    --------
    >>> import numpy as np
    >>> import softmax_xp
    >>> with softmax_xp.use_engine("numpy_inplace"):
    ...     print(softmax_xp.which_engine("softmax", np.asarray([0.0, 0.0])))
    numpy_inplace (cpu_kernels: numpy_inplace is selected)
    """
    from . import activations, derivatives, logsums, losses, normalizers, sampling, sparse

    modules = (normalizers, logsums, losses, derivatives, sparse, sampling, activations)
    function = check_function(function_name, {n: getattr(m, n) for m in modules for n in m.__all__})
    chosen = selection.selected.get()
    recording = Recording(chosen.engine if isinstance(chosen, Recording) else chosen)
    token = selection.selected.set(recording)
    try:
        function(x, *args, **options)
    finally:
        selection.selected.reset(token)
    # Nothing is noted under torch.compile, where the formula itself is compiled.
    return (
        "\n".join(
            engine if len(recording.lines) == 1 else f"{formula}: {engine}" for formula, engine in recording.lines
        )
        or "generic"
    )
