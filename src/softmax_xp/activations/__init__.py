"""Functions of single numbers that stand beside softmax: sigmoid and its kin."""

from __future__ import annotations

__all__: list[str] = []
