"""What options cost on NumPy: each option of each function beside the plain call, in one run.

Run ``python benchmarks/options.py > benchmarks/results/options.md``. The calls are those of the records. All calls of a
function take turns; a figure is a median over the rounds. What a call costs beyond its formula is its time less that
of the formula alone, called with what the gate lets in: the gate, the plan, the choice of an engine.

``--against FOLDER`` times the same calls of another version of the package, whose ``softmax_xp`` is in that folder
(such as ``src`` of another checkout), and prints how often as fast the calls of this one are.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable
from contextlib import nullcontext
from operator import sub
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any

import numpy as np

from softmax_xp.cli.benchmarks.contestants import Prepared
from softmax_xp.cli.benchmarks.machine import describe
from softmax_xp.cli.benchmarks.timing import measure, summary, times_as_fast
from softmax_xp.testing.records import RECORDS, Array, Call, calls, function, numbers, path
from softmax_xp.versions import installed

TINY, LARGE = (4, 10), (2000, 300)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.1, help="for each call (default: 0.1)")
    parser.add_argument("--against", type=Path, help="folder of another version of the package")
    parser.add_argument("names", nargs="*", help="functions (default: all)")
    args = parser.parse_args()
    other = None if args.against is None else load(args.against)
    machine = describe()
    print("# What options cost\n")
    print("Made by `python benchmarks/options.py`, on NumPy, float32; medians of interleaved rounds.\n")
    print(f"{machine['cpu']}, {machine['cores']} cores, load {machine['load']}, Python {machine['python']}; ", end="")
    print(f"numpy {installed('numpy')}, softmax-xp-kernels {installed('softmax-xp-kernels') or 'not installed'}.\n")
    print("`µs`: one call; `beyond`: µs more than its formula alone; `plain`: how many times the plain call.")
    for shape, title in ((TINY, "Tiny"), (LARGE, "Large")):
        print(f"\n## {title}: {shape[0]} rows of {shape[1]}\n")
        print("| call | µs | beyond | plain |" + (" times as fast as before |" if other else ""))
        print("| --- | ---: | ---: | ---: |" + (" ---: |" if other else ""))
        given = {k: v.astype(np.float32) if v.dtype.kind == "f" else v for k, v in numbers(*shape).items()}
        for name in args.names or RECORDS:
            print("\n".join(lines(name, given, args.seconds, other)), flush=True)


def lines(name: str, given: dict[str, Any], seconds: float, other: ModuleType | None) -> list[str]:
    """Return the lines of a function."""
    contestants: dict[str, Callable[[], Any]] = {}
    for text, one in calls(name).items():
        args, options = arrays(one, given)
        f = function(name)
        contestants[text] = lambda f=f, args=args, options=options: f(*args, **options)
        alone = f.__wrapped__(*args, **options)
        if hasattr(alone, "formula"):
            contestants[f"{text}: formula"] = lambda p=alone: p.formula(*p.arrays, **p.options)
        if other is not None:
            before = of(other, name)
            contestants[f"{text}: before"] = lambda f=before, args=args, options=options: f(*args, **options)
    with np.errstate(all="ignore"):
        times = measure({k: Prepared(call, nullcontext) for k, call in contestants.items()}, seconds).samples
    found = []
    for text in calls(name):
        if text not in times:
            continue
        own, formula, before = times[text], times.get(f"{text}: formula"), times.get(f"{text}: before")
        line = f"| `{text}` | {1e6 * summary(own).median:.1f} | "
        # In each round by itself: what disturbs one disturbs the other.
        line += "| " if formula is None else f"{1e6 * median(map(sub, own, formula)):+.1f} | "
        line += f"{times_as_fast(times[name], own):.2g} |" if name in times else " |"
        if other is not None:
            line += " |" if before is None else f" {times_as_fast(own, before):.2g} |"
        found.append(line)
    return found


def arrays(one: Call, given: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call, arrays in their places."""

    def made(value: Any) -> Any:
        return given[value.holds] if isinstance(value, Array) else value

    return tuple(map(made, one.arguments.values())), {k: made(v) for k, v in one.options.items()}


def load(folder: Path) -> ModuleType:
    """Import another version of the package under another name."""
    name = "softmax_xp_before"
    spec = importlib.util.spec_from_file_location(
        name, folder / "softmax_xp" / "__init__.py", submodule_search_locations=[str(folder / "softmax_xp")]
    )
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def of(package: ModuleType, name: str) -> Callable[..., Any]:
    """Return a public function of a version of the package."""
    module, _, last = path(name).rpartition(".")
    return getattr(importlib.import_module(f"{package.__name__}.{module}") if module else package, last)


if __name__ == "__main__":
    main()
