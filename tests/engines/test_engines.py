"""Which engine executes a call: selection, scope, and what is said about it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import numpy as np
import pytest

import softmax_xp
from softmax_xp import (
    _engines,
    activations,
    derivatives,
    logsums,
    losses,
    normalizers,
    sampling,
    softmax,
    sparse,
    use_engine,
    which_engine,
)
from softmax_xp import engines as public
from softmax_xp._engines import selected, ways

from ..plans import forget

pytestmark = [pytest.mark.slow, pytest.mark.every_backend]

X = np.asarray([1.0, 2.0, 4.0])
ROWS = np.asarray([[0.5, -1.0, 3.0], [2.0, 2.0, 0.0]])
PROBS = np.asarray([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])
LABELS = np.asarray([2, 0])
PUBLIC = (*normalizers.__all__, *logsums.__all__, *losses.__all__, *derivatives.__all__)
KNOWN = (*PUBLIC, *sparse.__all__, *sampling.__all__, *activations.__all__)


class Fake:
    """An engine for softmax, or why not, that records what it was asked and answers zeros."""

    def __init__(self, reason: str | None) -> None:
        self.reason = reason
        self.asked: list[str] = []
        self.calls: list[dict[str, Any]] = []

    def prepare(self, formula: Any, arrays: Any, options: dict[str, Any]) -> Any:
        self.asked.append(formula.__name__)
        if formula.__name__ != "softmax":
            return "softmax only"
        return self.softmax if self.reason is None else self.reason

    def softmax(self, arrays: Any, options: dict[str, Any]) -> Any:
        self.calls.append({name: v for name, v in options.items() if name != "xp"})
        return options["xp"].zeros_like(arrays[0])


@pytest.fixture(autouse=True)
def _no_plans() -> Iterator[None]:
    """Let no plan outlive the engines that it was made for."""
    forget()
    yield
    forget()


def register(monkeypatch: pytest.MonkeyPatch, **reasons: str | None) -> list[Fake]:
    engines = [Fake(reason) for reason in reasons.values()]
    replace(monkeypatch, dict(zip(reasons, engines, strict=True)))
    return engines


def replace(monkeypatch: pytest.MonkeyPatch, modules: dict[str, Any]) -> None:
    """Let these engines, for NumPy and torch, be all there are."""
    records = {name: _engines.Engine(("numpy", "torch"), name) for name in modules}
    monkeypatch.setattr(_engines, "ENGINES", records)
    monkeypatch.setattr(public, "ENGINES", records)
    monkeypatch.setattr(_engines, "load", modules.__getitem__)
    forget()


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


@pytest.mark.parametrize("name", ["soft_plus", "use_engine", "", "__all__"])
def test_unknown_function(name: str) -> None:
    with pytest.raises(ValueError, match=r"^there is no ") as caught:
        which_engine(name, X)
    assert str(caught.value) == f"there is no function {name!r}; use one of {', '.join(KNOWN)}"


def arguments(name: str) -> tuple[Any, ...]:
    if name in losses.__all__:
        return {
            "balanced_class_weights": (LABELS, 3),
            "logit_adjustment": (ROWS, np.asarray([1, 2, 3])),
            "partial_label_cross_entropy": (ROWS, PROBS > 0),
            "binary_cross_entropy_with_logits": (ROWS, PROBS),
            "binary_focal_loss": (ROWS, PROBS),
            "kl_divergence": (PROBS, PROBS[::-1].copy()),
            "js_divergence": (PROBS, PROBS[::-1].copy()),
        }.get(name, (ROWS, LABELS))
    if name in derivatives.__all__:
        return {
            "softmax_hvp": (PROBS, ROWS, ROWS),
            "softmax_jacobian": (PROBS,),
            "logsumexp_vjp": (ROWS, np.asarray(1.0)),
            "cross_entropy_and_grad": (ROWS, LABELS),
        }.get(name, (PROBS, ROWS))
    return {"one_hot": (np.asarray([0, 2]), 3), "logsubexp": (X, X)}.get(name, (X,))


def function(name: str) -> Any:
    modules = (normalizers, logsums, losses, derivatives)
    return next(getattr(m, name) for m in modules if name in m.__all__)


def results(y: Any) -> tuple[Any, ...]:
    return y if isinstance(y, tuple) else (y,)


@pytest.mark.parametrize("name", PUBLIC)
def test_generic_gives_the_same_bits_as_auto_without_engines(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = tuple(abs(a) if name == "log1mexp" else a for a in arguments(name))
    replace(monkeypatch, {})
    expected = results(function(name)(*given))
    EveryFormula.register(monkeypatch, every=None)
    with use_engine("generic"):
        found = results(function(name)(*given))
    for got, want in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got, want, strict=True)


class EveryFormula:
    """An engine for some formulas, for which functions stand; it records what it computes."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.calls: list[str] = []
        self.answers = answers

    @classmethod
    def register(cls, monkeypatch: pytest.MonkeyPatch, **answers: Any) -> EveryFormula:
        engine = cls(answers)
        replace(monkeypatch, {"toy": engine})
        return engine

    def prepare(self, formula: Any, arrays: Any, options: dict[str, Any]) -> Any:
        name = formula.__name__
        if name not in self.answers:
            return f"no {name}"

        def way(arrays: Any, options: dict[str, Any]) -> Any:
            self.calls.append(name)
            return self.answers[name](*arrays, **options)

        return way


def two_and_one(x: Any, *, axis: tuple[int, ...], xp: Any, **options: Any) -> tuple[Any, Any]:
    """Return a loss of 2 and a weight of 1 per row."""
    ones = np.ones(tuple(1 if a in axis else n for a, n in enumerate(x.shape)))
    return 2 * ones, ones


@pytest.mark.parametrize(
    ("reduction", "expected"), [("mean", 2.0), ("sum", 4.0), ("none", [2.0, 2.0])], ids=["mean", "sum", "none"]
)
def test_cross_entropy_reduces_what_an_engine_gives_for_its_rows(
    reduction: str, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = EveryFormula.register(monkeypatch, class_losses=two_and_one)
    assert which_engine("cross_entropy", ROWS, LABELS, reduction=reduction) == "toy"
    toy.calls.clear()
    assert losses.cross_entropy(ROWS, LABELS, reduction=reduction).tolist() == expected
    assert toy.calls == ["class_losses"]
    with use_engine("generic"):
        assert losses.cross_entropy(ROWS, LABELS, reduction="sum") != 4


def test_an_engine_for_log_softmax_is_used_by_losses_of_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = EveryFormula.register(monkeypatch, log_softmax=lambda x, **options: np.full_like(x, -3.0))
    assert losses.cross_entropy(ROWS, PROBS) == 3
    assert toy.calls == ["log_softmax"]
    assert losses.kl_divergence(PROBS[1], ROWS[1], q_kind="logits") == 3
    loss, _ = derivatives.cross_entropy_and_grad(ROWS, PROBS)
    assert (loss, len(toy.calls)) == (3, 3)


def test_an_engine_for_labels_is_used_by_all_losses_of_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = EveryFormula.register(monkeypatch, label_nll=lambda x, **options: np.full((len(x), 1), 3.0))
    assert losses.cross_entropy(ROWS, LABELS) == 3
    assert losses.focal_loss(ROWS, LABELS, gamma=0.0) == 3
    assert toy.calls == ["label_nll", "label_nll"]


def test_each_formula_of_a_function_has_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    EveryFormula.register(monkeypatch, nothing=None)
    assert which_engine("cross_entropy", ROWS, LABELS) == (
        "label_nll: generic (toy: no label_nll)\nclass_losses: generic (toy: no class_losses)"
    )
    assert which_engine("kl_divergence", PROBS, ROWS, q_kind="logits") == (
        "log_softmax: generic (toy: no log_softmax)\nkl_rows: generic (toy: no kl_rows)"
    )
    assert which_engine("binary_focal_loss", ROWS, PROBS) == "generic (toy: no binary_losses)"


def test_what_is_made_of_formulas_has_no_line_unless_an_engine_takes_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    EveryFormula.register(monkeypatch, mean_label_loss=lambda x, labels, **options: np.float64(2.0))
    assert which_engine("cross_entropy", ROWS, LABELS) == "toy"
    assert losses.cross_entropy(ROWS, LABELS) == 2


def test_an_engine_that_passes_a_call_on_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    EveryFormula.register(monkeypatch, softmax=lambda x, **options: ways.Passed("not today"))
    assert which_engine("softmax", X) == "generic (toy: not today)"
    assert [softmax(X).sum() for _ in range(2)] == [pytest.approx(1)] * 2


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_engine_of_loss_and_gradient_is_that_of_the_gradient(
    reduction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_gradient(x: Any, **options: Any) -> tuple[Any, Any, Any]:
        loss, mass = two_and_one(x, axis=options["axis"], xp=options["xp"])
        return loss, mass, np.full_like(x, 7.0)

    toy = EveryFormula.register(monkeypatch, class_losses_and_grad=with_gradient)
    assert derivatives.cross_entropy_and_grad(ROWS, LABELS, reduction=reduction)[1].tolist() == [[7.0] * 3] * 2
    assert toy.calls == ["class_losses_and_grad"]
    assert "toy" in which_engine("cross_entropy_and_grad", ROWS, LABELS, reduction=reduction)


@pytest.mark.parametrize("kind", ["float16", "float32"])
def test_an_engine_gets_the_rows_of_a_loss_in_their_own_dtype(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def noted(x: Any, **options: Any) -> tuple[Any, Any]:
        seen.append(x.dtype.name)
        return two_and_one(x, axis=options["axis"], xp=options["xp"])

    EveryFormula.register(monkeypatch, class_losses=noted)
    assert losses.cross_entropy(ROWS.astype(kind), LABELS).dtype == kind
    assert seen == [kind]


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
    fake.calls.clear()
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
    before = selected.get()
    with use_engine("generic"):
        with use_engine("fake"):
            assert which_engine("softmax", X) == "fake"
            with use_engine("auto"):
                assert which_engine("softmax", X) == "fake"
        assert which_engine("softmax", X).startswith("generic")
    assert selected.get() == before


def test_selection_ends_with_an_exception() -> None:
    before = selected.get()
    with pytest.raises(KeyError), use_engine("generic"):
        raise KeyError
    assert selected.get() == before
    with pytest.raises(ValueError, match="there is no engine"), use_engine("none"):
        pass
    assert selected.get() == before


def test_selection_works_as_decorator() -> None:
    @use_engine("generic")
    def name() -> str:
        return selected.get()

    before = selected.get()
    assert [name(), name()] == ["generic", "generic"]
    assert selected.get() == before


def test_selection_holds_for_its_own_thread_only(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, fake=None)
    seen: dict[str, str] = {}
    chosen, finish = threading.Event(), threading.Event()

    def select() -> None:
        with use_engine("generic"):
            chosen.set()
            finish.wait(20)
            seen["generic"] = which_engine("softmax", X)

    def inherit() -> None:
        seen["new"] = which_engine("softmax", X)

    threads = [threading.Thread(target=select), threading.Thread(target=inherit)]
    threads[0].start()
    assert chosen.wait(20)
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
    assert context.run(selected.get) == "generic"


def test_a_question_in_one_thread_says_nothing_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    (fake,) = register(monkeypatch, fake="no")

    def prepare(formula: Any, arrays: Any, options: Any) -> str:
        monkeypatch.setattr(fake, "prepare", lambda *a: "no")
        thread = threading.Thread(target=lambda: softmax_xp.logsumexp(X))
        thread.start()
        thread.join(20)
        return "asked"

    monkeypatch.setattr(fake, "prepare", prepare)
    assert which_engine("softmax", X) == "generic (fake: asked)"


@pytest.mark.parametrize("options", [{"axis": 5}, {"reduction": "median"}, {"weight": np.ones(7)}, {"z_loss": -1.0}])
def test_which_engine_raises_what_a_loss_raises(options: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)) as expected:
        losses.cross_entropy(ROWS, LABELS, **options)
    with pytest.raises(type(expected.value)) as caught:
        which_engine("cross_entropy", ROWS, LABELS, **options)
    assert str(caught.value) == str(expected.value)


def test_torch_compile_takes_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    register(monkeypatch, fake=None)
    with use_engine("fake"):
        x = torch.asarray([0.0, 0.0])
        assert softmax(x).tolist() == [0, 0]
        assert torch.compile(softmax, backend="eager", fullgraph=True)(x).tolist() == [0.5, 0.5]
        assert torch.compile(lambda x: which_engine("softmax", x), backend="eager")(x) == "generic"


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
