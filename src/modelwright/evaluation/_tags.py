"""What there is to say about tags: each type of entity, and the rows with most mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..report import Block, Table
from ..tag_metrics import Tags, by_type, entities

_MOST = 10


def blocks(predicted: Sequence[Tags], truth: Sequence[Tags | None], examples: Any = None) -> list[Block]:
    """A table of the types and, with `examples`, one of the rows in which most entities are wrong."""
    types, shown = by_type(predicted, truth), ["precision", "recall", "f1", "support"]
    found: list[Block] = [Table("Entities", ["type", *shown], [[n, *(t[s] for s in shown)] for n, t in types.items()])]
    whole = [_filled(guess, tags) if tags else () for guess, tags in zip(predicted, truth)]
    pairs = [(entities(guess), entities(tags)) if tags else (set(), set()) for guess, tags in zip(predicted, whole)]
    wrong = sorted(range(len(pairs)), key=lambda row: -len(pairs[row][0] ^ pairs[row][1]))[:_MOST]
    wrong = [row for row in wrong if pairs[row][0] != pairs[row][1]]
    if examples is None or not wrong:
        return found
    table, rows, inputs = examples[:3]
    text = next((name for name in inputs if name in table.column_names), None)
    cells = table.column(text).take(rows[wrong]).to_pylist() if text else [None] * len(wrong)
    lines = [
        [int(rows[row]), _told(pairs[row][1] - pairs[row][0], cell), _told(pairs[row][0] - pairs[row][1], cell)]
        for row, cell in zip(wrong, cells)
    ]
    return [*found, Table("Worst mistakes", ["row", "missed", "wrongly claimed"], lines)]


def _filled(guess: Tags, tags: Tags) -> Tags:
    """A truth whose tokens without a label have the predicted one, in which nothing is wrong."""
    if None not in tags:
        return tags
    claimed = [*guess, *["O"] * (len(tags) - len(guess))]
    return [one if tag is None else tag for one, tag in zip(claimed, tags)]


def _told(found: set[tuple[str, int, int]], cell: Any) -> str:
    """Entities by their words, or by their places where the text is not a list of tokens."""
    ordered = sorted(found, key=lambda entity: entity[1])
    if not isinstance(cell, list):
        return ", ".join(f"{name} {start}-{stop - 1}" for name, start, stop in ordered)
    between = "" if all(len(token) == 1 for token in cell) else " "
    return ", ".join(f"{name} {between.join(cell[start:stop])}" for name, start, stop in ordered)
