"""The command line: one module per command, each with ``add_parser`` and ``run``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from ..versions import __version__
from . import bench, check, demo, explain, info
from .output import CommandError

__all__ = ["main"]


class _Parser(argparse.ArgumentParser):
    """A parser whose errors take one line."""

    def error(self, message: str) -> NoReturn:
        """Print the message and exit with 2."""
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return 0 if it is done, 1 if a check failed, 2 for bad usage or bad input."""
    parser = _Parser(prog="softmax-xp", description="The softmax family for any array library.")
    parser.add_argument("--version", action="version", version=f"softmax_xp {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (demo, explain, info, check, bench):
        module.add_parser(commands)
    try:
        args = parser.parse_args(_guarded(sys.argv[1:] if argv is None else argv))
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    try:
        return int(args.run(args))
    except CommandError as error:
        print(f"softmax-xp {args.command}: error: {error}", file=sys.stderr)
        return 2


def _guarded(argv: Sequence[str]) -> list[str]:
    """Return ``argv`` with a space before each negative number."""
    # argparse reads -1e3 and -inf as options; what begins with a space is a value, also to float().
    return [f" {word}" if word.startswith("-") and _is_number(word) else word for word in argv]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
