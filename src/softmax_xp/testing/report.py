"""What a check found, as data and as text."""

from __future__ import annotations

from typing import Any, NamedTuple


class Line(NamedTuple):
    """One line of a report: the worst element of one group of inputs."""

    section: str
    dtype: str
    op: str
    worst_ulp: float
    share_of_gate: float
    case: str

    @property
    def passed(self) -> bool:
        return self.share_of_gate <= 1.0


class Report(NamedTuple):
    """What `check_backend` found."""

    library: str
    device: str
    lines: list[Line]

    @property
    def passed(self) -> bool:
        """Whether every line is within its gate."""
        return all(line.passed for line in self.lines)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        lines = [{**line._asdict(), "passed": line.passed} for line in self.lines]
        return {"library": self.library, "device": self.device, "passed": self.passed, "lines": lines}

    def __str__(self) -> str:
        head = f"{self.library} on {self.device}: {'passed' if self.passed else 'FAILED'}"
        rows = [f"{'section':<12}{'dtype':<10}{'function':<22}{'worst ulp':>12}{'of gate':>9}  worst input"]
        rows += [
            f"{line.section:<12}{line.dtype:<10}{line.op:<22}{line.worst_ulp:>12.3g}{line.share_of_gate:>8.0%}"
            f"  {line.case}{'' if line.passed else '  FAILED'}"
            for line in self.lines
        ]
        return "\n".join([head, *rows])
