"""A Report is a title and blocks, plain JSON. Terminal, HTML page and model card all render the same blocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Number:
    """One figure with its interval and unit."""

    name: str
    value: float | int | str | None
    interval: tuple[float, float] | None = None
    unit: str = ""
    note: str = ""


@dataclass(frozen=True)
class Table:
    """Rows under named columns. Cells are str, int, float, bool or None."""

    title: str
    columns: list[str]
    rows: list[list[Any]]
    note: str = ""


@dataclass(frozen=True)
class Curve:
    """Lines over a shared axis: `lines[name] = ([x...], [y...])`."""

    title: str
    x: str
    y: str
    lines: dict[str, tuple[list[float], list[float]]]
    note: str = ""
    log_x: bool = False


@dataclass(frozen=True)
class Image:
    """Pictures in a row, each PNG bytes in base64 with a caption."""

    title: str
    pictures: list[tuple[str, str]]
    note: str = ""


@dataclass(frozen=True)
class Text:
    """A paragraph; `tone` is "plain", "good", "warning" or "advice"."""

    title: str
    text: str
    tone: str = "plain"


Block = Number | Table | Curve | Image | Text


@dataclass
class Report:
    """A title and blocks."""

    title: str
    blocks: list[Block] = field(default_factory=list)
