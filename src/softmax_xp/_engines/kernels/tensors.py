"""torch tensors on the CPU: the C engine works in their memory, and on the gradients too."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.autograd import forward_ad

from ..._formulas import derivatives, labels
from ..._xp.compat import torch_namespace
from ..._xp.dtypes import is_half
from .. import generic
from ..threads import BYTES, limit
from ..ways import Passed, Way
from . import found as kernels

GRADIENTS = ("softmax_vjp", "log_softmax_vjp", "logsumexp_vjp", "label_nll_and_grad")

SAVED = ("softmax", "log_softmax")
"""What has its derivative computed from its result."""

TRANSFORMED = Passed("for plain tensors on the CPU, outside of transformations")
FOLLOWED = Passed("does not follow derivatives of derivatives")
ROUNDED = Passed("the formula has the gradient of a half type in float32")


def prepare(name: str, arrays: tuple[Any, ...], options: dict[str, Any]) -> Way | str:
    """Return the way to execute a formula on tensors, or the reason why there is none."""
    if len(options["axis"]) != 1:
        return "for one axis"
    if not _is_memory(arrays[0]):
        return str(TRANSFORMED)
    half = is_half(arrays[0].dtype)
    if name == "mean_label_loss":
        known = arrays[1].dtype == torch.int64 and not half and arrays[0].numel() > 0
        return _mean_label_loss if known else "for labels of int64, and float64 and float32 logits"
    call = _CALLS.get(name) or _small(name, half)

    def way(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
        # Asked at each call: a transformation may follow a tensor of the same kind the next time.
        if not is_plain(arrays[0]):
            return TRANSFORMED
        if torch.is_grad_enabled():
            # These kernels have no derivative of their own: create_graph=True differentiates the formula.
            if name in GRADIENTS:
                return FOLLOWED
            # The backward pass would start from a result that is rounded to the half type.
            if half and arrays[0].requires_grad and (name in SAVED or name == "softmax_and_logsumexp"):
                return ROUNDED
        return call(arrays, options)

    return way


def _is_memory(x: Any) -> bool:
    return type(x) in (torch.Tensor, torch.nn.Parameter) and x.is_cpu


def is_plain(x: Any) -> bool:
    """Whether a tensor is just memory: no subclass, and nothing that follows or replaces what is done to it."""
    return (
        type(x) in (torch.Tensor, torch.nn.Parameter)
        and x.is_cpu
        and x.layout is torch.strided
        # Such a tensor holds the numbers of opposite sign in memory, and numpy() raises.
        and not x.is_neg()
        # torch has no public names for these.
        and not torch._C._are_functorch_transforms_active()
        and not torch._C._len_torch_dispatch_stack()
        and not torch._C._functorch.is_legacy_batchedtensor(x)
        and torch._C._get_tracing_state() is None
        and getattr(forward_ad, "_current_level", 0) < 0
    )


def _small(name: str, half: bool) -> Way:
    """Return the way of a kernel that is called as it is."""
    kernel = getattr(kernels.find()[0], name)

    def way(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
        (axis,), where, x = options["axis"], options.get("where"), arrays[0]
        if len(arrays) > 1 or half or where is not None or x.requires_grad or x.nbytes >= 2 * BYTES:
            return call(name, arrays, axis, where)
        # What `call` does, without what is not needed here.
        given = x.numpy()
        out = np.empty_like(given)
        kernel(given, out, axis, None)
        return torch.from_numpy(out)

    return way


def _logsumexp(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
    (axis,) = options["axis"]
    lse = call("logsumexp", arrays, axis, options["where"])
    return lse if options["keepdims"] else lse.squeeze(axis)


def _softmax_and_logsumexp(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return both, by two kernels: the formula's own single pass would round x - m."""
    (axis,), where = options["axis"], options["where"]
    return call("softmax", arrays, axis, where), call("logsumexp", arrays, axis, where)


def _label_nll(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
    return call("label_nll", (*arrays, options["labels"]), options["axis"][0], options["where"])


def _label_nll_and_grad(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
    (x,), (axis,) = arrays, options["axis"]
    return label_nll_and_grad(x, options["labels"], options["scale"], axis, options["where"])


def _mean_label_loss(arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
    x, labels = arrays
    if not (is_plain(x) and is_plain(labels)):
        return TRANSFORMED
    (axis,) = options["axis"]
    followed = x.requires_grad and torch.is_grad_enabled()
    mean = (MeanLoss.apply if followed else mean_loss)(x, labels.unsqueeze(axis), axis)
    # NaN may come from a label that is to be ignored.
    return mean if mean.item() == mean.item() else Passed("where no loss is NaN")


def call(name: str, arrays: tuple[Any, ...], axis: int, where: Any) -> Any:
    """Return the result of a kernel, whose gradient is computed by kernels as well."""
    if name not in GRADIENTS and torch.is_grad_enabled() and arrays[0].requires_grad:
        return Kernel.apply(arrays[0], name, arrays[1:], axis, where)
    return compute(name, arrays, axis, where)


def compute(name: str, arrays: tuple[Any, ...], axis: int, where: Any) -> Any:
    """Return the result of a kernel as a tensor."""
    x = arrays[0]
    call = kernels.rows if name in ("logsumexp", "label_nll") else kernels.elements
    keep = None if where is None else as_numpy(where)
    given = tuple(as_numpy(v) for v in arrays)
    if given[0].nbytes < 2 * BYTES:
        return as_tensor(call(name, given, axis, keep), x)
    # torch.set_num_threads is what its users know: these threads obey it as well.
    with limit(torch.get_num_threads()):
        return as_tensor(call(name, given, axis, keep), x)


def label_nll_and_grad(x: Any, labels: Any, scale: Any, axis: int, where: Any) -> tuple[Any, Any]:
    """Return the loss at the label of each row, and its gradient times ``scale``."""
    given = as_numpy(x)
    at = as_numpy(labels)
    loss, grad = np.empty(at.shape, given.dtype), np.empty_like(given)
    # One scale for all rows is read by a stride of 0, and not copied for each.
    arrays = (given, at, np.broadcast_to(as_numpy(scale), at.shape), loss, grad)
    with limit(torch.get_num_threads()):
        kernels.execute("label_nll_grad", arrays, axis, None if where is None else as_numpy(where))
    return as_tensor(loss, x), as_tensor(grad, x)


def as_numpy(x: Any) -> Any:
    """Return a tensor as NumPy array of the same memory; bfloat16 as its bits."""
    x = x.detach()
    # NumPy has no bfloat16: the kernels take its bits.
    return (x.view(torch.int16) if x.dtype == torch.bfloat16 else x).numpy()


def as_tensor(x: Any, like: Any) -> Any:
    """Return a NumPy array as tensor of the same memory."""
    x = torch.from_numpy(x)
    return x.view(torch.bfloat16) if like.dtype == torch.bfloat16 else x


class Kernel(torch.autograd.Function):  # type: ignore[misc]
    """A kernel and the one of its gradient; a gradient that is differentiated again is a formula."""

    @staticmethod
    def forward(ctx: Any, x: Any, name: str, more: tuple[Any, ...], axis: int, where: Any) -> Any:
        """Return the result of the kernel."""
        result = compute(name, (x, *more), axis, where)
        ctx.kernel, ctx.axis = name, axis
        # Either way one array as large as the logits is kept, not the exponentials that the formula has on its way.
        ctx.save_for_backward(result if name in SAVED else x, where, *more)
        return result

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        """Return the gradient of the logits."""
        saved, where, *more = ctx.saved_tensors
        # In the backward pass gradients are enabled only by create_graph=True, for derivatives of this one.
        gradient = _formula_gradient if torch.is_grad_enabled() or not is_plain(g) else _gradient
        return gradient(ctx.kernel, saved, g, ctx.axis, where, more), None, None, None, None


def _gradient(name: str, saved: Any, g: Any, axis: int, where: Any, more: list[Any]) -> Any:
    if name == "label_nll":
        return label_nll_and_grad(saved, more[0], g, axis, where)[1]
    return compute(f"{name}_vjp", (saved, g), axis, where)


def _formula_gradient(name: str, saved: Any, g: Any, axis: int, where: Any, more: list[Any]) -> Any:
    options = {"axis": (axis,), "where": where, "xp": torch_namespace()}
    if name == "label_nll":
        return labels.label_nll_and_grad(saved, labels=more[0], scale=g, **options)[1]
    formula = getattr(derivatives, f"{name}_vjp")
    return generic.prepare(formula, (saved, g), options)((saved, g), options)


class MeanLoss(torch.autograd.Function):  # type: ignore[misc]
    """The mean of the losses at the labels of rows, as one step of the graph."""

    @staticmethod
    def forward(ctx: Any, x: Any, at: Any, axis: int) -> Any:
        """Return the mean."""
        ctx.save_for_backward(x, at)
        ctx.axis = axis
        return mean_loss(x, at, axis)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        """Return the gradient of the logits."""
        x, at = ctx.saved_tensors
        gradient = _formula_gradient if torch.is_grad_enabled() or not is_plain(g) else _gradient
        return gradient("label_nll", x, (g / at.numel()).expand(at.shape), ctx.axis, None, [at]), None, None


def mean_loss(x: Any, at: Any, axis: int) -> Any:
    """Return the mean loss of logits at the labels, which have length 1 along the axis."""
    # Summed in float64, and rounded once with the quotient.
    losses = compute("label_nll", (x, at), axis, None).numpy()
    mean = np.add.reduce(losses, None, np.float64) / losses.size
    # Not where torch.device or set_default_device puts new tensors.
    return torch.tensor(mean, dtype=x.dtype, device=x.device)


_CALLS: dict[str, Way] = {
    "logsumexp": _logsumexp,
    "softmax_and_logsumexp": _softmax_and_logsumexp,
    "label_nll": _label_nll,
    "label_nll_and_grad": _label_nll_and_grad,
}
"""The ways of formulas whose kernels are not called as they are."""
