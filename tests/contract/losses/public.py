"""The functions that the tests of losses cover: all losses, and the derivatives of these and of the normalizers."""

from __future__ import annotations

from softmax_xp import losses
from softmax_xp.derivatives import losses as with_gradients
from softmax_xp.derivatives import normalizers

PUBLIC = [*losses.__all__, *with_gradients.__all__, *normalizers.__all__]
