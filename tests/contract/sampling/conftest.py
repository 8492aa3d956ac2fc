"""What the tests of draws and filters share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from softmax_xp.sampling import sample_categorical

from ...backends import Backend


def without_indices(request: pytest.FixtureRequest, backend: Backend) -> None:
    """Expect failure where the library has no indices to give."""
    if backend.name == "strict-no_x64":
        reason = "array-api-strict 2.6 gives int64 from argmax and argsort on a device that has none"
        request.applymarker(pytest.mark.xfail(reason=reason, raises=ValueError, strict=True))


@pytest.fixture
def indices(request: pytest.FixtureRequest, backend: Backend) -> None:
    """Expect failure of the one filter that sorts indices, in tests of all of them by name."""
    params = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    if params.get("name") == "typical_logits":
        without_indices(request, backend)


@pytest.fixture
def labels(request: pytest.FixtureRequest, backend: Backend) -> Callable[..., Any]:
    """Draw labels and return them as NumPy array; checked are their library and their dtype."""
    without_indices(request, backend)

    def drawn(x: Any, **options: Any) -> Any:
        result = sample_categorical(x, **options)
        made = backend.xp.arange(3, **({"device": x.device} if backend.library == "strict" else {}))
        assert result.dtype == made.dtype
        if backend.library not in ("numpy", "ml_dtypes"):
            assert type(result) is type(x)
        return np.asarray(backend.numpy(result))

    return drawn
