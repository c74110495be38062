"""Tags: a label for each token of a text."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import _parsing
from ._column import Column
from ._ragged import Ragged

UNSEEN = "?"  # a label that training has not seen


class Tags(Column):
    """A label for each token of an input text: a list, or text with blanks between ("B-PER O O").

    Target: Ragged int64, a code each, labels in order; a label unseen in training has the code K, a token without one (null in
    a list) -1: it is neither learned nor counted. A missing or empty cell is an empty row. Not an input.
    """

    group = None
    fitted = ("labels", "as_text")

    def __init__(self, name: str, target: bool = False) -> None:
        super().__init__(name, target)
        self.labels: list[str] = []
        self.as_text = False
        self._seen: Counter[str] = Counter()

    def fit(self, values: pa.Array) -> None:
        self.as_text |= not _parsing.is_list(_parsing.flat(values).type)
        self._seen.update(_items(values)[0].drop_null().to_pylist())

    def merge(self, other: Tags) -> None:
        self._seen.update(other._seen)
        self.as_text |= other.as_text

    def finish(self) -> None:
        self.labels = sorted(self._seen)
        if len(self.labels) < 2:
            self.refuse_target("there must be at least two labels in the training rows.", "Is it the right column?")

    def encode(self, values: pa.Array) -> Ragged:
        items, offsets = _items(values)
        codes = pc.fill_null(pc.index_in(items, pa.array(self.labels, items.type)), len(self.labels))
        known = codes.to_numpy(zero_copy_only=False).astype(np.int64)
        known[items.is_null().to_numpy(zero_copy_only=False)] = -1
        return Ragged(known, offsets)

    def decode(self, tensors: dict[str, np.ndarray]) -> dict[str, pa.Array]:
        """`ids` (N, T), padded with -1 -> a list of labels a row, or text where the data had text."""
        values = pa.array([list(row) for row in self._rows(tensors["ids"])], pa.list_(pa.string()))
        return {"": pc.binary_join(values, " ") if self.as_text else values}

    def _rows(self, codes: np.ndarray | Ragged) -> list[list[str | None]]:
        names = np.array([*self.labels, UNSEEN, None], object)  # -1 is the last
        if isinstance(codes, Ragged):
            return [names[codes.row(place)].tolist() for place in range(len(codes))]
        return [names[row[row >= 0]].tolist() for row in np.asarray(codes)]

    def truth(self, codes: np.ndarray | Ragged) -> Any:
        """Codes -> (N,) lists of labels, None where there are none; in a list None is a token without a label."""
        found = np.empty(len(codes), object)
        found[:] = [row if any(label is not None for label in row) else None for row in self._rows(codes)]
        return found

    def comparable(self, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
        return {"tags": self._rows(tensors["ids"])}

    def sizes(self) -> dict[str, Any]:
        """`classes`: the labels."""
        return {"classes": self.labels}


def _items(values: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """All labels one after the other, and each row's offsets."""
    values = _parsing.flat(values)
    if not _parsing.is_list(values.type):
        text = _parsing.strings(values, tokens=False)
        values = pc.if_else(pc.equal(text, ""), None, pc.utf8_split_whitespace(text))
    items, offsets, _ = _parsing.lists(values)
    return _parsing.strings(items, tokens=False), offsets
