"""The one place that imports array-api-compat.

To vendor softmax_xp without the dependency, put a copy of array-api-compat at
``_vendored/array_api_compat`` inside this package; it is found first.
"""

from __future__ import annotations

from typing import Any


def array_namespace(x: Any) -> Any:
    """Return the array API namespace of one array."""
    try:
        from .._vendored import array_api_compat  # type: ignore[import-not-found]
    except ImportError:
        import array_api_compat
    return array_api_compat.array_namespace(x)
