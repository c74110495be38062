"""Rows of different length in two flat arrays. NumPy only: batches and masks are made elsewhere.

A step of a row is one value or, where `values` is (total, K), K of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ragged:
    """N rows of different length: row i is `values[offsets[i]:offsets[i + 1]]`; offsets (N + 1,) int64. Where a step has
    several values, the first one is its id."""

    values: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]], dtype: type = np.int32) -> Ragged:
        """From a list of rows."""
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        flat = [value for row in rows for value in row]
        return cls(np.array(flat, dtype), offsets_of(lengths))

    @classmethod
    def concatenate(cls, chunks: Sequence[Ragged]) -> Ragged:
        """The rows of all chunks, in order."""
        if not chunks:
            return cls(np.zeros(0, np.int32), np.zeros(1, np.int64))
        values = np.concatenate([chunk.values[chunk.offsets[0] : chunk.offsets[-1]] for chunk in chunks])
        return cls(values, offsets_of(np.concatenate([chunk.lengths for chunk in chunks])))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """(N,) int64: values in each row."""
        return np.diff(self.offsets)

    @property
    def ids(self) -> np.ndarray:
        """(total,) one value of each step."""
        return self.values if self.values.ndim == 1 else self.values[:, 0]

    def row(self, i: int) -> np.ndarray:
        """A view of row i."""
        return self.values[self.offsets[i] : self.offsets[i + 1]]

    def take(self, index: np.ndarray) -> Ragged:
        """The rows at the given positions (integers or a boolean mask), copied."""
        index = np.arange(len(self))[index]
        lengths = self.lengths[index]
        offsets = offsets_of(lengths)
        # position of each value in the old array: its place in the new one, moved by how far its row moved
        where = np.repeat(self.offsets[:-1][index] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Ragged(self.values[where], offsets)

    __getitem__ = take

    def padded(self, length: int | None = None, fill: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """(N, T) or (N, T, K) values with `fill` after each row's end, and the (N, T) mask, True where there is a value.

        T is the longest row, or `length`, which cuts longer rows."""
        lengths = self.lengths
        if length is None:
            length = int(lengths.max(initial=0))
        mask = np.arange(length)[None, :] < lengths[:, None]
        kept = np.minimum(lengths, length)
        offsets = offsets_of(kept)
        where = np.repeat(self.offsets[:-1] - offsets[:-1], kept) + np.arange(offsets[-1])
        out = np.full((len(self), length, *self.values.shape[1:]), fill, self.values.dtype)
        out[mask] = self.values[where]
        return out, mask


def never_empty(rows: Ragged, fill: int) -> Ragged:
    """Empty rows become one step: attention over no token at all has no answer."""
    empty = np.flatnonzero(rows.lengths == 0)
    if not len(empty):
        return rows
    values = np.insert(rows.values, rows.offsets[empty], fill, axis=0)
    return Ragged(values.astype(rows.values.dtype), offsets_of(np.maximum(rows.lengths, 1)))


def offsets_of(lengths: np.ndarray) -> np.ndarray:
    """(N,) lengths -> (N + 1,) int64 offsets."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
