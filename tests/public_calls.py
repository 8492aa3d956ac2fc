"""Calls of the public functions with their options, for tests of what holds for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import softmax_xp as sx
from softmax_xp import activations, derivatives, losses, sampling, sparse
from softmax_xp.testing import contract
from softmax_xp.testing.check_activations import name_of

ROWS, CLASSES = 4, 5
IGNORED = 2
"""The row that is masked, has a label to be ignored, or the weight 0."""


class Given(NamedTuple):
    """The arrays of a call."""

    x: Any
    labels: Any
    shares: Any
    keep: Any
    rows: Any  # one weight per row
    classes: Any  # one weight per class
    numbers: Any  # one number from 1 per row
    noise: Any


Call = Callable[[Given], Any]


def given() -> Given:
    rng = np.random.default_rng(0)
    labels = np.asarray([0, 3, -100, 2])
    keep = rng.uniform(size=(ROWS, CLASSES)) < 0.7
    keep[np.arange(ROWS), labels % CLASSES] = True
    keep[IGNORED] = False
    return Given(
        2.0 * rng.normal(size=(ROWS, CLASSES)),
        labels,
        np.asarray(sx.softmax(rng.normal(size=(ROWS, CLASSES)))),
        keep,
        np.asarray([1.0, 0.5, 0.0, 2.0]),
        np.linspace(0.5, 2.0, CLASSES),
        np.asarray([[1.0], [1.25], [2.0], [2.5]]),
        rng.gumbel(size=(ROWS, CLASSES)),
    )


def _normalizers() -> Iterator[tuple[str, Call]]:
    for name in ("softmax", "log_softmax", "softmin", "softmax_and_logsumexp"):
        f = getattr(sx, name)
        yield name, lambda g, f=f: f(g.x)
        yield f"{name} of entries", lambda g, f=f: f(g.x, axis=())
        yield f"{name} with a mask", lambda g, f=f: f(g.x, where=g.keep, axis=1)
        yield f"{name} with options", lambda g, f=f: f(g.x, temperature=g.numbers, sink=0.0)
    yield "logsumexp", lambda g: sx.logsumexp(g.x)
    yield "logsumexp of entries", lambda g: sx.logsumexp(g.x, axis=())
    yield "logsumexp with a mask", lambda g: sx.logsumexp(g.x, axis=1, where=g.keep)
    yield "logsumexp with weights", lambda g: sx.logsumexp(g.x, axis=1, b=g.numbers)
    yield "logmeanexp", lambda g: sx.logmeanexp(g.x, axis=1)
    yield "log1mexp", lambda g: sx.log1mexp(g.numbers)
    yield "logsubexp", lambda g: sx.logsubexp(g.x + 1.0, g.x)
    yield "hardmax", lambda g: sx.hardmax(g.x)
    yield "hardmax with a mask", lambda g: sx.hardmax(g.x, where=g.keep)


def _losses() -> Iterator[tuple[str, Call]]:
    for name in ("cross_entropy", "focal_loss", "poly_cross_entropy", "generalized_cross_entropy"):
        f = getattr(losses, name)
        yield f"{name} of labels", lambda g, f=f: f(g.x, g.labels)
        yield f"{name} of shares", lambda g, f=f: f(g.x, g.shares, sample_weight=g.rows, reduction="sum")
        yield f"{name} with a mask", lambda g, f=f: f(g.x, g.labels, where=g.keep, weight=g.classes, reduction="none")
    yield "nll_loss", lambda g: losses.nll_loss(sx.log_softmax(g.x), g.labels)
    for option in ({"label_smoothing": 0.1}, {"z_loss": 0.01}, {"softcap": 8.0}):
        yield name_of("cross_entropy", option), lambda g, o=option: losses.cross_entropy(g.x, g.labels, **o)
    everything = {"label_smoothing": 0.1, "z_loss": 0.01, "softcap": 8.0}
    yield "cross_entropy with options", lambda g: losses.cross_entropy(g.x, g.labels, where=g.keep, **everything)
    yield "partial_label_cross_entropy", lambda g: losses.partial_label_cross_entropy(g.x, g.keep, sample_weight=g.rows)
    yield (
        "binary_cross_entropy",
        lambda g: losses.binary_cross_entropy_with_logits(g.x, g.shares, weight=g.rows[:, None]),
    )
    yield "binary_focal_loss", lambda g: losses.binary_focal_loss(g.x, g.shares, alpha=0.25)
    yield "kl_divergence", lambda g: losses.kl_divergence(g.shares, g.x, q_kind="logits", reduction="batchmean")
    yield "js_divergence", lambda g: losses.js_divergence(g.x, g.shares, p_kind="logits", where=g.keep)
    yield "logit_adjustment", lambda g: losses.logit_adjustment(g.x, g.classes)
    yield "logit_adjustment of strength 0", lambda g: losses.logit_adjustment(g.x, g.classes, tau=0.0)
    for option in contract.LOSS_CASES:
        f = partial(sparse.fenchel_young_loss, **option)
        yield name_of("fenchel_young_loss", option), lambda g, f=f: f(g.x, g.labels)
        yield (
            f"{name_of('fenchel_young_loss', option)} of shares",
            lambda g, f=f: f(g.x, g.shares, sample_weight=g.rows),
        )
        yield f"{name_of('fenchel_young_loss', option)} with a mask", lambda g, f=f: f(g.x, g.labels, where=g.keep)


def _maps() -> Iterator[tuple[str, Call]]:
    for name, option in contract.SPARSE_CASES:
        yield name_of(name, option), lambda g, n=name, o=option: getattr(sparse, n)(g.x, **o)
    yield "sparsemax with a mask", lambda g: sparse.sparsemax(g.x, where=g.keep)
    yield "entmax of rows with a mask", lambda g: sparse.entmax(g.x, alpha=g.numbers, where=g.keep)
    yield "normmax of rows", lambda g: sparse.normmax(g.x, alpha=g.numbers)
    yield "k_subset of rows", lambda g: sparse.k_subset(g.x, k=g.numbers)
    yield "project_simplex of rows", lambda g: sparse.project_simplex(g.x, scale=g.numbers)
    for name, option in contract.ACTIVATION_CASES:
        f = partial(getattr(activations, name), **option)
        yield name_of(name, option), lambda g, f=f, n=name: f(activations.sigmoid(g.x) if n == "logit" else g.x)
    yield "linear slope=1", lambda g: activations.linear(g.x, slope=1.0)


def _draws() -> Iterator[tuple[str, Call]]:
    yield "gumbel_softmax", lambda g: sampling.gumbel_softmax(g.x, noise=g.noise)
    yield "gumbel_softmax hard", lambda g: sampling.gumbel_softmax(g.x, noise=g.noise, hard=True, temperature=0.5)
    yield "sample_categorical", lambda g: sampling.sample_categorical(g.x, noise=g.noise)
    for k in (1, 3, 9):
        yield f"top_k_logits k={k}", lambda g, k=k: sampling.top_k_logits(g.x, k, fill=-9.0)
    for name in ("top_p_logits", "min_p_logits", "typical_logits", "epsilon_logits", "eta_logits"):
        yield name, lambda g, n=name: getattr(sampling, n)(g.x, 0.25, fill=-9.0)
        yield f"{name} of rows", lambda g, n=name: getattr(sampling, n)(g.x, g.numbers / 4.0, where=g.keep, fill=0.0)
    yield "softmax_vjp", lambda g: derivatives.softmax_vjp(sx.softmax(g.x), g.noise)
    yield "log_softmax_vjp", lambda g: derivatives.log_softmax_vjp(sx.log_softmax(g.x), g.noise)
    yield "cross_entropy_and_grad", lambda g: derivatives.cross_entropy_and_grad(g.x, g.labels, z_loss=0.01)
    yield "entmax_vjp", lambda g: derivatives.entmax_vjp(sparse.entmax(g.x, alpha=1.25), g.noise, alpha=1.25)


CALLS: dict[str, Call] = {**dict(_normalizers()), **dict(_losses()), **dict(_maps()), **dict(_draws())}


def results(y: Any) -> tuple[Any, ...]:
    return y if isinstance(y, tuple) else (y,)
