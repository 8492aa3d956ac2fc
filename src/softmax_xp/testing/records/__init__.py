"""One record per public function: how it is called, and what is promised of it.

Tests, tables of the docs and the checks of `softmax_xp.testing` read them. No record imports an array library;
`numbers` makes the arrays that they speak of, and `calls` what can be called with these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ... import activations as _activations
from ... import derivatives as _derivatives
from ... import logsums as _logsums
from ... import losses as _losses
from ... import normalizers as _normalizers
from ... import sampling as _sampling
from ... import sparse as _sparse
from .activations import RECORDS as ACTIVATIONS
from .derivatives import RECORDS as DERIVATIVES
from .entry import UNTRIED, Array, Example, Gate, Record, name_of
from .losses import RECORDS as LOSSES
from .normalizers import RECORDS as NORMALIZERS
from .numbers import AXES, KINDS, Numbers, arguments, numbers
from .sampling import RECORDS as SAMPLING
from .sparse import RECORDS as SPARSE

__all__ = [
    "AXES",
    "FAMILIES",
    "KINDS",
    "RECORDS",
    "UNTRIED",
    "Array",
    "Call",
    "Example",
    "Gate",
    "Numbers",
    "Record",
    "arguments",
    "calls",
    "examples",
    "fullest",
    "function",
    "name_of",
    "numbers",
    "path",
]

FAMILIES: dict[str, dict[str, Record]] = {
    "": NORMALIZERS,
    "losses": LOSSES,
    "derivatives": DERIVATIVES,
    "sparse": SPARSE,
    "activations": ACTIVATIONS,
    "sampling": SAMPLING,
}
"""The records by the module that the functions are imported from; those without one are at the top."""

RECORDS: dict[str, Record] = {name: record for family in FAMILIES.values() for name, record in family.items()}

_MODULES = (_normalizers, _logsums, _losses, _derivatives, _sparse, _activations, _sampling)


def function(name: str) -> Callable[..., Any]:
    """Return the public function of a record."""
    return next(f for f in (getattr(module, name, None) for module in _MODULES) if f is not None)


def path(name: str) -> str:
    """Return where a function is imported from, below `softmax_xp`."""
    family = next(module for module, records in FAMILIES.items() if name in records)
    return f"{family}.{name}" if family else name


class Call(NamedTuple):
    """A call of a public function, its arrays given by what they hold."""

    name: str
    arguments: dict[str, Any]
    options: dict[str, Any]

    def __call__(self, given: Mapping[str, Any], **more: Any) -> Any:
        """Call the function with the arrays of ``given`` where an `Array` stands."""
        options = {key: _made(value, given) for key, value in {**self.options, **more}.items()}
        return function(self.name)(*(_made(value, given) for value in self.arguments.values()), **options)

    def results(self, given: Mapping[str, Any], **more: Any) -> tuple[Any, ...]:
        """Return the results of the call, also of one that returns no tuple."""
        found = self(given, **more)
        return found if isinstance(found, tuple) else (found,)

    @property
    def arrays(self) -> tuple[str, ...]:
        """What the arrays hold, the first argument first."""
        return tuple(v.holds for v in (*self.arguments.values(), *self.options.values()) if isinstance(v, Array))

    @property
    def differentiable(self) -> tuple[str, ...]:
        """What the floating arrays hold that the result has a derivative in."""
        both = {**self.arguments, **self.options}
        found = (both.get(name) for name in RECORDS[self.name].differentiable)
        return tuple(v.holds for v in found if isinstance(v, Array) and v.kind == "float")


def _made(value: Any, given: Mapping[str, Any]) -> Any:
    return given[value.holds] if isinstance(value, Array) else value


def examples(name: str) -> dict[str, Call]:
    """Return the example of a record, and its calls with other arguments or several options."""
    record = RECORDS[name]
    return dict(_calls(name, [Example({}, {}), *record.also]))


def fullest(name: str) -> Call:
    """Return the example of a record that has the most options."""
    return list(examples(name).values())[-1]


def calls(name: str) -> dict[str, Call]:
    """Return the examples of a record, each other option alone, and what is compared with exact results."""
    record = RECORDS[name]
    alone = [Example({}, {key: value}) for key, values in record.options.items() for value in values]
    cases = [
        Example(
            {k: v for k, v in case.items() if k in record.arguments},
            {k: v for k, v in case.items() if k not in record.arguments},
        )
        for case in record.cases
    ]
    return dict(_calls(name, [Example({}, {}), *alone, *record.also, *cases]))


def _calls(name: str, given: list[Example]) -> Iterator[tuple[str, Call]]:
    record = RECORDS[name]
    for example in given:
        call = Call(name, {**record.arguments, **example.arguments}, {**record.given, **example.options})
        yield name_of(name, {**example.arguments, **example.options}), call
