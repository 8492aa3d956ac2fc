"""The command line: what it prints, and how it fails."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from importlib.resources import files
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import softmax_xp
from softmax_xp.activations import sigmoid
from softmax_xp.cli import compare, digits, libraries, main
from softmax_xp.sparse import entmax, normmax, sparsemax

FRUIT = ["1.5", "2.2", "-0.3", "0.8"]
LABELS = ["apple", "orange", "banana", "avocado"]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test depend on the terminal it runs in."""
    monkeypatch.setenv("COLUMNS", "120")


def blocks(out: str) -> list[list[str]]:
    """Return the lines between empty lines."""
    return [block.splitlines() for block in out.strip().split("\n\n")]


def test_explain_prints_a_line_per_logit_and_the_sum(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *FRUIT, "--labels", *LABELS]) == 0
    out, err = capsys.readouterr()
    lines = {line.split()[0]: line.split() for line in out.splitlines()[1:6]}
    assert lines["apple"][1:] == ["1.5", "4.4817", "4.4817", "/", "16.473", "=", "0.2721", "27.21", "%", "#" * 11]
    assert "54.79" in lines["orange"]
    assert "4.50" in lines["banana"]
    assert "13.51" in lines["avocado"]
    assert lines["sum"] == ["sum", "16.473", "100.00", "%"]
    assert "subtract the maximum, 2.2, first" in out
    assert err == ""


def test_explain_as_json_has_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *FRUIT, "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)
    assert [round(100 * p) for p in steps["probabilities"]] == [27, 55, 4, 14]
    assert steps["labels"] == ["x1", "x2", "x3", "x4"]
    assert steps["sum"] == pytest.approx(math.fsum(map(math.exp, [1.5, 2.2, -0.3, 0.8])), rel=1e-15)
    assert steps["maximum"] == 2.2
    assert steps["stable_exponentials"][1] == 1.0


def test_explain_divides_by_the_temperature(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "2", "-4", "--temperature", "2", "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)
    assert steps["exponentials"] == pytest.approx([math.e, math.exp(-2)], rel=1e-15)
    assert steps["shifted"] == [0.0, -3.0]
    assert steps["probabilities"][0] == pytest.approx(1 / (1 + math.exp(-3)), rel=1e-15)


@pytest.mark.parametrize("word", ["-1e3", "-1000", "-1.", "-.5", "-1E+2"])
def test_a_negative_number_is_a_logit_however_it_is_written(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", word, "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["logits"] == [float(word), 1.0]


def test_explain_shows_where_the_textbook_form_overflows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "1000", "999"]) == 0
    out = capsys.readouterr().out
    assert "inf / inf = nan" in out
    assert "overflow to inf" in out
    assert "73.11 %" in out


def test_json_has_null_for_what_overflows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "1000", "999", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shares"] == [None, None]


@pytest.mark.parametrize("logits", [["2", "-1.5"], ["-800", "3"], ["1e308", "-1e308"]])
def test_softmax_of_two_is_the_sigmoid_of_their_difference(
    logits: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *logits, "--compare", "sigmoid", "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)
    assert steps["sigmoid"]["sigmoid"] == pytest.approx(steps["probabilities"][0], rel=1e-14)


def test_compare_sigmoid_prints_both_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "0", "0", "--compare", "sigmoid"]) == 0
    out = capsys.readouterr().out
    assert "Softmax of two is the sigmoid of their difference, x1 - x2:" in out
    assert "difference 0, sigmoid 0.5, softmax 0.5" in out


def test_compare_prints_a_column_per_function_with_its_sum(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["sparsemax", "entmax15", "normmax", "hardmax", "sigmoid"]
    assert main(["explain", *FRUIT, "--labels", *LABELS, "--compare", *names]) == 0
    title, *table = blocks(capsys.readouterr().out)[2]
    assert title == "Side by side (0 without decimals: exactly 0; a dot: too little for a bar)"
    # By hand: entmax15 is (x / 2 - tau)**2 with tau = 0.75 - sqrt(0.755 / 3). For normmax the logits above tau have
    # squares that sum to 1: a**2 + (a + 0.7)**2 = 1, so that a is 0.26441.
    assert [line.split() for line in table] == [
        ["softmax", *names],
        ["apple", "0.2721", "0.1500", "0.2517", "0.2152", "0", "0.8176"],
        ["orange", "0.5479", "0.8500", "0.7253", "0.7848", "1.0000", "0.9002"],
        ["banana", "0.0450", "0", "0", "0", "0", "0.4256"],
        ["avocado", "0.1351", "0", "0.0230", "0", "0", "0.6900"],
        ["sum", "1.0000", "1.0000", "1.0000", "1.0000", "1.0000", "2.8334"],
    ]


def test_compare_draws_a_bar_per_function(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *FRUIT, "--labels", *LABELS, "--compare", "entmax15"]) == 0
    bars = {line.split()[0]: line.split()[1:] for line in blocks(capsys.readouterr().out)[3][1:]}
    assert bars["apple"] == ["#" * 11, "#" * 10]
    assert bars["orange"] == ["#" * 22, "#" * 29]
    assert bars["banana"] == ["#" * 2]
    assert bars["avocado"] == ["#" * 5, "#"]


def test_a_dot_marks_a_share_that_is_too_small_for_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "0", "-10", "--compare", "sparsemax"]) == 0
    assert blocks(capsys.readouterr().out)[3][2].split() == ["x2", "."]


def test_compare_says_what_each_function_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *FRUIT, "--compare", "sparsemax", "entmax15", "normmax", "hardmax", "sigmoid"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "sparsemax: the point nearest to the logits whose entries are not negative and sum to 1." in text
    assert "A logit 0.85 or more below the largest gets exactly 0; 2 of 4 have a share. entmax15: halfway" in text
    assert "A logit 1.703 or more below the largest gets exactly 0; 3 of 4 have a share. normmax: the shares" in text
    assert "A logit 0.9644 or more below the largest gets exactly 0; 2 of 4 have a share. hardmax: 1 for the" in text
    assert "sigmoid: 1 / (1 + exp(-logit)) of each alone" in text
    assert "the column need not sum to 1." in text
    assert "Softmax of two" not in text


@pytest.mark.parametrize("name", ["sparsemax", "entmax15", "normmax"])
@pytest.mark.parametrize("row", [[1.5, 2.2, -0.3, 0.8], [0.0, 0.0, -1.0], [3.0], [0.1, 0.2, 0.3, 0.4, 0.5]])
def test_shares_end_as_far_below_the_largest_logit_as_compare_says(name: str, row: list[float]) -> None:
    f = compare.FUNCTIONS[name]
    end = max(row) - compare.reach(name, f(np.asarray(row)).tolist())
    assert f(np.asarray([*row, end - 1e-6]))[-1] == 0
    assert f(np.asarray([*row, end + 1e-6]))[-1] > 0


def test_compare_as_json_has_the_values_of_the_library_and_their_sums(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["explain", *FRUIT, "--compare", "sparsemax", "entmax15", "normmax", "hardmax", "sigmoid", "--json"]) == 0
    )
    steps = json.loads(capsys.readouterr().out)
    x, shifted = np.asarray(steps["logits"]), np.asarray(steps["shifted"])
    assert steps["compare"] == {
        "sparsemax": sparsemax(shifted).tolist(),
        "entmax15": entmax(shifted).tolist(),
        "normmax": normmax(shifted).tolist(),
        "hardmax": [0.0, 1.0, 0.0, 0.0],
        "sigmoid": sigmoid(x).tolist(),
    }
    assert steps["compare_sums"] == {name: math.fsum(values) for name, values in steps["compare"].items()}
    assert [p == 0 for p in steps["compare"]["entmax15"]] == [False, False, True, False]
    assert "sigmoid" not in steps


def test_the_temperature_divides_the_logits_of_every_function(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["sparsemax", "sigmoid"]
    assert main(["explain", "1", "2", "-3", "--temperature", "2", "--compare", *names, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["compare"]
    assert found == {"sparsemax": [0.25, 0.75, 0.0], "sigmoid": sigmoid(np.asarray([0.5, 1.0, -1.5])).tolist()}
    assert main(["explain", "1", "2", "-3", "--temperature", "2", "--compare", *names]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "nearest to the logits / 2" in text
    assert "1.5 or more below the largest gets exactly 0; 2 of 3" in text
    assert "1 / (1 + exp(-logit / 2))" in text


def test_without_compare_there_is_nothing_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *FRUIT]) == 0
    assert len(blocks(capsys.readouterr().out)) == 2
    assert main(["explain", *FRUIT, "--json"]) == 0
    assert not {"compare", "compare_sums", "sigmoid"} & set(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize(
    "argv",
    [
        ["1", "2", "-3", "--compare", "sigmoid", "sparsemax"],
        ["--compare", "sigmoid", "sparsemax", "--", "1", "2", "-3"],
        ["1", "2", "-3", "--compare", "sigmoid", "sparsemax", "sigmoid"],
        ["1", "2", "-3", "--compare", "sigmoid", "--compare", "sparsemax"],
    ],
)
def test_names_come_after_the_logits_or_before_two_dashes_and_count_once(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *argv]) == 0
    assert blocks(capsys.readouterr().out)[2][1].split() == ["softmax", "sigmoid", "sparsemax"]


@pytest.mark.parametrize(
    ("logits", "temperature", "expected"),
    [
        (["1e308", "-1e308", "1e308"], "1", [0.5, 0.0, 0.5]),
        (["1e308", "1"], "1e-308", [1.0, 0.0]),
        (["1e-300", "2e-300"], "1e300", [0.5, 0.5]),
        (["5"], "1e308", [1.0]),
    ],
)
def test_compare_shares_of_huge_and_tiny_quotients_are_numbers(
    logits: list[str], temperature: str, expected: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--temperature", temperature, "--compare", *compare.FUNCTIONS, "--json"]
    assert main(["explain", *logits, *options]) == 0
    found = json.loads(capsys.readouterr().out)["compare"]
    assert found["sparsemax"] == expected
    assert None not in [p for values in found.values() for p in values]
    assert sum(found["hardmax"]) == 1


def test_hardmax_is_not_misled_by_a_temperature_that_makes_ties(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "1e-300", "2e-300", "--temperature", "1e300", "--compare", "hardmax", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["compare"]["hardmax"] == [0.0, 1.0]


def test_a_zero_of_softmax_is_said_to_be_rounded(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "1000", "0", "--compare", "sparsemax"]) == 0
    assert "exactly 0, in softmax by rounding; a dot" in capsys.readouterr().out
    assert main(["explain", "1000", "0", "-1000", "--compare", "sigmoid"]) == 0
    assert "exactly 0, in softmax and sigmoid by rounding; a dot" in capsys.readouterr().out


@pytest.mark.parametrize("logits", [FRUIT, ["3", "1", "0.5", "2", "2", "-1", "-2", "10", "0", "4"], ["0", "-800"]])
@pytest.mark.parametrize("options", [[], ["--temperature", "0.5"]])
def test_a_terminal_of_80_columns_is_wide_enough(
    logits: list[str], options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    labels = ["--labels", *LABELS] if logits is FRUIT else []
    assert main(["explain", *logits, *labels, *options, "--compare", *compare.FUNCTIONS]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["explain", "nan", "1"], "finite numbers, not nan"),
        (["explain", "1", "-inf"], "finite numbers, not -inf"),
        (["explain", "1", "apple"], "invalid float value: 'apple'"),
        (["explain"], "LOGIT"),
        (["explain", "1", "--temperature", "0"], "above 0, not 0"),
        (["explain", "1", "--temperature", "-1e3"], "above 0, not -1000"),
        (["explain", "1", "--temperature", "nan"], "above 0, not nan"),
        (["explain", "1", "2", "--labels", "a"], "2 logits need as many labels, not 1"),
        (["explain", "1", "2", "--compare", "tanh"], "unknown function 'tanh'; known are sparsemax, entmax15, normmax"),
        (["explain", "1", "--compare", "sparsemax", "softmax"], "unknown function 'softmax'"),
        (
            ["explain", "--compare", "sparsemax", "-1", "2"],
            "-1 is no function; write logits before --compare, or after --",
        ),
        (["explain", "1", "--compare"], "expected at least one argument"),
        (["check", "--backend", "nope"], "unknown library 'nope'"),
        (["check", "--device", "cpu"], "--device needs --backend"),
        (["check", "--backend", "numpy", "--device", "nope"], "numpy cannot be used here"),
        (["nope"], "invalid choice"),
        ([], "COMMAND"),
    ],
)
def test_bad_usage_is_one_line_on_stderr_and_exit_code_2(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("argv", [["explain", "1"], ["demo"], ["check"]])
def test_without_numpy_the_error_says_how_to_install_it(
    argv: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(libraries, "find_spec", lambda name: None)
    assert main(argv) == 2
    assert "pip install numpy" in capsys.readouterr().err


def test_info_names_every_library(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOFTMAX_XP_ENGINE", "generic")
    monkeypatch.setattr(libraries, "find_spec", lambda name: name == "numpy" or None)
    assert main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"softmax_xp {softmax_xp.__version__}" in lines
    assert f"numpy             {np.__version__}" in lines
    assert "torch             not installed" in lines
    assert "SOFTMAX_XP_ENGINE: generic" in lines


def test_info_as_json_has_null_for_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOFTMAX_XP_ENGINE", raising=False)
    monkeypatch.setattr(libraries, "find_spec", lambda name: name == "numpy" or None)
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["libraries"]["numpy"] == np.__version__
    assert facts["libraries"]["jax"] is None
    assert facts["SOFTMAX_XP_ENGINE"] is None
    assert "generic" in facts["engines"]


@pytest.mark.parametrize(("passed", "code"), [(True, 0), (False, 1)])
def test_check_exits_with_1_if_a_library_does_not_pass(
    passed: bool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = SimpleNamespace(passed=passed, as_dict=lambda: {"passed": passed, "worst": math.inf})
    monkeypatch.setattr(softmax_xp.testing, "check_backend", lambda xp, device, full: report)
    assert main(["check", "--backend", "numpy", "--json"]) == code
    expected = {"passed": passed, "reports": [{"passed": passed, "worst": None}]}
    assert json.loads(capsys.readouterr().out) == expected


def test_check_without_mpmath_is_bad_usage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(libraries, "find_spec", lambda name: name == "numpy" or None)
    assert main(["check", "--backend", "numpy"]) == 2
    assert "pip install mpmath" in capsys.readouterr().err


def test_a_library_that_is_not_installed_cannot_be_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(libraries, "find_spec", lambda name: name == "numpy" or None)
    assert main(["check", "--backend", "torch"]) == 2
    assert "torch is not installed" in capsys.readouterr().err


def test_demo_prints_its_three_parts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = libraries.find_spec
    tried = ("numpy", "torch", "jax", "dask", "array_api_strict")
    monkeypatch.setattr(libraries, "find_spec", lambda name: found(name) if name in tried else None)
    assert main(["demo"]) == 0
    out, err = capsys.readouterr()
    assert "softmax([1.5, 2.2, -0.3, 0.8]) = 27 %, 55 %, 4 %, 14 %" in out
    assert "softmax([0.7, 1.5, 4.8])       = 0.0157, 0.0350, 0.9493" in out
    for name in tried:
        if found(name):
            line = next(line for line in out.splitlines() if line.startswith(f"{name} "))
            assert line.split()[2:7] == ["0.100827", "96.80", "%", "94.86", "%"]
            # Either may have lost what the rounding of x - m costs.
            assert int(line.split()[7]) <= 32
    assert "cubed: not installed" in out
    table = [line.split("  ") for line in out.splitlines() if line.startswith(("softmax of", "log_softmax of"))]
    cells: list[list[str]] = [[cell.strip() for cell in row if cell.strip()] for row in table]
    number = 6 if found("jax") else 5
    assert [row[1] == row[3] for row in cells] == [True] * number
    assert [row[1] == row[2] for row in cells] == [False] * number
    assert err == ""


def test_a_library_that_fails_to_import_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(name: str) -> Any:
        if name == "cupy":
            raise ImportError("no driver\nand more")
        return np

    monkeypatch.setattr(libraries, "find_spec", lambda name: name in ("numpy", "cupy") or None)
    monkeypatch.setattr(libraries, "namespace", broken)
    digits.print_digits()
    assert "cupy: installed, but cannot be used here (ImportError: no driver)" in capsys.readouterr().out


def test_the_shipped_data_are_small_and_typed() -> None:
    logits, labels = digits.load("digits_logits"), digits.load("digits_labels")
    assert logits.shape == (719, 10)
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()
    assert set(labels.tolist()) == set(range(10))
    sizes = [len(files("softmax_xp").joinpath("data", f"digits_{n}.npy").read_bytes()) for n in ("logits", "labels")]
    assert sum(sizes) < 32_000


def test_ulp_distance_counts_float32_steps_across_zero() -> None:
    tiny = np.float32(1e-45)
    assert digits.ulp_distance(np.asarray([1.0, -tiny]), np.asarray([np.nextafter(np.float32(1), 2), tiny])) == 2


@pytest.mark.parametrize("argv", [["--version"], ["--help"], ["explain", "--help"]])
def test_help_and_version_exit_with_0(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 0
    assert "softmax" in capsys.readouterr().out


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "softmax_xp", "explain", "nan"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
