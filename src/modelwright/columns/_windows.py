"""Rows of one length that overlap: windows of a long array, cut when they are asked for. NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Windows:
    """N rows of `length` steps each: row i is `values[starts[i]:starts[i] + length]`, with values (T, ...).

    It reads as an array (N, length, ...) does: indexing copies the rows that are asked for, and only these.
    """

    values: np.ndarray
    starts: np.ndarray
    length: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.starts), self.length, *self.values.shape[1:])

    @property
    def ndim(self) -> int:
        return self.values.ndim + 1

    @property
    def dtype(self) -> np.dtype:
        return self.values.dtype

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: Any) -> np.ndarray:
        """The rows at an index, a slice, positions or a mask, copied."""
        return self.values[np.asarray(self.starts[index])[..., None] + np.arange(self.length)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype)

    def with_values(self, values: np.ndarray) -> Windows:
        """The same windows of other values (T, ...)."""
        return replace(self, values=values)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """The mean and the deviation of each row over its steps, both (N, ...), without cutting the rows out."""
        zero = np.zeros((1, *self.values.shape[1:]))
        found = []
        for values in (self.values, self.values.astype(np.float64) ** 2):
            sums = np.concatenate([zero, np.cumsum(values, 0, dtype=np.float64)])
            found.append((sums[self.starts + self.length] - sums[self.starts]) / self.length)
        return found[0], np.sqrt(np.maximum(found[1] - found[0] ** 2, 0))

    @classmethod
    def concatenate(cls, chunks: Sequence[Windows]) -> Windows:
        """The rows of all chunks, in order."""
        before = np.cumsum([0, *(len(chunk.values) for chunk in chunks)])
        starts = np.concatenate([chunk.starts + start for chunk, start in zip(chunks, before)])
        return cls(np.concatenate([chunk.values for chunk in chunks]), starts, chunks[0].length)
