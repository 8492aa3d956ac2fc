"""``softmax-xp info``: versions for a bug report."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from ..versions import LIBRARIES, __version__, engine_states, installed
from .libraries import version_of
from .output import print_json


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("info", help="versions of this library, of Python and of the array libraries")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the versions."""
    facts = collect()
    if args.json:
        print_json(facts)
        return 0
    print(f"softmax_xp {facts['softmax_xp']}")
    print(f"Python {facts['python']} on {facts['platform']}")
    print(f"array-api-compat {facts['array_api_compat'] or 'not installed'}")
    print()
    for name, version in facts["libraries"].items():
        print(f"{name:<18}{version or 'not installed'}")
    print()
    for engine, state in facts["engines"].items():
        print(f"{engine:<18}{state}")
    print()
    print(f"SOFTMAX_XP_ENGINE: {facts['SOFTMAX_XP_ENGINE'] or 'not set'}")
    return 0


def collect() -> dict[str, Any]:
    """Return the versions as plain data."""
    return {
        "softmax_xp": __version__,
        "python": sys.version.split()[0],
        "platform": sys.platform,
        "array_api_compat": installed("array-api-compat"),
        "libraries": {name: version_of(name) for name in LIBRARIES},
        "engines": engine_states(),
        "SOFTMAX_XP_ENGINE": os.environ.get("SOFTMAX_XP_ENGINE"),
    }
