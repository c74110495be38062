"""Categories: one of several values, any type, any number of them."""

from __future__ import annotations

import zlib
from collections import Counter
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from pydantic import Field

from . import _parsing, _values
from ._column import Column
from ._masking import Mask


class Category(Column):
    """One of several values; 1, 1.0 and "1" are the same value.

    Input: int32 (N, 1), 0 missing, 1 unseen in training, from 2 the values (or their hash buckets).
    Target: int64 (N,), the class; -1 missing or unseen. Classes are sorted, as numbers where all are numbers.

    Options:
      max_values: more distinct values than this are hashed (a target with more is refused)
      buckets: how many hash buckets they share
      min_frequency: values seen less often in training count as unseen (inputs only)
      outside: the class that stands for none of the others, also where no training row has it (targets only)
      mask: personal data masked before anything else: kinds such as email and phone, all, or name=pattern
    """

    group = "category"
    fitted = ("classes", "counts", "value_type", "hashed")

    def __init__(
        self,
        name: str,
        target: bool = False,
        *,
        max_values: Annotated[int, Field(ge=1)] = 10000,
        buckets: Annotated[int, Field(ge=1)] = 4096,
        min_frequency: Annotated[int, Field(ge=1)] = 1,
        outside: str | None = None,
        mask: Mask = (),
    ) -> None:
        super().__init__(name, target)
        self.outside = outside
        self.max_values, self.buckets, self.min_frequency, self.mask = max_values, buckets, min_frequency, list(mask)
        self.classes: list[str] = []
        self.counts: list[int] = []
        self.value_type: str | None = None
        self.hashed = False
        self._seen: Counter[str] = Counter()
        self._index: dict[str, int] = {}

    def fit(self, values: pa.Array) -> None:
        values = self.masked(values)
        self.value_type = _values.joined(self.value_type, _values.type_of(values.type))
        if not self.hashed:
            self._count(_parsing.counts(values)[0])

    def merge(self, other: Category) -> None:
        self.value_type = _values.joined(self.value_type, other.value_type)
        self.hashed |= other.hashed
        if not self.hashed:
            self._count(other._seen)

    def _count(self, found: dict[str, int]) -> None:
        self._seen.update(found)
        self.hashed = len(self._seen) > self.max_values
        if self.hashed:
            self.refuse_target(
                f"has more than {self.max_values} distinct values.",
                "If it is a measured number, set its kind to number; else raise max_values.",
            )
            self._seen.clear()

    def finish(self) -> None:
        spellings: dict[str, tuple[int, str]] = {}  # canonical -> count, the most frequent spelling
        total: Counter[str] = Counter()
        for text, count in sorted(self._seen.items(), key=lambda item: (-item[1], item[0])):
            key = _values.canonical(text)
            spellings.setdefault(key, (count, text))
            total[key] += count
        if not self.target:
            total = Counter({key: count for key, count in total.items() if count >= self.min_frequency})
        if len(total) < 2:
            found = f"has one value only, '{spellings[next(iter(total))][1]}'" if total else "has no values"
            self.refuse_target(f"{found} in the training rows.", "A target needs two classes at least.")
        if self.target and self.outside is not None:
            total.setdefault(key := _values.canonical(self.outside), 0)
            if key not in spellings:
                spellings[key] = (0, self.outside)
                self.value_type = "string"
        keys = _values.in_order(list(total))
        self.classes, self.counts = [spellings[key][1] for key in keys], [total[key] for key in keys]
        self._ready()

    def _ready(self) -> None:
        first = 0 if self.target else 2
        self._index = {_values.canonical(text): first + i for i, text in enumerate(self.classes)}

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self._ready()

    def encode(self, values: pa.Array) -> np.ndarray:
        values = self.masked(values)
        if self.target:
            return _parsing.looked_up(values, self._index, missing=-1, unseen=-1)
        if self.hashed:
            codes, words = _parsing.distinct(values)
            # crc32 is the same on every machine and in every process; Python's own hash is not
            known = [2 + zlib.crc32(_values.canonical(word).encode()) % self.buckets for word in words]
            ids = np.array([0, *known], np.int64)[codes + 1]
        else:
            ids = _parsing.looked_up(values, self._index, missing=0, unseen=1)
        return ids.astype(np.int32)[:, None]

    def decode(self, tensors: dict[str, np.ndarray]) -> dict[str, pa.Array]:
        probabilities = np.asarray(tensors["probabilities"])
        values = self._values(probabilities.argmax(1))
        return {"": values, **{name: pa.array(probabilities[:, k]) for k, name in enumerate(self.classes)}}

    def invert(self, codes: np.ndarray) -> pa.Array | None:
        known = codes[:, 0] >= 2
        return None if self.hashed else self._values(np.where(known, codes[:, 0] - 2, 0), missing=~known)

    def _values(self, places: np.ndarray, missing: np.ndarray | None = None) -> pa.Array:
        return _values.typed(self.classes, self.value_type).take(pa.array(places, mask=missing))

    def sizes(self) -> dict[str, Any]:
        """Target: `classes` (names), `counts` (training rows of each), and which class is `outside`, where one is. Input:
        `rows` of an embedding table."""
        if self.target:
            outside = {} if self.outside is None else {"outside": self._index[_values.canonical(self.outside)]}
            return {"classes": self.classes, "counts": self.counts, **outside}
        return {"rows": 2 + (self.buckets if self.hashed else len(self.classes))}
