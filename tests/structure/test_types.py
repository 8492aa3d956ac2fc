"""Type hints keep the array type."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
from softmax_xp import hardmax, log_softmax, logmeanexp, logsumexp, softmax, softmax_and_logsumexp

class Tensor: ...

x = Tensor()
a: Tensor = softmax(x)
b: Tensor = log_softmax(x)
c: Tensor = logsumexp(x)
d: tuple[Tensor, Tensor] = logsumexp(x, return_sign=True)
e: tuple[Tensor, Tensor] = softmax_and_logsumexp(x)
f: Tensor = logmeanexp(hardmax(x))
wrong: int = logsumexp(x)
"""


def test_the_type_of_the_array_comes_back(tmp_path):
    pytest.importorskip("mypy", reason="mypy is not installed")
    (tmp_path / "use.py").write_text(CODE)
    run = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(tmp_path / "use.py")]
    result = subprocess.run(run, capture_output=True, text=True, check=False)
    assert result.stdout.count("error:") == 1, result.stdout
    assert f"use.py:{CODE.count(chr(10))}: error: Incompatible types in assignment" in result.stdout
