"""Whether the tests would notice a fault: ``python -m tests.structure.mutation`` prints how many, and which not.

Each fault stands alone in a copy of the package. It is given to the tests of NumPy that execute its statement, by the
formulas: first to those that execute little else, then to all. What survives is given to them by NumPy's engines, and
to the same tests of array-api-strict.
"""

from __future__ import annotations

import argparse
import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .mutants import Mutant

PYTEST = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--timeout=60"]
PYTEST += ["-p", "tests.structure.mutation"]

NUMPY = ["--backend", "numpy,ml_dtypes", "-m", "gate or value"]
STRICT = ["--backend", "strict", "--api-version", "2023.12", "-m", "gate or value"]
STAGES = {"formulas": ("generic", NUMPY), "engines": ("auto", NUMPY), "strict": ("generic", STRICT)}
"""The selected engine, and the tests."""

FIRST = 40
"""Tests that a mutant is given to before all others."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let each test execute the checks that only the first call of a kind goes through."""
    if "MUTATION_COVERAGE" in os.environ:
        from softmax_xp._gate.arrays import _NAMESPACES

        from ..plans import forget

        forget()
        _NAMESPACES.clear()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the chosen tests, in their order."""
    if "MUTATION_TESTS" in os.environ:
        place = {name: i for i, name in enumerate(Path(os.environ["MUTATION_TESTS"]).read_text().split("\n"))}
        where = {item: place.get(item.nodeid, place.get(function_of(item.nodeid))) for item in items}
        items[:] = sorted((item for item in items if where[item] is not None), key=where.__getitem__)


def function_of(test: str) -> str:
    return test.partition("[")[0]


def run(package: Path, stage: str, *arguments: str, **env: str) -> int:
    """Return how the tests of a stage end with a copy of the package."""
    engine, tests = STAGES[stage]
    # Hypothesis takes "CI" for a wish to have the same examples each time.
    env = {**os.environ, "PYTHONPATH": str(package), "SOFTMAX_XP_ENGINE": engine, "CI": "1", **env}
    output = subprocess.PIPE
    return subprocess.run([*PYTEST, *tests, *arguments], env=env, stdout=output, stderr=output).returncode


def executing(copy: Path, found: list[Mutant]) -> list[list[str]]:
    """Return for each mutant the tests of NumPy that execute its statement, those first that execute little else."""
    from coverage import CoverageData

    measured = str(copy / ".coverage")
    cov = ("--cov", str(copy), "--cov-context=test", "--cov-report=")
    assert run(copy, "formulas", "tests", *cov, MUTATION_COVERAGE="1", COVERAGE_FILE=measured) == 0
    data = CoverageData(measured)
    data.read()
    by_module = {}
    for m in found:
        contexts = data.contexts_by_lineno(str(copy / "softmax_xp" / m.module))
        by_module[m.module] = {line: {c.rpartition("|")[0] for c in kept} for line, kept in contexts.items()}
    size = Counter(test for lines in by_module.values() for tests in lines.values() for test in tests)
    del size[""]
    answer = []
    for m in found:
        lines = by_module[m.module]
        places = statement((copy / "softmax_xp" / m.module).read_text(), m.line)
        tests = set().union(*(lines.get(line, ()) for line in places))
        # What is executed by an import is of all tests, first of those of its module.
        near = set().union(*lines.values()) if "" in tests else tests
        chosen = size if "" in tests else tests
        ordered = sorted(chosen, key=lambda test: (test not in near, size[test], test))
        # One of each function first: what its parameters have in common needs to be seen once.
        answer.append(sorted(ordered, key=partial(nth, seen=Counter())))
    return answer


def nth(test: str, seen: Counter[str]) -> int:
    """Return how many tests of the same function have been asked for, this one included."""
    seen[function_of(test)] += 1
    return seen[function_of(test)]


def statement(source: str, line: int) -> range:
    """Return the lines of the innermost statement at a line, less the body that it may have."""
    around = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.stmt) and n.lineno <= line <= n.end_lineno]
    if not around:
        return range(line, line + 1)
    inner = max(around, key=lambda n: n.lineno)
    body = getattr(inner, "body", None)
    return range(inner.lineno, max(body[0].lineno, line + 1) if body else inner.end_lineno + 1)


def is_killed(copy: Path, m: Mutant, stage: str, tests: list[str]) -> bool:
    """Whether a test of those fails with the mutant."""
    if stage == "strict":
        tests = list(dict.fromkeys(map(function_of, tests)))
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder)
        shutil.copytree(copy / "softmax_xp", package / "softmax_xp")
        (package / "softmax_xp" / m.module).write_text(m.source)
        for part in filter(None, (tests[:FIRST], tests[FIRST:])):
            (package / "tests").write_text("\n".join(part))
            files = sorted({test.partition("::")[0] for test in part})
            # 5: none of them is of this stage.
            if run(package, stage, *files, MUTATION_TESTS=str(package / "tests")) not in (0, 5):
                return True
    return False


def main() -> None:
    """Print the score and the survivors."""
    from .mutants import PACKAGE, sample

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=320)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="one of them: a part of module:line")
    options = parser.parse_args()
    found = [m for m in sample(options.mutants, options.seed) if options.only in f"{m.module}:{m.line}"]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        copy = Path(folder)
        shutil.copytree(PACKAGE, copy / "softmax_xp")
        alive = list(zip(found, executing(copy, found), strict=True))
        first = alive[0][0]
        unchanged = first._replace(source=(copy / "softmax_xp" / first.module).read_text())
        assert not is_killed(copy, unchanged, "formulas", max((tests for _, tests in alive), key=len)), (
            "without a fault"
        )
        for stage in STAGES:
            killed = list(pool.map(lambda one, stage=stage: is_killed(copy, one[0], stage, one[1]), alive))
            print(f"{stage}: {sum(killed)} of {len(alive)} killed", flush=True)
            alive = [one for one, dead in zip(alive, killed, strict=True) if not dead]
    for m, _ in alive:
        print(f"survived: {m.module}:{m.line}: {m.change}")
    print(f"{len(found) - len(alive)} of {len(found)} mutants killed: {1 - len(alive) / len(found):.1%}")


if __name__ == "__main__":
    main()
