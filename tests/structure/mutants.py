"""Faults to put into the package: a fixed sample of what cosmic-ray makes of it.

One place is one mutant, whatever number of them it could have. What cannot change behaviour is none: annotations,
docstrings, what does not compile. cosmic-ray leaves strings, and so the wording of messages, as they are.
"""

from __future__ import annotations

import ast
import difflib
import random
import re
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from cosmic_ray.ast import ast_nodes, get_ast_from_path
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

PACKAGE = Path("src/softmax_xp")
FOLDERS = ("_formulas", "_gate", "_composed")

KINDS = ("Add|Sub|Mul|Div|Pow", "BitAnd|BitOr|BitXor", "Eq|NotEq|Lt|LtE|Gt|GtE", "Is|IsNot")
"""Operators are replaced by those of their kind: any other fails at once on floating-point numbers."""


class Mutant(NamedTuple):
    """A module with one fault."""

    module: Path  # within the package
    line: int
    source: str
    change: str


def sample(number: int, seed: int) -> list[Mutant]:
    """Return mutants at places drawn from each folder, as many as it has of the lines."""
    modules = {name: sorted(f.relative_to(PACKAGE) for f in (PACKAGE / name).glob("*.py")) for name in FOLDERS}
    lines = {name: sum(len((PACKAGE / f).read_text().splitlines()) for f in modules[name]) for name in FOLDERS}
    rng, found = random.Random(seed), []
    for name in FOLDERS:
        known = [(module, place) for module in modules[name] for place in _places(module)]
        made = (_mutant(module, *rng.choice(place)) for module, place in rng.sample(known, len(known)))
        count = -(-number * lines[name] // sum(lines.values()))
        found += islice(filter(None, made), count)
        print(f"{name}: {count} mutants; {len(known)} places, {lines[name]} lines")
    return found


def _places(module: Path) -> list[list[tuple[str, int, int]]]:
    """Return for each place of a module what could be there instead: operator, occurrence, and line."""
    nodes = list(ast_nodes(get_ast_from_path(PACKAGE / module)))
    found: dict[Any, list[tuple[str, int, int]]] = {}
    for name in operator_names():
        if _is_of_one_kind(name) and not get_operator(name).arguments():
            operator = get_operator(name)()
            at = ((node, start) for node in nodes for start, _ in operator.mutation_positions(node))
            for occurrence, (node, start) in enumerate(at):
                # The / and * between parameters are no arithmetic.
                if node.parent is None or node.parent.type != "parameters":
                    found.setdefault(start, []).append((name, occurrence, start[0]))
    return [found[start] for start in sorted(found)]


def _is_of_one_kind(name: str) -> bool:
    pair = re.search(r"Replace(?:Binary|Comparison|Unary)Operator_(?!Delete)(\w+)_(\w+)$", name)
    return pair is None or any({*pair.groups()} <= {*kind.split("|")} for kind in KINDS)


def _mutant(module: Path, operator: str, occurrence: int, line: int) -> Mutant | None:
    """Return a mutant; None if it behaves like the module, or does not compile."""
    source = (PACKAGE / module).read_text()
    changed = mutate_code(source, get_operator(operator)(), occurrence)
    if _behaviour(changed) in (None, _behaviour(source)):
        return None
    lines = difflib.unified_diff(source.split("\n"), changed.split("\n"), n=0, lineterm="")
    return Mutant(module, line, changed, " ".join(f"{x[0]} {x[1:].strip()}" for x in list(lines)[3:]))


def _behaviour(source: str) -> str | None:
    """Return the syntax tree without its annotations; None if there is none."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        for field in {"annotation", "returns"} & {*node._fields}:
            setattr(node, field, None)
    return ast.dump(tree)
