"""The floors of the package and its imports, lazy ones included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FLOORS = (
    ("_xp",),
    ("_gate",),
    ("_formulas",),
    ("_autodiff",),
    ("_engines",),
    ("_composed",),
    ("normalizers", "logsums", "losses", "derivatives", "sparse", "sampling", "activations"),
    ("engines", "versions"),
    ("testing",),
    ("cli",),
    ("__init__", "__main__"),
)
"""From the lowest on; a module may import from its own floor and from those below it."""


class Import(NamedTuple):
    """One name that a module imports from another one of the package."""

    importer: str
    imported: str
    line: int


def floor_of(module: str) -> int:
    """Return the number of the floor of a module, given by its dotted name inside the package."""
    part = module.partition(".")[0]
    return next(i for i, floor in enumerate(FLOORS) if part in floor)


def imports_of(package: Path) -> list[Import]:
    """Return all imports inside a package, those inside functions and those that are loaded by name included."""
    return [found for path in sorted(package.rglob("*.py")) for found in _of_module(path, package)]


def _of_module(path: Path, package: Path) -> Iterator[Import]:
    parts = path.relative_to(package).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = parts[: len(parts) - node.level]
            start = [*above, *(node.module.split(".") if node.module else [])]
            for alias in node.names:
                found = _module([*start, alias.name], package) or _module(start, package)
                if found:
                    yield Import(name, found, node.lineno)


def _module(parts: list[str], package: Path) -> str | None:
    """Return the dotted name of a module of the package; None if there is none."""
    path = package.joinpath(*parts)
    return ".".join(parts) if parts and (path.with_suffix(".py").exists() or path.is_dir()) else None


def upward(imports: list[Import]) -> list[Import]:
    """Return the imports from a floor above."""
    return [i for i in imports if floor_of(i.imported) > floor_of(i.importer)]


def circle(imports: list[Import]) -> list[str]:
    """Return the modules of a circle of imports, or nothing."""
    targets: dict[str, set[str]] = {}
    for i in imports:
        if i.importer != i.imported:
            targets.setdefault(i.importer, set()).add(i.imported)
    done: set[str] = set()

    def search(module: str, path: list[str]) -> list[str]:
        if module in path:
            return path[path.index(module) :]
        if module in done:
            return []
        for target in sorted(targets.get(module, ())):
            found = search(target, [*path, module])
            if found:
                return found
        done.add(module)
        return []

    return next((found for start in sorted(targets) if (found := search(start, []))), [])


WHAT = {
    "cli": "commands",
    "testing": "records, contract, oracle: public",
    "engines": "which engine, versions",
    "normalizers": "public functions: docstring, gate, one formula",
    "_composed": "what is made of several executed formulas",
    "_engines": "how a formula is executed, and its plans",
    "_autodiff": "how torch and JAX are told of the derivatives",
    "_formulas": "the formulas, for every library",
    "_gate": "what raises for bad input",
    "_xp": "what the libraries are",
}


def picture(imports: list[Import]) -> str:
    """Return the floors as SVG: the highest at the top, each with the floors that it imports from, and how often."""
    counts: dict[tuple[int, int], int] = {}
    for i in imports:
        pair = floor_of(i.importer), floor_of(i.imported)
        counts[pair] = counts.get(pair, 0) + (i.importer != i.imported)
    shown = [n for n in reversed(range(len(FLOORS))) if FLOORS[n][0] in WHAT]
    style = "font-family='sans-serif' font-size='13'"
    lines = [f"<svg xmlns='http://www.w3.org/2000/svg' width='900' height='{62 * len(shown) + 10}' {style}>"]
    for row, n in enumerate(shown):
        y = 62 * row + 5
        below = [f"{counts[n, m]} × {FLOORS[m][0]}" for m in reversed(range(n)) if counts.get((n, m))]
        lines += [
            f"<rect x='5' y='{y}' width='890' height='54' rx='6' fill='#f4f6fa' stroke='#8a96a8'/>",
            f"<text x='18' y='{y + 22}' font-weight='bold'>{', '.join(FLOORS[n])}</text>",
            f"<text x='882' y='{y + 22}' text-anchor='end' fill='#444'>{WHAT[FLOORS[n][0]]}</text>",
            f"<text x='18' y='{y + 43}' fill='#666'>imports {', '.join(below) or 'nothing of the package'}</text>",
        ]
    return "\n".join([*lines, "</svg>", ""])


def main() -> None:
    """Write the picture of the documentation."""
    root = Path(__file__).parents[2]
    path = root / "docs" / "floors.svg"
    path.write_text(picture(imports_of(root / "src" / "softmax_xp")), encoding="utf-8")


if __name__ == "__main__":
    main()
