"""Bad input of the losses and derivatives: the errors and their exact texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from softmax_xp import derivatives, losses

from ..backends import BACKENDS, Backend
from ..contract.losses.public import PUBLIC
from .test_normalizers import NOT_ARRAYS, raises, second, two_devices, two_libraries

LABELLED = ("cross_entropy", "nll_loss", "focal_loss", "poly_cross_entropy", "generalized_cross_entropy")
CLASSES = (*LABELLED, "cross_entropy_and_grad")
BINARY = ("binary_cross_entropy_with_logits", "binary_focal_loss")
DIVERGENCES = ("kl_divergence", "js_divergence")
REDUCED = (*CLASSES, "partial_label_cross_entropy", *BINARY)
COTANGENTS = {"softmax_vjp": "p g", "softmax_jvp": "p t", "log_softmax_vjp": "log_p g", "softmax_hvp": "p g t"}
OTHERS = ("logsumexp_vjp", "softmax_jacobian", "balanced_class_weights", "logit_adjustment")
ALL = (*REDUCED, *DIVERGENCES, *COTANGENTS, *OTHERS)
REAL = "bool, int8..int64, uint8..uint64, float16, bfloat16, float32, float64"

classes = pytest.mark.parametrize("name", CLASSES)
reduced = pytest.mark.parametrize("name", REDUCED)
everything = pytest.mark.parametrize("name", ALL)


def function(name: str) -> Any:
    return getattr(losses, name, None) or getattr(derivatives, name)


def floats(backend: Backend, *shape: int) -> Any:
    return backend.array(np.full(shape, 0.5), backend.dtypes[0])


def owner(name: str) -> str:
    """Return the name of the first argument."""
    special = {"nll_loss": "log_probs", "balanced_class_weights": "target", "logsumexp_vjp": "x"}
    if name in DIVERGENCES or name == "softmax_jacobian":
        return "p"
    return special.get(name) or COTANGENTS.get(name, "logits").split()[0]


def call(backend: Backend, name: str, *given: Any, **options: Any) -> Any:
    """Call a function with good arguments behind those that are given."""
    x = floats(backend, 2, 3)
    good: tuple[Any, ...] = (x, backend.array([0, 2], "int32"))
    if name == "partial_label_cross_entropy":
        good = (x, backend.array([True, False, True], "bool"))
    elif name in BINARY or name in DIVERGENCES or name in COTANGENTS:
        good = (x,) * (3 if name == "softmax_hvp" else 2)
    elif name == "logsumexp_vjp":
        good = (x, floats(backend))
    elif name == "softmax_jacobian":
        good = (x,)
    elif name == "balanced_class_weights":
        good = (good[1], 3)
    elif name == "logit_adjustment":
        good = (x, backend.array([1, 2, 3], "int32"))
    return function(name)(*given, *good[len(given) :], **options)


def test_every_public_function_is_covered() -> None:
    assert sorted(ALL) == sorted(PUBLIC)


@everything
def test_the_arguments_of_these_tests_are_good(backend: Backend, name: str) -> None:
    call(backend, name)


# What is no array


@everything
@pytest.mark.parametrize(("x", "label", "fix"), NOT_ARRAYS, ids=[n[1] for n in NOT_ARRAYS])
def test_the_first_argument_is_not_an_array(name: str, x: Any, label: str, fix: str) -> None:
    first = "labels" if name == "balanced_class_weights" else owner(name)
    with raises(TypeError, f"{first} is a {label}, not an array; pass {fix.format(first)}"):
        call(BACKENDS["numpy"], name, x)


@pytest.mark.parametrize("name", [n for n in ALL if n not in ("softmax_jacobian", "balanced_class_weights")])
def test_the_second_argument_is_a_list(backend: Backend, name: str) -> None:
    second_name = {"partial_label_cross_entropy": "candidates", "logit_adjustment": "class_counts"}.get(name, "target")
    if name in DIVERGENCES:
        second_name = "q"
    elif name in COTANGENTS or name == "logsumexp_vjp":
        second_name = COTANGENTS.get(name, "x g").split()[1]
    text = f"{second_name} is a list, not an array; pass {backend.xp.__name__}.asarray({second_name})"
    with raises(TypeError, text):
        call(backend, name, floats(backend, 2, 3), [0, 1])


@classes
@pytest.mark.parametrize("option", ["weight", "sample_weight", "where"])
@pytest.mark.parametrize(("value", "label"), [([1.0], "list"), (1.0, "float"), (True, "bool")])
def test_an_option_is_not_an_array(backend: Backend, name: str, option: str, value: Any, label: str) -> None:
    with raises(TypeError, f"{option} is a {label}, not an array; pass {backend.xp.__name__}.asarray({option})"):
        call(backend, name, **{option: value})


@reduced
def test_a_normalizer_is_a_list(backend: Backend, name: str) -> None:
    with raises(TypeError, f"normalizer is a list, not an array; pass {backend.xp.__name__}.asarray(normalizer)"):
        call(backend, name, normalizer=[1.0])


# Arrays that do not go together


@pytest.mark.parametrize("name", [n for n in ALL if n not in ("softmax_jacobian", "balanced_class_weights")])
def test_two_arguments_are_of_two_libraries(backend: Backend, name: str) -> None:
    x, other = floats(backend, 2, 3), second(backend).array(np.zeros((2, 3)), "float32")
    names = {"partial_label_cross_entropy": "candidates", "logit_adjustment": "class_counts"}
    other_name = "q" if name in DIVERGENCES else names.get(name, "target")
    if name in COTANGENTS or name == "logsumexp_vjp":
        other_name = COTANGENTS.get(name, "x g").split()[1]
    with two_libraries(owner(name), x, other_name, other):
        call(backend, name, x, other)


@classes
@pytest.mark.parametrize("option", ["weight", "sample_weight", "where", "normalizer"])
def test_an_option_is_of_another_library(backend: Backend, name: str, option: str) -> None:
    x, other = floats(backend, 2, 3), second(backend).array(np.ones(3), "float32")
    with two_libraries(owner(name), x, option, other):
        call(backend, name, x, **{option: other})


def test_alpha_and_pos_weight_are_of_another_library(backend: Backend) -> None:
    x, other = floats(backend, 2, 3), second(backend).array(np.ones(3), "float32")
    with two_libraries("logits", x, "alpha", other):
        call(backend, "focal_loss", x, alpha=other)
    with two_libraries("logits", x, "pos_weight", other):
        call(backend, "binary_cross_entropy_with_logits", x, pos_weight=other)


@pytest.mark.parametrize("library", ["strict", "torch"])
def test_logits_and_target_are_on_two_devices(library: str) -> None:
    here, there = two_devices(library)
    x, target = here([[1.0, 2.0]]), there([0], "int32")
    text = f"logits is on device {x.device} and target is on device {target.device}; "
    with raises(ValueError, text + "move one of them first, nothing is copied between devices silently"):
        losses.cross_entropy(x, target)


# Axes

INTEGER_AXIS = (*CLASSES, "partial_label_cross_entropy", *DIVERGENCES, "softmax_jacobian", "logit_adjustment")


@pytest.mark.parametrize("name", (*INTEGER_AXIS, *COTANGENTS, "logsumexp_vjp"))
@pytest.mark.parametrize("axis", [2, -3])
def test_axis_out_of_range(backend: Backend, name: str, axis: int) -> None:
    text = f"axis={axis} is out of range for an array with 2 dimensions; use -2..1"
    with raises(ValueError, text) as caught:
        call(backend, name, axis=axis)
    assert isinstance(caught.value, IndexError)


@pytest.mark.parametrize("name", INTEGER_AXIS)
def test_an_axis_with_an_index_is_one_integer(backend: Backend, name: str) -> None:
    for axis in ((0,), (0, 1), None, 1.0, "1"):
        with raises(TypeError, f"axis={axis!r} is not an integer; use an integer"):
            call(backend, name, axis=axis)
    with raises(TypeError, "axis=True is a bool; use an integer"):
        call(backend, name, axis=True)


@pytest.mark.parametrize("name", (*COTANGENTS, "logsumexp_vjp"))
def test_axes_of_a_derivative_are_integers_each_named_once(backend: Backend, name: str) -> None:
    with raises(TypeError, "axis=1.5 is not an integer; use an integer, a tuple of integers or None"):
        call(backend, name, axis=1.5)
    with raises(ValueError, "axis=(1, -1) names an axis twice; name each axis once"):
        call(backend, name, axis=(1, -1))


# Targets


@classes
@pytest.mark.parametrize("kind", ["bool", "complex64"])
def test_a_target_is_of_another_kind(backend: Backend, name: str, kind: str) -> None:
    target = backend.array([0, 1], kind)
    with raises(TypeError, f"target has dtype {target.dtype}; use integer labels or floating probabilities"):
        call(backend, name, floats(backend, 2, 3), target)


@classes
def test_an_integer_target_has_the_shape_of_the_logits(backend: Backend, name: str) -> None:
    target = backend.array(np.zeros((2, 3)), "int32")
    text = f"target holds labels and has shape (2, 3); use (2,), the shape of {owner(name)} without axis 1"
    with raises(ValueError, text + "; for probabilities use a floating dtype"):
        call(backend, name, floats(backend, 2, 3), target)


@classes
@pytest.mark.parametrize("shape", [(), (3,), (1,)])
def test_labels_have_another_shape(backend: Backend, name: str, shape: tuple[int, ...]) -> None:
    text = f"target holds labels and has shape {shape}; use (2,), the shape of {owner(name)} without axis 1"
    with raises(ValueError, text + ("; or axis=0, which they fit" if shape == (3,) else "")):
        call(backend, name, floats(backend, 2, 3), backend.array(np.zeros(shape), "int32"))


@classes
@pytest.mark.parametrize("shape", [(2,), (1, 3), (3, 2)])
def test_probabilities_have_another_shape(backend: Backend, name: str, shape: tuple[int, ...]) -> None:
    hint = "for labels use an integer dtype"
    with raises(ValueError, f"target has shape {shape}; use the shape of {owner(name)}, (2, 3); {hint}"):
        call(backend, name, floats(backend, 2, 3), floats(backend, *shape))


@pytest.mark.parametrize("name", BINARY)
def test_a_binary_target_has_another_shape_or_dtype(backend: Backend, name: str) -> None:
    x, target = floats(backend, 2, 3), backend.array(np.zeros((2, 3)), "complex64")
    with raises(ValueError, "target has shape (3,); use the shape of logits, (2, 3)"):
        call(backend, name, x, floats(backend, 3))
    with raises(TypeError, f"target has dtype {target.dtype}; use 0 and 1 or floating probabilities"):
        call(backend, name, x, target)


def test_candidates_are_not_boolean_or_do_not_broadcast(backend: Backend) -> None:
    x, bad = floats(backend, 2, 3), backend.array([0, 1, 1], "int32")
    text = f"candidates has dtype {bad.dtype}; use bool, with True for the classes that the label may be"
    with raises(TypeError, text):
        losses.partial_label_cross_entropy(x, bad)
    with raises(ValueError, "candidates has shape (2,), which does not broadcast to (2, 3)"):
        losses.partial_label_cross_entropy(x, backend.array([True, False], "bool"))


@everything
def test_the_first_argument_is_complex(backend: Backend, name: str) -> None:
    x = backend.array(np.zeros((2, 3)), "complex64")
    text = f"{owner(name)} has dtype {x.dtype}; supported: {REAL}"
    if name == "balanced_class_weights":
        text = f"labels have dtype {x.dtype}; supported: int8..int64, uint8..uint64"
    with raises(TypeError, text):
        call(backend, name, x)


# Weights and masks


@classes
def test_weights_have_another_length(backend: Backend, name: str) -> None:
    for shape in ((2,), (1,), (), (1, 3)):
        with raises(ValueError, f"weight has shape {shape}; use (3,), one value per class"):
            call(backend, name, weight=floats(backend, *shape))
    for shape in ((3,), (2, 1), (2, 3)):
        with raises(ValueError, f"sample_weight has shape {shape}, which does not broadcast to (2,)"):
            call(backend, name, sample_weight=floats(backend, *shape))


@classes
def test_weights_are_no_real_numbers(backend: Backend, name: str) -> None:
    bad = backend.array(np.ones(3), "complex64")
    for option in ("weight", "sample_weight", "normalizer"):
        with raises(TypeError, f"{option} has dtype {bad.dtype}; supported: real numbers"):
            call(backend, name, **{option: bad})


@pytest.mark.parametrize("name", (*CLASSES, *DIVERGENCES, "partial_label_cross_entropy", "softmax_vjp"))
def test_a_mask_is_not_boolean_or_does_not_broadcast(backend: Backend, name: str) -> None:
    bad = floats(backend, 3)
    with raises(TypeError, f"where has dtype {bad.dtype}; use bool, with True for the entries to keep"):
        call(backend, name, where=bad)
    with raises(ValueError, "where has shape (2,), which does not broadcast to (2, 3)"):
        call(backend, name, where=backend.array([True, False], "bool"))


@pytest.mark.parametrize("option", ["weight", "pos_weight"])
def test_binary_weights_do_not_broadcast(backend: Backend, option: str) -> None:
    with raises(ValueError, f"{option} has shape (2,), which does not broadcast to (2, 3)"):
        call(backend, "binary_cross_entropy_with_logits", **{option: floats(backend, 2)})


def test_alpha_has_another_length(backend: Backend) -> None:
    with raises(ValueError, "alpha has shape (2,); use (3,), one value per class"):
        call(backend, "focal_loss", alpha=floats(backend, 2))


@pytest.mark.parametrize("name", [n for n in CLASSES if n != "nll_loss"])
def test_ignore_index_is_not_an_integer(backend: Backend, name: str) -> None:
    for bad in (1.5, "1", True, (1,)):
        text = f"ignore_index={bad!r} is not an integer; use an integer, or None to ignore nothing"
        with raises(TypeError, text):
            call(backend, name, ignore_index=bad)


# Reductions


@reduced
@pytest.mark.parametrize("reduction", ["average", "batchmean", None, True])
def test_a_reduction_is_not_known(backend: Backend, name: str, reduction: Any) -> None:
    with raises(ValueError, f"reduction={reduction!r} is not known; use one of 'mean', 'sum', 'none'"):
        call(backend, name, reduction=reduction)


@pytest.mark.parametrize("name", DIVERGENCES)
def test_a_reduction_or_kind_of_a_divergence_is_not_known(backend: Backend, name: str) -> None:
    with raises(ValueError, "reduction='max' is not known; use one of 'mean', 'sum', 'none', 'batchmean'"):
        call(backend, name, reduction="max")
    for option in ("p_kind", "q_kind"):
        with raises(ValueError, f"{option}='logit' is not known; use one of 'probs', 'log_probs', 'logits'"):
            call(backend, name, **{option: "logit"})
    with raises(ValueError, "q has shape (3,); use the shape of p, (2, 3)"):
        call(backend, name, floats(backend, 2, 3), floats(backend, 3))


@reduced
@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_a_normalizer_without_a_mean(backend: Backend, name: str, reduction: str) -> None:
    for normalizer in (8, floats(backend)):
        text = f"normalizer is the divisor of a mean; with reduction={reduction!r} leave it out"
        with raises(ValueError, text):
            call(backend, name, reduction=reduction, normalizer=normalizer)


@reduced
def test_a_normalizer_is_out_of_its_range(backend: Backend, name: str) -> None:
    for bad in (0, 0.0, -1, np.inf, np.nan):
        with raises(ValueError, f"normalizer={bad} is not allowed; use a number above 0"):
            call(backend, name, normalizer=bad)
    with raises(TypeError, "normalizer=True is not a number; use a number above 0"):
        call(backend, name, normalizer=True)
    with pytest.raises(ValueError, match=r"^normalizer has shape \(2,\), which does not broadcast to"):
        call(backend, name, normalizer=floats(backend, 2))


# Numbers

EXTRAS = ("cross_entropy", "cross_entropy_and_grad")
NUMBERS = [
    (EXTRAS, "label_smoothing", (-0.1, 1.5, np.nan), "in [0, 1]"),
    (EXTRAS, "z_loss", (-1, np.nan), "in [0, inf]"),
    (EXTRAS, "softcap", (0, -2.0, np.inf, np.nan), "above 0"),
    (("focal_loss", "binary_focal_loss"), "gamma", (-1, -0.5, np.nan), "in [0, inf]"),
    (("focal_loss",), "alpha", (-0.5, np.nan), "in [0, inf]"),
    (("binary_focal_loss",), "alpha", (-0.5, 1.5, np.nan), "in [0, 1]"),
    (("poly_cross_entropy",), "epsilon", (-1.5, np.nan), "in [-1, inf]"),
    (("generalized_cross_entropy",), "q", (-0.5, 1.5, np.nan), "in [0, 1]"),
    (("binary_cross_entropy_with_logits",), "pos_weight", (-1.0, np.nan), "in [0, inf]"),
    (("logit_adjustment",), "tau", (np.nan,), "in [-inf, inf]"),
]
numbers = pytest.mark.parametrize(("names", "option", "bad", "allowed"), NUMBERS)


@numbers
def test_a_number_is_out_of_its_range(backend: Backend, names: Any, option: str, bad: Any, allowed: str) -> None:
    for name in names:
        for value in bad:
            with raises(ValueError, f"{option}={value} is not allowed; use a number {allowed}"):
                call(backend, name, **{option: value})


@numbers
def test_a_number_is_a_bool(backend: Backend, names: Any, option: str, bad: Any, allowed: str) -> None:
    for name in names:
        with raises(TypeError, f"{option}=True is not a number; use a number {allowed}"):
            call(backend, name, **{option: True})


@pytest.mark.parametrize("name", EXTRAS)
@pytest.mark.parametrize(
    ("option", "allowed"), [("label_smoothing", "in [0, 1]"), ("z_loss", "in [0, inf]"), ("softcap", "above 0")]
)
def test_a_number_is_a_string(backend: Backend, name: str, option: str, allowed: str) -> None:
    with raises(TypeError, f"{option}='0.1' is not a number; use a number {allowed}"):
        call(backend, name, **{option: "0.1"})


# Imbalance and derivatives


def test_labels_of_class_weights_are_no_integers(backend: Backend) -> None:
    for kind in ("bool", "float32"):
        labels = backend.array([0, 1], kind)
        with raises(TypeError, f"labels have dtype {labels.dtype}; supported: int8..int64, uint8..uint64"):
            losses.balanced_class_weights(labels, 2)


def test_the_number_of_classes_is_no_count(backend: Backend) -> None:
    labels = backend.array([0, 1], "int32")
    with raises(ValueError, "num_classes=-1 is not allowed; use an integer of at least 0"):
        losses.balanced_class_weights(labels, -1)
    for bad in (2.0, True, None):
        with raises(TypeError, f"num_classes={bad!r} is not an integer; use an integer of at least 0"):
            losses.balanced_class_weights(labels, bad)


def test_the_dtype_of_class_weights_is_not_floating(backend: Backend) -> None:
    dtype = backend.dtype("int32")
    text = f"dtype={dtype} is not a floating type; use float16, bfloat16, float32 or float64"
    with raises(TypeError, text):
        losses.balanced_class_weights(backend.array([0, 1], "int32"), 2, dtype=dtype)


def test_class_counts_have_another_length_or_dtype(backend: Backend) -> None:
    x, bad = floats(backend, 2, 3), backend.array([True] * 3, "bool")
    with raises(ValueError, "class_counts has shape (2,); use (3,), one value per class"):
        losses.logit_adjustment(x, floats(backend, 2))
    with raises(TypeError, f"class_counts has dtype {bad.dtype}; supported: real numbers"):
        losses.logit_adjustment(x, bad)


@pytest.mark.parametrize("name", COTANGENTS)
def test_a_cotangent_has_another_shape_or_dtype(backend: Backend, name: str) -> None:
    first, other = COTANGENTS[name].split()[:2]
    x, bad = floats(backend, 2, 3), backend.array(np.zeros((2, 3)), "complex64")
    with raises(ValueError, f"{other} has shape (3,); use the shape of {first}, (2, 3)"):
        call(backend, name, x, floats(backend, 3))
    with raises(TypeError, f"{other} has dtype {bad.dtype}; supported: {REAL}"):
        call(backend, name, x, bad)


def test_the_cotangent_of_logsumexp_has_another_shape(backend: Backend) -> None:
    x = floats(backend, 2, 3)
    with raises(ValueError, "g has shape (2, 1); use (2,), the shape of x without the reduced axes"):
        derivatives.logsumexp_vjp(x, floats(backend, 2, 1), axis=1)
    with raises(ValueError, "g has shape (2,); use (), the shape of x without the reduced axes"):
        derivatives.logsumexp_vjp(x, floats(backend, 2))
