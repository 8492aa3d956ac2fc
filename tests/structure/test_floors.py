"""Floors: each imports from itself and from those below, and no imports go in a circle."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import softmax_xp
from softmax_xp import _engines

from . import floors

PACKAGE = Path(softmax_xp.__file__).parent


def all_imports(package: Path) -> list[floors.Import]:
    """Return those that can be read, and those of the engines, which are loaded by their names."""
    by_name = [floors.Import("_engines", f"_engines.{engine.module}", 0) for engine in _engines.ENGINES.values()]
    return floors.imports_of(package) + by_name


def test_no_module_imports_from_a_floor_above() -> None:
    found = floors.upward(all_imports(PACKAGE))
    assert not found, "\n".join(f"{i.importer}, line {i.line}, imports {i.imported} from above" for i in found)


def test_imports_have_no_circle() -> None:
    assert not floors.circle(all_imports(PACKAGE))


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("_xp/sums.py", "from ..normalizers import softmax"),
        ("_formulas/rows.py", "def f():\n    from .._engines import run"),
        ("_gate/axes.py", "from .. import losses"),
        ("_xp/dtypes.py", "from .._gate.axes import check_axis as check"),
    ],
)
def test_an_import_from_above_is_found(module: str, line: str, tmp_path: Path) -> None:
    package = tmp_path / "softmax_xp"
    shutil.copytree(PACKAGE, package)
    path = package / module
    lines = path.read_text().count("\n")
    path.write_text(path.read_text() + line + "\n")
    (found,) = floors.upward(floors.imports_of(package))
    assert (found.importer, found.line) == (module[:-3].replace("/", "."), lines + 1 + line.count("\n"))


@pytest.mark.parametrize("line", ["from . import sums", "def f():\n    from .sums import row_sum"])
def test_a_circle_is_found(line: str, tmp_path: Path) -> None:
    package = tmp_path / "softmax_xp"
    shutil.copytree(PACKAGE, package)
    path = package / "_xp/dtypes.py"
    path.write_text(path.read_text() + line + "\n")
    assert set(floors.circle(floors.imports_of(package))) == {"_xp.dtypes", "_xp.sums"}


def test_the_picture_of_the_floors_is_that_of_the_imports() -> None:
    """``python -m tests.structure.floors`` draws it."""
    docs = Path(__file__).parents[2] / "docs"
    if not docs.exists():
        pytest.skip("not in a checkout")
    assert (docs / "floors.svg").read_text(encoding="utf-8") == floors.picture(floors.imports_of(PACKAGE))
