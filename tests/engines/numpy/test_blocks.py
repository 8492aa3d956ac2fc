"""NumPy works in blocks of rows: the answer does not depend on their size, and memory stays small."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from softmax_xp import derivatives, losses
from softmax_xp._engines.numpy import blocks
from softmax_xp.cli.benchmarks.memory import traced
from softmax_xp.testing import contract

from ...plans import forget

N, C = 13, 7
RNG = np.random.default_rng(3)
X = RNG.normal(scale=4.0, size=(N, C))
X[2] = X[2, 0]
X[4, 1], X[6] = -np.inf, np.nan
LABELS = RNG.integers(0, C, size=N)
LABELS[[1, 6]], LABELS[9] = -100, C
PROBS = RNG.dirichlet(np.ones(C), size=N)
KEEP = X > -5
KEEP[np.arange(N), np.clip(LABELS, 0, C - 1)] = True
KEEP[8] = False
ROWS = np.where(np.arange(N) == 5, 0.0, RNG.uniform(0.5, 2.0, size=N))
CLASSES = RNG.uniform(0.5, 2.0, size=C)
OTHER = RNG.normal(size=(N, C))

NONE: dict[str, Any] = {"reduction": "none"}
CALLS: dict[str, Callable[[Any], Any]] = {
    **{
        f"{name} of labels": lambda x, name=name: getattr(losses, name)(x, LABELS, **NONE)
        for name in ("cross_entropy", "nll_loss", "focal_loss", "poly_cross_entropy", "generalized_cross_entropy")
    },
    **{
        f"{name} of probabilities": lambda x, name=name: getattr(losses, name)(x, PROBS, **NONE)
        for name in ("cross_entropy", "nll_loss", "focal_loss", "poly_cross_entropy", "generalized_cross_entropy")
    },
    "partial_label_cross_entropy": lambda x: losses.partial_label_cross_entropy(x, OTHER > 0, **NONE),
    "partial_label_cross_entropy of one set": lambda x: losses.partial_label_cross_entropy(x, OTHER[0] > 0, **NONE),
    "binary_cross_entropy_with_logits": lambda x: losses.binary_cross_entropy_with_logits(
        x, PROBS, weight=ROWS[:, None], pos_weight=CLASSES, **NONE
    ),
    "binary_focal_loss": lambda x: losses.binary_focal_loss(x, KEEP, weight=CLASSES, **NONE),
    "kl_divergence": lambda x: losses.kl_divergence(PROBS, x, q_kind="logits", where=KEEP),
    "js_divergence": lambda x: losses.js_divergence(x, PROBS, p_kind="logits", where=KEEP[:1]),
    "cross_entropy_and_grad of labels": lambda x: derivatives.cross_entropy_and_grad(x, LABELS, **NONE),
    "cross_entropy_and_grad of probabilities": lambda x: derivatives.cross_entropy_and_grad(x, PROBS, **NONE),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "weight": {"weight": CLASSES},
    "one weight per sample": {"sample_weight": ROWS},
    "one sample weight for all": {"sample_weight": np.asarray([0.5])},
    "a sample weight without dimensions": {"sample_weight": np.asarray(0.5)},
    "where": {"where": KEEP},
    "where of one row": {"where": KEEP[:1]},
    "where of one row without batch axis": {"where": KEEP[0]},
    "where of one column": {"where": np.arange(N)[:, None] % 3 > 0},
    "label_smoothing": {"label_smoothing": 0.2},
    "softcap and z_loss": {"softcap": 5.0, "z_loss": 0.1},
    "everything": {
        "weight": CLASSES,
        "sample_weight": ROWS,
        "where": KEEP,
        "label_smoothing": 0.1,
        "z_loss": 0.1,
        "softcap": 5.0,
    },
}
TARGETS = {"labels": LABELS, "probabilities": PROBS}
every_target = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
both = pytest.mark.parametrize("f", [losses.cross_entropy, derivatives.cross_entropy_and_grad])
sizes = pytest.mark.parametrize("size", [1, 100, 300], ids="{} bytes".format)


@pytest.fixture(autouse=True)
def block(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    def of(size: int) -> None:
        monkeypatch.setattr(blocks, "LARGE", size)
        forget()

    yield of
    forget()


def results(y: Any) -> tuple[Any, ...]:
    return y if isinstance(y, tuple) else (y,)


def in_blocks_and_whole(block: Callable[[int], None], size: int, call: Callable[[], Any]) -> Iterator[tuple[Any, Any]]:
    """Give each result with small blocks and with one huge block."""
    block(size)
    small = results(call())
    block(1 << 40)
    yield from zip(small, results(call()), strict=True)


def assert_same_bits(block: Callable[[int], None], size: int, call: Callable[[], Any]) -> None:
    for small, whole in in_blocks_and_whole(block, size, call):
        assert np.asarray(small).dtype == np.asarray(whole).dtype
        np.testing.assert_array_equal(small, whole, strict=True)
        number = ~np.isnan(whole)
        np.testing.assert_array_equal(np.signbit(small)[number], np.signbit(whole)[number])


def assert_within_contract(block: Callable[[int], None], size: int, call: Callable[[], Any]) -> None:
    """Compare within the bound of derivatives, on the scale of the largest entry: strided sums are in sequence."""
    for small, whole in in_blocks_and_whole(block, size, call):
        finite = np.isfinite(whole)
        np.testing.assert_array_equal(np.asarray(small)[~finite], np.asarray(whole)[~finite])
        largest = np.max(np.abs(whole), initial=0.0, where=finite)
        bound = 16 * contract.FORMATS[whole.dtype.name].unit * largest
        assert (np.abs(np.subtract(small, whole, where=finite, out=np.zeros(whole.shape))) <= bound).all()


@sizes
@pytest.mark.parametrize("name", CALLS)
def test_rows_have_the_same_bits_in_blocks_of_any_size(name, size, block):
    assert_same_bits(block, size, lambda: CALLS[name](X))


@sizes
@every_target
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@both
def test_options_are_cut_as_the_logits_are(f, options, target, size, block):
    assert_same_bits(block, size, lambda: f(X, target, reduction="none", **options))


@every_target
def test_a_row_of_which_nothing_is_kept_has_gradient_0_with_z_loss_too(target):
    _, grad = derivatives.cross_entropy_and_grad(X[8], target[8], where=KEEP[8], z_loss=0.1)
    np.testing.assert_array_equal(grad, np.zeros(C))


@every_target
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@both
def test_a_reduced_loss_has_the_same_bits(f, reduction, target, block):
    sound = np.flatnonzero(np.isfinite(X).all(axis=1) & (LABELS != C))
    assert_same_bits(block, 100, lambda: f(X[sound], target[sound], weight=CLASSES, reduction=reduction))


@pytest.mark.parametrize("normalizer", [3.0, np.asarray(3.0), np.asarray([3.0])], ids=["number", "0-d", "1-d"])
@both
def test_a_normalizer_acts_on_all_blocks(f, normalizer, block):
    sound = np.flatnonzero(np.isfinite(X).all(axis=1) & (LABELS != C))
    assert_same_bits(block, 100, lambda: f(X[sound], LABELS[sound], normalizer=normalizer))


@pytest.mark.parametrize("kind", ["float32", "float16"])
@every_target
@both
def test_narrow_logits_have_the_same_bits(f, target, kind, block):
    assert_same_bits(block, 50, lambda: f(X.astype(kind), target, reduction="none"))


@pytest.mark.parametrize("kind", ["int8", "uint8", "uint64"])
@both
def test_labels_of_any_integer_type_are_cut(f, kind, block):
    labels = np.clip(LABELS, 0, C).astype(kind)
    assert_same_bits(block, 100, lambda: f(X, labels, reduction="none"))


def pictures(axis: int) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Return logits of shape (5, 4) and 6 classes along an axis, targets and options."""
    rng = np.random.default_rng(8)
    x, probs, keep = rng.normal(scale=3.0, size=(5, 4, 6)), rng.dirichlet(np.ones(6), size=(5, 4)), rng.random(6) > 0.1
    keep = np.moveaxis(keep[None, None, :], -1, axis)
    options = {
        "none": {},
        "weights": {"weight": rng.uniform(0.5, 2.0, size=6), "sample_weight": rng.uniform(size=(5, 4))},
        "sample weight of the first axis": {"sample_weight": rng.uniform(size=(5, 1))},
        "sample weight of the second axis": {"sample_weight": rng.uniform(size=4)},
        "where": {"where": keep},
        "where of the batch": {"where": np.moveaxis(rng.random((5, 1, 6)) > 0.1, -1, axis)},
    }
    targets = {"labels": rng.integers(0, 6, size=(5, 4)), "probabilities": np.moveaxis(probs, -1, axis)}
    return np.moveaxis(x, -1, axis), targets, options


every_picture = pytest.mark.parametrize("options", pictures(2)[2])


@pytest.mark.parametrize("size", [1, 60, 200, 500])
@pytest.mark.parametrize("target", ["labels", "probabilities"])
@every_picture
@both
def test_three_dimensions_have_the_same_bits_when_classes_are_last(f, options, target, size, block):
    x, targets, given = pictures(2)
    assert_same_bits(block, size, lambda: f(x, targets[target], reduction="none", **given[options]))


@pytest.mark.parametrize("size", [1, 60, 200, 500])
@pytest.mark.parametrize("target", ["labels", "probabilities"])
@pytest.mark.parametrize("axis", [0, 1])
@every_picture
@both
def test_three_dimensions_are_within_the_contract_when_classes_are_not_last(f, options, axis, target, size, block):
    x, targets, given = pictures(axis)
    x, probs = np.ascontiguousarray(x), np.ascontiguousarray(targets[target])
    assert_within_contract(block, size, lambda: f(x, probs, axis=axis, reduction="none", **given[options]))


@every_target
@both
def test_classes_along_the_first_axis_are_within_the_contract(f, target, block):
    x, target = np.ascontiguousarray(X.T), target if target.ndim == 1 else np.ascontiguousarray(target.T)
    options = {"axis": 0, "weight": CLASSES, "sample_weight": ROWS, "where": KEEP.T}
    assert_within_contract(block, 100, lambda: f(x, target, reduction="none", **options))


def frozen(x: Any) -> Any:
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS = {
    "read-only": frozen,
    "reversed rows": lambda x: x[::-1].copy()[::-1],
    "reversed classes": lambda x: x[:, ::-1].copy()[:, ::-1],
    "every second row": lambda x: np.repeat(x, 2, axis=0)[::2],
    "Fortran order": np.asfortranarray,
    "one row stretched": lambda x: np.broadcast_to(x[:1], x.shape),
    "another byte order": lambda x: x.astype(x.dtype.newbyteorder()),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@every_target
@both
def test_any_layout_is_within_the_contract(f, target, layout, block):
    x = layout(X)
    assert_within_contract(block, 100, lambda: f(x, target, reduction="none"))


@pytest.mark.parametrize("layout", ["read-only", "reversed rows", "every second row"])
@both
def test_a_layout_with_classes_in_order_has_the_same_bits(f, layout, block):
    x = LAYOUTS[layout](X)
    assert_same_bits(block, 100, lambda: f(x, LABELS, reduction="none"))


@both
def test_memory_mapped_logits_have_the_same_bits_and_stay_as_they_are(f, block, tmp_path: Path):
    path = tmp_path / "logits.npy"
    np.save(path, X)
    mapped = np.load(path, mmap_mode="r")
    assert_same_bits(block, 100, lambda: f(mapped, LABELS, reduction="none"))
    block(100)
    for got, want in zip(results(f(mapped, LABELS)), results(f(X, LABELS)), strict=True):
        assert not isinstance(got, np.memmap)
        np.testing.assert_array_equal(got, want, strict=True)
    np.testing.assert_array_equal(np.load(path), X)


@pytest.mark.parametrize("shape", [(0, C), (0, 3, C), (3, 0, C)], ids=str)
@both
def test_an_empty_batch_gives_empty_results(f, shape, block):
    block(1)
    labels = np.zeros(shape[:-1], dtype=np.int64)
    loss, *grad = results(f(np.zeros(shape), labels, reduction="none"))
    assert loss.shape == shape[:-1]
    assert [g.shape for g in grad] == [shape] * len(grad)


@both
def test_a_row_alone_has_the_bits_it_has_in_a_batch(f, block):
    block(100)
    whole = results(f(X, LABELS, reduction="none"))
    for i in range(N):
        for got, want in zip(results(f(X[i], LABELS[i], reduction="none")), whole, strict=True):
            np.testing.assert_array_equal(got, want[i])


@both
def test_arguments_are_not_changed(f, block):
    block(1)
    before = [a.copy() for a in (X, LABELS, PROBS, KEEP, ROWS, CLASSES)]
    for target in TARGETS.values():
        f(X, target, **OPTIONS["everything"])
    for a, b in zip((X, LABELS, PROBS, KEEP, ROWS, CLASSES), before, strict=True):
        np.testing.assert_array_equal(a, b)


# Memory: NumPy reports its allocations to tracemalloc, so these figures are the same on every run.


def peak(call: Callable[[], Any]) -> int:
    """Return the largest number of bytes held beside the arguments during a call."""
    call()
    return traced(call)


def large(axis: int = 1) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((512, 20000), dtype=np.float32)
    return (x if axis else np.ascontiguousarray(x.T)), rng.integers(0, 20000, size=512)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("options", [{}, {"z_loss": 0.01}, {"softcap": 30.0}], ids=str)
def test_cross_entropy_of_labels_takes_less_than_the_logits(options, axis):
    x, labels = large(axis)
    assert peak(lambda: losses.cross_entropy(x, labels, axis=axis, **options)) < x.nbytes


@pytest.mark.parametrize("options", [{}, {"z_loss": 0.01}], ids=str)
def test_the_gradient_takes_less_than_itself_and_the_logits(options):
    x, labels = large()
    assert peak(lambda: derivatives.cross_entropy_and_grad(x, labels, **options)) < 2 * x.nbytes


def test_cross_entropy_of_probabilities_takes_less_than_the_logits():
    x, _ = large()
    target = np.full_like(x, 1 / 20000)
    assert peak(lambda: losses.cross_entropy(x, target)) < x.nbytes


@pytest.mark.parametrize("name", ["focal_loss", "nll_loss", "poly_cross_entropy", "generalized_cross_entropy"])
def test_kin_of_cross_entropy_take_less_than_the_logits(name):
    x, labels = large()
    assert peak(lambda: getattr(losses, name)(-abs(x), labels)) < 2 * x.nbytes
