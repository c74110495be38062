"""A report as lines of a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import groupby, zip_longest
from typing import Any

from ._blocks import (
    STRONG,
    Colored,
    Curve,
    Image,
    Number,
    Report,
    Section,
    Table,
    Text,
    bars,
    clean,
    ends,
    figure,
    is_number,
    points,
    shown,
)

_STYLES = {"title": "1", "heading": "1;36", "dim": "2", "good": "32", "warning": "33", "advice": "36", "plain": "0"}
_TONES = {"good": "✓", "warning": "!", "advice": "→", "plain": "·"}
_BARS = "▁▂▃▄▅▆▇█"
_CELL_LINES = 4  # of a table's cell of words
_BAR = 16  # cells of the longest bar


def render_terminal(report: Report, *, width: int = 100, color: bool = False) -> str:
    """The report as text of at most `width` cells a line (wide characters count two), with ANSI colours if asked."""
    paint = _Paint(color)
    parts = [paint("title", clean(report.title))]
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
    for piece in re.findall(r"\s+|[⺀-鿿가-힯＀-￯]|[^\s⺀-鿿가-힯＀-￯]+", clean(text)):
        if line and cells(line) + cells(piece) > width - cells(indent):
            lines.append(line.rstrip())
            line = ""
        line = (line + piece) if line else piece.lstrip()
    return [indent + each for each in [*lines, line.rstrip()] if each]


def _section_lines(block: Section, width: int, paint: _Paint) -> list[str]:
    title = _cut(clean(block.title), width - 4)
    return [paint("heading", f"── {title} " + "─" * max(0, width - cells(title) - 4))]


def _number_lines(blocks: Sequence[Number], width: int, paint: _Paint) -> list[str]:
    rows = [(clean(b.name), clean(figure(b)), ends(b.interval), clean(b.note)) for b in blocks]
    sizes = [max(cells(row[i]) for row in rows) for i in range(3)]
    lines = []
    for name, value, interval, note in rows:
        line = f"  {_pad(name, sizes[0])}  {_pad(value, sizes[1], right=True)}  {_pad(interval, sizes[2])}"
        left = width - cells(line) - 2
        lines.append((line + (f"  {paint('dim', _cut(note, left))}" if note and left > 3 else "")).rstrip())
    return lines


def _table_lines(block: Table, width: int, paint: _Paint) -> list[str]:
    texts = [[_cell(cell, block.heat) for cell in row] for row in block.rows]
    right = [all(is_number(row[i]) or row[i] is None for row in block.rows) for i in range(len(block.columns))]
    heads = [clean(name) for name in block.columns]
    if drawn := bars(block):  # in a column of their own
        heads, right = [*heads, ""], [*right, False]
        texts = [[*row, ("█" if share > 0 else "░") * round(_BAR * abs(share))] for row, share in zip(texts, drawn[1])]
    widths = [max([cells(head), *(cells(row[i]) for row in texts)]) for i, head in enumerate(heads)]
    while sum(widths) + 2 * len(widths) > width:  # the widest column of words gives way first
        widest = max(range(len(widths)), key=lambda i: (not right[i], widths[i]))
        if right[widest] or widths[widest] <= 16:
            break
        widths[widest] -= 1
    fits = sum(sum(widths[: i + 1]) + 2 * (i + 1) <= width for i in range(len(widths)))
    lines = [paint("title", clean(block.title))] if block.title else []
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
    return "·" if heat and is_number(cell) and cell == 0 else clean(shown(cell))


def _curve_lines(block: Curve, width: int, paint: _Paint) -> list[str]:
    axes = f"over {block.x}" if block.y.lower() == block.title.lower() else f"{block.y} over {block.x}"
    lines = [paint("title", clean(block.title)) + paint("dim", f"  {clean(axes)}")]
    drawn = {name: points(block, name) for name in block.lines if name not in block.dashed}
    drawn = {name: found for name, found in drawn.items() if found}
    if block.dots:
        dots = [point for name in block.dots for point in drawn.get(name, [])]
        lines += ["  " + row for row in _scatter(dots, min(width - 4, 60))]
    heights = [y for found in drawn.values() for _, y in found]
    names = max([cells(clean(name)) for name in drawn], default=0)
    room = max(8, min(48, width - names - 26))
    for name, found in drawn.items():
        if name not in block.dots:
            bar = _sparkline(found, room, min(heights), max(heights))
            lines.append(f"  {_pad(clean(name), names)}  {bar}  {shown(found[0][1])} → {shown(found[-1][1])}")
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
    count = "1 picture" if len(block.pictures) == 1 else f"{len(block.pictures)} pictures"
    head = paint("title", clean(block.title)) + paint("dim", f"  {count}, in the HTML report")
    lines = [head] + ["  " + _cut(clean(caption), width - 2) for _, caption in block.pictures if caption.strip()]
    return lines + [paint("dim", line) for line in _wrap(block.note, width, "  ")]


def _colored_lines(block: Colored, width: int, paint: _Paint) -> list[str]:
    """Words in the colours of their weights; without colours the strong ones as [+word] and [-word]."""
    lines, line = [paint("title", clean(block.title))] if block.title else [], "  "
    used = 2
    for word, weight in block.words:
        word, style = clean(word), "plain" if abs(weight) < 0.15 else "good" if weight > 0 else "warning"
        shown = word if paint.color or abs(weight) < STRONG else f"[{'+' if weight > 0 else '-'}{word.strip()}] "
        if used + cells(shown) > width:
            lines, line, used = [*lines, line.rstrip()], "  ", 2
        line += paint(style, shown)
        used += cells(shown)
    return [*lines, line.rstrip(), *(paint("dim", each) for each in _wrap(block.note, width, "  "))]


def _text_lines(block: Text, width: int, paint: _Paint) -> list[str]:
    mark = _TONES.get(block.tone, "·")
    style = block.tone if block.tone in _TONES else "plain"
    head = [paint(style, f"{mark} {clean(block.title)}")] if block.title else []
    return head + [line for part in block.text.splitlines() for line in _wrap(part, width, "  ")]


_TERMINAL: dict[type, Any] = {
    Section: _section_lines,
    Table: _table_lines,
    Curve: _curve_lines,
    Image: _image_lines,
    Text: _text_lines,
    Colored: _colored_lines,
}
