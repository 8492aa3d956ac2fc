"""``softmax-xp explain``: softmax of a few numbers, step by step."""

from __future__ import annotations

import argparse
import math
from typing import Any

from ..normalizers import softmax
from . import compare
from .libraries import require_numpy
from .output import CommandError, bar, bar_length, print_json, print_table, print_text, table_width, terminal_width


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = commands.add_parser("explain", help="softmax of a few numbers, step by step")
    parser.add_argument("logits", nargs="+", type=float, metavar="LOGIT", help="a number; -1e3 is one too")
    parser.add_argument("--labels", nargs="+", metavar="LABEL", help="a name for each logit")
    parser.add_argument("--temperature", type=float, default=1.0, metavar="T", help="divide the logits by T")
    parser.add_argument(
        "--compare",
        nargs="+",
        action="extend",
        type=compare.function_name,
        metavar="NAME",
        help=f"other functions of the same logits, side by side: {', '.join(compare.FUNCTIONS)}",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the steps."""
    require_numpy()
    _validate(args)
    steps = collect(args.logits, args.labels, args.temperature)
    if args.compare:
        steps |= compare.collect(args.compare, steps)
    if args.json:
        print_json(steps)
        return 0
    _print_shares(steps)
    print()
    _print_stable_form(steps)
    if args.compare:
        print()
        compare.print_comparison(steps)
    return 0


def _validate(args: argparse.Namespace) -> None:
    for x in args.logits:
        if not math.isfinite(x):
            raise CommandError(f"the logits must be finite numbers, not {x}")
    if not (math.isfinite(args.temperature) and args.temperature > 0):
        raise CommandError(f"the temperature must be a finite number above 0, not {args.temperature:g}")
    if args.labels is not None and len(args.labels) != len(args.logits):
        raise CommandError(f"{len(args.logits)} logits need as many labels, not {len(args.labels)}")


def collect(logits: list[float], labels: list[str] | None, temperature: float) -> dict[str, Any]:
    """Return each step as plain data."""
    import numpy as np

    x = np.asarray(logits, dtype=np.float64)
    # Overflow is what the textbook form does; the table shows it.
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        exponentials = np.exp(x / temperature)
        total = exponentials.sum()
        shares = exponentials / total
        shifted = (x - x.max()) / temperature
        stable = np.exp(shifted)
    return {
        "labels": [label.strip() for label in labels or map("x{}".format, range(1, len(logits) + 1))],
        "logits": logits,
        "temperature": temperature,
        "exponentials": exponentials.tolist(),
        "sum": float(total),
        "shares": shares.tolist(),
        "maximum": float(x.max()),
        "shifted": shifted.tolist(),
        "stable_exponentials": stable.tolist(),
        "stable_sum": float(stable.sum()),
        "probabilities": softmax(x, temperature=temperature).tolist(),
    }


def _print_shares(steps: dict[str, Any]) -> None:
    t = steps["temperature"]
    power = "exp(logit)" if t == 1 else f"exp(logit / {t:g})"
    total = f"{steps['sum']:.5g}"
    columns = zip(*(steps[k] for k in ("labels", "logits", "exponentials", "shares", "probabilities")), strict=True)
    header = ["", "logit", power, "share of the sum", "probability"]
    rows = [
        [label, f"{x:g}", f"{e:.5g}", f"{e:.5g} / {total} = {s:.4f}", f"{100 * p:.2f} %"]
        for label, x, e, s, p in columns
    ]
    rows.append(["sum", "", total, "", f"{100 * sum(steps['probabilities']):.2f} %"])
    length = bar_length(terminal_width() - table_width([header, *rows]) - 2)
    bars = [bar(p, length) for p in steps["probabilities"]]
    print_table([*header, ""], [[*row, b] for row, b in zip(rows, [*bars, ""], strict=True)], left=(0, 5))
    if not (0 < steps["sum"] < math.inf):
        what = "overflow to inf" if steps["sum"] else "underflow to 0"
        print()
        print_text(f"These exponentials {what}, so their shares are no numbers. The form below has no such trouble.")


def _print_stable_form(steps: dict[str, Any]) -> None:
    t, m = steps["temperature"], steps["maximum"]
    shift = f"logit - {m:g}" if m >= 0 else f"logit + {-m:g}"
    power = shift if t == 1 else f"({shift}) / {t:g}"
    print_text(
        f"Used inside: subtract the maximum, {m:g}, first. That divides every exponential and their sum by the same "
        "number, so the shares stay; the largest exponential is then exp(0) = 1, and nothing can overflow."
    )
    columns = zip(*(steps[k] for k in ("labels", "shifted", "stable_exponentials", "probabilities")), strict=True)
    rows = [[label, f"{d:g}", f"{e:.5g}", f"{p:.4f}"] for label, d, e, p in columns]
    rows.append(["sum", "", f"{steps['stable_sum']:.5g}", f"{sum(steps['probabilities']):.4f}"])
    print_table(["", power, "exponential", "probability"], rows)
