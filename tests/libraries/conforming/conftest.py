"""The fixture that gives a test each library in turn."""

from __future__ import annotations

import pytest

from .libraries import LIBRARIES, MLX_EXP, NEEDS_EXP, Library, skip


@pytest.fixture(params=[pytest.param(lib, id=lib.name, marks=skip(lib.name)) for lib in LIBRARIES])
def library(request: pytest.FixtureRequest) -> Library:
    if request.node.name in NEEDS_EXP:
        request.applymarker(pytest.mark.xfail(strict=True, raises=AssertionError, reason=MLX_EXP))
    return request.param
