"""The worst mistakes with the raw rows they were made on."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..report import Block, Image, Table, shown

_MOST = 10
_MOST_INPUTS = 8
_LONGEST_CELL = 60
_LARGEST_PICTURE = 128
PNG_COLORS = {1: 0, 3: 2, 4: 6}  # channels -> how the format calls them


class Examples(NamedTuple):
    """The raw rows behind predictions: row i of the predictions is row `rows[i]` of `table` (a pa.Table).

    inputs: the columns to show. pictures: image column -> uint8 (rows of the table, H, W, C), shown as thumbnails.
    """

    table: Any
    rows: np.ndarray
    inputs: Sequence[str]
    pictures: Mapping[str, np.ndarray] = {}


def mistakes(
    kind: str, predicted: Mapping[str, np.ndarray], truth: np.ndarray, classes: Sequence[str] | None, examples: Examples
) -> list[Block]:
    """Up to ten rows with the largest error, as pictures and as a table of their inputs; none where none is wrong."""
    error, described = _errors(kind, predicted, np.asarray(truth), classes)
    worst = np.argsort(-error, kind="stable")[:_MOST]
    worst = worst[error[worst] > 0]
    if not len(worst):
        return []
    rows, told = np.asarray(examples.rows)[worst], [described(place) for place in worst]
    found: list[Block] = []
    for name, pixels in examples.pictures.items():
        shots = brightened([np.asarray(pixels[row]) for row in rows])
        captions = [f"row {row}: {true} taken for {said} ({how})" for row, (true, said, how) in zip(rows, told)]
        found.append(Image(f"Worst mistakes: {name}", [(picture(p), c) for p, c in zip(shots, captions)]))
    measure = "error" if kind in ("number", "vector") else "confidence"
    lines = [[int(row), *tell] for row, tell in zip(rows, told)]
    return found + raw_rows("Worst mistakes", ["row", "true", "predicted", measure], lines, examples)


def raw_rows(title: str, columns: list[str], lines: list[list[Any]], examples: Examples) -> list[Block]:
    """A table of `lines`, which begin with a row's number, and that row's inputs; nothing where all is in pictures."""
    inputs = [name for name in examples.inputs if name not in examples.pictures and name in examples.table.column_names]
    if not inputs and examples.pictures:
        return []
    table = examples.table.select(inputs[:_MOST_INPUTS]).take([line[0] for line in lines])
    cells = [[_cell(value) for value in column.to_pylist()] for column in table.columns]
    lines = [[*line, *(column[i] for column in cells)] for i, line in enumerate(lines)]
    more = f"The first {_MOST_INPUTS} of {len(inputs)} inputs." if len(inputs) > _MOST_INPUTS else ""
    return [Table(title, [*columns, *inputs[:_MOST_INPUTS]], lines, note=more)]


def _errors(
    kind: str, predicted: Mapping[str, np.ndarray], truth: np.ndarray, classes: Sequence[str] | None
) -> tuple[np.ndarray, Any]:
    """(N,) error of each row (0: right or without a truth), and place -> (true, predicted, how wrong) in words."""
    name = (lambda code: str(classes[code])) if classes else str
    if kind == "category":
        probabilities, codes = np.nan_to_num(predicted["probabilities"]), truth.ravel().astype(np.int64)
        guess = probabilities.argmax(1)
        confidence = probabilities[np.arange(len(guess)), guess]
        error = np.where(
            (codes >= 0) & (guess != codes), confidence - probabilities[np.arange(len(guess)), codes] + 1e-9, 0
        )
        return error, lambda i: (name(codes[i]), name(guess[i]), shown(float(confidence[i])))
    if kind == "boolean":
        points = np.nan_to_num(predicted["probability"]).ravel()
        known, positive = ~np.isnan(truth.ravel()), np.nan_to_num(truth.ravel()) > 0.5
        error = np.where(known & ((points > 0.5) != positive), np.abs(points - positive), 0)
        sure = np.maximum(points, 1 - points)
        return error, lambda i: (name(int(positive[i])), name(int(points[i] > 0.5)), shown(float(sure[i])))
    if kind == "multilabel":
        points, positive = np.nan_to_num(predicted["probabilities"]), truth > 0.5
        wrong = (points > 0.5) != positive
        error = np.where(np.isnan(truth).any(1), 0, (wrong * np.abs(points - positive)).sum(1))
        sure = np.where(wrong, np.maximum(points, 1 - points), 0).max(1)
        told = lambda flags: ", ".join(name(code) for code in np.flatnonzero(flags)) or "none"  # noqa: E731
        return error, lambda i: (told(positive[i]), told(points[i] > 0.5), shown(float(sure[i])))
    value = np.asarray(predicted["value"], dtype=np.float64).reshape(len(truth), -1)
    wide = truth.reshape(len(truth), -1).astype(np.float64)
    error = np.nan_to_num(np.sqrt(np.mean((value - wide) ** 2, axis=1)), nan=0, posinf=0)
    words = lambda row: ", ".join(shown(float(x)) for x in row[:4]) + ("…" if len(row) > 4 else "")  # noqa: E731
    return error, lambda i: (words(wide[i]), words(value[i]), shown(float(error[i])))


def _cell(value: Any) -> Any:
    """A raw value short enough for a table."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if isinstance(value, list) and len(value) > 8:
        return f"{len(value):,} values"
    text = str(value)
    return text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…"


def brightened(pictures: list[np.ndarray]) -> list[np.ndarray]:
    """Pictures with their brightest value at 255 if all are dark: some sets count grey from 0 to 16."""
    peak = max((int(each.max(initial=0)) for each in pictures), default=0)
    return [(each.astype(np.int64) * 255 // peak).astype(np.uint8) for each in pictures] if 0 < peak < 64 else pictures


def picture(pixels: np.ndarray) -> str:
    """uint8 (H, W), or (H, W, C) with 1 (grey), 3 (RGB) or 4 (RGBA) channels, as a PNG in base64; of more channels, which are
    frames, the last one; every n-th pixel of a large one."""
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    step = -(-max(pixels.shape[:2]) // _LARGEST_PICTURE) or 1
    height, width, channels = pixels[::step, ::step].shape
    channels = channels if channels in PNG_COLORS else 1 if channels % 3 else 3
    pixels = np.ascontiguousarray(pixels[::step, ::step, -channels:], dtype=np.uint8)
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)  # each line begins with its filter: none
    header = struct.pack(">IIBBBBB", width, height, 8, PNG_COLORS[channels], 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode("ascii")
