"""A call of every public function on a matrix of numbers, for graphs that compute many of them at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

import softmax_xp as sx
from softmax_xp import activations, derivatives, losses, sampling, sparse

inf, nan = np.inf, np.nan
Calls = dict[str, Callable[[Any], Any]]

WIDTH = 20
"""A row is a vector of the processor and a remainder."""


def _row(*first: float, rest: float = 0.0) -> list[float]:
    return [*first, *[rest] * (WIDTH - len(first))]


SPECIAL = [
    _row(rest=7.0),
    *(_row(far, rest=-3.0) for far in (14.0, 17.0, 57.0, 85.0, 101.0)),
    _row(1000020.0, rest=1e6),
    _row(0.0, 1e-3, rest=-88.0),
    _row(2.0, 2.0, rest=-40.0),
    _row(0.5, -inf, 0.5, -inf),
    _row(3.0, rest=-inf),
    _row(rest=-inf),
    _row(inf, 1.0),
    _row(nan, 1.0),
    _row(1e30, -1e30),
    _row(1e-20, 1e-9, -1e-9, 1e-5, 0.25, -0.25, 0.6875, -0.6875, 0.75, -0.75, 1.0, -1.0),
]
_random = np.random.default_rng(7)
ORDINARY = 3.0 * _random.normal(size=(8, WIDTH))
LOGITS = np.concatenate([SPECIAL, ORDINARY])
"""What the contract calls dangerous, and ordinary rows."""

SHAPE = LOGITS.shape
FRACTIONS = np.concatenate([(0.0, 1.0, 0.5, 1e-9), _random.uniform(size=LOGITS.size - 4)]).reshape(SHAPE)
POSITIVE = np.geomspace(1e-30, 80.0, LOGITS.size).reshape(SHAPE)
NUMBERS = {"logit": FRACTIONS, "log1mexp": POSITIVE}
"""What functions of single numbers are given in place of logits."""

SHARES, OTHER = (_random.dirichlet(np.full(WIDTH, concentration), SHAPE[0]) for concentration in (0.3, 1.0))
NOISE = _random.gumbel(size=SHAPE)
CLASS, ROW = _random.uniform(0.5, 2.0, WIDTH), _random.uniform(0.5, 2.0, (SHAPE[0], 1))
KEEP = torch.tensor(_random.uniform(size=SHAPE) < 0.8) | (torch.arange(WIDTH) == 0)
LABELS = torch.zeros(SHAPE[0], dtype=torch.int64)
SURE = torch.arange(WIDTH).eq(LABELS[:, None]).double().numpy()


def normalizers(dtype: Any) -> Calls:
    row = torch.tensor(ROW, dtype=dtype)
    rowwise = ("softmax", "log_softmax", "softmin", "softmax_and_logsumexp")
    return {
        **{name: getattr(sx, name) for name in rowwise},
        "softmax of columns": lambda x: sx.softmax(x[-8:], axis=0),
        "log_softmax of columns": lambda x: sx.log_softmax(x[-8:], axis=0),
        "log_softmax with all options": lambda x: sx.log_softmax(x, where=KEEP, temperature=row, sink=row),
        "softmax at 0": partial(sx.softmax, temperature=0.0),
        "logsumexp": lambda x: sx.logsumexp(x, axis=-1),
        "logsumexp with weights": lambda x: sx.logsumexp(x, axis=-1, b=row),
        "logmeanexp": lambda x: sx.logmeanexp(x, axis=-1, where=KEEP),
        "log1mexp": sx.log1mexp,
        "logsubexp": lambda x: sx.logsubexp(x + 1.0, x),
        "hardmax": sx.hardmax,
        "one_hot": lambda x: sx.one_hot(sx.hardmax(x).argmax(-1), WIDTH, dtype=x.dtype),
    }


def class_losses(dtype: Any) -> Calls:
    shares, other, sure, weight = (torch.tensor(v, dtype=dtype) for v in (SHARES, OTHER, SURE, CLASS))
    options = {"reduction": "none"}
    more = {"weight": weight, "where": KEEP, **options}
    return {
        "cross_entropy": lambda x: losses.cross_entropy(x, LABELS, **options),
        "cross_entropy of the sure": lambda x: losses.cross_entropy(x, sure, **options),
        "cross_entropy with options": lambda x: losses.cross_entropy(x, LABELS, z_loss=0.125, softcap=4.0, **more),
        "cross_entropy of shares": lambda x: losses.cross_entropy(x, shares, label_smoothing=0.25, **more),
        "nll_loss": lambda x: losses.nll_loss(x, LABELS, **options),
        "focal_loss": lambda x: losses.focal_loss(x, LABELS, **options),
        "focal_loss gamma=0.5": lambda x: losses.focal_loss(x, LABELS, gamma=0.5, alpha=weight, **options),
        "poly_cross_entropy": lambda x: losses.poly_cross_entropy(x, LABELS, **options),
        "generalized_cross_entropy": lambda x: losses.generalized_cross_entropy(x, LABELS, **options),
        "partial_label_cross_entropy": lambda x: losses.partial_label_cross_entropy(x, KEEP, **options),
        "binary_cross_entropy_with_logits": lambda x: losses.binary_cross_entropy_with_logits(
            x, shares, pos_weight=3.0, **options
        ),
        "binary_focal_loss": lambda x: losses.binary_focal_loss(x, KEEP, gamma=0.5, alpha=0.25, **options),
        "kl_divergence": lambda x: losses.kl_divergence(shares, x, q_kind="logits", **options),
        "js_divergence": lambda x: losses.js_divergence(x, other, p_kind="logits", **options),
        "balanced_class_weights": lambda x: losses.balanced_class_weights(x.argmax(-1), WIDTH, dtype=x.dtype),
        "logit_adjustment": lambda x: losses.logit_adjustment(x, weight, tau=0.5),
    }


def slopes(dtype: Any) -> Calls:
    shares, other, row = (torch.tensor(v, dtype=dtype) for v in (SHARES, OTHER, ROW))
    scores = shares.log()
    return {
        "softmax_vjp": lambda x: derivatives.softmax_vjp(shares, x, where=KEEP),
        "softmax_jvp": lambda x: derivatives.softmax_jvp(shares, x),
        "softmax_hvp": lambda x: derivatives.softmax_hvp(shares, x, other),
        "softmax_jacobian": lambda x: derivatives.softmax_jacobian(sx.softmax(x[-8:])),
        "log_softmax_vjp": lambda x: derivatives.log_softmax_vjp(scores, x, where=KEEP),
        "log_softmax_vjp of logits": lambda x: derivatives.log_softmax_vjp(sx.log_softmax(x), shares),
        "logsumexp_vjp": lambda x: derivatives.logsumexp_vjp(x, row[:, 0], axis=-1),
        "cross_entropy_and_grad": lambda x: derivatives.cross_entropy_and_grad(x, LABELS, reduction="none"),
        "sparsemax_vjp": lambda x: derivatives.sparsemax_vjp(sparse.sparsemax(x), other),
        "entmax_vjp": lambda x: derivatives.entmax_vjp(shares, x, alpha=1.25),
    }


def maps(_: Any) -> Calls:
    options = {"reduction": "none"}
    return {
        "sparsemax": sparse.sparsemax,
        "entmax alpha=1.25": lambda x: sparse.entmax(x, alpha=1.25),
        "entmax alpha=2.5": lambda x: sparse.entmax(x, alpha=2.5),
        "normmax": sparse.normmax,
        "k_subset": lambda x: sparse.k_subset(x, k=1.75),
        "project_simplex": lambda x: sparse.project_simplex(x, scale=2.5),
        "entmax_loss": lambda x: sparse.entmax_loss(x, LABELS, **options),
        "fenchel_young_loss": lambda x: sparse.fenchel_young_loss(x, LABELS, regularizer="norm", **options),
    }


def single_numbers(_: Any) -> Calls:
    options = {"softcap": {"cap": 0.7}, "softplus": {"beta": 0.3}, "elu": {"alpha": 1.67}}
    functions = {name: partial(getattr(activations, name), **options.get(name, {})) for name in activations.__all__}
    return {**functions, "gelu approximate": partial(activations.gelu, approximate=True)}


def draws(dtype: Any) -> Calls:
    noise, row = torch.tensor(NOISE, dtype=dtype), torch.tensor(ROW, dtype=dtype)
    return {
        "gumbel_softmax": lambda x: sampling.gumbel_softmax(x, noise=noise),
        "gumbel_softmax with options": lambda x: sampling.gumbel_softmax(x, noise=noise, temperature=row, where=KEEP),
        "gumbel_softmax hard": lambda x: sampling.gumbel_softmax(x, noise=noise, hard=True),
        "sample_categorical": lambda x: sampling.sample_categorical(x, noise=noise),
        "top_k_logits": lambda x: sampling.top_k_logits(x, 2, where=KEEP),
        "top_p_logits": lambda x: sampling.top_p_logits(x, 0.7),
        "min_p_logits": lambda x: sampling.min_p_logits(x, 0.3, min_keep=2),
        "typical_logits": lambda x: sampling.typical_logits(x, 0.6),
        "epsilon_logits": lambda x: sampling.epsilon_logits(x, 0.02),
        "eta_logits": lambda x: sampling.eta_logits(x, 0.02),
    }


FAMILIES = {
    "normalizers": normalizers,
    "losses": class_losses,
    "derivatives": slopes,
    "sparse": maps,
    "activations": single_numbers,
    "sampling": draws,
}
"""Calls by their names, given the type of the numbers."""
