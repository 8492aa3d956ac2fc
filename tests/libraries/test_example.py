"""The worked example: the same training with every library, and what mends imbalanced classes."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "train_digits.py"
STEPS = "60"

pytestmark = pytest.mark.skipif(find_spec("sklearn") is None, reason="scikit-learn is not installed")


class Outcome:
    """What a run of the example left behind."""

    def __init__(self, picture: Path) -> None:
        plot = ["--plot", str(picture)] if find_spec("matplotlib") else []
        # A process of its own: the example switches JAX to float64.
        command = [sys.executable, str(EXAMPLE), "--steps", STEPS, *plot]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.code, self.out, self.err, self.picture = done.returncode, done.stdout, done.stderr, picture

    def row(self, name: str) -> list[str]:
        """Return the words after the name in the line that starts with it."""
        return re.findall(rf"^{name} +(.*)$", self.out, re.MULTILINE)[0].split()


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return Outcome(tmp_path_factory.mktemp("example") / "losses.png")


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_digits", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def percent(word: str) -> float:
    return float(word.removesuffix("%"))


def test_the_example_ends_without_errors(outcome: Outcome) -> None:
    assert outcome.code == 0, outcome.out + outcome.err


def test_the_example_ends_without_warnings(outcome: Outcome) -> None:
    assert "Warning" not in outcome.err


@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
def test_accuracy_on_held_out_digits_is_above_95_percent(library: str, outcome: Outcome) -> None:
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    assert percent(outcome.row(library)[-1]) > 95


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_automatic_and_analytic_gradients_lead_along_the_same_losses(library: str, outcome: Outcome) -> None:
    if find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    assert f"numpy and {library}: largest relative difference" in outcome.out
    assert "That is within the contract" in outcome.out


@pytest.mark.parametrize("way", ["balanced_class_weights", "logit_adjustment"])
def test_accuracy_on_rare_digits_is_better_than_that_of_plain_training(way: str, outcome: Outcome) -> None:
    assert percent(outcome.row(way)[1]) > percent(outcome.row("plain")[1])


def test_the_loss_curve_is_a_picture(outcome: Outcome) -> None:
    if find_spec("matplotlib") is None:
        pytest.skip("matplotlib is not installed")
    assert outcome.picture.read_bytes().startswith(b"\x89PNG")


def test_losses_outside_the_contract_are_reported(example: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    limit = example.tolerance(2)
    run = example.Run(None, limit * 0 + 1.0)
    other = example.Run(None, run.losses * (1 + 2 * limit))
    assert not example.compare({"numpy": run, "torch": other}, 2)
    assert "NOT within the contract" in capsys.readouterr().out


def test_what_is_not_installed_is_left_out_and_named(
    example: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(example, "find_spec", lambda name: name == "numpy" or None)
    monkeypatch.setattr(example, "DRAWS", 1)
    assert example.main(["--steps", "2", "--plot", str(tmp_path / "losses.png")]) == 0
    out = capsys.readouterr().out
    assert len(re.findall(r"^(?:torch|jax) +not installed, left out$", out, re.MULTILINE)) == 2
    assert "matplotlib is not installed" in out


def test_no_steps_are_refused(example: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        example.main(["--steps", "0"])
    assert error.value.code == 2
    assert "--steps is 0; use at least 1" in capsys.readouterr().err
