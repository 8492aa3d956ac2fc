"""Each variant that this processor has, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import softmax_xp_kernels as kernels

HERE = Path(__file__).parent
SUITE = ("test_accuracy.py", "test_edges.py", "test_widths.py", "test_half.py", "test_layouts.py", "test_memory.py")


def run(*command: str, variant: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "SOFTMAX_XP_KERNELS_VARIANT": variant}
    return subprocess.run(
        [sys.executable, *command], cwd=HERE, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("variant", kernels.VARIANTS)
def test_a_variant_can_be_forced(variant):
    done = run("-c", "import softmax_xp_kernels as k; print(k.VARIANT)", variant=variant)
    assert done.stdout.strip() == variant


@pytest.mark.parametrize("variant", [v for v in kernels.VARIANTS if v != kernels.VARIANT])
def test_another_variant_passes_the_same_tests(variant):
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", *SUITE, variant=variant)
    assert done.returncode == 0, done.stdout[-5000:]


@pytest.mark.parametrize("variant", ["none", "AVX2", "avx512 ", "avx512"])
def test_an_unknown_or_unsupported_variant_raises(variant):
    if variant in kernels.VARIANTS:
        pytest.skip("this processor has it")
    done = run("-c", "import softmax_xp_kernels", variant=variant)
    assert "ImportError" in done.stderr
    assert "SOFTMAX_XP_KERNELS_VARIANT" in done.stderr


def test_an_empty_variable_changes_nothing():
    done = run("-c", "import softmax_xp_kernels as k; print(k.VARIANT)", variant="")
    assert done.stdout.strip() == kernels.VARIANTS[0]
