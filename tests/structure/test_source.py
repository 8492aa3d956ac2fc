"""The shape of the source: sizes, imports, where errors are raised, and what is documented."""

from __future__ import annotations

import ast
import inspect
import io
import re
import subprocess
import tokenize
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

import softmax_xp
from softmax_xp.testing.records import FAMILIES, RECORDS, UNTRIED, calls, function, path

PACKAGE = Path(softmax_xp.__file__).parent
ROOT = Path(__file__).parents[2]
MODULES = sorted(PACKAGE.rglob("*.py"))
IDS = [str(m.relative_to(PACKAGE)) for m in MODULES]
modules = pytest.mark.parametrize("module", MODULES, ids=IDS)

MAX_MODULE = 400
MAX_FUNCTION = 40
MAY_RAISE = ("_gate", "cli", "testing", "versions", "_vendored")

SUBMODULES = tuple(module for module in FAMILIES if module)
"""The public modules below the top."""


def public_functions() -> dict[str, FunctionType]:
    """Return every public function by the name it is documented under; one at the top is not repeated below."""
    found = {n: getattr(softmax_xp, n) for n in softmax_xp.__all__}
    found |= {path(n): function(n) for n in RECORDS if n not in found}
    return {name: f for name, f in found.items() if isinstance(f, FunctionType)}


FUNCTIONS = public_functions()
functions = pytest.mark.parametrize("name", FUNCTIONS)

NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)


def code_lines(module: Path) -> set[int]:
    """Return the numbers of the lines that hold code: no comments, blank lines or docstrings."""
    text = module.read_text(encoding="utf-8")
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        # A string that stands alone is documentation: of a module, a class, a function, a constant.
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def nodes(module: Path, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return (n for n in ast.walk(tree) if isinstance(n, kinds))


@modules
def test_module_is_short(module: Path) -> None:
    assert len(code_lines(module)) < MAX_MODULE


@modules
def test_functions_are_short(module: Path) -> None:
    lines = code_lines(module)
    found = {}
    for node in nodes(module, ast.FunctionDef, ast.AsyncFunctionDef):
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        found[node.name] = len(lines & set(range(node.lineno, (node.end_lineno or 0) + 1)))
    assert {name: n for name, n in found.items() if n > MAX_FUNCTION} == {}


@modules
def test_imports_of_the_package_are_relative(module: Path) -> None:
    names = []
    for node in nodes(module, ast.Import, ast.ImportFrom):
        if isinstance(node, ast.Import):
            names += [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.append(node.module or "")
    assert [n for n in names if n.partition(".")[0] == "softmax_xp"] == []


@modules
def test_bad_input_is_refused_in_the_gate_only(module: Path) -> None:
    if module.relative_to(PACKAGE).parts[0].removesuffix(".py") in MAY_RAISE:
        return
    raised = []
    for node in nodes(module, ast.Raise):
        assert isinstance(node, ast.Raise)
        error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        raised.append(getattr(error, "id", getattr(error, "attr", "")))
    assert [name for name in raised if name in ("ValueError", "TypeError", "IndexError", "AxisError")] == []


@modules
def test_no_control_characters(module: Path) -> None:
    # A "\f" that escaped from a formula shows as nothing.
    text = module.read_bytes().decode("utf-8")
    assert {c for c in text if unicodedata.category(c) in ("Cc", "Cf") and c not in "\n\t"} == set()


@modules
def test_every_module_says_what_it_is(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))


def test_only_one_function_calls_expm1_of_the_library() -> None:
    # Inductor compiles that to exp(x) - 1.
    found = [
        f"{module.stem}.{function.name}"
        for module in MODULES
        for function in nodes(module, ast.FunctionDef)
        if "xp.expm1(" in ast.unparse(function)
    ]
    assert found == ["expm1.expm1"]


def test_only_compat_imports_array_api_compat() -> None:
    found = [
        module.relative_to(PACKAGE).as_posix()
        for module in MODULES
        for node in nodes(module, ast.Import, ast.ImportFrom)
        if "array_api_compat" in ast.unparse(node) and "_vendored" not in module.relative_to(PACKAGE).parts
    ]
    assert set(found) == {"_xp/compat.py"}


@pytest.mark.parametrize("module", [softmax_xp, *(getattr(softmax_xp, n) for n in SUBMODULES)])
def test_all_is_sorted_and_complete(module: ModuleType) -> None:
    assert list(module.__all__) == sorted(set(module.__all__))
    own = {n for n, f in vars(module).items() if isinstance(f, FunctionType) and f.__module__.startswith("softmax_xp")}
    assert {n for n in own if not n.startswith("_")} - {"run"} == {
        n for n in module.__all__ if isinstance(getattr(module, n), FunctionType)
    }


def test_every_public_function_has_a_record() -> None:
    every = (softmax_xp, *(getattr(softmax_xp, n) for n in SUBMODULES))
    names = {n for module in every for n in module.__all__ if isinstance(getattr(module, n), FunctionType)}
    assert names - {"show_versions", "use_engine", "which_engine"} == set(RECORDS)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_has_every_argument_and_tries_every_option(name: str) -> None:
    parameters = inspect.signature(function(name)).parameters.items()
    arguments = [p for p, v in parameters if v.kind is v.POSITIONAL_ONLY]
    options = {p for p, v in parameters if v.kind is v.KEYWORD_ONLY}
    tried = {option for call in calls(name).values() for option in call.options}
    assert arguments == list(RECORDS[name].arguments)
    assert options - {*UNTRIED} == tried
    assert {*RECORDS[name].differentiable} <= {*arguments, *options}


def test_all_is_documented() -> None:
    page = ROOT / "docs" / "api.md"
    if not page.exists():
        pytest.skip("docs/api.md does not exist")
    documented = re.findall(r"autofunction:: softmax_xp\.([\w.]+)", page.read_text(encoding="utf-8"))
    assert sorted(documented) == sorted(FUNCTIONS)


def sections(name: str) -> list[str]:
    return re.findall(r"^(\w[\w ]*)\n-{3,}$", inspect.getdoc(FUNCTIONS[name]) or "", re.MULTILINE)


def test_no_two_formulas_have_one_name() -> None:
    # Engines know formulas by their names.
    found = [
        node.name
        for module in MODULES
        for node in ast.parse(module.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and any("formula(" in ast.unparse(d) for d in node.decorator_list)
    ]
    assert len(found) > 50
    assert [name for name in found if found.count(name) > 1] == []


@functions
def test_docstring_has_its_sections(name: str) -> None:
    function = FUNCTIONS[name]
    wanted = ["Examples"]
    if inspect.signature(function).parameters:
        wanted.append("Parameters")
    if inspect.unwrap(function).__annotations__["return"] not in ("None", "Iterator[None]"):
        wanted.append("Returns")
    found = sections(name)
    assert set(wanted) <= set(found)
    order = ["Parameters", "Returns", "Raises", "See Also", "Notes", "References", "Examples"]
    assert found == [s for s in order if s in found]


@functions
def test_docstring_names_every_parameter(name: str) -> None:
    text = inspect.getdoc(FUNCTIONS[name]) or ""
    described = text.partition("Parameters\n")[2].partition("\n\n")[0]
    missing = [p for p in inspect.signature(FUNCTIONS[name]).parameters if not re.search(rf"\b{p}\b", text)]
    assert missing == [], described


def tracked() -> list[Path]:
    command = ["git", "-C", str(ROOT), "ls-files", "-z"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("git is not installed")
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_paths_of_one_machine() -> None:
    path = re.compile(rb"(?<![\w./:~-])(?:/(?:home|Users|root|work|mnt)/\w|[A-Z]:\\\\?(?:Users|home)\b)")
    found = [str(f.relative_to(ROOT)) for f in tracked() if path.search(f.read_bytes())]
    assert found == []


def test_the_support_matrix_has_a_line_for_every_record() -> None:
    page = ROOT / "docs" / "support.md"
    if not page.exists():
        pytest.skip("docs/support.md does not exist")
    rows = re.findall(r"^\| `([\w.]+)` ", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(path(name) for name in RECORDS)


MOST_LISTS = 31
"""How many files of tests name four of five functions of a family: what is particular to each, such as error texts."""


def test_no_list_of_functions_is_added_beside_the_records() -> None:
    texts = {f: f.read_text(encoding="utf-8") for f in (ROOT / "tests").rglob("*.py")}
    found = {
        (str(f.relative_to(ROOT)), family)
        for f, text in texts.items()
        for family, records in FAMILIES.items()
        if sum(bool(re.search(rf"\b{name}\b", text)) for name in records) >= 0.8 * len(records)
    }
    assert len(found) <= MOST_LISTS, sorted(found)
