"""The benchmark: what takes part, how it is timed, what is printed. Times are asserted for a made-up clock only."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from softmax_xp.cli import libraries, main
from softmax_xp.cli.benchmarks import cases, collect, contestants, machine, memory, report, threads, timing
from softmax_xp.cli.benchmarks.cases import Case
from softmax_xp.cli.benchmarks.contestants import Contestant, Prepared

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
TINY = ["--seconds", "1e-9", "--libraries", "numpy"]
CASE = Case("softmax", "float32", (2, 3), 1)
PEERS = ["numpy textbook", "copy", "copy, reused"]


class Clock:
    """A clock that moves only when a call is made, and a log of the calls."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log: list[str] = []

    def __call__(self) -> float:
        return self.now

    def prepared(self, name: str, seconds: Callable[[int], float]) -> Prepared:
        """Return a call that takes as long as ``seconds`` says for how many times it was made before."""
        times = iter(range(10**9))

        def call() -> None:
            self.now += seconds(next(times))
            self.log.append(name)

        return Prepared(call)


@pytest.fixture
def numpy_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "find_spec", lambda name: find_spec(name) if name == "numpy" else None)


@pytest.fixture
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "SAMPLE", 1e-6)


# Timing.


def test_every_round_has_each_contestant_once_in_changing_order() -> None:
    clock = Clock()
    names = ["a", "b", "c", "d"]
    timing.measure({n: clock.prepared(n, lambda _: 1.0) for n in names}, 10.0, clock=clock)
    warm = 2 * len(names)
    rounds = [clock.log[i : i + 4] for i in range(warm, len(clock.log), 4)]
    assert len(rounds) == 10
    assert all(sorted(r) == names for r in rounds)
    assert len({tuple(r) for r in rounds}) > 1
    assert clock.log[:warm] == ["a", "a", "b", "b", "c", "c", "d", "d"]


def test_there_are_five_rounds_even_if_the_time_is_up_and_not_too_many() -> None:
    for seconds, rounds in ((1e-9, 5), (1e9, 200)):
        clock = Clock()
        times = timing.measure({"a": clock.prepared("a", lambda _: 1.0)}, seconds, clock=clock)
        assert len(times.samples["a"]) == rounds


def test_calls_are_repeated_until_a_sample_lasts_a_millisecond() -> None:
    clock = Clock()
    times = timing.measure({"a": clock.prepared("a", lambda _: 1e-5)}, 1e-9, clock=clock)
    assert times.samples["a"] == pytest.approx([1e-5] * 5)
    # Warming up, then in each round one call to fill the caches and at least 100 that are timed.
    assert len(clock.log) >= 5 * 101


def test_the_first_call_is_not_timed() -> None:
    clock = Clock()
    times = timing.measure({"a": clock.prepared("a", lambda k: 100.0 if k == 0 else 1.0)}, 1e-9, clock=clock)
    assert times.samples["a"] == [1.0] * 5


def test_a_call_is_made_in_its_context() -> None:
    inside: list[str] = []

    class Context:
        def __enter__(self) -> None:
            inside.append("in")

        def __exit__(self, *error: object) -> None:
            inside.pop()

    clock = Clock()

    def call() -> None:
        assert inside == ["in"]
        clock.now += 1.0

    times = timing.measure({"a": Prepared(call, Context)}, 1e-9, clock=clock)
    assert times.errors == {}
    assert inside == []


def test_the_median_is_shown_with_its_quartiles() -> None:
    assert timing.summary([4.0, 1.0, 2.0, 3.0, 100.0]) == (3.0, (2.0, 4.0))
    assert timing.summary([2.0]) == (2.0, (2.0, 2.0))


def test_a_ratio_is_the_median_of_the_ratios_within_rounds() -> None:
    # The medians are 2 and 2; but what slowed both down in the last rounds has no influence here.
    assert timing.times_as_fast([1.0, 2.0, 10.0], [3.0, 2.0, 30.0]) == 3.0


def test_results_have_medians_and_ratios_from_the_clock() -> None:
    clock = Clock()
    drift = [1.0, 1.0, 1.0, 2.0, 4.0, 2.0, 1.0]

    def of(name: str, factor: float, *rivals: str) -> Contestant:
        made = clock.prepared(name, lambda k: factor * drift[min(k, 6)])._replace(engine="fast")
        return Contestant(name, ("numpy",), lambda case, data, n: made, rivals)

    plan = collect.Plan([CASE], [of("softmax_xp", 1.0, "copy"), of("scipy", 3.0), of("copy", 0.5)], "one", 1e-9)
    found = collect.measure_case(CASE, plan, 1, clock)
    assert found["reference"] == "scipy"
    own, scipy, copy = found["results"]
    assert own["median_s"] == 2.0
    assert own["quartiles_s"] == [1.0, 2.0]
    assert own["rounds"] == 5
    assert own["engine"] == "fast"
    assert own["ns_per_element"] == pytest.approx(2e9 / 6, rel=1e-3)
    assert own["times_as_fast_as"] == {"scipy": 3.0, "copy": 0.5}
    assert scipy["times_as_fast_as"] == {"scipy": 1.0}
    assert copy["times_as_fast_as"] == {"scipy": 6.0}


@pytest.mark.parametrize("when", [-1, 0, 4])
def test_who_raises_is_reported_and_the_others_go_on(when: int) -> None:
    clock = Clock()

    def seconds(k: int) -> float:
        if k == when:
            raise RuntimeError("no\nmore")
        return 1.0

    def bad(case: Case, data: Any, n: int) -> Prepared:
        if when < 0:
            raise RuntimeError("no")
        return clock.prepared("bad", seconds)

    good = Contestant("good", ("numpy",), lambda case, data, n: clock.prepared("good", lambda _: 1.0))
    plan = collect.Plan([CASE], [Contestant("bad", ("numpy",), bad), good], "one", 1e-9)
    found = collect.measure_case(CASE, plan, 1, clock)
    failed, measured = found["results"]
    assert failed == {"contestant": "bad", "error": "RuntimeError: no"}
    assert measured["rounds"] == 5
    assert report.time_rows(found)[0] == ["softmax float32 2x3", "bad", "failed", "", "", ""]
    assert report.failures({"cases": [found, found]}) == [
        "failed: bad (2 times), first in softmax float32 2x3: RuntimeError: no"
    ]


# Contestants.


SAME = [
    *(Case(op, "float32", *place) for op in cases.OPS for place in (((5,), 0), ((3, 4), 0), ((2, 3, 4), 1))),
    *(Case(op, dtype, (3, 4), 1) for op in cases.OPS for dtype in cases.DTYPES),
    *(Case(op, "float32", (3, 4), axis, backward=True) for op in cases.OPS for axis in (0, 1)),
]


@pytest.mark.parametrize("case", SAME, ids=lambda case: case.title)
def test_all_that_are_installed_compute_the_same(case: Case) -> None:
    data = cases.inputs(case)
    # The logits themselves are rounded to bfloat16, which has 8 bits.
    tolerance = {"float64": 1e-12, "float32": 1e-5, "float16": 1e-2, "bfloat16": 5e-2}[case.dtype]
    for c in contestants.find():
        p = None if c.name.startswith("copy") else c.prepare(case, data, 1)
        if p is None:
            continue
        with p.context():
            result = p.call()
        if isinstance(result, (tuple, list)):
            result = result[-1]
        found = np.asarray(result.detach().to(float) if hasattr(result, "detach") else result, dtype=np.float64)
        np.testing.assert_allclose(found, expected(case, data), rtol=tolerance, atol=tolerance, err_msg=c.name)


def expected(case: Case, data: cases.Inputs) -> Any:
    """Return the result in float64, or the gradient of the logits."""
    x, axis = data.x.astype(np.float64), case.axis
    p = np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)
    picked = np.expand_dims(data.labels, axis)
    if not case.backward:
        return {
            "softmax": lambda: p,
            "log_softmax": lambda: np.log(p),
            "logsumexp": lambda: np.log(np.exp(x).sum(axis=axis)),
            "cross_entropy": lambda: -np.take_along_axis(np.log(p), picked, axis).mean(),
        }[case.op]()
    if case.op == "cross_entropy":
        return (p - (np.arange(x.shape[axis]).reshape([-1 if a == axis else 1 for a in range(x.ndim)]) == picked)) / (
            x.size / x.shape[axis]
        )
    g = data.g.astype(np.float64)
    if case.op == "logsumexp":
        return p * np.expand_dims(g, axis)
    if case.op == "softmax":
        return p * (g - (p * g).sum(axis=axis, keepdims=True))
    return g - p * g.sum(axis=axis, keepdims=True)


def test_contestants_have_different_names_and_rivals_that_exist() -> None:
    names = [c.name for c in contestants.find(compiling=True)]
    assert len(names) == len(set(names))
    known = {*names, "scipy", "torch", "torch.compile", "onnxruntime"}
    assert {r for c in contestants.find() for r in c.rivals} <= known


def test_preparing_for_jax_leaves_its_precision_as_it_was() -> None:
    jax = pytest.importorskip("jax")
    before = jax.config.jax_enable_x64
    case = Case("softmax", "float64", (2, 3), 1)
    for c in contestants.find(["jax"]):
        if c.needs != ("jax",):
            continue
        p = c.prepare(case, cases.inputs(case), 1)
        assert p is not None
        with p.context():
            assert str(p.call().dtype) == "float64"
        assert jax.config.jax_enable_x64 == before


def test_the_full_set_has_each_shape_once_and_float16_is_kept_small() -> None:
    assert len(set(cases.FULL)) == len(cases.FULL) == 13
    assert set(cases.QUICK) <= set(cases.FULL)
    chosen = cases.chosen(cases.FULL, None, None, backward=False)
    assert len(chosen) == 4 * 4 * 13
    assert {case.shape for case in chosen if not cases.is_in_sets(case)} == {
        shape for shape, _ in cases.FULL if np.prod(shape) > 1 << 20
    }


# Threads and the machine.


def test_busy_processes_run_inside_the_block_and_end_with_it() -> None:
    helpers = []

    def fail() -> None:
        with threads.busy(2) as started:
            helpers.extend(started)
            assert [helper.poll() for helper in helpers] == [None, None]
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert len(helpers) == 2
    assert all(helper.returncode is not None for helper in helpers)


def test_a_busy_process_ends_with_its_parent() -> None:
    code = "import os; from softmax_xp.cli.benchmarks import threads\nwith threads.busy(1): os._exit(7)"
    # The helper holds the same pipe for its errors: `run` returns when both have ended.
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (7, "")


@pytest.mark.parametrize("mode", threads.MODES)
def test_the_threads_of_torch_are_set_and_given_back(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(threads, "usable_cores", lambda: 2)
    before = torch.get_num_threads()
    with threads.setting(mode) as n:
        assert torch.get_num_threads() == n == (1 if mode == "one" else 2)
    assert torch.get_num_threads() == before


def test_the_machine_is_described_without_its_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "none")
    monkeypatch.setattr(machine, "CACHES", tmp_path / "none")
    facts = machine.describe()
    assert facts["cpu"]
    assert facts["caches"] == {}
    assert facts["cores"] >= 1


# The command.


@pytest.mark.usefixtures("numpy_only", "few_rounds")
def test_the_table_has_each_contestant_once_per_case(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--shape", "2x3", "4", "--op", "softmax", "logsumexp", *TINY]) == 0
    out, err = capsys.readouterr()
    assert err.splitlines()[-1] == "[4/4] logsumexp float32 4"
    assert "not installed: " in out
    assert "median  spread  times as fast as numpy textbook  ns per element" in out
    for name in PEERS:
        assert sum(f"  {name}  " in line for line in out.splitlines()) == 4
    for title in ("softmax float32 2x3", "softmax float32 4", "logsumexp float32 2x3", "logsumexp float32 4"):
        assert sum(line.startswith(f"{title}  ") for line in out.splitlines()) == 1


@pytest.mark.usefixtures("numpy_only", "few_rounds")
def test_json_has_the_documented_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--shape", "4x3x2", "--axis", "-2", "--dtype", "float64", *TINY, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"softmax_xp", "date", "machine", "libraries", "engines", "threads", "thread_count"} <= set(found)
    assert found["libraries"]["scipy"] is None
    assert found["libraries"]["numpy"] == np.__version__
    assert [case["op"] for case in found["cases"]] == list(cases.OPS)
    for case in found["cases"]:
        assert (case["dtype"], case["shape"], case["axis"], case["backward"]) == ("float64", [4, 3, 2], 1, False)
        assert case["reference"] == "numpy textbook"
        names = [r["contestant"] for r in case["results"]]
        assert names[0] == "softmax_xp"
        assert [n for n in names if not n.startswith("softmax_xp")] == PEERS
        for result in case["results"]:
            assert result["quartiles_s"][0] <= result["median_s"] <= result["quartiles_s"][1]
            assert result["rounds"] >= 5
            assert set(result["times_as_fast_as"]) >= {"numpy textbook"}
        engines = [r["engine"] for r in case["results"] if r["engine"]]
        assert len(engines) == len(set(engines))
        assert set(engines) <= set(found["engines"])


@pytest.mark.usefixtures("numpy_only")
def test_memory_is_traced_on_numpy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--shape", "64x1000", "--op", "softmax", "--memory", *TINY, "--json"]) == 0
    (case,) = json.loads(capsys.readouterr().out)["cases"]
    peaks = {r["contestant"]: r["peak_by_logits"] for r in case["results"]}
    assert peaks["numpy textbook"] == pytest.approx(2.0, abs=0.2)
    assert peaks["copy"] == pytest.approx(1.0, abs=0.05)
    assert peaks["copy, reused"] == pytest.approx(0.0, abs=0.05)
    assert main(["bench", "--shape", "64x1000", "--op", "softmax", "--memory", *TINY]) == 0
    assert "times the logits" in capsys.readouterr().out


def test_resident_memory_is_that_of_a_large_result() -> None:
    n = memory.SMALLEST
    found = memory.peak(Prepared(lambda: np.ones(n, dtype=np.uint8), memory="resident"), n)
    if found is None:
        pytest.skip("the system does not tell how much memory was resident")
    assert found == pytest.approx(n, rel=0.1)
    assert memory.peak(Prepared(lambda: None, memory="resident"), n - 1) is None
    assert memory.peak(Prepared(lambda: None), n) is None


@pytest.mark.usefixtures("numpy_only")
@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--op", "sigmoid"], "invalid choice: 'sigmoid'"),
        (["--dtype", "int8"], "invalid choice: 'int8'"),
        (["--shape", "3x"], "a shape is written as 64x1000, not '3x'"),
        (["--shape", "0x3"], "not '0x3'"),
        (["--axis", "0"], "--axis needs --shape"),
        (["--shape", "2x3", "--axis", "2"], "--axis 2 is out of range for 2x3"),
        (["--shape", "2x3", "--axis", "-3"], "--axis -3 is out of range"),
        (["--threads", "many"], "invalid choice: 'many'"),
        (["--seconds", "0"], "above 0, not 0"),
        (["--seconds", "nan"], "not nan"),
        (["--libraries", "fortran"], "unknown library 'fortran'"),
        (["--quick", "--full"], "not allowed with"),
    ],
)
def test_bad_usage_is_one_line_on_stderr_and_exit_code_2(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *argv]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.usefixtures("numpy_only")
def test_cases_that_nobody_takes_are_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--shape", "2x3", "--op", "softmax", "--backward", *TINY]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "none takes part in these cases" in err


def test_without_numpy_the_error_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(libraries, "find_spec", lambda name: None)
    assert main(["bench"]) == 2
    assert "pip install numpy" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("t", "text"), [(0.25, "250 ms"), (2.0, "2 s"), (1.234e-6, "1.23 µs"), (999e-9, "999 ns"), (123.4e-6, "123 µs")]
)
def test_times_have_three_digits_and_a_unit(t: float, text: str) -> None:
    assert report.seconds(t) == text


# The scripts.


@pytest.fixture
def script() -> Callable[[str], ModuleType]:
    if not BENCHMARKS.exists():
        pytest.skip("the benchmarks are in the repository only")
    return load


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def phase(*, engine: str = "cpu_kernels", scipy: float = 4.0) -> dict[str, Any]:
    """Return made-up results of two cases."""
    results = [
        {"contestant": "softmax_xp", "engine": engine, "median_s": 1e-6, "times_as_fast_as": {"scipy": scipy}},
        {
            "contestant": "softmax_xp (numpy_inplace)",
            "engine": "numpy_inplace",
            "median_s": 2e-6,
            "times_as_fast_as": {"scipy": 0.9},
        },
        {"contestant": "scipy", "engine": None, "median_s": 4e-6, "times_as_fast_as": {"scipy": 1.0}},
        {"contestant": "torch", "error": "RuntimeError: no"},
    ]
    facts = {"cpu": "a processor", "cores": 2, "caches": {"L1": "32K"}, "load": 0.0, "system": "S", "python": "3"}
    case = {"op": "softmax", "dtype": "float32", "axis": 1, "backward": False, "reference": "scipy"}
    return {
        "softmax_xp": "0",
        "date": "2000-01-01",
        "machine": facts,
        "libraries": {"numpy": "2", "jax": None},
        "engines": ["cpu_kernels", "numpy_inplace", "generic"],
        "threads": "one",
        "thread_count": 1,
        "cases": [{**case, "shape": shape, "results": results} for shape in ([1, 10], [64, 1000])],
    }


def test_a_figure_is_reached_if_every_case_reaches_it(script: Callable[[str], ModuleType]) -> None:
    run = script("run")
    found = {tuple(line[:2]): line[2:] for line in (run.check(f, {"one": phase()}) for f in run.figures())}
    assert found["kernels: times as fast as SciPy", "one"] == ["≥ 3.4", "reached", "2 of 2", "4 (softmax float32 1x10)"]
    assert found["kernels: times as fast as SciPy", "all"] == ["≥ 3.4", "not measured", "", ""]
    assert found["NumPy without kernels: times as fast as SciPy", "one"][1:3] == ["**not reached**", "0 of 2"]
    assert found["kernels: µs for 10 elements", "one"] == ["≤ 2", "reached", "1 of 1", "1 (softmax float32 1x10)"]
    assert found["kernels: times as fast as torch", "one"][1] == "not measured"
    slow = {f.claim: run.check(f, {"one": phase(scipy=3.0)}) for f in run.figures() if f.phase == "one"}
    assert slow["kernels: times as fast as SciPy"][3:5] == ["**not reached**", "0 of 2"]


def test_the_page_has_a_table_for_each_function_and_the_json_a_line_for_each_case(
    script: Callable[[str], ModuleType],
) -> None:
    run = script("run")
    page = run.page({"one": phase()})
    assert "#### softmax, float32" in page
    assert "| 1x10 | 1 µs (4×) | 2 µs (0.9×) | 4 µs | failed |" in page
    assert "- a processor, usable cores: 2; L1 32K; load 0.00 before the run" in page
    text = run.compact({"one": phase()})
    assert [case["shape"] for case in json.loads(text)["one"]["cases"]] == [[1, 10], [64, 1000]]
    assert len(text.splitlines()) == 4


def test_the_phases_are_commands_that_parse(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[collect.Plan] = []

    def run(plan: collect.Plan, tell: Any) -> dict[str, Any]:
        plans.append(plan)
        return {"cases": [{}]}

    monkeypatch.setattr(collect, "run", run)
    for argv in script("run").PHASES.values():
        assert main(["bench", *argv, "--json"]) == 0
    assert all(plan.cases for plan in plans)
    assert max(case.size for plan in plans for case in plan.cases if case.dtype == "float16") <= 1 << 20


def test_the_picture_has_every_case(script: Callable[[str], ModuleType], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    cases = [{**case, "op": op} for op in ("softmax", "logsumexp") for case in phase()["cases"]]
    figure = script("plot").draw(cases)
    figure.savefig(tmp_path / "picture.svg")
    assert (tmp_path / "picture.svg").stat().st_size > 1000
    assert [a.get_title() for a in figure.axes] == ["softmax", "log_softmax", "logsumexp", "cross_entropy"]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["1×10", "64×1 000"]
