"""What a report is made of, and how its cells and figures are written."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Section:
    """A heading: the blocks up to the next Section belong to it."""

    title: str


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
    """Rows under named columns. Cells are str, int, float, bool or None. `heat` shades the numbers of a confusion matrix (its
    rows have the names of its columns) by their share of the row, and draws those of the first column of figures of
    another table as bars."""

    title: str
    columns: list[str]
    rows: list[list[Any]]
    note: str = ""
    heat: bool = False


@dataclass(frozen=True)
class Curve:
    """Lines over a shared axis: `lines[name] = ([x...], [y...])`; None is a gap. `dots` names the lines drawn as
    points, `dashed` those that are only there for reference."""

    title: str
    x: str
    y: str
    lines: dict[str, tuple[list[float], list[float]]]
    note: str = ""
    log_x: bool = False
    dots: list[str] = field(default_factory=list)
    dashed: list[str] = field(default_factory=list)


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


@dataclass(frozen=True)
class Colored:
    """A text whose words are coloured: `words` are pieces of it, spaces included, each with a weight of -1 to 1."""

    title: str
    words: list[tuple[str, float]]
    note: str = ""


Block = Section | Number | Table | Curve | Image | Text | Colored
STRONG = 0.4  # weight of a coloured word from which it is marked where there are no colours
_KINDS: dict[str, Any] = {kind.__name__.lower(): kind for kind in (Section, Number, Table, Curve, Image, Text, Colored)}


@dataclass
class Report:
    """A title and blocks. `data` is the same as plain values, what `--json` prints; `write`, where a verb gives rows
    instead of a page, puts them on stdout; `exit_code` is what the command line returns."""

    title: str
    blocks: list[Block] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    write: Callable[[], None] | None = None
    exit_code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; NumPy values become Python's, and what JSON cannot say (NaN, infinity) becomes None."""
        blocks = [{"block": type(block).__name__.lower(), **_plain(vars(block))} for block in self.blocks]
        return {"title": self.title, "blocks": blocks}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | str) -> Report:
        """The report of `to_json()`, or of its text. A block of a newer version becomes a note that it is not shown."""
        given = json.loads(data) if isinstance(data, str) else data
        return cls(given["title"], [_block(dict(block)) for block in given["blocks"]])


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # a NumPy scalar or array, without importing NumPy
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _block(data: dict[str, Any]) -> Block:
    name = data.pop("block")
    kind = _KINDS.get(name)
    if kind is None:
        return Text(name, f"This version cannot show a block of the kind '{name}'.", "warning")
    if data.get("interval") is not None:
        data["interval"] = tuple(data["interval"])
    if name == "curve":
        data["lines"] = {line: (x, y) for line, (x, y) in data["lines"].items()}
    if name == "image":
        data["pictures"] = [(png, caption) for png, caption in data["pictures"]]
    if name == "colored":
        data["words"] = [(word, weight) for word, weight in data["words"]]
    known = {each.name for each in fields(kind)}
    return kind(**{key: value for key, value in data.items() if key in known})


def shown(value: Any) -> str:
    """A cell as a person reads it: four significant digits or so, thousands apart, a dash for nothing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if not isinstance(value, float):
        return str(value)
    size = abs(value)
    if not value:
        return "0"
    if size < 1e-3 or size >= 1e9:
        return f"{value:.3g}"
    return f"{value:,.{0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 10 else 3 if size > 1 else 4}f}"


def figure(number: Number) -> str:
    """The value of a Number with its unit."""
    return f"{shown(number.value)} {number.unit}".strip()


def points(curve: Curve, name: str) -> list[tuple[float, float]]:
    """The drawable (x, y) of one line."""
    pairs = zip(*curve.lines[name])
    return [(float(x), float(y)) for x, y in pairs if _drawable(x) and _drawable(y) and (x > 0 or not curve.log_x)]


def _drawable(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def bars(block: Table) -> tuple[int, list[float]] | None:
    """The column that a heat table draws as bars, and each row's share of its largest figure, -1 to 1; None in a confusion
    matrix and where there are no figures."""
    figures = [all(is_number(row[i]) or row[i] is None for row in block.rows) for i in range(len(block.columns))]
    places = [place for place, numeric in enumerate(figures) if numeric]
    matrix = [row[0] for row in block.rows] == block.columns[1:]
    if not block.heat or not block.rows or not places or matrix:
        return None
    values = [float(row[places[0]] or 0) for row in block.rows]
    largest = max(map(abs, values)) or 1.0
    return places[0], [value / largest for value in values]


def is_number(cell: Any) -> bool:
    """Whether a table cell is a figure (booleans are words)."""
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def ends(interval: Sequence[float] | None) -> str:
    """An interval as a person reads it."""
    return f"[{shown(interval[0])}, {shown(interval[1])}]" if interval else ""


def clean(text: str) -> str:
    """Without line breaks and control characters: a value of the data must not move the cursor."""
    return "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in str(text))
