"""Two values: yes and no."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from . import _parsing, _values
from ._column import Column

YES = frozenset(("true", "yes", "t", "y", "1", "on"))
NO = frozenset(("false", "no", "f", "n", "0", "off"))
COUNTED = 1000  # distinct spellings remembered while fitting; a boolean has a handful


class Boolean(Column):
    """True or false, in the words of the data (true/false, yes/no, t/f, y/n, on/off, 1/0), which `decode` gives back.

    Two other values work too: the later one in sorted order is the positive one. With more values than that, the two
    most frequent count and the rest is missing; a target must have exactly two.

    Input: float32 (N, 1), -1 or +1, 0 where missing. Target: float32 (N,), 0 or 1, NaN where missing.

    Options:
      positive: the value that counts as true
    """

    group = "boolean"
    fitted = ("negative_value", "positive_value", "words", "counts", "value_type")

    def __init__(self, name: str, target: bool = False, *, positive: str | None = None) -> None:
        super().__init__(name, target)
        self.positive = positive
        self.negative_value: str | None = None
        self.positive_value: str | None = None
        self.words = True
        self.counts = [0, 0]
        self.value_type: str | None = None
        self._seen: Counter[str] = Counter()

    def fit(self, values: pa.Array) -> None:
        self.value_type = _values.joined(self.value_type, _values.type_of(values.type))
        self._count(_parsing.counts(values)[0])

    def merge(self, other: Boolean) -> None:
        self.value_type = _values.joined(self.value_type, other.value_type)
        self._count(other._seen)

    def _count(self, found: dict[str, int]) -> None:
        for text, count in found.items():
            if text in self._seen or len(self._seen) < COUNTED:
                self._seen[text] += count

    def finish(self) -> None:
        ranked = sorted(self._seen.items(), key=lambda item: (-item[1], item[0]))
        spellings = [text for text, _ in ranked]
        self.words = self.positive is None and all(_values.canonical(s).lower() in YES | NO for s in spellings)
        if self.words:
            self.positive_value = next((s for s in spellings if _values.canonical(s).lower() in YES), None)
            self.negative_value = next((s for s in spellings if _values.canonical(s).lower() in NO), None)
        else:
            self._choose(list(dict.fromkeys(map(_values.canonical, spellings))))
        if not spellings:
            self.refuse_target("has no values in the training rows.")
        elif self.positive_value is None or self.negative_value is None:
            self.refuse_target(f"has one value only, '{spellings[0]}'.", "A target needs two classes.")
        codes = [self._code(text) for text, _ in ranked]
        self.counts = [sum(n for code, (_, n) in zip(codes, ranked) if code == side) for side in (0, 1)]

    def _choose(self, keys: list[str]) -> None:
        """The two values, from canonical values sorted by frequency."""
        if self.positive is not None:
            wanted = _values.canonical(self.positive)
            if wanted not in keys:
                self.refuse_target(f"the positive value '{self.positive}' does not occur.", f"Found: {keys[:5]}.")
            others = [key for key in keys if key != wanted]
            self.positive_value, self.negative_value = wanted, others[0] if others else None
            extra = others[1:]
        else:
            pair, extra = _values.in_order(keys[:2]), keys[2:]
            self.positive_value = pair[-1]
            self.negative_value = pair[0] if len(pair) == 2 else None
        if extra:
            some = ", ".join(f"'{key}'" for key in keys[:5])
            self.refuse_target(f"has {len(keys)} values ({some}...), a boolean has two.", "Use kind: category.")
            self.note(f"more than two values ({some}...); all but the two most frequent count as missing.")

    def _code(self, text: str) -> int:
        """0, 1, or -1 for a value that is neither."""
        key = _values.canonical(text)
        if self.words:
            return 1 if key.lower() in YES else 0 if key.lower() in NO else -1
        return 1 if key == self.positive_value else 0 if key == self.negative_value else -1

    def encode(self, values: pa.Array) -> np.ndarray:
        codes, words = _parsing.distinct(values)
        numbers = np.array([np.nan, *({1: 1.0, 0: 0.0, -1: np.nan}[self._code(word)] for word in words)], np.float32)
        truth = numbers[codes + 1]
        return truth if self.target else np.nan_to_num(2 * truth - 1)[:, None]

    def decode(self, tensors: dict[str, np.ndarray]) -> dict[str, pa.Array]:
        probability = np.asarray(tensors["probability"])
        negative, positive = self._classes()
        pair = _values.typed([negative, positive], self.value_type)
        values = pair.take(pa.array((probability >= 0.5).astype(np.int64)))
        return {"": values, negative: pa.array(1 - probability), positive: pa.array(probability)}

    def invert(self, codes: np.ndarray) -> pa.Array:
        return self.decode({"probability": (codes[:, 0] + 1) / 2})[""]

    def _classes(self) -> list[str]:
        return [str(self.negative_value), str(self.positive_value)]

    def sizes(self) -> dict[str, Any]:
        """`width`; target also `classes` ([negative, positive]) and `counts` (training rows of each)."""
        return {"width": 1, "classes": self._classes(), "counts": self.counts} if self.target else {"width": 1}
