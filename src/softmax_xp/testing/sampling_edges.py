"""Sampling in the contract: what the filters keep and what is drawn, where there is something to get wrong."""

from __future__ import annotations

from math import inf, isfinite, nan
from typing import Any, NamedTuple

Row = tuple[float, ...]
Mask = tuple[bool, ...]

FILTER_FILL = -7.0
"""What stands for a removed entry in the table: not -inf, so that a kept -inf shows."""


class FilterEdge(NamedTuple):
    """One row of the table of filters: logits, the parameter, and the places that are kept; None for a row of NaN."""

    name: str
    x: Row
    value: float
    where: Mask | None
    options: tuple[tuple[str, Any], ...]
    kept: tuple[int, ...] | None

    @property
    def is_number(self) -> bool:
        """Whether the parameter may be a number: out of range it is an error there, and NaN in an array."""
        return self.name != "out of range"

    @property
    def expected(self) -> list[float]:
        """The row that comes back, with `FILTER_FILL` in place of what is removed."""
        if self.kept is None:
            return [nan if m else FILTER_FILL for m in self.where or (True,) * len(self.x)]
        return [v if i in self.kept else FILTER_FILL for i, v in enumerate(self.x)]


_ALL = (0, 1, 2, 3, 4)
_ODD = (True, False, True, True, True)
_END = (True, True, True, True, False)
_NONE = (False,) * 5
_FLAT = (1.0, 1.0, 1.0, 1.0, 1.0)
_TWO_INF = (0.0, inf, 5.0, -inf, inf)
_LOW = (-inf,) * 5
_FAR = (0.0, -900.0, -inf, -50.0, -20.0)
_HALVES = (1.0, -inf, 1.0, -inf, -inf)
_QUARTERS = (2.0, 2.0, -inf, 2.0, 2.0)

# In each: name, logits, parameter, what is kept; then a mask and options where there are any.
_TOP_K: tuple[tuple[Any, ...], ...] = (
    ("ordinary", (1.0, 3.0, 2.0, 0.0, -1.0), 2, (1, 2)),
    ("tie for the last place", (2.0, 3.0, 2.0, 2.0, 0.0), 2, (0, 1)),
    ("two of a tie", (2.0, 3.0, 2.0, 2.0, 0.0), 3, (0, 1, 2)),
    ("all equal", _FLAT, 3, (0, 1, 2)),
    ("more than there are", (1.0, 3.0, 2.0, 0.0, -1.0), 9, _ALL),
    ("some -inf", (-inf, 1.0, -inf, 0.0, -inf), 3, (0, 1, 3)),
    ("+inf", _TWO_INF, 2, (1, 4)),
    ("+inf for the last place", _TWO_INF, 1, (1,)),
    ("all -inf", _LOW, 2, (0, 1)),
    ("two zeros", (-0.0, 0.0, -1.0, -1.0, 0.0), 1, (0,)),
    ("NaN", (nan, 1.0, 2.0, 0.0, 3.0), 2, None),
    ("out of range", (1.0, 3.0, 2.0, 0.0, -1.0), 0, None),
    ("masked", (1.0, 9.0, 2.0, 0.0, -1.0), 2, (0, 2), _ODD),
    ("masked NaN", (1.0, nan, 2.0, 0.0, -1.0), 2, (0, 2), _ODD),
    ("masked +inf", (1.0, inf, 2.0, 0.0, -1.0), 2, (0, 2), _ODD),
    ("masked beside -inf", (-inf, -inf, 1.0, -inf, -inf), 2, (0, 2), _ODD),
    ("NaN and masked", (nan, 1.0, 2.0, 0.0, 3.0), 2, None, _ODD),
    ("fully masked", (1.0, nan, 2.0, inf, 3.0), 2, (), _NONE),
    ("all of a tie", (2.0, 3.0, 2.0, 2.0, 0.0), 2, (0, 1, 2, 3), None, (("ties", "all"),)),
    (
        "all of a masked tie",
        (2.0, 3.0, 2.0, 2.0, 0.0),
        2,
        (0, 1, 3),
        (True, True, False, True, True),
        (("ties", "all"),),
    ),
)

_SPECIAL = (
    ("NaN", (nan, 1.0, 2.0, 0.0, 3.0), 0.5, None),
    ("out of range", _FLAT, 1.5, None),
    ("out of range", _FLAT, -0.5, None),
    ("out of range", _FLAT, nan, None),
    ("fully masked", (1.0, nan, 2.0, inf, 3.0), 0.5, (), _NONE),
    ("NaN and masked", (nan, 1.0, 2.0, 0.0, 3.0), 0.5, None, _ODD),
)

_BY_MASS = (
    *_SPECIAL,
    ("all -inf", _LOW, 0.5, (0,)),
    ("the mass reaches p", _QUARTERS, 0.5, (0, 1)),
    ("the mass crosses p", _QUARTERS, 0.625, (0, 1, 3)),
    ("all equal", _HALVES, 0.25, (0,)),
    ("p = 1", _FAR, 1.0, (0, 1, 3, 4)),
    ("p = 1 and all -inf", _LOW, 1.0, (0,)),
    ("+inf", _TWO_INF, 0.25, (1,)),
    ("two +inf", _TWO_INF, 0.75, (1, 4)),
    ("out of range", _FLAT, 0.0, None),
    ("masked +inf", (1.0, inf, -20.0, -20.0, -20.0), 0.5, (0,), _ODD),
    ("masked NaN", (2.0, 2.0, 2.0, 2.0, nan), 0.625, (0, 1, 2), _END),
    ("min_keep of a tie", _FLAT, 0.125, (0, 1, 2), None, (("min_keep", 3),)),
    ("min_keep beside -inf", _HALVES, 0.25, (0, 1, 2), None, (("min_keep", 3),)),
    ("min_keep of a masked tie", _FLAT, 0.125, (0, 2, 3), _ODD, (("min_keep", 3),)),
    ("min_keep of all", _FLAT, 0.125, _ALL, None, (("min_keep", 9),)),
)

_BY_LEAST = (
    *_SPECIAL,
    # Each is as likely as the largest.
    ("all -inf", _LOW, 0.5, _ALL),
    ("masked and all -inf", (-inf, 1.0, -inf, -inf, -inf), 0.5, (0, 2, 3, 4), _ODD),
    ("0", _FAR, 0.0, _ALL),
    ("masked and 0", (0.0, inf, -inf, -50.0, -20.0), 0.0, (0, 2, 3, 4), _ODD),
    ("far apart", (0.0, -30.0, -8.0, -30.0, -40.0), 0.25, (0,)),
    ("masked largest", (0.0, 30.0, -8.0, -30.0, -40.0), 0.25, (0,), _ODD),
    ("masked NaN", (0.0, nan, -8.0, -30.0, -40.0), 0.25, (0,), _ODD),
    ("one +inf", (0.0, inf, 5.0, -inf, 30.0), 0.5, (1,)),
    ("min_keep", (0.0, -30.0, -8.0, -30.0, -40.0), 0.25, (0, 1, 2), None, (("min_keep", 3),)),
    ("min_keep and masked", (0.0, 30.0, -8.0, -30.0, -30.0), 0.25, (0, 2, 3), _ODD, (("min_keep", 3),)),
    ("min_keep of all", (0.0, -30.0, -8.0, -30.0, -40.0), 0.25, _ALL, None, (("min_keep", 9),)),
)

_ROWS: dict[str, tuple[tuple[Any, ...], ...]] = {
    "top_k_logits": _TOP_K,
    "top_p_logits": (
        *_BY_MASS,
        ("ordinary", (-3.0, 4.0, 0.0, -inf, -2.0), 0.5, (1,)),
        ("the largest from the front", (1.0, 20.0, 1.0, 20.0, 20.0), 0.5, (1, 3)),
    ),
    "min_p_logits": (
        *_BY_LEAST,
        ("1", (1.0, 3.0, 3.0, 2.0, 3.0), 1.0, (1, 2, 4)),
        ("two +inf", _TWO_INF, 1.0, (1, 4)),
        ("ordinary", (4.0, 3.0, 1.0, 0.0, -1.0), 0.25, (0, 1)),
    ),
    "typical_logits": (
        *_BY_MASS,
        # Most of the mass is in one entry, and the entropy is nearer to another.
        ("without the largest", (3.0, 2.5, 1.0, 0.0, -2.0), 0.125, (1,)),
    ),
    "epsilon_logits": (
        *_BY_LEAST,
        ("equal to epsilon", _HALVES, 0.5, (0, 2)),
        ("all below epsilon", _HALVES, 0.75, (0,)),
        ("two +inf", _TWO_INF, 0.25, (1, 4)),
        ("1", (1.0, 3.0, 3.0, 2.0, 3.0), 1.0, (1,)),
    ),
    "eta_logits": (
        *_BY_LEAST,
        # The threshold is sqrt(epsilon) / 2, which is below epsilon.
        ("flat", _HALVES, 0.75, (0, 2)),
        ("two +inf", _TWO_INF, 0.25, (1, 4)),
        ("1", (1.0, 3.0, 3.0, 2.0, 3.0), 1.0, (1, 2, 4)),
    ),
}


def _filter_edge(
    name: str, x: Row, value: float, kept: Any, where: Mask | None = None, options: Any = ()
) -> FilterEdge:
    return FilterEdge(name, x, value, where, options, kept)


FILTERS = tuple(_ROWS)
"""The filters; what each keeps is promised exactly, with the bits of the logit."""

FILTER_EDGES = {name: tuple(_filter_edge(*row) for row in rows) for name, rows in _ROWS.items()}
"""What each filter keeps; each floating type holds the logits and parameters as they are."""


class DrawEdge(NamedTuple):
    """One row of the table of draws: logits, noise, the labels in the order drawn, and the hard relaxed draw."""

    name: str
    x: Row
    noise: Row
    where: Mask | None
    labels: tuple[int, ...]
    hard: Row

    @property
    def sums(self) -> list[float] | None:
        """The sums that `gumbel_softmax` is the softmax of, -inf where masked; None where it is special."""
        if sum(self.hard) != 1.0:
            return None
        mask = self.where or (True,) * len(self.x)
        return [v + g if m and isfinite(v) else -inf for v, g, m in zip(self.x, self.noise, mask, strict=True)]


_QUIET = (0.0,) * 5
_NANS = (nan,) * 5

DRAW_EDGES = tuple(
    DrawEdge(*row)
    for row in (
        ("ordinary", (0.5, -1.25, 2.0, 1.0, 0.0), (0.25, 3.0, -1.5, 0.0, 0.5), None, (1, 3, 0, 2, 4), (0, 1, 0, 0, 0)),
        ("equal logits", _FLAT, (0.0, 1.5, -0.5, -0.75, 1.0), None, (1, 4, 0, 2, 3), (0, 1, 0, 0, 0)),
        ("equal sums", (1.0, 2.0, 0.0, 2.5, 1.0), (1.5, 0.5, 2.5, 0.0, 0.0), None, (0, 1, 2, 3, 4), (1, 0, 0, 0, 0)),
        ("-inf", (0.5, -inf, 2.0, -inf, 0.0), (0.25, 9.0, -1.5, inf, 0.5), None, (0, 2, 4), (1, 0, 0, 0, 0)),
        (
            "NaN in the noise of -inf",
            (0.5, -inf, 2.0, 1.0, 0.0),
            (0, nan, 0, 0, 0),
            None,
            (2, 3, 0, 4),
            (0, 0, 1, 0, 0),
        ),
        ("only one", (-inf, -inf, -4.0, -inf, -inf), (1.0, 2.0, -3.0, inf, nan), None, (2,), (0, 0, 1, 0, 0)),
        ("only one, noise -inf", (-inf, -inf, -4.0, -inf, -inf), (1.0, 2.0, -inf, 0.0, 0.0), None, (2,), _NANS),
        ("all -inf", _LOW, (1.0, 2.0, 3.0, inf, 0.0), None, (), _NANS),
        ("+inf", (0.0, inf, 1.0, 2.0, 3.0), _QUIET, None, (), _NANS),
        ("NaN", (0.0, 1.0, 2.0, nan, 3.0), _QUIET, None, (), _NANS),
        ("NaN in the noise", (0.0, 1.0, 2.0, 3.0, 4.0), (0.0, 0.0, nan, 0.0, 0.0), None, (), _NANS),
        ("masked", (0.5, 9.0, 2.0, 1.0, 0.0), (0.25, 9.0, -1.5, 0.0, 0.5), _ODD, (3, 0, 2, 4), (0, 0, 0, 1, 0)),
        ("masked NaN", (0.5, nan, 2.0, 1.0, 0.0), (0.25, nan, -1.5, 0.0, 0.5), _ODD, (3, 0, 2, 4), (0, 0, 0, 1, 0)),
        ("masked +inf", (0.5, inf, 2.0, 1.0, 0.0), (0.25, inf, -1.5, 0.0, 0.5), _ODD, (3, 0, 2, 4), (0, 0, 0, 1, 0)),
        ("masked and -inf", (-inf, 1.0, -inf, -inf, -inf), _QUIET, _ODD, (), (nan, 0.0, nan, nan, nan)),
        ("NaN and masked", (nan, 1.0, 0.0, 0.0, 0.0), _QUIET, _ODD, (), (nan, 0.0, nan, nan, nan)),
        ("fully masked", (1.0, nan, inf, 2.0, 0.0), (1.0, nan, inf, 2.0, 0.0), _NONE, (), _QUIET),
    )
)
"""What is drawn with given noise; each floating type holds logits and noise as they are."""
