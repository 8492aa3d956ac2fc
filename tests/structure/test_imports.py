"""What importing the package costs, and where it works: alone, and inside another package."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import softmax_xp

PACKAGE = Path(softmax_xp.__file__).parent
LIBRARIES = ["array_api_compat", "array_api_strict", "cupy", "dask", "jax", "jaxlib", "ml_dtypes", "mlx", "mpmath"]
LIBRARIES += ["ndonnx", "numpy", "scipy", "sparse", "torch"]
BLOCK = """
import sys
class Blocked:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition('.')[0] in {names!r}:
            raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)
sys.meta_path.insert(0, Blocked)
"""
IGNORED = shutil.ignore_patterns("__pycache__", "tests")

USE = """
p = softmax(xp.asarray([0.0, 1.0, 0.0]))
assert type(p).__module__.split('.')[0] in {modules}, type(p)
assert abs(float(p[1]) - 0.5761168847658291) < 1e-6
try:
    softmax([1.0])
except TypeError as error:
    assert str(error) == 'x is a list, not an array; pass numpy.asarray(x)'
else:
    raise AssertionError('no error')
"""


def python(code: str, *flags: str, path: Path | None = None) -> str:
    """Run code in a fresh process, with warnings as errors; return what it prints."""
    environment = {k: v for k, v in os.environ.items() if k != "SOFTMAX_XP_ENGINE"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    command = [sys.executable, "-W", "error", *flags, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_array_library_is_imported() -> None:
    code = f"import sys, softmax_xp; print([n for n in {LIBRARIES!r} if n in sys.modules])"
    assert python(code).strip() == "[]"


def test_listing_the_package_imports_no_array_library() -> None:
    code = "import sys, softmax_xp; assert 'testing' in dir(softmax_xp) and 'softmax' in dir(softmax_xp)\n"
    assert python(code + f"print([n for n in {LIBRARIES!r} if n in sys.modules])").strip() == "[]"


def test_import_is_light(capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "import sys, time; before = set(sys.modules); t = time.perf_counter(); import softmax_xp\n"
        "print(time.perf_counter() - t, *sorted(set(sys.modules) - before))"
    )
    runs = [python(code, "-S", path=PACKAGE.parent).split() for _ in range(3)]
    modules = runs[0][1:]
    own = [m for m in modules if m.partition(".")[0] == PACKAGE.name]
    with capsys.disabled():
        milliseconds = 1e3 * min(float(r[0]) for r in runs)
        print(f"\nimport softmax_xp: {len(own)} + {len(modules) - len(own)} modules, {milliseconds:.1f} ms")
    assert len(own) <= 60, own
    assert len(modules) - len(own) <= 70, modules


@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
def test_a_library_loads_no_other(library: str) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    module = "jax.numpy" if library == "jax" else library
    own = {"numpy": ["numpy"], "torch": ["torch", "numpy"], "jax": ["jax", "jaxlib", "ml_dtypes", "numpy", "scipy"]}
    others = [n for n in LIBRARIES if n not in (*own[library], "array_api_compat")]
    code = f"import sys, {module} as xp; before = set(sys.modules)\nfrom softmax_xp import softmax, logsumexp\n"
    code += "softmax(xp.asarray([0.0, 1.0])); logsumexp(xp.asarray([0.0, 1.0]))\n"
    assert python(code + f"print([n for n in {others!r} if n in sys.modules and n not in before])").strip() == "[]"


def test_works_with_array_api_compat_alone() -> None:
    others = [n for n in LIBRARIES if n != "array_api_compat"]
    code = (
        BLOCK.format(names=others)
        + f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        + "from toy import Array\n"
        + "import softmax_xp as s\n"
        + "x = Array([0.0, 1.0, 2.0]); keep = Array([True, True, False])\n"
        + "for f in (s.softmax, s.log_softmax, s.softmin): print(*f(x).values)\n"
        + "print(*s.softmax(x, where=keep).values, *s.softmax(x, temperature=0.0).values)\n"
        + "print(*s.logsumexp(x).values, *s.logmeanexp(x).values, *s.log1mexp(Array([1.0])).values)\n"
    )
    rows = [[float(v) for v in line.split()] for line in python(code).splitlines()]
    soft = [0.09003057317038046, 0.24472847105479764, 0.6652409557748218]
    assert rows[0] == pytest.approx(soft)
    assert rows[1] == pytest.approx([-2.40760596444438, -1.4076059644443801, -0.4076059644443803])
    assert rows[2] == pytest.approx(soft[::-1])
    assert rows[3] == pytest.approx([0.2689414213699951, 0.7310585786300049, 0, 0, 0, 1])
    assert rows[4] == pytest.approx([2.40760596444438, 1.3089936757762706, -0.45867514538708193])


def vendor(folder: Path, *, with_compat: bool) -> str:
    """Copy the package into another one; return code that imports it with the originals blocked."""
    target = folder / "other" / "vendored_softmax"
    (folder / "other").mkdir()
    (folder / "other" / "__init__.py").touch()
    shutil.copytree(PACKAGE, target, ignore=IGNORED)
    blocked = ["softmax_xp"]
    if with_compat:
        compat = importlib.util.find_spec("array_api_compat")
        assert compat is not None
        assert compat.origin is not None
        shutil.rmtree(target / "_vendored", ignore_errors=True)
        shutil.copytree(Path(compat.origin).parent, target / "_vendored" / "array_api_compat", ignore=IGNORED)
        blocked.append("array_api_compat")
    return BLOCK.format(names=blocked)


@pytest.mark.parametrize(
    ("library", "with_compat"),
    [("numpy", False), *((n, True) for n in ("numpy", "torch", "jax", "dask", "array_api_strict"))],
    ids=lambda v: v if isinstance(v, str) else "compat-vendored" if v else "compat-installed",
)
def test_works_vendored(tmp_path: Path, library: str, with_compat: bool) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    module = {"jax": "jax.numpy", "dask": "dask.array"}.get(library, library)
    modules = [library] + ["jaxlib"] * (library == "jax")
    code = vendor(tmp_path, with_compat=with_compat)
    code += f"import {module} as xp\nfrom other.vendored_softmax import softmax, which_engine\n"
    code += USE.format(modules=modules)
    engine = {"numpy": ("cpu_kernels", "numpy_inplace"), "torch": "torch_native", "jax": "jax_jit"}.get(
        library, "generic"
    )
    code += f"assert which_engine('softmax', xp.asarray([0.0])).startswith({engine!r})\n"
    code += "from other.vendored_softmax import show_versions\nshow_versions()\n"
    code += "print([n for n in sys.modules if n.partition('.')[0] == 'softmax_xp'])"
    assert python(code, path=tmp_path).splitlines()[-1] == "[]"


@pytest.mark.skipif(not (PACKAGE / "testing").exists() and not (PACKAGE / "testing.py").exists(), reason="no testing")
def test_testing_works_vendored(tmp_path: Path) -> None:
    pytest.importorskip("mpmath")
    code = vendor(tmp_path, with_compat=True)
    code += "import other.vendored_softmax as s; s.testing; print(s.testing.__name__)"
    assert python(code, path=tmp_path).strip() == "other.vendored_softmax.testing"
