"""Divergences between distributions, given as probabilities, log-probabilities or logits."""

from __future__ import annotations

from math import inf, nan
from typing import Any, NamedTuple

from .._engines import run
from .._formulas.kinds import formula
from .._formulas.normalizers import log_softmax
from .._formulas.target import weighted
from .._xp.dtypes import cast, widen
from .._xp.expm1 import expm1
from .._xp.operations import select
from .._xp.sums import row_sum


class Distribution(NamedTuple):
    """Probabilities and their logarithms."""

    p: Any
    log_p: Any


def distribution(x: Any, kind: str, *, axis: tuple[int, ...], where: Any, xp: Any) -> Distribution:
    """Return the distribution that ``x`` stands for."""
    if kind == "probs":
        p = select(where, x, 0.0, xp)
        log_p = select(p > 0, xp.log(select(p > 0, p, 1.0, xp)), -inf, xp)
        return Distribution(p, select(p >= 0, log_p, nan, xp))
    if kind == "logits":
        log_p = run(log_softmax, x, axis=axis, where=where, temperature=1.0, sink=None, xp=xp)
    else:
        log_p = select(where, x, -inf, xp)
    return Distribution(xp.exp(log_p), log_p)


@formula("losses")
def kl_rows(
    x: Any, /, *, q: Any, axis: tuple[int, ...], where: Any, p_kind: str, q_kind: str, xp: Any
) -> tuple[Any, Any]:
    """Return sum(p * (log p - log q)) per row, where 0 * log 0 is 0, and 1."""
    x = widen(x, xp)
    p = distribution(x, p_kind, axis=axis, where=where, xp=xp)
    q = distribution(widen(q, xp), q_kind, axis=axis, where=where, xp=xp)
    some = p.p != 0
    d = select(some, p.log_p, 0.0, xp) - select(some, q.log_p, 0.0, xp)
    rows = cast(row_sum(p.p * d, axis, xp), x.dtype, xp)
    return rows, xp.ones_like(rows)


@formula("losses")
def js_rows(
    x: Any, /, *, q: Any, axis: tuple[int, ...], where: Any, p_kind: str, q_kind: str, xp: Any
) -> tuple[Any, Any]:
    """Return the mean of the divergences of p and q from (p + q) / 2 per row, and 1.

    With d = log q - log p, log((p + q) / (2 p)) is max(d, 0) + log1p(expm1(-abs(d)) / 2), which is small
    where p and q are near each other.
    """
    x = widen(x, xp)
    p = distribution(x, p_kind, axis=axis, where=where, xp=xp)
    q = distribution(widen(q, xp), q_kind, axis=axis, where=where, xp=xp)
    some = (p.p != 0) | (q.p != 0)
    d = select(some, q.log_p, 0.0, xp) - select(some, p.log_p, 0.0, xp)
    above = d > 0
    tail = xp.log1p(expm1(select(~above, d, 0.0, xp) - select(above, d, 0.0, xp), xp) / 2)
    from_p = tail + select(above, d, 0.0, xp)
    from_q = tail - select(~above, d, 0.0, xp)
    rows = 0.0 - row_sum(weighted(p.p, from_p, xp) + weighted(q.p, from_q, xp), axis, xp) / 2
    # Its square root is taken as a distance: rounding must not make it negative.
    rows = cast(select(~(rows < 0), rows, 0.0, xp), x.dtype, xp)
    return rows, xp.ones_like(rows)
