"""The one place that imports array-api-compat.

To vendor softmax_xp without the dependency, put a copy of array-api-compat at
``_vendored/array_api_compat`` inside this package; it is used instead.
"""

from __future__ import annotations

from os.path import dirname, isdir, join
from typing import Any

_VENDORED = isdir(join(dirname(dirname(__file__)), "_vendored", "array_api_compat"))


def array_namespace(x: Any) -> Any:
    """Return the array API namespace of one array."""
    if _VENDORED:
        from .._vendored import array_api_compat as compat  # type: ignore[import-not-found]
    else:
        import array_api_compat as compat
    return compat.array_namespace(x)


def torch_namespace() -> Any:
    """Return the namespace of torch tensors by imports alone, which torch.compile can trace."""
    if _VENDORED:
        from .._vendored.array_api_compat import torch as namespace  # type: ignore[import-not-found]
    else:
        from array_api_compat import torch as namespace
    return namespace
