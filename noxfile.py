"""Every check of this repository; ``nox -l`` lists the sessions."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = [
    "lint",
    "typing",
    "structure",
    "doctests",
    "numpy",
    "strict",
    "torch",
    "jax",
    "dask",
    "conforming",
    "kernels",
    "equivalence",
]
nox.needs_version = ">=2024.10"

# What JAX has compiled once: its tests, the equivalence session, `check` and the next run share many programs.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(".nox", "jax-programs").absolute()))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

TORCH = os.environ.get("SOFTMAX_XP_TORCH", "torch")
PROJECT = nox.project.load_toml("pyproject.toml")
TEST = nox.project.dependency_groups(PROJECT, "test")
LINT = nox.project.dependency_groups(PROJECT, "lint")
DOCS = nox.project.dependency_groups(PROJECT, "docs")
CONFORMING = ["ndonnx", "onnxruntime", "sparse", "mlx[cpu]", "cubed", "marray"]
if platform.system() != "Linux":
    CONFORMING.remove("mlx[cpu]")

ALL_CPU = [
    ".[numpy,dask,jax,check]",
    "array-api-strict",
    "scikit-learn",
    "matplotlib",
    "build",
    "setuptools",
    TORCH,
    *TEST,
]

NUMPY = ["tests", "--backend", "numpy,ml_dtypes", "-n", "2"]
STRICT = ["--backend", "strict", "-n", "2", "--api-version"]
OF_TORCH = ["tests", "--backend", "torch", "-n", "2"]
# Groups in their order: the largest first would mix files, after each of which JAX forgets what it has compiled.
IN_GROUPS = ["-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder"]
OF_JAX = ["tests", "--backend", "jax", *IN_GROUPS]

# A session is libraries and markers. pyproject.toml says what these mean, and tests/conftest.py leaves out
# what is of other libraries.
CORE = ["-m", "not (library or slow)"]
EXECUTED = "kernel or (value and not formula)"
BY_FORMULA = ["-m", EXECUTED]
BY_KERNELS = ["-m", f"{EXECUTED} or (engine and not slow)"]


def pytest(session: nox.Session, *args: str, env: dict[str, str] | None = None, python: str = "python") -> None:
    tests = ("-m", "pytest", "-q", "--durations=25", *args, *session.posargs)
    session.run(python, *tests, env=env, external=python != "python")


def together(session: nox.Session) -> str:
    """Return the Python of an environment with all CPU libraries, which sessions share: it takes minutes to install."""
    folder = Path(".nox", "together").absolute()
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    if not Path(python).exists():
        session.run(sys.executable, "-m", "venv", str(folder), external=True)
    session.run(python, "-m", "pip", "install", "-q", "-e", *ALL_CPU, external=True)
    return python


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff: style and formatting."""
    session.install(*LINT)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def typing(session: nox.Session) -> None:
    """Mypy, strict, and the docstrings by numpydoc."""
    session.install("-e", ".", *LINT)
    session.run("mypy")
    session.run("python", "-m", "numpydoc.hooks.validate_docstrings", "--config", ".", *docstring_files())


def docstring_files() -> list[str]:
    """Return the modules of the public functions."""
    package = Path("src/softmax_xp")
    files = [package / name for name in ("normalizers.py", "logsums.py", "engines.py", "testing/check.py")]
    for folder in ("losses", "derivatives", "sparse", "sampling", "activations"):
        files += sorted(f for f in (package / folder).glob("*.py") if f.name != "__init__.py")
    return [str(f) for f in files]


@nox.session
def structure(session: nox.Session) -> None:
    """How the package is built: imports, vendoring, sizes of modules, documented names; engines; commands."""
    session.install("-e", ".[check]", "mypy", *TEST)
    pytest(session, "tests", "--backend", "numpy", "-m", "slow", "-n", "2")


@nox.session(venv_backend="none")
def doctests(session: nox.Session) -> None:
    """Every example in docstrings, README and docs."""
    arguments = ("--doctest-modules", "src/softmax_xp", "--doctest-glob=*.md", "docs", "README.md", "-n", "2")
    pytest(session, *arguments, python=together(session))


@nox.session
def numpy(session: nox.Session) -> None:
    """NumPy alone: writeable, read-only, and bfloat16 from ml_dtypes; by its engines, and by the formula."""
    session.install("-e", ".[numpy,check]", "ml_dtypes", *TEST)
    pytest(session, *NUMPY, *CORE)
    pytest(session, *NUMPY, *BY_FORMULA, env={"SOFTMAX_XP_ENGINE": "generic"})


@nox.session
def strict(session: nox.Session) -> None:
    """array-api-strict alone: everything at version 2023.12, each function on all its devices at each version."""
    session.install("-e", ".[check]", "array-api-strict", *TEST)
    pytest(session, "tests", *STRICT, "2023.12", *CORE)
    for version in ("2024.12", "2025.12"):
        pytest(session, "tests/contract/test_every_function.py", *STRICT, version)


@nox.session
def torch(session: nox.Session) -> None:
    """PyTorch on the CPU alone: values, autograd, functorch, torch.compile, meta tensors."""
    session.install("-e", ".[check]", TORCH, *TEST)
    pytest(session, *OF_TORCH, *CORE)
    pytest(session, *OF_TORCH, *BY_FORMULA, env={"SOFTMAX_XP_ENGINE": "generic"})


@nox.session
def inductor(session: nox.Session) -> None:
    """PyTorch compiled by Inductor, which takes minutes; skips with a printed reason where there is no C++ compiler."""
    session.install("-e", ".[check]", TORCH, *TEST)
    arguments = ("tests/transforms/torch/test_inductor.py", "--backend", "torch", "-n", "2")
    pytest(session, *arguments, env={"SOFTMAX_XP_INDUCTOR": "1"})


@nox.session
def jax(session: nox.Session) -> None:
    """JAX on the CPU alone: in float32, and the tables of values in every type, with x64 on and off."""
    session.install("-e", ".[jax,check]", *TEST)
    pytest(session, *OF_JAX, *CORE)


@nox.session
def thorough(session: nox.Session) -> None:
    """JAX and Dask in every floating type, with x64 and without, and by every test: half an hour and more."""
    session.install("-e", ".[jax,dask,check]", "dask[array,distributed]", *TEST)
    pytest(session, "tests", "--backend", "jax,dask", *IN_GROUPS, "--thorough", *CORE)


@nox.session
def dask(session: nox.Session) -> None:
    """Dask alone: values, laziness, unknown chunk sizes."""
    session.install("-e", ".[dask,check]", "dask[array,distributed]", *TEST)
    pytest(session, "tests", "--backend", "dask", "-n", "2", *CORE)


@nox.session
def cupy(session: nox.Session) -> None:
    """CuPy on a GPU; every test skips with a printed reason where there is none."""
    session.install("-e", ".[cupy12x,check]", *TEST)
    pytest(session, "tests", "--backend", "cupy", *CORE)


@nox.session
def gpu(session: nox.Session) -> None:
    """Every GPU that is found, by CuPy, PyTorch and JAX; every test skips with a printed reason where there is none."""
    session.install("-e", ".[cupy12x,check]", TORCH, "jax[cuda12]", *TEST)
    pytest(session, "tests", "--backend", "cupy,torch-cuda,jax-cuda", "-m", "value or transform")


@nox.session
def conforming(session: nox.Session) -> None:
    """Other conforming libraries together: ndonnx, sparse, mlx, cubed, marray, and a toy namespace in pure Python."""
    session.install("-e", ".[numpy,check]", *CONFORMING, *TEST)
    # MLX waits for ever in a process where the thread pools of the others have run: one of its own.
    pytest(session, "tests/libraries/conforming", "--backend", "numpy", "-k", "not mlx", "-n", "2")
    pytest(session, "tests/libraries/conforming", "--backend", "numpy", "-k", "mlx")


@nox.session(venv_backend="none")
def equivalence(session: nox.Session) -> None:
    """All CPU libraries in one environment: any two agree within the contract; the worked example."""
    python = together(session)
    # With what the tests print: the distances between libraries.
    folder = "tests/libraries"
    pytest(session, f"{folder}/equivalence", f"{folder}/test_example.py", "-n", "2", "-rP", python=python)
    session.run(python, "-m", "softmax_xp", "check", external=True)


@nox.session(venv_backend="none")
def kernels(session: nox.Session) -> None:
    """The C engine: built, tested by itself and under sanitizers, then as the engine of NumPy and PyTorch."""
    python = together(session)
    built = session.create_tmp()
    session.run(python, "-m", "build", "--outdir", built, "kernels", external=True)
    # In a folder of its own: other sessions of this environment are without it.
    found = ("--no-index", "--find-links", built, "--upgrade", "--target", f"{built}/installed")
    session.run(python, "-m", "pip", "install", *found, "softmax-xp-kernels", external=True)
    env = {"PYTHONPATH": str(Path(built, "installed").absolute())}
    pytest(session, "kernels/tests", "-n", "2", python=python, env=env)
    # Where memory is touched in many ways; the rest would take minutes and touch no other.
    chosen = ("-k", "layouts or edges or arguments or memory")
    session.run(python, "kernels/tests/sanitize.py", *chosen, env=env, external=True)
    pytest(session, *NUMPY, *BY_KERNELS, python=python, env=env)
    pytest(session, *OF_TORCH, *BY_KERNELS, python=python, env=env)


@nox.session(venv_backend="none")
def coverage(session: nox.Session) -> None:
    """Lines and branches that the tests reach with all CPU libraries together."""
    python = together(session)
    session.run(python, "-m", "pip", "install", "-q", "pytest-cov", external=True)
    reported = ("--cov", "softmax_xp", "--cov-branch", "--cov-report", "term:skip-covered")
    chosen = ("tests", "--backend", "numpy,ml_dtypes,strict,torch,jax,dask", *IN_GROUPS)
    pytest(session, *chosen, *CORE, *reported, python=python)


@nox.session
def sweep(session: nox.Session) -> None:
    """Every width from 1 to 4097 on NumPy, torch and JAX, and 2**25 elements on each library: many minutes."""
    session.install("-e", ".[numpy,jax,dask,check]", "array-api-strict", TORCH, *TEST)
    pytest(session, "tests/contract/test_accuracy.py", "-k", "2_to_the_25", env={"SOFTMAX_XP_LONG": "1"})
    session.run("python", "-m", "softmax_xp", "check", "--full")


@nox.session
def mutation(session: nox.Session) -> None:
    """How many faults in formulas and checks, of a fixed sample, the tests of NumPy and strict notice: half an hour."""
    session.install("-e", ".[check]", "ml_dtypes", "array-api-strict", "cosmic-ray", "pytest-cov", *TEST)
    session.run("python", "-m", "tests.structure.mutation", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation, as HTML."""
    session.install("-e", ".[check]", *DOCS)
    session.run("sphinx-build", "-W", "docs", "docs/_build")
