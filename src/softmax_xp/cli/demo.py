"""``softmax-xp demo``: worked examples, real data through every library, and what goes wrong elsewhere."""

from __future__ import annotations

import argparse
from typing import Any

from ..normalizers import softmax
from .libraries import require_numpy


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("demo", help="worked examples, a real data set, and what goes wrong elsewhere")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the three parts."""
    require_numpy()
    from .digits import print_digits
    from .pitfalls import print_pitfalls

    print("1. Worked examples\n")
    print_worked_examples()
    print("\n2. A classifier's logits for handwritten digits, through every array library\n")
    print_digits()
    print("\n3. What goes wrong elsewhere, computed now\n")
    print_pitfalls()
    return 0


def print_worked_examples() -> None:
    """Print softmax of two short rows."""
    import numpy as np

    percents = [f"{100 * p:.0f} %" for p in softmax(np.asarray([1.5, 2.2, -0.3, 0.8])).tolist()]
    print(f"softmax([1.5, 2.2, -0.3, 0.8]) = {', '.join(percents)}")
    shares = [f"{p:.4f}" for p in softmax(np.asarray([0.7, 1.5, 4.8])).tolist()]
    print(f"softmax([0.7, 1.5, 4.8])       = {', '.join(shares)}")
