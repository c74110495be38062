"""The lines that the benchmark prints, and the same as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One measured thing: what, the figure, and where there is a goal, the goal and whether it is reached."""

    what: str
    figure: str
    goal: str = ""
    reached: bool | None = None

    @property
    def verdict(self) -> str:
        """reached, missed, or nothing where no goal is set."""
        return "" if self.reached is None else "reached" if self.reached else "missed"


@dataclass(frozen=True)
class Section:
    """Lines under a title, with a sentence on how they were measured."""

    title: str
    about: str
    lines: Sequence[Line]


def at_least(what: str, figure: str, value: float, goal: float, unit: str) -> Line:
    """A line whose goal is a floor."""
    return Line(what, figure, f">= {goal:g}{unit}", value >= goal)


def at_most(what: str, figure: str, value: float, goal: float, unit: str) -> Line:
    """A line whose goal is a ceiling."""
    return Line(what, figure, f"<= {goal:g}{unit}", value <= goal)


def terminal(sections: Sequence[Section]) -> str:
    """All sections as one table of plain text."""
    rows = [(line.what, line.figure, line.goal, line.verdict) for section in sections for line in section.lines]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    found = []
    for section in sections:
        found += ["", section.title]
        for line in section.lines:
            cells = (line.what, line.figure, line.goal, line.verdict)
            found.append("  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip())
    return "\n".join(found)


def markdown(sections: Sequence[Section], conditions: str) -> str:
    """The sections as they stand in docs/benchmarks.md."""
    found = [conditions]
    for section in sections:
        found += ["", f"### {section.title}", "", section.about, "", "| | figure | goal | |", "|---|---|---|---|"]
        found += [f"| {line.what} | {line.figure} | {line.goal} | {line.verdict} |" for line in section.lines]
    return "\n".join(found) + "\n"
