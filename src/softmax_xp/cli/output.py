"""What the commands print, and how they fail."""

from __future__ import annotations

import json
import math
import shutil
import textwrap
from collections.abc import Sequence
from typing import Any

BAR = 40
"""The longest bar."""


class CommandError(Exception):
    """Bad input or a missing library: one line for the user, exit code 2."""


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: Sequence[int] = (0,)) -> None:
    """Print columns, right-aligned but for those in ``left``."""
    lines = [header, *rows]
    widths = _widths(lines)
    for line in lines:
        cells = [
            cell.ljust(w) if k in left else cell.rjust(w) for k, (cell, w) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def table_width(lines: Sequence[Sequence[str]]) -> int:
    """Return how wide `print_table` prints these lines."""
    widths = _widths(lines)
    return sum(widths) + 2 * (len(widths) - 1)


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*lines, strict=True)]


def bar(p: float, length: int) -> str:
    """Return a bar for p of 1; a dot for less than half a mark, nothing for exactly 0."""
    return "#" * round(length * p) or ("." if p > 0 else "")


def bar_length(room: int) -> int:
    """Return how long the bar for 1 is, if there is room for so many characters."""
    return min(BAR, max(3, room))


def terminal_width() -> int:
    """Return the width of the terminal, or 80."""
    return shutil.get_terminal_size().columns


def print_text(text: str, *, indent: str = "") -> None:
    """Print a paragraph, the lines after its first with an indent."""
    # Lines of more than 100 characters are tiring to read.
    print(textwrap.fill(text, min(100, terminal_width()), subsequent_indent=indent, break_on_hyphens=False))


def print_json(data: Any) -> None:
    """Print ``data`` as JSON, with null for the numbers that JSON does not have."""
    print(json.dumps(_plain(data), indent=2, allow_nan=False))


def _plain(data: Any) -> Any:
    if isinstance(data, dict):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    if isinstance(data, float) and not math.isfinite(data):
        return None
    return data
