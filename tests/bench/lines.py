"""What was measured, its budget, and whether it keeps to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One line of the table. `kept` is None where there is no budget: the number explains another one."""

    what: str
    measured: str
    budget: str = ""
    kept: bool | None = None

    @property
    def verdict(self) -> str:
        """In one word."""
        return {True: "ok", False: "OVER", None: ""}[self.kept]


def at_most(what: str, measured: float, most: float, unit: str = "", note: str = "") -> Line:
    """A number that must not be larger than its budget."""
    return Line(what, f"{measured:,.4g}{unit}{note}", f"≤ {most:,g}{unit}", measured <= most)


def at_least(what: str, measured: float, least: float, unit: str = "", note: str = "") -> Line:
    """A number that must not be smaller than its budget."""
    return Line(what, f"{measured:,.3g}{unit}{note}", f"≥ {least:,g}{unit}", measured >= least)


def table(lines: Sequence[Line]) -> str:
    """The lines in columns."""
    rows = [(line.what, line.measured, line.budget, line.verdict) for line in lines]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
