"""Batches of tokens: windows of one long text, or documents packed into rows, an exact function of (seed, step).

A batch has `ids` (B, T), `labels` (B, T), the token after each id and -1 where none is learned, and, where documents
share a row, `documents` (B, T), by which each stays apart. Knows nothing of texts, devices or models.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np
import torch

from ..blocks.stream import Batch
from ..errors import DataError
from .batches import generator
from .shards import Tokens


def rows(tokens: Tokens, context: int) -> Windows | Packed:
    """How a part is read: a single document in windows of the context, several packed into rows of it."""
    return Windows(tokens, context) if tokens.single else Packed(tokens, context)


class Windows:
    """Windows of `context` tokens side by side in one long text; nothing is copied before a batch is asked for.

    `shift` moves them all, so that one pass over the text cuts it elsewhere than another. Raises DataError when the text
    is shorter than two windows.
    """

    def __init__(self, tokens: Tokens, context: int) -> None:
        if len(tokens.ids) < 2 * context + 1:
            found = f"the text has {len(tokens.ids):,} tokens, fewer than two contexts of {context:,}."
            raise DataError(found, where="data", hint="Give more text or a smaller model.context.")
        self.view = np.lib.stride_tricks.sliding_window_view(tokens.ids, context + 1)  # (N - context, context + 1)
        self.context = context
        self.count = (len(tokens.ids) - 1) // context - 1
        self.shifts = len(self.view) - (self.count - 1) * context  # places where the first window may begin

    def batch(self, rows: np.ndarray, shift: int = 0) -> Batch:
        """The windows of these numbers."""
        found = torch.from_numpy(self.view[rows * self.context + shift].astype(np.int64))
        return {"ids": found[:, :-1], "labels": found[:, 1:]}


class Packed:
    """Documents in rows of `context` tokens, as few rows as best-fit finds (Ding 2024): the longest first, each into
    the fullest row that still holds it. One that is longer than a row is cut into such. Empty places count nothing.
    """

    shifts = 1

    def __init__(self, tokens: Tokens, context: int) -> None:
        self.tokens, self.context = tokens, context
        lengths = np.diff(tokens.starts) - 1  # a document's last token is only a label
        pieces = [
            (start + place, min(context, length - place))
            for start, length in zip(tokens.starts.tolist(), lengths.tolist())
            for place in range(0, length, context)
        ]
        self.rows = _best_fit(pieces, context)
        self.count = len(self.rows)

    def batch(self, rows: np.ndarray, shift: int = 0) -> Batch:
        """The rows of these numbers."""
        shape = (len(rows), self.context)
        ids, labels = torch.zeros(shape, dtype=torch.long), torch.full(shape, -1)
        documents = torch.full(shape, -1)
        for row, number in enumerate(rows.tolist()):
            place = 0
            for document, (start, length) in enumerate(self.rows[number]):
                found = torch.from_numpy(self.tokens.ids[start : start + length + 1].astype(np.int64))
                here = slice(place, place + length)
                ids[row, here], labels[row, here], documents[row, here] = found[:-1], found[1:], document
                if self.tokens.learned is not None:
                    learned = torch.from_numpy(self.tokens.learned[start + 1 : start + length + 1].copy())
                    labels[row, here] = torch.where(learned, labels[row, here], -1)
                place += length
        shared = any(len(self.rows[number]) > 1 for number in rows.tolist())
        return {"ids": ids, "labels": labels, **({"documents": documents} if shared else {})}


class Some:
    """Some of the rows of others, by their numbers."""

    shifts = 1

    def __init__(self, rows: Windows | Packed, chosen: np.ndarray) -> None:
        self.rows, self.chosen, self.count = rows, chosen, len(chosen)

    def batch(self, rows: np.ndarray, shift: int = 0) -> Batch:
        """The rows of these numbers among the chosen."""
        return self.rows.batch(self.chosen[rows])


def _best_fit(pieces: list[tuple[int, int]], room: int) -> list[list[tuple[int, int]]]:
    """(start, length) pieces in rows of `room`."""
    rows: list[list[tuple[int, int]]] = []
    open_rows: dict[int, list[int]] = {}  # room left -> rows that have so much
    rooms: list[int] = []  # its keys, sorted
    for piece in sorted(pieces, key=lambda piece: -piece[1]):
        place = bisect_left(rooms, piece[1])
        if place < len(rooms):
            left = rooms[place]
            row = open_rows[left].pop()
            if not open_rows[left]:
                del open_rows[left], rooms[place]
        else:
            left, row = room, len(rows)
            rows.append([])
        rows[row].append(piece)
        left -= piece[1]
        if left not in open_rows:
            open_rows[left] = []
            rooms.insert(bisect_left(rooms, left), left)
        open_rows[left].append(row)
    return rows


class TokenBatches:
    """Endless batches of rows. Each pass has the rows in another order, windows also cut elsewhere.

    steps: an epoch is so many steps, after which the model is validated; it has nothing to do with passes.
    """

    def __init__(self, rows: Windows | Packed | Some, size: int, seed: int, steps: int) -> None:
        self.rows, self.size, self.seed, self.steps = rows, min(size, rows.count), seed, steps
        self._pass: tuple[int, np.ndarray, int] = (-1, np.empty(0), 0)  # its number, the order of its rows, its shift

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from step `start` on: the same ones as when the first `start` are skipped."""
        for step in range(start, self.steps):
            chosen, shift = self._chosen(number * self.steps + step)
            yield self.rows.batch(chosen, shift)

    def rows_of(self, number: int, step: int) -> list[int]:
        """The numbers of the rows in one batch."""
        return self._chosen(number * self.steps + step)[0].tolist()

    def in_order(self, most: int | None = None) -> Iterator[Batch]:
        """All rows in order, or at most `most` of them, evenly spread."""
        count = min(most or self.rows.count, self.rows.count)
        chosen = np.arange(count) * self.rows.count // count
        for first in range(0, count, self.size):
            yield self.rows.batch(chosen[first : first + self.size])

    def _chosen(self, step: int) -> tuple[np.ndarray, int]:
        """The rows of a step, counted from the beginning of training, and the shift of its pass."""
        number, place = divmod(step, max(self.rows.count // self.size, 1))
        if self._pass[0] != number:
            random = generator(self.seed, number)
            order = torch.randperm(self.rows.count, generator=random).numpy()
            self._pass = (number, order, int(torch.randint(self.rows.shifts, (), generator=random)))
        return self._pass[1][place * self.size : (place + 1) * self.size], self._pass[2]
