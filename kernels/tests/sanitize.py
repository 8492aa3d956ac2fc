"""Build with the address and undefined-behaviour sanitizers, and run the tests on that build.

    python kernels/tests/sanitize.py [arguments of pytest]

Nothing is installed: the build lives in a temporary folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLAGS = "-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"


def library(name: str) -> str:
    """Return the path of a library of the compiler."""
    compiler = os.environ.get("CC", "cc")
    return subprocess.run(
        [compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True
    ).stdout.strip()


def build(folder: Path) -> Path:
    """Return the folder of the package, built from a copy of the sources."""
    copy = folder / "kernels"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__", ".*"))
    environment = {**os.environ, "CFLAGS": FLAGS, "LDFLAGS": "-fsanitize=address,undefined"}
    subprocess.run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=copy, env=environment, check=True)
    return copy / "src"


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "PYTHONPATH": str(build(Path(folder))),
            "LD_PRELOAD": " ".join(map(library, ("libasan.so", "libubsan.so"))),
            "ASAN_OPTIONS": "detect_leaks=0",
            "UBSAN_OPTIONS": "print_stacktrace=1",
            "PYTHONMALLOC": "malloc",
        }
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(arguments or ["tests"])]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
