"""Every public function as a function of a matrix of logits, for graphs that compute the logits themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import inf
from typing import Any

import jax.numpy as jnp
import numpy as np

import softmax_xp as sx
from softmax_xp import activations, derivatives, losses, sampling, sparse
from softmax_xp.testing import contract
from softmax_xp.testing.check_activations import name_of

ROWS, N = 24, 6

Call = Callable[[Any], Any]


def logits() -> np.ndarray[Any, Any]:
    """Return rows that are dominated, tied, wide and ordinary; all have one decimal, as people write them."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(ROWS, N)).round(1) * 3
    x[:8, 0] += 30.0
    x[8:12] = x[8:12, :1]
    x[12:14, :3] = 4.1
    x[14] *= 1e9
    x[15] *= 1e-9
    return x


def factors() -> np.ndarray[Any, Any]:
    return np.random.default_rng(8).uniform(0.8, 1.2, size=(ROWS, N))


LABELS = np.random.default_rng(9).integers(0, N, ROWS)
LABELS[:4] = 0
HITS = np.eye(N)[LABELS]
SHARES = np.where(np.arange(ROWS)[:, None] % 2, HITS, np.random.default_rng(10).dirichlet(np.ones(N), ROWS))
COTANGENT = np.random.default_rng(11).normal(size=(ROWS, N))
NOISE = np.random.default_rng(12).gumbel(size=(ROWS, N))
FILTER_VALUES = {"top_k_logits": 3, "epsilon_logits": 0.05, "eta_logits": 0.05, "min_p_logits": 0.05}
ORDERS = np.linspace(1.0, 3.0, ROWS)[:, None]


def array(values: Any, x: Any) -> Any:
    return jnp.asarray(values, dtype=x.dtype)


def _normalizers() -> Iterator[tuple[str, Call]]:
    for name in ("softmax", "log_softmax", "softmin", "softmax_and_logsumexp"):
        yield name, getattr(sx, name)
    for t in (0.0, 0.7, inf):
        yield f"softmax temperature={t}", partial(sx.softmax, temperature=t)
        yield f"log_softmax temperature={t}", partial(sx.log_softmax, temperature=t)
    yield "softmax of rows", lambda x: sx.softmax(x, temperature=array(ORDERS, x) - 1)
    yield "log_softmax sink", lambda x: sx.log_softmax(x, sink=x[:, :1])
    yield "log_softmax where", lambda x: sx.log_softmax(x, where=x > 0)
    yield "logsumexp", partial(sx.logsumexp, axis=-1)
    yield "logsumexp b", lambda x: sx.logsumexp(x, axis=-1, b=array(COTANGENT, x), return_sign=True)
    yield "logmeanexp", partial(sx.logmeanexp, axis=-1)
    yield "log1mexp", lambda x: sx.log1mexp(jnp.abs(x))
    yield "logsubexp", lambda x: sx.logsubexp(x, x[:, :1])
    yield "hardmax", sx.hardmax
    yield "one_hot", lambda x: sx.one_hot(jnp.asarray(x[:, 0], dtype=jnp.int32), 4)


def _losses() -> Iterator[tuple[str, Call]]:
    labels = jnp.asarray(LABELS)
    for name in ("cross_entropy", "focal_loss", "poly_cross_entropy", "generalized_cross_entropy", "nll_loss"):
        f = partial(getattr(losses, name), reduction="none")
        yield name, lambda x, f=f: f(x, labels)
        yield f"{name} dense", lambda x, f=f: f(x, array(SHARES, x))
    entropy = partial(losses.cross_entropy, reduction="none")
    yield "cross_entropy softcap", lambda x: entropy(x, labels, softcap=30.0, z_loss=0.1)
    yield "cross_entropy dense softcap", lambda x: entropy(x, array(HITS, x), softcap=30.0)
    yield "cross_entropy smoothing", lambda x: entropy(x, labels, label_smoothing=0.1)
    yield "cross_entropy weight", lambda x: entropy(x, labels, sample_weight=x[:, 0] * 1.1)
    yield (
        "partial_label_cross_entropy",
        lambda x: losses.partial_label_cross_entropy(x, jnp.asarray(SHARES > 0.2), reduction="none"),
    )
    yield (
        "binary_cross_entropy_with_logits",
        lambda x: losses.binary_cross_entropy_with_logits(x, array(SHARES, x), reduction="none"),
    )
    yield "binary_focal_loss", lambda x: losses.binary_focal_loss(x, array(SHARES, x), reduction="none")
    for name in ("kl_divergence", "js_divergence"):
        f = getattr(losses, name)
        yield name, lambda x, f=f: f(x, array(SHARES, x), p_kind="logits")
        yield f"{name} of logits", lambda x, f=f: f(x, array(NOISE, x), p_kind="logits", q_kind="logits")
    yield "logit_adjustment", lambda x: losses.logit_adjustment(x, array(np.arange(1, N + 1), x))
    yield "balanced_class_weights", lambda x: losses.balanced_class_weights(jnp.asarray(x, dtype=jnp.int32) % N, N)


def _derivatives() -> Iterator[tuple[str, Call]]:
    yield "softmax_vjp", lambda x: derivatives.softmax_vjp(array(SHARES, x), x)
    yield "softmax_jvp", lambda x: derivatives.softmax_jvp(array(SHARES, x), x)
    yield "softmax_hvp", lambda x: derivatives.softmax_hvp(array(SHARES, x), x, array(COTANGENT, x))
    yield "softmax_jacobian", lambda x: derivatives.softmax_jacobian(sx.softmax(x))
    yield "log_softmax_vjp", lambda x: derivatives.log_softmax_vjp(sx.log_softmax(x), array(COTANGENT, x))
    yield "logsumexp_vjp", lambda x: derivatives.logsumexp_vjp(x, array(COTANGENT[:, 0], x), axis=1)
    yield (
        "cross_entropy_and_grad",
        lambda x: derivatives.cross_entropy_and_grad(x, jnp.asarray(LABELS), reduction="none"),
    )
    yield (
        "cross_entropy_and_grad dense",
        lambda x: derivatives.cross_entropy_and_grad(x, array(SHARES, x), softcap=30.0, reduction="none"),
    )
    yield "sparsemax_vjp", lambda x: derivatives.sparsemax_vjp(array(SHARES, x), x)
    yield "entmax_vjp", lambda x: derivatives.entmax_vjp(array(SHARES, x), x, alpha=1.25)


def _sparse() -> Iterator[tuple[str, Call]]:
    for name, options in contract.SPARSE_CASES:
        # One of each way of computing: the others are the same formula with another number.
        if options.get("alpha", 1.25) in (1.0, 1.25, 2.5):
            yield name_of(name, options), partial(getattr(sparse, name), **options)
    yield "entmax alpha=inf", partial(sparse.entmax, alpha=inf)
    yield "entmax of rows", lambda x: sparse.entmax(x, alpha=array(ORDERS, x))
    yield "k_subset k=2", partial(sparse.k_subset, k=2)
    yield "entmax_loss", lambda x: sparse.entmax_loss(x, jnp.asarray(LABELS), reduction="none")
    for options in contract.LOSS_CASES:
        if options.get("alpha", 1.5) != 1.5:
            continue
        f = partial(sparse.fenchel_young_loss, reduction="none", **options)
        yield name_of("fenchel_young_loss", options), lambda x, f=f: f(x, array(SHARES, x))


def _sampling() -> Iterator[tuple[str, Call]]:
    yield "gumbel_softmax", lambda x: sampling.gumbel_softmax(x, noise=array(NOISE, x))
    yield "gumbel_softmax hard", lambda x: sampling.gumbel_softmax(x, noise=array(NOISE, x), hard=True)
    yield "sample_categorical", lambda x: sampling.sample_categorical(x, noise=array(NOISE, x))
    for name in contract.FILTERS:
        value = FILTER_VALUES.get(name, 0.5)
        yield name, lambda x, f=getattr(sampling, name), v=value: f(x, v)


CALLS: dict[str, Call] = {
    **dict(_normalizers()),
    **dict(_losses()),
    **dict(_derivatives()),
    **dict(_sparse()),
    **dict(_sampling()),
    **{name_of(n, o): partial(getattr(activations, n), **o) for n, o in contract.ACTIVATION_CASES},
}

PUBLIC = {
    name
    for module in (sx, losses, derivatives, sparse, sampling, activations)
    for name in module.__all__
    if callable(getattr(module, name)) and name not in ("use_engine", "which_engine", "show_versions")
}
