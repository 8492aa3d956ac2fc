"""``softmax-xp bench``: how fast this library and its peers are on this machine."""

from __future__ import annotations

import argparse
import math
import sys
from typing import Any

from .benchmarks import cases, threads
from .libraries import require_numpy
from .output import CommandError, print_json

SECONDS = 0.05


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("bench", help="time this library and its peers, those that are installed")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="a few cases in float32, about 20 seconds (the default)")
    size.add_argument("--full", action="store_true", help="every case: half an hour")
    parser.add_argument("--op", nargs="+", choices=cases.OPS, metavar="OP", help=f"of {', '.join(cases.OPS)}")
    parser.add_argument("--dtype", nargs="+", choices=cases.DTYPES, metavar="DTYPE", help=", ".join(cases.DTYPES))
    parser.add_argument("--shape", nargs="+", metavar="SHAPE", help="shapes of the logits, such as 64x1000")
    parser.add_argument("--axis", type=int, metavar="AXIS", help="the axis of --shape; the last by default")
    parser.add_argument("--threads", choices=threads.MODES, default="all", help="oversubscribed: all cores are busy")
    parser.add_argument("--backward", action="store_true", help="result and gradient, on torch and JAX")
    parser.add_argument("--memory", action="store_true", help="peak memory instead of times")
    parser.add_argument("--libraries", nargs="+", metavar="NAME", help="peers to compare with, beside NumPy")
    parser.add_argument("--compile", action="store_true", help="torch.compile too: some seconds for each case")
    parser.add_argument(
        "--seconds", type=float, metavar="S", help=f"for each contestant and case; by default {SECONDS:g}"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print a table, or JSON."""
    require_numpy()
    seconds = _seconds(args)
    chosen = _cases(args)
    from .benchmarks import collect, contestants, report

    for name in args.libraries or ():
        if name not in contestants.PEERS:
            raise CommandError(f"unknown library {name!r}; known are {', '.join(contestants.PEERS)}")
    taking_part = contestants.find(args.libraries, compiling=args.compile)
    plan = collect.Plan(chosen, taking_part, args.threads, seconds, args.memory, limited=args.shape is None)
    found = collect.run(plan, lambda line: print(line, file=sys.stderr, flush=True))
    if not found["cases"]:
        raise CommandError("of the libraries that are installed none takes part in these cases")
    if args.json:
        print_json(found)
    else:
        report.print_report(found, memory=args.memory)
    return 0


def _seconds(args: argparse.Namespace) -> float:
    if args.seconds is None:
        return SECONDS
    if not (math.isfinite(args.seconds) and args.seconds > 0):
        raise CommandError(f"--seconds must be a finite number above 0, not {args.seconds:g}")
    return float(args.seconds)


def _cases(args: argparse.Namespace) -> list[cases.Case]:
    """Return the cases; --op, --dtype and --shape choose among them or beyond them."""
    if args.axis is not None and args.shape is None:
        raise CommandError("--axis needs --shape")
    places = cases.FULL if args.full else cases.QUICK
    if args.shape is not None:
        places = tuple(_place(cases.parse_shape(text), args.axis) for text in args.shape)
    dtypes = args.dtype or (None if args.full else ["float32"])
    found = cases.chosen(places, args.op, dtypes, backward=args.backward)
    return found if args.shape is not None else [case for case in found if cases.is_in_sets(case)]


def _place(shape: tuple[int, ...], axis: int | None) -> cases.Place:
    """Return a shape and its axis, counted from the front."""
    ndim = len(shape)
    axis = -1 if axis is None else axis
    if not -ndim <= axis < ndim:
        raise CommandError(f"--axis {axis} is out of range for {'x'.join(map(str, shape))}")
    return shape, axis % ndim
