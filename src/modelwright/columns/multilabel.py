"""Sets of labels: any number of values a cell."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from . import _parsing, _values
from ._column import Column
from ._masking import Mask

DELIMITERS = ("|", ";", ",")


class Multilabel(Column):
    """A set of labels: a list, or text with a delimiter between labels.

    Input: float32 (N, K), 1 where the label is in the set; a missing cell is the empty set.
    Target: the same, a missing cell a row of NaN. An empty list is the empty set, an empty text is missing.

    Options:
      delimiter: what stands between labels in text; by default the one of | ; , that most cells contain
      max_labels: only the most frequent labels are kept
      min_frequency: labels seen less often in training are left out
      threshold: a label is predicted when its probability is at least this
      mask: personal data masked before anything else: kinds such as email and phone, all, or name=pattern
    """

    group = "multilabel"
    fitted = ("labels", "counts", "separator", "as_text")

    def __init__(
        self,
        name: str,
        target: bool = False,
        *,
        delimiter: str | None = None,
        max_labels: Annotated[int, Field(ge=1)] = 1000,
        min_frequency: Annotated[int, Field(ge=1)] = 1,
        threshold: Annotated[float, Field(ge=0, le=1)] = 0.5,
        mask: Mask = (),
    ) -> None:
        super().__init__(name, target)
        self.delimiter, self.max_labels, self.min_frequency = delimiter, max_labels, min_frequency
        self.threshold, self.mask = threshold, list(mask)
        self.labels: list[str] = []
        self.counts: list[int] = []
        self.separator = delimiter or DELIMITERS[0]
        self.as_text = False
        candidates = (delimiter,) if delimiter else DELIMITERS
        self._cells = dict.fromkeys(candidates, 0)  # how many cells contain each delimiter
        self._seen: dict[str, Counter[str]] = {candidate: Counter() for candidate in candidates}

    def fit(self, values: pa.Array) -> None:
        values = _parsing.flat(self.masked(values))
        if _parsing.is_list(values.type):
            found = _parsing.counts(_parsing.lists(values)[0])[0]
            for seen in self._seen.values():  # lists have no delimiter: the same under each candidate
                seen.update(found)
            return
        self.as_text = True
        cells, _ = _parsing.counts(values)
        for candidate, seen in self._seen.items():
            for cell, count in cells.items():
                parts = {part for part in map(str.strip, cell.split(candidate)) if part}
                self._cells[candidate] += count * (candidate in cell)
                for part in parts:
                    seen[part] += count

    def merge(self, other: Multilabel) -> None:
        self.as_text |= other.as_text
        for candidate, seen in other._seen.items():
            self._cells[candidate] += other._cells[candidate]
            self._seen[candidate].update(seen)

    def finish(self) -> None:
        self.separator = max(self._cells, key=lambda candidate: self._cells[candidate])  # the first of equals
        total: Counter[str] = Counter()
        for text, count in self._seen[self.separator].items():
            total[_values.canonical(text)] += count
        ranked = sorted(total.items(), key=lambda item: (-item[1], item[0]))[: self.max_labels]
        kept = [text for text, count in ranked if count >= self.min_frequency]
        self.labels = _values.in_order(kept)
        self.counts = [total[label] for label in self.labels]
        if len(total) > len(kept):
            self.note(f"{len(total) - len(kept)} rare labels of {len(total)} are left out.")
        if not self.labels:
            self.refuse_target("has no labels in the training rows.")

    def encode(self, values: pa.Array) -> np.ndarray:
        values = _parsing.flat(self.masked(values))
        if not _parsing.is_list(values.type):
            values = pc.split_pattern(_parsing.strings(values), self.separator)
        items, offsets, present = _parsing.lists(values)
        known = {label: i for i, label in enumerate(self.labels)}
        codes = _parsing.looked_up(items, known, missing=-1, unseen=-1)
        rows = np.repeat(np.arange(len(values)), np.diff(offsets))
        out = np.zeros((len(values), len(self.labels)), np.float32)
        out[rows[codes >= 0], codes[codes >= 0]] = 1.0
        if self.target:
            out[~present] = np.nan
        return out

    def decode(self, tensors: dict[str, np.ndarray]) -> dict[str, pa.Array]:
        probabilities = np.asarray(tensors["probabilities"])
        rows, columns = np.nonzero(probabilities >= self.threshold)
        counts = np.bincount(rows, minlength=len(probabilities))
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        chosen = pa.array(self.labels, pa.string()).take(pa.array(columns))
        values = pa.ListArray.from_arrays(pa.array(offsets), chosen)
        if self.as_text:
            values = pc.binary_join(values, self.separator)
        return {"": values, **{label: pa.array(probabilities[:, k]) for k, label in enumerate(self.labels)}}

    def sizes(self) -> dict[str, Any]:
        """`width` K; target also `classes` (label names) and `counts` (training rows with each)."""
        sizes: dict[str, Any] = {"width": len(self.labels)}
        return {**sizes, "classes": self.labels, "counts": self.counts} if self.target else sizes
