"""What the losses take beside their logits: targets, weights, numbers, and how rows are put together."""

from __future__ import annotations

from math import inf
from numbers import Real
from operator import index
from sys import float_info
from typing import Any

from .._xp.dtypes import kind_of
from .arrays import common_namespace
from .axes import check_axes, check_axis
from .dtypes import check_real, common_floats, from_top, to_floating
from .masks import check_aligned, check_lengths, check_mask, check_same_shape, check_where, known, per_row, same_lengths

KINDS = ("probs", "log_probs", "logits")


def admit_classes(
    x: Any,
    target: Any,
    *,
    axis: Any,
    weight: Any,
    sample_weight: Any,
    where: Any,
    ignore_index: Any,
    reduction: Any,
    normalizer: Any,
    xp: Any,
    name: str = "logits",
    relative: bool = True,
) -> tuple[Any, dict[str, Any]]:
    """Return the logits as floating point and the options of a loss of classes, checked.

    ``relative`` says that only the differences of a row's logits count.
    """
    optional = {"weight": weight, "sample_weight": sample_weight, "where": where}
    xp = common_namespace(xp, {name: x, "target": target}, optional, {"normalizer": normalizer})
    a = check_axis(axis, x.ndim, "an integer")
    keep = check_where(where, x)
    x = (
        from_top(x, None, axis=(a,), where=keep, xp=xp, name=name)[0]
        if relative
        else to_floating(x, None, xp, name=name)
    )
    check_lengths(x, (a,), name)
    _check_target(target, x, a, name)
    options = {
        "axis": (a,),
        "where": keep,
        "target": target,
        "weight": None if weight is None else check_class_values("weight", weight, x, a),
        "sample_weight": _check_sample_weight(sample_weight, x, a),
        "ignore_index": _check_ignore_index(ignore_index),
        "xp": xp,
    }
    return x, {**options, **check_reduction(reduction, normalizer, x.ndim)}


def _check_target(target: Any, x: Any, axis: int, name: str) -> None:
    """Raise an error unless these are labels, one for each row, or probabilities, one for each class."""
    kind = kind_of(target.dtype)
    if kind == "real floating":
        check_same_shape("target", target, name, x, "; for labels use an integer dtype")
        return
    if kind != "integer":
        raise TypeError(f"target has dtype {target.dtype}; use integer labels or floating probabilities")
    rows = (*x.shape[:axis], *x.shape[axis + 1 :])
    if not same_lengths(target.shape, rows):
        hint = "; for probabilities use a floating dtype" if target.ndim == x.ndim else ""
        for a in range(x.ndim):
            if same_lengths(target.shape, (*x.shape[:a], *x.shape[a + 1 :])):
                hint = f"; or axis={a}, which they fit"
        raise ValueError(
            f"target holds labels and has shape {tuple(target.shape)}; use {tuple(rows)}, "
            f"the shape of {name} without axis {axis}{hint}"
        )


def check_class_values(name: str, value: Any, x: Any, axis: int, *, booleans: bool = True) -> Any:
    """Return an array with one value per class."""
    check_real(name, value, booleans=booleans)
    n = x.shape[axis]
    if value.ndim != 1 or (value.shape[0] != n and known(value.shape[0])):
        raise ValueError(f"{name} has shape {tuple(value.shape)}; use ({n},), one value per class")
    return value


def _check_sample_weight(sample_weight: Any, x: Any, axis: int) -> Any:
    if sample_weight is None:
        return None
    check_real("sample_weight", sample_weight, booleans=True)
    return check_aligned("sample_weight", sample_weight, (*x.shape[:axis], *x.shape[axis + 1 :]))


def _check_ignore_index(value: Any) -> int | None:
    if value is None:
        return None
    try:
        label = index(value)
    except TypeError:
        label = None
    if label is None or isinstance(value, bool):
        raise TypeError(f"ignore_index={value!r} is not an integer; use an integer, or None to ignore nothing")
    return label


def check_reduction(reduction: Any, normalizer: Any, ndim: int, *, batchmean: bool = False) -> dict[str, Any]:
    """Return how rows are put together."""
    allowed = ("mean", "sum", "none", "batchmean")[: 4 if batchmean else 3]
    if reduction not in allowed:
        raise ValueError(f"reduction={reduction!r} is not known; use one of {', '.join(map(repr, allowed))}")
    if normalizer is None:
        return {"reduction": reduction, "normalizer": None}
    if reduction != "mean":
        raise ValueError(f"normalizer is the divisor of a mean; with reduction={reduction!r} leave it out")
    if isinstance(normalizer, Real):
        return {"reduction": reduction, "normalizer": check_number("normalizer", normalizer, above=0.0)}
    check_real("normalizer", normalizer, booleans=True)
    return {"reduction": reduction, "normalizer": check_aligned("normalizer", normalizer, (1,) * ndim)}


def check_number(name: str, value: Any, *, low: float = -inf, high: float = inf, above: float | None = None) -> float:
    """Return a number in [low, high], or in (above, high], of which infinity is none."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}={value!r} is not a number; use a number {_range(low, high, above)}")
    number = float(value)
    # NaN fails these too.
    if not (low <= number <= high and (above is None or above < number < inf)):
        raise ValueError(f"{name}={value} is not allowed; use a number {_range(low, high, above)}")
    return number


def _range(low: float, high: float, above: float | None) -> str:
    if above is not None:
        return f"above {above:g}" if high == inf else f"in ({above:g}, {high:g}]"
    return f"in [{low:g}, inf)" if high == float_info.max else f"in [{low:g}, {high:g}]"


def admit_candidates(
    x: Any, candidates: Any, *, axis: Any, sample_weight: Any, where: Any, reduction: Any, normalizer: Any, xp: Any
) -> tuple[Any, dict[str, Any]]:
    """Return the logits as floating point and the options of a loss of candidate sets, checked."""
    optional = {"sample_weight": sample_weight, "where": where}
    xp = common_namespace(xp, {"logits": x, "candidates": candidates}, optional, {"normalizer": normalizer})
    a = check_axis(axis, x.ndim, "an integer")
    keep = check_where(where, x)
    x, _ = from_top(x, None, axis=(a,), where=keep, xp=xp, name="logits")
    options = {
        "axis": (a,),
        "where": keep,
        "candidates": check_mask("candidates", candidates, x.shape, "the classes that the label may be"),
        "sample_weight": _check_sample_weight(sample_weight, x, a),
        "xp": xp,
    }
    return x, {**options, **check_reduction(reduction, normalizer, x.ndim)}


def admit_decisions(
    x: Any, target: Any, *, weight: Any, pos_weight: Any = None, reduction: Any, normalizer: Any, xp: Any
) -> tuple[Any, dict[str, Any]]:
    """Return the logits as floating point and the options of a loss of yes-or-no decisions, checked."""
    numbers = {"pos_weight": pos_weight, "normalizer": normalizer}
    xp = common_namespace(xp, {"logits": x, "target": target}, {"weight": weight}, numbers)
    x = to_floating(x, None, xp, name="logits")
    if kind_of(target.dtype) not in ("bool", "integer", "real floating"):
        raise TypeError(f"target has dtype {target.dtype}; use 0 and 1 or floating probabilities")
    check_same_shape("target", target, "logits", x)
    weight = None if weight is None else per_row("weight", weight, x, (), booleans=True)
    if isinstance(pos_weight, Real):
        pos_weight = check_number("pos_weight", pos_weight, low=0.0)
    elif pos_weight is not None:
        pos_weight = per_row("pos_weight", pos_weight, x, (), booleans=True)
    options = {"axis": (), "target": target, "weight": weight, "pos_weight": pos_weight, "xp": xp}
    return x, {**options, **check_reduction(reduction, normalizer, x.ndim)}


def admit_distributions(
    p: Any, q: Any, *, axis: Any, p_kind: Any, q_kind: Any, where: Any, reduction: Any, xp: Any
) -> tuple[Any, dict[str, Any]]:
    """Return two distributions in their common floating type and the options of a divergence, checked."""
    xp = common_namespace(xp, {"p": p, "q": q}, {"where": where})
    a = check_axis(axis, p.ndim, "an integer")
    check_same_shape("q", q, "p", p)
    keep = check_where(where, p)
    p, q = (
        from_top(v, None, axis=(a,), where=keep, xp=xp, name=name)[0] if kind == "logits" else v
        for v, name, kind in ((p, "p", p_kind), (q, "q", q_kind))
    )
    p, q = common_floats({"p": p, "q": q}, xp)
    for name, kind in (("p_kind", p_kind), ("q_kind", q_kind)):
        if kind not in KINDS:
            raise ValueError(f"{name}={kind!r} is not known; use one of {', '.join(map(repr, KINDS))}")
    options = {"axis": (a,), "where": keep, "q": q, "p_kind": p_kind, "q_kind": q_kind, "xp": xp}
    return p, {**options, **check_reduction(reduction, None, p.ndim, batchmean=True)}


def admit_extras(*, label_smoothing: Any, z_loss: Any, softcap: Any) -> dict[str, Any]:
    """Return the numbers that only cross-entropy has, checked."""
    return {
        "smoothing": check_number("label_smoothing", label_smoothing, low=0.0, high=1.0),
        "z_loss": check_number("z_loss", z_loss, low=0.0),
        "cap": None if softcap is None else check_number("softcap", softcap, above=0.0),
    }


def admit_alpha(alpha: Any, x: Any, options: dict[str, Any]) -> tuple[float, Any]:
    """Return the factor of a focal loss: a number for all classes, and an array with one for each or None."""
    if alpha is None:
        return 1.0, None
    if isinstance(alpha, Real):
        return check_number("alpha", alpha, low=0.0), None
    common_namespace(options["xp"], {"logits": x, "alpha": alpha})
    return 1.0, check_class_values("alpha", alpha, x, options["axis"][0])


def admit_cotangent(
    arrays: dict[str, Any], *, axis: Any, where: Any = None, xp: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return arrays of one shape in their common floating type and the options of a derivative, checked."""
    (name, first), *others = arrays.items()
    xp = common_namespace(xp, arrays, {"where": where})
    for other, value in others:
        check_same_shape(other, value, name, first)
    options = {"axis": check_axes(axis, first.ndim), "xp": xp}
    if where is not None:
        options["where"] = check_where(where, first)
    return common_floats(arrays, xp), options


def admit_jacobian(p: Any, *, axis: Any, xp: Any) -> tuple[Any, dict[str, Any]]:
    """Return ``p`` as floating point and the options of a Jacobian, checked."""
    xp = common_namespace(xp, {"p": p})
    axes = (check_axis(axis, p.ndim, "an integer"),)
    check_lengths(p, axes)
    return to_floating(p, None, xp, name="p"), {"axis": axes, "xp": xp}


def admit_sum_cotangent(x: Any, g: Any, *, axis: Any, where: Any, xp: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return logits and the cotangent of a reduction of them, with its reduced axes, and the options, checked."""
    arrays = {"x": x, "g": g}
    xp = common_namespace(xp, arrays, {"where": where})
    axes = check_axes(axis, x.ndim)
    rows = tuple(n for a, n in enumerate(x.shape) if a not in axes)
    if not same_lengths(g.shape, rows):
        raise ValueError(f"g has shape {tuple(g.shape)}; use {rows}, the shape of x without the reduced axes")
    keep = check_where(where, x)
    x, _ = from_top(x, None, axis=axes, where=keep, xp=xp)
    x, g = common_floats({"x": x, "g": g}, xp)
    return (x, g), {"axis": axes, "where": keep, "xp": xp}


def admit_counts(x: Any, counts: Any, *, axis: Any, tau: Any, xp: Any) -> tuple[Any, dict[str, Any]]:
    """Return the logits as floating point, the counts along their axis, and the options, checked."""
    xp = common_namespace(xp, {"logits": x, "class_counts": counts})
    a = check_axis(axis, x.ndim, "an integer")
    counts = check_class_values("class_counts", counts, x, a, booleans=False)
    options = {"counts": counts, "tau": check_number("tau", tau), "axis": (a,), "xp": xp}
    return to_floating(x, None, xp, name="logits"), options


def check_floating(dtype: Any) -> None:
    """Raise TypeError unless ``dtype`` is a real floating type."""
    if kind_of(dtype) != "real floating":
        raise TypeError(f"dtype={dtype} is not a floating type; use float16, bfloat16, float32 or float64")
