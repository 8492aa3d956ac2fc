"""Which engine executes a call, and how to choose it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import _engines
from ._gate.engines import check_engine, check_function

__all__ = ["use_engine", "which_engine"]


@contextmanager
def use_engine(name: str) -> Iterator[None]:
    """Execute with one engine inside a ``with`` block.

    Parameters
    ----------
    name : str
        ``"auto"`` (for each call the fastest engine that keeps the contract), ``"generic"``
        (the formula, executed by the array's own library), or the name of one engine; calls
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
    token = _engines.selected.set(check_engine(name, _engines.ENGINES))
    try:
        yield
    finally:
        _engines.selected.reset(token)


def which_engine(function_name: str, x: Any, /, *args: Any, **options: Any) -> str:
    """Return the name of the engine a call would take, and why not a faster one.

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
        passed over.

    Raises
    ------
    ValueError
        If there is no such function; and whatever the call itself would raise.

    Notes
    -----
    The call is made as far as the choice and no further: nothing is computed.

    Examples
    --------
    >>> import numpy as np
    >>> import softmax_xp
    >>> with softmax_xp.use_engine("numpy_inplace"):
    ...     print(softmax_xp.which_engine("softmax", np.asarray([0.0, 0.0])))
    numpy_inplace (cpu_kernels: numpy_inplace is selected)
    """
    function = check_function(function_name)
    # Not by its shortcut, where nothing can be asked.
    function = getattr(function, "__wrapped__", function)
    token = _engines.asking.set(True)
    try:
        function(x, *args, **options)
    except _engines.Answer as answer:
        engine, reasons = answer.args
        return f"{engine} ({'; '.join(reasons)})" if reasons else str(engine)
    finally:
        _engines.asking.reset(token)
    raise AssertionError(f"{function_name} returned without choosing an engine")
