"""Which engine executes a call: selection, scope, and what is said about it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextvars import copy_context
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import softmax_xp
from softmax_xp import _engines, logsums, normalizers, softmax, use_engine, which_engine
from softmax_xp._engines import generic

X = np.asarray([1.0, 2.0, 4.0])


class Fake:
    """An engine that records what it was asked and answers zeros."""

    def __init__(self, name: str, reason: str | None) -> None:
        self.reason = reason
        self.asked: list[str] = []
        self.calls: list[dict[str, Any]] = []
        self.module: Any = ModuleType(f"softmax_xp._engines.{name}")
        self.module.supports = self.supports
        self.module.softmax = self.softmax

    def supports(self, name: str, x: Any, xp: Any, options: dict[str, Any]) -> str | None:
        self.asked.append(name)
        return self.reason if name == "softmax" else "softmax only"

    def softmax(self, x: Any, *, xp: Any, **options: Any) -> Any:
        self.calls.append(options)
        return xp.zeros_like(x)


def register(monkeypatch: pytest.MonkeyPatch, **reasons: str | None) -> list[Fake]:
    engines = [Fake(name, reason) for name, reason in reasons.items()]
    for engine in engines:
        monkeypatch.setitem(sys.modules, engine.module.__name__, engine.module)
    monkeypatch.setattr(_engines, "ENGINES", tuple(reasons))
    return engines


def expected_error(*engines: str) -> str:
    return "; use one of " + ", ".join(map(repr, ("auto", "generic", *engines)))


@pytest.mark.parametrize("name", ["fast", "", "Generic", "GENERIC", None, 1])
def test_unknown_engine(name: Any) -> None:
    with pytest.raises(ValueError, match=r"^there is no ") as caught, use_engine(name):
        pass
    assert str(caught.value) == f"there is no engine {name!r}" + expected_error(*_engines.ENGINES)


def test_unknown_engine_names_registered_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, fake=None)
    with pytest.raises(ValueError, match=r"^there is no ") as caught, use_engine("fast"):
        pass
    assert str(caught.value) == "there is no engine 'fast'; use one of 'auto', 'generic', 'fake'"


@pytest.mark.parametrize("name", ["softplus", "use_engine", "", "__all__"])
def test_unknown_function(name: str) -> None:
    with pytest.raises(ValueError, match=r"^there is no ") as caught:
        which_engine(name, X)
    assert (
        str(caught.value)
        == f"there is no function {name!r}; use one of {', '.join((*normalizers.__all__, *logsums.__all__))}"
    )


def arguments(name: str) -> tuple[Any, ...]:
    return {"one_hot": (np.asarray([0, 2]), 3), "logsubexp": (X, X)}.get(name, (X,))


@pytest.mark.parametrize("name", [*normalizers.__all__, *logsums.__all__])
def test_every_function_asks_for_an_engine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_engines, "ENGINES", ())
    monkeypatch.setattr(generic, "call", lambda *a, **k: pytest.fail("computed"))
    assert which_engine(name, *arguments(name)) == "generic"


def test_generic_is_the_engine_of_every_library(backend: Any) -> None:
    x = backend.array([1.0, 2.0], backend.dtypes[0])
    with use_engine("generic"):
        assert which_engine("softmax", x).startswith("generic")
        assert softmax(x).shape == (2,)


@pytest.mark.parametrize(
    ("name", "options"),
    [("softmax", {"axis": 5}), ("logsumexp", {"where": np.ones(7, bool)}), ("hardmax", {"axis": True})],
)
def test_which_engine_raises_what_the_call_raises(name: str, options: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)) as expected:
        getattr(softmax_xp, name)(X, **options)
    with pytest.raises(type(expected.value)) as caught:
        which_engine(name, X, **options)
    assert str(caught.value) == str(expected.value)
    assert softmax(X).sum() == pytest.approx(1), "the question must not outlive its error"


def test_fake_engine_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    (fake,) = register(monkeypatch, fake=None)
    assert which_engine("softmax", X) == "fake"
    assert fake.calls == [], "which_engine computes nothing"
    assert softmax(X, axis=0, temperature=2).tolist() == [0, 0, 0]
    (options,) = fake.calls
    assert options == {"axis": (0,), "where": None, "temperature": 2.0, "sink": None}
    with use_engine("fake"):
        assert which_engine("softmax", X) == "fake"
        assert softmax(X).tolist() == [0, 0, 0]
    with use_engine("generic"):
        assert which_engine("softmax", X) == "generic (fake: generic is selected)"
        assert softmax(X).sum() == pytest.approx(1)


def test_fake_engine_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    (fake,) = register(monkeypatch, fake="rows are too short")
    for name in ("auto", "fake"):
        with use_engine(name):
            assert which_engine("softmax", X) == "generic (fake: rows are too short)"
            assert softmax(X).sum() == pytest.approx(1)
    assert fake.calls == []


def test_an_engine_is_asked_about_each_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    (fake,) = register(monkeypatch, fake=None)
    assert which_engine("log_softmax", X) == "generic (fake: softmax only)"
    assert which_engine("logsumexp", X) == "generic (fake: softmax only)"
    assert which_engine("softmin", X) == "fake"
    assert fake.asked == ["log_softmax", "logsumexp", "softmax"]


def test_fastest_engine_first(monkeypatch: pytest.MonkeyPatch) -> None:
    fast, slow = register(monkeypatch, fast=None, slow=None)
    assert which_engine("softmax", X) == "fast"
    assert slow.asked == []
    fast.reason = "no"
    assert which_engine("softmax", X) == "slow (fast: no)"
    slow.reason = "neither"
    assert which_engine("softmax", X) == "generic (fast: no; slow: neither)"
    fast.reason = slow.reason = None
    with use_engine("slow"):
        assert which_engine("softmax", X) == "slow (fast: slow is selected)"
    with use_engine("fast"):
        slow.asked.clear()
        assert which_engine("softmax", X) == "fast"
        assert slow.asked == []


def test_bad_input_never_reaches_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    (fake,) = register(monkeypatch, fake=None)
    with pytest.raises(IndexError):
        softmax(X, axis=5)
    assert fake.asked == []


def test_selection_nests_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, fake=None)
    before = _engines.selected.get()
    with use_engine("generic"):
        with use_engine("fake"):
            assert which_engine("softmax", X) == "fake"
            with use_engine("auto"):
                assert which_engine("softmax", X) == "fake"
        assert which_engine("softmax", X).startswith("generic")
    assert _engines.selected.get() == before


def test_selection_ends_with_an_exception() -> None:
    before = _engines.selected.get()
    with pytest.raises(KeyError), use_engine("generic"):
        raise KeyError
    assert _engines.selected.get() == before
    with pytest.raises(ValueError, match="there is no engine"), use_engine("none"):
        pass
    assert _engines.selected.get() == before


def test_selection_works_as_decorator() -> None:
    @use_engine("generic")
    def selected() -> str:
        return _engines.selected.get()

    before = _engines.selected.get()
    assert [selected(), selected()] == ["generic", "generic"]
    assert _engines.selected.get() == before


def test_selection_holds_for_its_own_thread_only(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, fake=None)
    seen: dict[str, str] = {}
    selected, finish = threading.Event(), threading.Event()

    def select() -> None:
        with use_engine("generic"):
            selected.set()
            finish.wait(20)
            seen["generic"] = which_engine("softmax", X)

    def inherit() -> None:
        seen["new"] = which_engine("softmax", X)

    threads = [threading.Thread(target=select), threading.Thread(target=inherit)]
    threads[0].start()
    assert selected.wait(20)
    seen["main"] = which_engine("softmax", X)
    with use_engine("fake"):
        threads[1].start()
        threads[1].join(20)
    finish.set()
    threads[0].join(20)
    assert seen == {"main": "fake", "new": "fake", "generic": "generic (fake: generic is selected)"}


def test_selection_is_part_of_the_context() -> None:
    with use_engine("generic"):
        context = copy_context()
    assert context.run(_engines.selected.get) == "generic"


def test_a_question_in_one_thread_does_not_stop_another(monkeypatch: pytest.MonkeyPatch) -> None:
    (fake,) = register(monkeypatch, fake="no")
    seen: list[float] = []

    def supports(*args: Any) -> str:
        monkeypatch.setattr(fake.module, "supports", lambda *a: "no")
        thread = threading.Thread(target=lambda: seen.append(float(softmax(X).sum())))
        thread.start()
        thread.join(20)
        return "asked"

    monkeypatch.setattr(fake.module, "supports", supports)
    assert which_engine("softmax", X) == "generic (fake: asked)"
    assert seen == [pytest.approx(1)]


def test_torch_compile_takes_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    register(monkeypatch, fake=None)
    with use_engine("fake"):
        x = torch.asarray([0.0, 0.0])
        assert softmax(x).tolist() == [0, 0]
        assert torch.compile(softmax, backend="eager", fullgraph=True)(x).tolist() == [0.5, 0.5]


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)


ASK = "import numpy, softmax_xp; print(softmax_xp._engines.selected.get())"


@pytest.mark.parametrize("name", ["auto", "generic"])
def test_environment_variable(name: str) -> None:
    done = python(ASK, SOFTMAX_XP_ENGINE=name)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, name, "")


def test_environment_variable_holds_in_threads() -> None:
    code = f"import threading\ndef f():\n    {ASK}\nt = threading.Thread(target=f); t.start(); t.join()"
    assert python(code, SOFTMAX_XP_ENGINE="generic").stdout.strip() == "generic"


def test_environment_variable_with_a_wrong_name() -> None:
    done = python(ASK, SOFTMAX_XP_ENGINE="fast")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == (
        "ValueError: there is no engine 'fast'" + expected_error(*_engines.ENGINES)
    )


def test_use_engine_wins_over_the_environment_variable() -> None:
    code = "import softmax_xp as s\nwith s.use_engine('auto'): print(s._engines.selected.get())"
    assert python(code, SOFTMAX_XP_ENGINE="generic").stdout.strip() == "auto"
