"""Which formulas are differentiated by rules of their own; loaded when a library that differentiates is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .activations import logit_slope
from .derivatives import log_softmax_jvp, log_softmax_vjp, softmax_vjp
from .elements import elu_slope, exp_slope, softcap_slope, tanh_slope
from .normal import gelu_slope
from .sparse_derivatives import entmax_vjp, potential_jvp, potential_vjp, sparsemax_vjp


class Rule(NamedTuple):
    """How a formula is differentiated, given its result, or the argument it was called with."""

    vjp: Callable[..., Any]
    jvp: Callable[..., Any]
    of: str = "result"  # or "argument"
    options: tuple[str, ...] = ("axis",)  # those of the formula that its derivatives take too


RULES = {
    "softmax": Rule(softmax_vjp, softmax_vjp),
    "log_softmax": Rule(log_softmax_vjp, log_softmax_jvp),
    "sparsemax": Rule(sparsemax_vjp, sparsemax_vjp),
    "entmax": Rule(entmax_vjp, entmax_vjp, options=("axis", "alpha")),
    "potential": Rule(potential_vjp, potential_jvp, "argument", ("axis", "regularizer", "alpha")),
    # Of single numbers, where a VJP is a JVP. Polynomials are near to a function but less so to its derivatives, and
    # what they are made of would be stored at many times the size of x; logit has no derivative at 0 and 1 otherwise.
    "elu": Rule(elu_slope, elu_slope, "argument", ("alpha",)),
    "exp_less_1": Rule(exp_slope, exp_slope, "argument", ()),
    "gelu": Rule(gelu_slope, gelu_slope, "argument", ()),
    "logit": Rule(logit_slope, logit_slope, "argument", ()),
    "softcap": Rule(softcap_slope, softcap_slope, "argument", ("cap",)),
    "tanh": Rule(tanh_slope, tanh_slope, "argument", ()),
}
"""By the name of the formula. The others need none: what they are made of has the right derivative."""
