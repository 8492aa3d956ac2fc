"""``softmax-xp check``: the contract, run on the libraries of this machine."""

from __future__ import annotations

import argparse
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from .libraries import NAMES, is_installed, namespace, one_line, require_numpy
from .output import CommandError, print_json

DEFAULT = ("numpy", "torch", "jax")


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("check", help="run the contract on the array libraries of this machine")
    parser.add_argument("--backend", metavar="NAME", help=f"one library; by default those installed of {DEFAULT}")
    parser.add_argument("--device", metavar="DEV", help="a device of that library, such as cuda:0")
    parser.add_argument("--full", action="store_true", help="every width from 1 to 4097, not about 60 of them")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print a report per library; return 1 if one did not pass."""
    require_numpy()
    names = _chosen(args)
    if not is_installed("mpmath"):
        raise CommandError("check needs mpmath: pip install mpmath")
    from ..testing import check_backend

    reports = []
    for name in names:
        xp, device, context = _prepare(name, args.device)
        print(f"checking {name} ...", file=sys.stderr)
        with context:
            reports.append(check_backend(xp, device=device, full=args.full))
        if not args.json:
            print(reports[-1], end="\n\n")
    passed = all(report.passed for report in reports)
    if args.json:
        print_json({"passed": passed, "reports": [report.as_dict() for report in reports]})
    return 0 if passed else 1


def _chosen(args: argparse.Namespace) -> list[str]:
    """Return the names of the libraries to check."""
    if args.backend is None:
        if args.device is not None:
            raise CommandError("--device needs --backend: the name of the library it belongs to")
        return [name for name in DEFAULT if is_installed(name)]
    name = args.backend.replace("-", "_")
    if name not in NAMES:
        raise CommandError(f"unknown library {args.backend!r}; known are {', '.join(NAMES)}")
    if not is_installed(name):
        raise CommandError(f"{name} is not installed")
    return [name]


def _prepare(name: str, device: str | None) -> tuple[Any, Any, AbstractContextManager[Any]]:
    """Return the namespace, its device object and the context that makes arrays there."""
    try:
        xp = namespace(name)
        if device is None:
            xp.zeros(1)
            return xp, None, nullcontext()
        return (xp, *_device(name, xp, device))
    # Libraries raise classes of their own for a driver or device that is missing.
    except Exception as error:
        raise CommandError(f"{name} cannot be used here: {one_line(error)}") from error


def _device(name: str, xp: Any, device: str) -> tuple[Any, AbstractContextManager[Any]]:
    kind, _, index = device.rpartition(":") if device[-1:].isdigit() else (device, "", "0")
    if name == "jax":
        import jax

        found = jax.devices(kind or None)[int(index)]
        return found, jax.default_device(found)
    if name == "cupy":
        found = xp.cuda.Device(int(index))
        found.compute_capability  # noqa: B018 - a device that does not exist fails only when it is asked
        return None, found
    found = xp.Device(device) if name == "array_api_strict" else device
    xp.zeros(1, device=found)
    return found, nullcontext()
