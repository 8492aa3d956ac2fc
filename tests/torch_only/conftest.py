"""What the tests of torch.compile share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def no_compiled_code() -> Iterator[None]:
    """Forget what was compiled, before and after."""
    import torch

    torch._dynamo.reset()
    yield
    torch._dynamo.reset()
