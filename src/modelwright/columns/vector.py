"""Vectors: a fixed number of numbers in one cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import _parsing
from ._column import Column
from ._statistics import Moments

LENGTHS = 64  # different lengths remembered while fitting


class Vector(Column):
    """A list of D numbers, each standardised: a list, or text such as "[1, 2.5]" or "1 2.5".

    D is the most frequent length in training; a cell of another length counts as missing, and is said.
    Input: float32 (N, D), 0 where missing. Target: the same, NaN where missing.

    Options:
      scale: false leaves the numbers as they are (embeddings of another model)
    """

    group = None
    fitted = ("size", "mean", "deviation")

    def __init__(self, name: str, target: bool = False, *, scale: bool = True) -> None:
        super().__init__(name, target)
        self.scale = scale
        self.size = 0
        self.mean: list[float] = []
        self.deviation: list[float] = []
        self._moments: dict[int, Moments] = {}  # length -> moments of the cells of that length
        self._cells: dict[int, int] = {}

    def fit(self, values: pa.Array) -> None:
        items, offsets = _rows(values)
        lengths = np.diff(offsets)
        for length in np.unique(lengths[lengths > 0]).tolist():
            if length in self._moments or len(self._moments) < LENGTHS:
                moments = self._moments.setdefault(length, Moments((length,)))
                here = np.flatnonzero(lengths == length)
                moments.add(_cells(items, offsets, here, length))
                self._cells[length] = self._cells.get(length, 0) + len(here)

    def merge(self, other: Vector) -> None:
        for length, moments in other._moments.items():
            self._moments.setdefault(length, Moments((length,))).merge(moments)
            self._cells[length] = self._cells.get(length, 0) + other._cells[length]

    def finish(self) -> None:
        if not self._cells:
            self.refuse_target("has no vectors in the training rows.")
            return
        self.size = max(self._cells, key=lambda length: (self._cells[length], length))
        moments = self._moments[self.size]
        if self.target and not (moments.squares > 0).any():
            self.refuse_target("has one value only.")
        self.mean = moments.mean.tolist() if self.scale else [0.0] * self.size
        self.deviation = moments.deviation.tolist() if self.scale else [1.0] * self.size

    def encode(self, values: pa.Array) -> np.ndarray:
        items, offsets = _rows(values)
        lengths = np.diff(offsets)
        fits = np.flatnonzero(lengths == self.size)
        wrong = int((lengths > 0).sum()) - len(fits) if self.size else 0
        if wrong:
            first = int(np.flatnonzero((lengths > 0) & (lengths != self.size))[0])
            self.note(f"{wrong} cells do not have {self.size} numbers (the first, row {first}, has {lengths[first]}).")
        out = np.full((len(values), self.size), np.nan, np.float32)
        scaled = (_cells(items, offsets, fits, self.size) - np.array(self.mean)) / np.array(self.deviation)
        out[fits] = np.clip(scaled, -1e30, 1e30)
        return out if self.target else np.nan_to_num(out)

    def decode(self, tensors: dict[str, np.ndarray]) -> dict[str, pa.Array]:
        flat = pa.array(self.truth(tensors["value"]).ravel(), pa.float64())
        return {"": pa.FixedSizeListArray.from_arrays(flat, self.size)}

    def truth(self, codes: np.ndarray) -> np.ndarray:
        return np.asarray(codes, np.float64) * np.array(self.deviation) + np.array(self.mean)

    def sizes(self) -> dict[str, Any]:
        """`size` D; target also `width` D."""
        return {"size": self.size, "width": self.size} if self.target else {"size": self.size}


def _rows(values: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Cells -> their numbers in one float64 array and (N + 1,) offsets; a missing cell has none."""
    values = _parsing.flat(values)
    if not _parsing.is_list(values.type):
        text = pc.replace_substring_regex(_parsing.strings(values), r"[\[\](){},;\s]+", " ")
        values = pc.split_pattern(pc.utf8_trim_whitespace(text), " ")
    while _parsing.is_list(values.type) and _parsing.is_list(values.type.value_type):
        values = _joined(values)
    items, offsets, _ = _parsing.lists(values)
    return _parsing.numbers(items), offsets


def _joined(values: pa.Array) -> pa.Array:
    """Lists of lists -> lists (a matrix in a cell is read row by row)."""
    inner, offsets, present = _parsing.lists(values)
    items, starts, _ = _parsing.lists(inner)
    ends = pa.array(starts[offsets], pa.int64(), mask=np.append(~present, False))
    return pa.LargeListArray.from_arrays(ends, items)


def _cells(items: np.ndarray, offsets: np.ndarray, index: np.ndarray, length: int) -> np.ndarray:
    """(len(index), length) numbers of the given cells."""
    if len(index) * length == len(items):  # every cell fits: no copy
        return items.reshape(len(index), length)
    return items[offsets[index][:, None] + np.arange(length)]
