"""Draws from a categorical distribution, and the filters of logits that go before them."""

from __future__ import annotations

__all__: list[str] = []
