"""Items in the order in which a user took them, as a row of ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from ..parts import Count
from ..report import Block
from . import _parsing, _ranking, _values
from ._column import Column
from ._ragged import Ragged, offsets_of

BETWEEN = r"[\s|,;\[\]\"']+"  # items in text, also in a list that was written as text
UNKNOWN, FIRST = 1, 2  # 0 is padding


class Items(Column):
    """A user's items, oldest first: a list, or text with white space, | or a comma between them. 1, 1.0 and "1" are one item.

    Input: Ragged int32, 1 an item unseen in training, from 2 the items, most frequent first. A row keeps its last `max_length`
    items; one without any is one unseen item.
    Target: the same, aligned at the end: of k items the last one follows the whole row, the one before it follows the row
    without its last item, and so on. A missing or empty cell is an empty row.

    Options:
      max_length: items kept of a row, the last ones
      min_frequency: items seen less often in training count as unseen
      shares: the input column whose ids a target has
      catalogue: how many items there are, also those that training lacks: sampled scores draw from all of them; 0 is those of training
    """

    group = None
    source = "text"  # read as a text of one token an item
    head = "rank"
    unit = "items"
    measure: ClassVar[tuple[str, bool]] = ("ndcg_10", True)
    answer: ClassVar[tuple[str, str]] = ("the log-likelihood of the item that is recommended first", "nats")
    examples: ClassVar[list[Any]] = ["1 2 3", "2 3", "4 1 2 5", None, "3", "5 4 3 2 1", "2 2", "1 5"]
    fitted = ("vocabulary", "counts", "length", "value_type")

    def __init__(
        self,
        name: str,
        target: bool = False,
        *,
        max_length: Count = 50,
        min_frequency: Count = 1,
        shares: str = "",
        catalogue: Annotated[int, Field(ge=0, le=100_000_000)] = 0,
    ) -> None:
        super().__init__(name, target)
        self.max_length, self.min_frequency = max_length, min_frequency
        self.shares, self.catalogue = shares, catalogue
        self.vocabulary: list[str] = []
        self.counts: list[int] = []
        self.length = 1
        self.value_type: str | None = None
        self._seen: Counter[str] = Counter()
        self._index: dict[str, int] = {}

    def fit(self, values: pa.Array) -> None:
        items, offsets = _items(values)
        self.value_type = _values.joined(self.value_type, _values.type_of(items.type))
        self._seen.update(_parsing.counts(items)[0])
        self.length = max(self.length, min(self.max_length, int(np.diff(offsets).max(initial=0))))

    def merge(self, other: Items) -> None:
        self.value_type = _values.joined(self.value_type, other.value_type)
        self._seen.update(other._seen)
        self.length = max(self.length, other.length)

    def finish(self) -> None:
        total: Counter[str] = Counter()
        for text, count in self._seen.items():
            total[_values.canonical(text)] += count
        ranked = sorted(total.items(), key=lambda item: (-item[1], item[0]))
        ranked = [(text, count) for text, count in ranked if count >= self.min_frequency]
        self.vocabulary, self.counts = [text for text, _ in ranked], [count for _, count in ranked]
        if len(ranked) < 2:
            self.refuse_target(f"has {len(ranked)} items in the training rows.", "There must be two to rank at least.")
        self._ready()

    @property
    def usual_baselines(self) -> tuple[str, ...]:
        """As a target, what can learn it; ids that are not those of the input tell of no nearness."""
        return ("nearest_items",) if self.shares else ()

    def _ready(self) -> None:
        self._index = {text: FIRST + place for place, text in enumerate(self.vocabulary)}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self._ready()

    def encode(self, values: pa.Array) -> Ragged:
        items, offsets = _items(values)
        ids = _parsing.looked_up(items, self._index, missing=0, unseen=UNKNOWN)
        kept = ids > 0
        lengths = np.diff(np.append(0, np.cumsum(kept))[offsets])
        rows = _ending(Ragged(ids[kept].astype(np.int32), offsets_of(lengths)), self.max_length)
        empty = np.flatnonzero(rows.lengths == 0)
        if self.target or not len(empty):
            return rows
        filled = np.insert(rows.values, rows.offsets[empty], UNKNOWN).astype(np.int32)
        return Ragged(filled, offsets_of(np.maximum(rows.lengths, 1)))

    def spelled(self, values: pa.Array) -> list[list[str]]:
        """Of each row, the items behind the ids that `encode` gives."""
        items, offsets = _items(values)
        texts = _parsing.strings(items)
        rows = [texts[a:b].drop_null().to_pylist() for a, b in zip(offsets[:-1].tolist(), offsets[1:].tolist())]
        return [row[-self.max_length :] or [""] for row in rows]

    def decode(self, tensors: dict[str, np.ndarray]) -> dict[str, pa.Array]:
        """`ids` (N, K), the best first, -1 where there are no more -> lists of items."""
        ids = np.asarray(tensors["ids"])
        known = ids >= FIRST
        names = _values.typed(self.vocabulary, self.value_type).take(pa.array(ids[known] - FIRST))
        return {"": pa.ListArray.from_arrays(pa.array(offsets_of(known.sum(1)), pa.int32()), names)}

    def truth(self, codes: np.ndarray | Ragged) -> np.ndarray:
        """Target ids -> (N,) int64, the item that comes after the whole row; -1 where there is none."""
        rows = codes if isinstance(codes, Ragged) else Ragged.of([row[row >= 0] for row in codes])
        found = np.full(len(rows), -1, np.int64)
        full = rows.lengths > 0
        found[full] = rows.values[rows.offsets[1:][full] - 1]
        return found

    def comparable(self, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
        return {**tensors, "names": np.array(["", "(unseen)", *self.vocabulary], object)}

    @staticmethod
    def scores(predicted: Mapping[str, Any], truth: np.ndarray, intervals: bool = True) -> dict[str, Any]:
        """How high the true items stand (`_ranking`)."""
        return _ranking.score(predicted, truth, intervals)

    @staticmethod
    def blocks(
        predicted: Mapping[str, Any], truth: np.ndarray, scores: Mapping[str, Any], examples: Any
    ) -> list[Block]:
        """The shares of hits by length of the list, and what some users get."""
        return _ranking.blocks(predicted, truth, examples)

    def baselines(self, inputs: Mapping[str, Any], codes: Any, rows: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        """What the most popular items are for the rows, those left out that a user has. inputs: column -> its array."""
        read = inputs.get(self.shares)
        histories = read.take(rows).padded()[0] if isinstance(read, Ragged) else np.zeros((len(rows), 0), np.int32)
        return {"popularity": _ranking.popularity(histories, self.truth(codes.take(rows)), len(self.counts))}

    def sizes(self) -> dict[str, Any]:
        """`vocabulary`: ids there are, padding and unseen included; `length`: items of the longest row; of a target
        `counts`: how often each item occurs in training, and `unseen`: how many it lacks."""
        sizes: dict[str, Any] = {"vocabulary": FIRST + len(self.vocabulary), "length": self.length}
        unseen = max(0, self.catalogue - len(self.vocabulary))
        return sizes | {"counts": self.counts, "unseen": unseen} if self.target else sizes


def _items(values: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """All items one after the other, and each row's offsets."""
    values = _parsing.flat(values)
    if not _parsing.is_list(values.type):
        text = _parsing.strings(values)
        text = pc.replace_substring_regex(text, BETWEEN, " ")
        values = pc.split_pattern(pc.utf8_trim_whitespace(text), " ")
    return _parsing.lists(values)[:2]


def _ending(rows: Ragged, length: int) -> Ragged:
    """The last `length` of each row."""
    lengths = np.minimum(rows.lengths, length)
    if (lengths == rows.lengths).all():
        return rows
    kept = np.arange(len(rows.values)) >= np.repeat(rows.offsets[1:] - lengths, rows.lengths)
    return Ragged(rows.values[kept], offsets_of(lengths))
