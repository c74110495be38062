"""A report as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
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
    clean,
    ends,
    figure,
    is_number,
    points,
    shown,
)


def render_markdown(report: Report) -> str:
    """The report as Markdown (GitHub's tables): a model card's body. Pictures are left to the HTML report."""
    parts = [f"# {_escaped(report.title)}"]
    for kind, group in groupby(report.blocks, type):
        blocks: list[Any] = list(group)
        if kind is Number:
            rows = [[b.name, figure(b), ends(b.interval), b.note] for b in blocks]
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
    elif isinstance(block, Colored):
        yield "".join(_emphasis(word, weight) for word, weight in block.words).strip()
    elif isinstance(block, Text):
        yield "\n\n".join(_escaped(line) for line in block.text.splitlines())
    if getattr(block, "note", ""):
        yield f"*{_escaped(block.note)}*"


def _emphasis(word: str, weight: float) -> str:
    """A word that speaks for something in bold, one that speaks against it struck out."""
    mark, bare = "**" if weight > 0 else "~~", word.strip()
    if abs(weight) < STRONG or not bare:
        return _escaped(word) + " " * word.endswith(" ")
    return f"{mark}{_escaped(bare)}{mark} "


def _pipes(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    right = [bool(rows) and all(is_number(row[i]) or row[i] is None for row in rows) for i in range(len(columns))]
    lines = [[_escaped(name) for name in columns], ["--:" if r else "---" for r in right]]
    lines += [[_escaped(shown(cell)) for cell in row] for row in rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|#~$])", r"\\\1", clean(text)).strip()
