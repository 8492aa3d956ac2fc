"""torch: autograd functions made from the rules, for backward and forward mode, vmap and torch.compile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd import forward_ad

from .._formulas.kinds import Rule


def execute(formula: Callable[..., Any], rule: Rule, x: Any, /, *, where: Any = None, **options: Any) -> Any:
    """Return the result of the formula, with the rule as its derivative where one can be asked for."""
    if torch.compiler.is_compiling():
        return Backward.apply(x, where, formula, rule, options)
    if _is_followed(x):
        return BothModes.apply(x, where, formula, rule, options)
    return formula(x, where=where, **options)


def pinned(arrays: tuple[Any, ...], options: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return arguments, in a compiled graph as numbers that are not contracted with what is done to them.

    Inductor computes logits again at every use. Where its compiler may contract (on GPUs, and by an option on the CPU),
    a product less the row maximum is then rounded once and not twice, hence not 0 at the maximum. A select ends that.
    """
    if not torch.compiler.is_compiling():
        return arrays, options
    return tuple(_pinned(x) for x in arrays), {name: _pinned(value) for name, value in options.items()}


def _pinned(x: Any) -> Any:
    return torch.where(x == x, x, -x) if isinstance(x, torch.Tensor) and x.is_floating_point() else x


def _is_followed(x: Any) -> bool:
    """Whether a derivative may be asked for; a function call costs three times the formula of a short row."""
    # torch has no public names for these: transforms of torch.func, and the level of forward mode.
    transforms = getattr(torch._C, "_are_functorch_transforms_active", bool)
    return bool(x.requires_grad or transforms() or getattr(forward_ad, "_current_level", 0) >= 0)


class Backward(torch.autograd.Function):  # type: ignore[misc]
    """A formula and its VJP; torch.compile traces this one, but none that has a JVP."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Any, where: Any, formula: Callable[..., Any], rule: Rule, options: Any) -> Any:
        """Return the result of the formula."""
        return formula(x, where=where, **options)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep what the rule is applied to."""
        x, where, _, rule, options = inputs
        ctx.save_for_backward(output if rule.of == "result" else x, where)
        ctx.rule, ctx.options = rule, {name: options[name] for name in (*rule.options, "xp")}

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        """Return the VJP."""
        return _apply(ctx, ctx.rule.vjp, g), None, None, None, None


class BothModes(Backward):
    """A formula with its VJP and its JVP."""

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep what the rule is applied to, for both modes."""
        Backward.setup_context(ctx, inputs, output)
        ctx.save_for_forward(output if ctx.rule.of == "result" else inputs[0], inputs[1])

    @staticmethod
    def jvp(ctx: Any, t: Any, *_: Any) -> Any:
        """Return the JVP."""
        return _apply(ctx, ctx.rule.jvp, t)


def _apply(ctx: Any, derivative: Callable[..., Any], v: Any) -> Any:
    saved, where = ctx.saved_tensors
    return derivative(saved, v, where=where, **ctx.options)
