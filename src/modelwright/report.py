"""A Report is a title and blocks, plain JSON. Terminal, HTML page (`pages`) and model card render the same blocks."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import groupby, zip_longest
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
    """Rows under named columns. Cells are str, int, float, bool or None. `heat` shades the numbers: by their share of
    the row in a confusion matrix (one label, then as many columns as rows), else by their share of the largest."""

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


Block = Section | Number | Table | Curve | Image | Text
_KINDS: dict[str, Any] = {kind.__name__.lower(): kind for kind in (Section, Number, Table, Curve, Image, Text)}


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


def is_number(cell: Any) -> bool:
    """Whether a table cell is a figure (booleans are words)."""
    return isinstance(cell, int | float) and not isinstance(cell, bool)


# --- terminal -------------------------------------------------------------------------------------------------------

_STYLES = {"title": "1", "heading": "1;36", "dim": "2", "good": "32", "warning": "33", "advice": "36", "plain": "0"}
_TONES = {"good": "✓", "warning": "!", "advice": "→", "plain": "·"}
_BARS = "▁▂▃▄▅▆▇█"
_CELL_LINES = 4  # of a table's cell of words


def render_terminal(report: Report, *, width: int = 100, color: bool = False) -> str:
    """The report as text of at most `width` cells a line (wide characters count two), with ANSI colours if asked."""
    paint = _Paint(color)
    parts = [paint("title", _clean(report.title))]
    for kind, group in groupby(report.blocks, type):
        blocks: list[Any] = list(group)
        if kind is Number:  # figures that follow each other line up
            parts.append("\n".join(_number_lines(blocks, width, paint)))
        else:
            parts += ["\n".join(_TERMINAL[kind](block, width, paint)) for block in blocks]
    return "\n\n".join(part for part in parts if part) + "\n"


class _Paint:
    def __init__(self, color: bool) -> None:
        self.color = color

    def __call__(self, style: str, text: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.color and text else text


def cells(text: str) -> int:
    """How many terminal cells a text takes: two for wide (Chinese, Japanese, Korean) characters, none for accents."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _clean(text: str) -> str:
    """Without line breaks and control characters: a value of the data must not move the cursor."""
    return "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in str(text))


def _cut(text: str, width: int) -> str:
    if cells(text) <= width:
        return text
    kept, used = "", 1
    for character in text:
        used += cells(character)
        if used > width:
            break
        kept += character
    return kept + "…"


def _pad(text: str, width: int, right: bool = False) -> str:
    space = " " * max(0, width - cells(text))
    return space + text if right else text + space


def _wrap(text: str, width: int, indent: str = "") -> list[str]:
    """Lines of at most `width` cells; breaks at spaces, and anywhere between wide characters."""
    lines, line = [], ""
    for piece in re.findall(r"\s+|[⺀-鿿가-힯＀-￯]|[^\s⺀-鿿가-힯＀-￯]+", _clean(text)):
        if line and cells(line) + cells(piece) > width - cells(indent):
            lines.append(line.rstrip())
            line = ""
        line = (line + piece) if line else piece.lstrip()
    return [indent + each for each in [*lines, line.rstrip()] if each]


def _section_lines(block: Section, width: int, paint: _Paint) -> list[str]:
    title = _cut(_clean(block.title), width - 4)
    return [paint("heading", f"── {title} " + "─" * max(0, width - cells(title) - 4))]


def _number_lines(blocks: Sequence[Number], width: int, paint: _Paint) -> list[str]:
    rows = [(_clean(b.name), _clean(figure(b)), _interval(b.interval), _clean(b.note)) for b in blocks]
    sizes = [max(cells(row[i]) for row in rows) for i in range(3)]
    lines = []
    for name, value, interval, note in rows:
        line = f"  {_pad(name, sizes[0])}  {_pad(value, sizes[1], right=True)}  {_pad(interval, sizes[2])}"
        left = width - cells(line) - 2
        lines.append((line + (f"  {paint('dim', _cut(note, left))}" if note and left > 3 else "")).rstrip())
    return lines


def _interval(interval: Sequence[float] | None) -> str:
    return f"[{shown(interval[0])}, {shown(interval[1])}]" if interval else ""


def _table_lines(block: Table, width: int, paint: _Paint) -> list[str]:
    texts = [[_cell(cell, block.heat) for cell in row] for row in block.rows]
    right = [all(is_number(row[i]) or row[i] is None for row in block.rows) for i in range(len(block.columns))]
    heads = [_clean(name) for name in block.columns]
    widths = [max([cells(head), *(cells(row[i]) for row in texts)]) for i, head in enumerate(heads)]
    while sum(widths) + 2 * len(widths) > width:  # the widest column of words gives way first
        widest = max(range(len(widths)), key=lambda i: (not right[i], widths[i]))
        if right[widest] or widths[widest] <= 16:
            break
        widths[widest] -= 1
    fits = sum(sum(widths[: i + 1]) + 2 * (i + 1) <= width for i in range(len(widths)))
    lines = [paint("title", _clean(block.title))] if block.title else []
    for index, row in enumerate([heads, *texts]):
        wrapped = [_in_cell(text, width, figures) for text, width, figures in zip(row[:fits], widths, right)]
        for pieces in zip_longest(*wrapped, fillvalue=""):
            line = "".join("  " + _pad(t, w, r) for t, w, r in zip(pieces, widths, right)).rstrip()
            lines.append(paint("dim", line) if index == 0 else line)
    hidden = len(heads) - fits
    note = " ".join([block.note, f"({hidden} more columns are in the HTML report.)" if hidden else ""]).strip()
    return lines + [paint("dim", line) for line in _wrap(note, width, "  ")]


def _in_cell(text: str, width: int, figures: bool) -> list[str]:
    """The lines of one cell: words wrap, at most `_CELL_LINES` lines of them."""
    lines = [text] if figures or cells(text) <= width else _wrap(text, width)
    if len(lines) > _CELL_LINES:
        lines = [*lines[: _CELL_LINES - 1], " ".join(lines[_CELL_LINES - 1 :])]
    return [_cut(line, width) for line in lines]


def _cell(cell: Any, heat: bool = False) -> str:
    return "·" if heat and is_number(cell) and cell == 0 else _clean(shown(cell))


def _curve_lines(block: Curve, width: int, paint: _Paint) -> list[str]:
    axes = f"over {block.x}" if block.y.lower() == block.title.lower() else f"{block.y} over {block.x}"
    lines = [paint("title", _clean(block.title)) + paint("dim", f"  {_clean(axes)}")]
    drawn = {name: points(block, name) for name in block.lines if name not in block.dashed}
    drawn = {name: found for name, found in drawn.items() if found}
    if block.dots:
        dots = [point for name in block.dots for point in drawn.get(name, [])]
        lines += ["  " + row for row in _scatter(dots, min(width - 4, 60))]
    heights = [y for found in drawn.values() for _, y in found]
    names = max([cells(_clean(name)) for name in drawn], default=0)
    room = max(8, min(48, width - names - 26))
    for name, found in drawn.items():
        if name not in block.dots:
            bar = _sparkline(found, room, min(heights), max(heights))
            lines.append(f"  {_pad(_clean(name), names)}  {bar}  {shown(found[0][1])} → {shown(found[-1][1])}")
    return lines + [paint("dim", line) for line in _wrap(block.note, width, "  ")]


def _sparkline(found: list[tuple[float, float]], width: int, low: float, high: float) -> str:
    """Bars at `width` places evenly along the line's points."""
    count = min(width, max(len(found), 2))
    picked = [found[round(i * (len(found) - 1) / (count - 1))][1] for i in range(count)]
    span = (high - low) or 1.0
    return "".join(_BARS[min(7, int((y - low) / span * 8))] for y in picked)


def _scatter(found: list[tuple[float, float]], width: int, height: int = 10) -> list[str]:
    """Points on a grid of braille dots, 2 by 4 a character."""
    if not found:
        return []
    xs, ys = [x for x, _ in found], [y for _, y in found]
    grid = [[0x2800] * width for _ in range(height)]
    for x, y in found:
        column = int((x - min(xs)) / ((max(xs) - min(xs)) or 1) * (2 * width - 1))
        row = int((max(ys) - y) / ((max(ys) - min(ys)) or 1) * (4 * height - 1))
        grid[row // 4][column // 2] |= ((0x1, 0x2, 0x4, 0x40), (0x8, 0x10, 0x20, 0x80))[column % 2][row % 4]
    return ["".join(map(chr, row)) for row in grid]


def _image_lines(block: Image, width: int, paint: _Paint) -> list[str]:
    head = paint("title", _clean(block.title)) + paint("dim", f"  {len(block.pictures)} pictures, in the HTML report")
    lines = [head] + ["  " + _cut(_clean(caption), width - 2) for _, caption in block.pictures]
    return lines + [paint("dim", line) for line in _wrap(block.note, width, "  ")]


def _text_lines(block: Text, width: int, paint: _Paint) -> list[str]:
    mark = _TONES.get(block.tone, "·")
    style = block.tone if block.tone in _TONES else "plain"
    head = [paint(style, f"{mark} {_clean(block.title)}")] if block.title else []
    return head + [line for part in block.text.splitlines() for line in _wrap(part, width, "  ")]


_TERMINAL: dict[type, Any] = {
    Section: _section_lines,
    Table: _table_lines,
    Curve: _curve_lines,
    Image: _image_lines,
    Text: _text_lines,
}


# --- markdown -------------------------------------------------------------------------------------------------------


def render_markdown(report: Report) -> str:
    """The report as Markdown (GitHub's tables): a model card's body. Pictures are left to the HTML report."""
    parts = [f"# {_escaped(report.title)}"]
    for kind, group in groupby(report.blocks, type):
        blocks: list[Any] = list(group)
        if kind is Number:
            rows = [[b.name, figure(b), _interval(b.interval), b.note] for b in blocks]
            parts.append("\n".join(_pipes(["", "value", "95 % interval", ""], rows)))
        else:
            parts += ["\n\n".join(_markdown(block)) for block in blocks]
    return "\n\n".join(parts) + "\n"


def _markdown(block: Any) -> Iterator[str]:
    if isinstance(block, Section):
        yield f"## {_escaped(block.title)}"
        return
    if block.title:
        yield f"**{_escaped(block.title)}**"
    if isinstance(block, Table):
        yield "\n".join(_pipes(block.columns, block.rows))
    elif isinstance(block, Curve):
        drawn = {n: [y for _, y in points(block, n)] for n in block.lines if n not in block.dashed}
        rows = [[n, len(ys), ys[0], min(ys), max(ys), ys[-1]] for n, ys in drawn.items() if ys]
        yield "\n".join(_pipes([block.y, "points", "first", "lowest", "highest", "last"], rows))
    elif isinstance(block, Image):
        yield "\n".join(f"- {_escaped(caption)}" for _, caption in block.pictures)
    elif isinstance(block, Text):
        yield "\n\n".join(_escaped(line) for line in block.text.splitlines())
    if getattr(block, "note", ""):
        yield f"*{_escaped(block.note)}*"


def _pipes(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    right = [bool(rows) and all(is_number(row[i]) or row[i] is None for row in rows) for i in range(len(columns))]
    lines = [[_escaped(name) for name in columns], ["--:" if r else "---" for r in right]]
    lines += [[_escaped(shown(cell)) for cell in row] for row in rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|#~$])", r"\\\1", _clean(text)).strip()
