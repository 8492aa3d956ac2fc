"""What the tests of torch.compile share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from softmax_xp import use_engine
from softmax_xp._xp import expm1


@pytest.fixture
def no_compiled_code() -> Iterator[None]:
    """Forget what was compiled, before and after."""
    import torch

    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.fixture
def formula() -> Iterator[None]:
    """Take no engine: what torch compiles or transforms is the formula, and has its bits."""
    with use_engine("generic"):
        yield


@pytest.fixture
def formula_of_graphs(formula: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the formula as it is compiled: its expm1 has other bits than that of torch."""
    monkeypatch.setattr(expm1, "is_compiling", lambda _: True)
