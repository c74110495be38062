"""The page: sections with their navigation, and each block as HTML. All text of a report is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import Any

from ..report import Block, Colored, Curve, Image, Number, Report, Section, Table, Text, bars, figure, is_number, shown
from ._plot import plot
from ._style import STYLE

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_MARKS = {"good": "✓", "warning": "!", "advice": "→", "plain": "i"}


def render_html(report: Report) -> str:
    """The whole report as one HTML document, for light and dark, screen and print."""
    sections = _sections(report.blocks)
    links = [f'<a href="#s{i}">{escape(title)}</a>' for i, (title, _) in enumerate(sections)]
    body = [
        _section(f"s{i}", title, blocks, shown_title=len(sections) > 1) for i, (title, blocks) in enumerate(sections)
    ]
    title = escape(report.title)
    nav = (
        f'<nav aria-label="Sections"><p class="brand">modelwright</p>{"".join(links)}</nav>'
        if len(sections) > 1
        else ""
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{title}</title><style>{STYLE}</style></head>\n"
        f'<body class="{"with-nav" if nav else "plain"}">{nav}<main><header><h1>{title}</h1></header>\n'
        + "\n".join(body)
        + "\n<footer>Written by modelwright. This page stands alone: it loads nothing and runs no script.</footer>"
        "</main></body></html>\n"
    )


def _sections(blocks: Sequence[Block]) -> list[tuple[str, list[Block]]]:
    """(title, blocks) of each section; what comes before the first is the overview."""
    found: list[tuple[str, list[Block]]] = [("Overview", [])]
    for block in blocks:
        if isinstance(block, Section):
            found.append((block.title, []))
        else:
            found[-1][1].append(block)
    return found if found[0][1] or len(found) == 1 else found[1:]


def _section(anchor: str, title: str, blocks: Sequence[Block], shown_title: bool) -> str:
    head = f"<h2>{escape(title)}</h2>" if shown_title else ""
    parts = []
    for kind, group in groupby(blocks, type):
        each: list[Any] = list(group)
        if kind in _GROUPED:
            parts.append(f'<div class="{_GROUPED[kind]}">{"".join(_BLOCKS[kind](block) for block in each)}</div>')
        else:
            parts += [_BLOCKS[kind](block) for block in each]
    return f'<section id="{anchor}">{head}{"".join(parts)}</section>'


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>' if text else ""


def _heading(text: str) -> str:
    return f"<h3>{escape(text)}</h3>" if text else ""


def _number(block: Number) -> str:
    interval = ""
    if block.interval:
        low, high = (shown(end) for end in block.interval)
        interval = f'<span class="interval" title="95 % interval">{escape(low)} – {escape(high)}</span>'
    note = f'<span class="interval">{escape(block.note)}</span>' if block.note else ""
    long = " long" if len(figure(block)) > 12 else ""
    value = f'<span class="value{long}">{escape(figure(block))}</span>'
    return f'<div class="figure"><span class="name">{escape(block.name)}</span>{value}{interval}{note}</div>'


def _table(block: Table) -> str:
    right = [
        bool(block.rows) and all(is_number(row[i]) or row[i] is None for row in block.rows)
        for i in range(len(block.columns))
    ]
    drawn = bars(block)
    heat = _bars(*drawn) if drawn else _heat(block, right) if block.heat else {}
    narrow = block.heat and not drawn and len(block.columns) > 8 and any(len(name) > 4 for name in block.columns[1:])
    heads = []
    for place, name in enumerate(block.columns):
        inner = f"<span>{escape(name)}</span>" if narrow and place else escape(name)
        heads.append(f'<th scope="col"{_class(["r"] if right[place] else [])}>{inner}</th>')
    rows = []
    for i, row in enumerate(block.rows):
        cells = [_cell(cell, right[j], heat.get((i, j)), first=j == 0) for j, cell in enumerate(row)]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    kinds = ["bars" if drawn else "heat"] * block.heat + ["narrow"] * narrow
    empty = "" if rows else '<p class="note">No rows.</p>'
    table = f"<table{_class(kinds)}><thead><tr>{''.join(heads)}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    held = f'<div class="scroll" tabindex="0">{table}</div>{empty}'
    return f'<div class="block">{_heading(block.title)}{held}{_note(block.note)}</div>'


def _cell(cell: Any, right: bool, shade: tuple[str, float] | None, first: bool) -> str:
    text, classes, style = escape(shown(cell)), ["r"] if right else [], ""
    if not right and len(text) <= 24:
        classes.append("short")
    if shade is not None:
        tone, share = shade
        if not cell:
            text, classes = "·", [*classes, "zero"]
        elif share > 0.005:
            style = f' style="--h:{round(100 * share)}%"'
            classes = [*classes, tone] + (["strong"] if share > 0.55 else [])
    elif cell is None:
        classes.append("zero")
    return f'<th scope="row">{text}</th>' if first and not right else f"<td{_class(classes)}{style}>{text}</td>"


def _class(names: list[str]) -> str:
    return f' class="{" ".join(names)}"' if names else ""


def _heat(block: Table, right: list[bool]) -> dict[tuple[int, int], tuple[str, float]]:
    """(row, column) of a confusion matrix -> tone and strength in 0..1: shares of the row, the diagonal in another tone."""
    places = [place for place, numeric in enumerate(right) if numeric]
    found = {}
    for i, row in enumerate(block.rows):
        total = sum(abs(row[j] or 0) for j in places) or 1
        for j in places:
            size = abs(row[j] or 0)
            if j == i + 1:
                found[i, j] = ("on", size / total)
            else:  # few mistakes are what one looks for: the root lifts them out of the white
                found[i, j] = ("off", (size / total) ** 0.5)
    return found


def _bars(column: int, shares: Sequence[float]) -> dict[tuple[int, int], tuple[str, float]]:
    """(row, column) -> tone and length in 0..1."""
    return {(i, column): ("on" if share > 0 else "off", abs(share)) for i, share in enumerate(shares)}


def _colored(block: Colored) -> str:
    words = "".join(
        f'<mark class="{"on" if weight > 0 else "off"}" style="--h:{round(100 * abs(weight))}%">{escape(word)}</mark>'
        if abs(weight) > 0.03
        else escape(word)
        for word, weight in block.words
    )
    return f'<div class="block">{_heading(block.title)}<p class="colored">{words}</p>{_note(block.note)}</div>'


def _curve(block: Curve) -> str:
    drawing, legend = plot(block)
    return f'<figure class="block">{_heading(block.title)}{drawing}{legend}{_note(block.note)}</figure>'


def _image(block: Image) -> str:
    shots = [
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{escape(png)}"><figcaption>{escape(caption)}'
        "</figcaption></figure>"
        for png, caption in block.pictures
    ]
    held = f'<div class="pictures">{"".join(shots)}</div>'
    return f'<div class="block">{_heading(block.title)}{held}{_note(block.note)}</div>'


def _text(block: Text) -> str:
    tone = block.tone if block.tone in _MARKS else "plain"
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in block.text.splitlines() if line.strip())
    mark = f'<span class="mark" aria-hidden="true">{_MARKS[tone]}</span>'
    return f'<aside class="text {tone}">{mark}<div>{_heading(block.title)}{paragraphs}</div></aside>'


_BLOCKS: dict[type, Any] = {
    Number: _number,
    Table: _table,
    Curve: _curve,
    Image: _image,
    Text: _text,
    Colored: _colored,
}
_GROUPED: dict[type, str] = {Number: "figures", Curve: "curves", Table: "tables"}
