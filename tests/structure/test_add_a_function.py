"""The five steps of CONTRIBUTING.md, taken by a script in a copy of the repository: they are all that is needed."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import softmax_xp

ROOT = Path(__file__).parents[2]
PACKAGE = Path(softmax_xp.__file__).parent
MOST_FILES = 7
COPIED = ("tests", "docs", "pyproject.toml", "CONTRIBUTING.md", "README.md", "CHANGELOG.md")
NAME, LIKE = "squared_softmax", "sparsemax"

FORMULA = """
    \"\"\"Return exp(2 x) / sum(exp(2 x)).\"\"\"
    return softmax(x, axis=axis, where=where, temperature={temperature}, sink=None, xp=xp)
"""
RECORD = """

def _squares(row: list[Any]) -> list[Any]:
    import mpmath

    weights = [mpmath.exp(2 * v) for v in row]
    return [w / mpmath.fsum(weights) for w in weights]


RECORDS["squared_softmax"] = Record(
    "map",
    {"x": LOGITS},
    options={"axis": (0, (), None), "where": (MASK,)},
    also=(Example({}, {"axis": 0, "where": MASK}),),
    differentiable=("x",),
    offset="nothing",
    gate=Gate(8.0),
    exact=_squares,
    edges=(((0.0, 0.0), (0.5, 0.5)), ((7.0, -inf), (1.0, 0.0))),
)
"""


def definition(folder: Path, name: str) -> tuple[Path, str]:
    """Return where a function is defined, and its text."""
    for module in sorted(folder.rglob("*.py")):
        text = module.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                return module, "\n".join(text.splitlines()[first - 1 : node.end_lineno]) + "\n"
    raise AssertionError(f"{name} is not defined in {folder}")


def change(file: Path, edit: Callable[[str], str]) -> Path:
    before = file.read_text(encoding="utf-8")
    after = edit(before)
    assert after != before, file
    file.write_text(after, encoding="utf-8")
    return file


def listed(text: str) -> str:
    """Return a module with the name in ``__all__``, in its place."""
    return re.sub(
        r"__all__ = (\[[^]]*\])", lambda found: f"__all__ = {sorted([*ast.literal_eval(found[1]), NAME])}", text
    )


def add(root: Path, temperature: float) -> list[Path]:
    """Take the steps for the normalized squares of a softmax; return the files that were touched."""
    package = root / "src" / "softmax_xp"
    formulas, text = definition(package / "_formulas", LIKE)
    head = text[text.index("def ") :].partition("\n    ")[0].replace(LIKE, NAME).replace("temperature: Any = 1.0, ", "")
    head = f'@formula("maps")\n{head}'
    public, like = definition(package / "sparse", LIKE)
    line = f".. autofunction:: softmax_xp.sparse.{LIKE}\n"
    # What `python -m tests.libraries.equivalence.tables support` writes.
    change(root / "docs" / "support.md", lambda text: re.sub(rf"(.*`sparse\.){LIKE}(`.*\n)", rf"\g<0>\1{NAME}\2", text))
    imported = f"from .{public.stem} import {NAME}\n\n__all__"
    return [
        change(formulas, lambda text: text + "\n\n" + head + FORMULA.format(temperature=temperature)),
        change(public, lambda text: listed(text) + "\n\n" + like.replace(LIKE, NAME)),
        change(package / "sparse" / "__init__.py", lambda text: listed(text).replace("__all__", imported, 1)),
        change(package / "testing" / "records" / "sparse.py", lambda text: text + RECORD),
        change(root / "docs" / "api.md", lambda text: text.replace(line, line + line.replace(LIKE, NAME))),
        change(root / "CHANGELOG.md", lambda text: text + f"- `sparse.{NAME}`\n"),
    ]


TESTS = ("test_every_function.py", "test_own_arrays.py", "test_source.py")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    if not all((ROOT / name).exists() for name in COPIED):
        pytest.skip("not in a checkout")
    for name in COPIED:
        take = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        take(ROOT / name, tmp_path / name)
    shutil.copytree(PACKAGE, tmp_path / "src" / "softmax_xp", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run_tests(root: Path, *which: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of the function in the copy, and those that all functions share."""
    files = [str(file.relative_to(ROOT)) for name in TESTS for file in (ROOT / "tests").rglob(name)]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--backend", "numpy", *files, *which]
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def test_the_five_steps_add_a_function_that_passes_every_test_that_reads_the_records(copy: Path) -> None:
    changed = add(copy, 0.5)
    named = [f for f in copy.rglob("*.*") if f.suffix in (".py", ".md") and NAME in f.read_text(encoding="utf-8")]
    # This file names it too.
    generated = {copy / "docs" / "support.md"}
    assert {*named} - {*changed} - generated == {copy / Path(__file__).relative_to(ROOT), copy / "CONTRIBUTING.md"}
    assert len(changed) <= MOST_FILES
    done = run_tests(copy, "-k", f"{NAME} or exact or documented or sorted or record or sparse.py")
    assert done.returncode == 0, done.stdout
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 20


def test_a_function_that_is_not_what_its_record_says_is_found(copy: Path) -> None:
    add(copy, 0.25)
    done = run_tests(copy, "-k", "exact")
    assert done.returncode == 1, done.stdout
    assert NAME in done.stdout
