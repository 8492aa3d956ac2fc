"""Maps onto the simplex that reach its boundary, and the losses that belong to them."""

from __future__ import annotations

__all__: list[str] = []
