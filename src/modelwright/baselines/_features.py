"""The inputs of classical methods, from the same encoded columns that the model reads.

Two views of the same rows. `linear()` is for methods that weigh or measure distances: numbers as they are encoded,
categories one-hot, pictures flattened (shrunk to at most 1,024 values) and standardised, text as TF-IDF. `trees()` is
for methods that cut: categories as codes by frequency, pictures of at most 256 values, the 256 most frequent words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import UserError

_FITTED_ON = 20_000  # rows that word lists and pixel statistics are taken from; more changes nothing worth the time
_DENSE_WIDTH = 512  # up to this many columns a dense matrix is faster than a sparse one
_TREE_WIDTH = 256  # columns that a picture or a text may fill in the view for trees
_TREE_CODES = 254  # categories that histogram boosting can tell apart
_CHINESE_JAPANESE_KOREAN = (("⺀", "鿿"), ("가", "힯"), ("豈", "﫿"))


class Features:
    """Rows of `inputs` (batch key -> array or Ragged, N rows each) and `texts` (column -> N strings, or a
    pyarrow array of them).

    `columns` (batch key -> column): those that know themselves what classical methods read of their codes.
    `fit` on the training rows, then `take` any rows and ask for a view. A text column without `texts` is read as the
    counts of its token ids.
    """

    def __init__(
        self,
        inputs: Mapping[str, Any],
        texts: Mapping[str, Sequence[str]] | None = None,
        columns: Mapping[str, Any] | None = None,
    ) -> None:
        texts, columns = texts or {}, columns or {}
        self._groups: list[Any] = [
            _Own(columns[key], value) if key in columns else _group(key, value)
            for key, value in inputs.items()
            if key not in texts
        ]
        self._groups += [_Words(text) for text in texts.values()]
        self._rows = next((len(value) for value in [*inputs.values(), *texts.values()]), 0)
        self._index: np.ndarray | None = None
        self._views: dict[str, Any] = {}

    def __len__(self) -> int:
        return self._rows if self._index is None else len(self._index)

    def fit(self, index: np.ndarray) -> Features:
        """Learn vocabularies, categories and scales from the training rows."""
        for group in self._groups:
            group.fit(index)
        return self

    def take(self, index: np.ndarray) -> Features:
        """The given rows (positions or a mask), sharing what was fitted."""
        chosen = object.__new__(Features)
        chosen._groups, chosen._rows, chosen._views = self._groups, self._rows, {}
        chosen._index = (np.arange(self._rows) if self._index is None else self._index)[index]
        return chosen

    def linear(self) -> Any:
        """(N, D) float32: an array, or a sparse matrix where it is wide and mostly empty."""
        if "linear" not in self._views:
            parts = [group.linear(self._rows_taken()) for group in self._groups]
            self._views["linear"] = _joined(parts, len(self))
        return self._views["linear"]

    def trees(self) -> np.ndarray:
        """(N, D) float32; `categorical` says which columns hold codes."""
        if "trees" not in self._views:
            parts = [group.trees(self._rows_taken()) for group in self._groups]
            self._views["trees"] = np.concatenate(parts, 1) if parts else np.zeros((len(self), 0), np.float32)
        return self._views["trees"]

    def nothing(self) -> np.ndarray:
        """(N, 0): no feature at all."""
        return np.zeros((len(self), 0), np.float32)

    def own(self, ability: str) -> tuple[Any, np.ndarray]:
        """The column that has the method `ability`, and its codes for these rows. Raises UserError where none has it."""
        for group in self._groups:
            if isinstance(group, _Own) and hasattr(group.column, ability):
                return group.column, group.codes[self._rows_taken()]
        raise UserError(f"no input has {ability}.")

    def tokens(self) -> Any:
        """The Ragged ids of these rows. Raises UserError where not one input holds any."""
        found = [group.source for group in self._groups if hasattr(getattr(group, "source", None), "offsets")]
        if len(found) != 1:
            raise UserError(f"it reads one row of ids, and {len(found)} inputs hold any.")
        return found[0].take(self._rows_taken())

    def categorical(self) -> np.ndarray:
        """(D,) bool for the columns of `trees()`."""
        one = np.zeros(min(1, self._rows), np.int64)
        flags = [np.full(group.trees(one).shape[1], isinstance(group, _Categories)) for group in self._groups]
        return np.concatenate(flags) if flags else np.zeros(0, bool)

    def _rows_taken(self) -> np.ndarray:
        return np.arange(self._rows) if self._index is None else self._index


def _group(key: str, value: Any) -> Any:
    if hasattr(value, "offsets"):
        return _Words(value)
    if value.ndim == 4:
        return _Pixels(value)
    if np.issubdtype(value.dtype, np.integer) and key != "boolean":
        return _Categories(value.reshape(len(value), -1))
    return _Numbers(value)


def _joined(parts: list[Any], rows: int) -> Any:
    """Side by side; dense where that is narrow."""
    if not parts:
        return np.zeros((rows, 0), np.float32)
    if not any(hasattr(part, "tocsr") for part in parts):
        return np.concatenate(parts, 1)
    from scipy import sparse

    joined = sparse.hstack(parts, format="csr", dtype=np.float32)
    return joined.toarray() if joined.shape[1] <= _DENSE_WIDTH else joined


def _sample(index: np.ndarray) -> np.ndarray:
    """At most `_FITTED_ON` of the rows, evenly spread."""
    if len(index) <= _FITTED_ON:
        return index
    return index[np.linspace(0, len(index) - 1, _FITTED_ON).astype(np.int64)]


class _Numbers:
    """Numbers, booleans, dates, label sets and vectors: as the columns encode them."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def fit(self, index: np.ndarray) -> None:
        """Nothing to learn: the columns are fitted."""

    def linear(self, index: np.ndarray) -> np.ndarray:
        return np.nan_to_num(self.values[index].reshape(len(index), -1).astype(np.float32))

    trees = linear


class _Own:
    """Codes of a column that knows what classical methods read of them."""

    def __init__(self, column: Any, codes: np.ndarray) -> None:
        self.column, self.codes = column, codes
        self.frequent = np.zeros(0, np.int64)

    def fit(self, index: np.ndarray) -> None:
        found = self.column.classical(self.codes[_sample(index)])
        self.frequent = np.sort(np.argsort(-np.asarray((found != 0).sum(0)).ravel(), kind="stable")[:_TREE_WIDTH])

    def linear(self, index: np.ndarray) -> Any:
        return self.column.classical(self.codes[index])

    def trees(self, index: np.ndarray) -> np.ndarray:
        found = self.linear(index)[:, self.frequent]
        return (found.toarray() if hasattr(found, "toarray") else found).astype(np.float32)


class _Categories:
    """Codes (N, C): one-hot, or ranks by frequency; what training did not have is the code 0."""

    def __init__(self, codes: np.ndarray) -> None:
        self.codes = codes
        self.ranks: list[np.ndarray] = []

    def fit(self, index: np.ndarray) -> None:
        self.ranks = []
        for place in range(self.codes.shape[1]):
            column = self.codes[index, place]
            counts = np.bincount(column) if len(column) else np.zeros(0, np.int64)
            order = np.argsort(-counts, kind="stable")[: int((counts > 0).sum())]
            ranks = np.zeros(len(counts) + 1, np.int64)  # one more than any code seen, for all others
            ranks[order] = np.arange(1, len(order) + 1)
            self.ranks.append(ranks)

    def _ranked(self, index: np.ndarray) -> list[np.ndarray]:
        columns = self.codes[index].T
        return [ranks[np.minimum(column, len(ranks) - 1)] for column, ranks in zip(columns, self.ranks)]

    def linear(self, index: np.ndarray) -> Any:
        from scipy import sparse

        widths = [int(ranks.max(initial=0)) + 1 for ranks in self.ranks]
        starts = np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(np.int64)
        places = np.stack([ranks + start for ranks, start in zip(self._ranked(index), starts)], 1).ravel()
        offsets = np.arange(len(index) + 1) * len(widths)
        return sparse.csr_matrix((np.ones(len(places), np.float32), places, offsets), (len(index), sum(widths)))

    def trees(self, index: np.ndarray) -> np.ndarray:
        ranks = np.stack(self._ranked(index), 1)
        return np.where(ranks > _TREE_CODES, 0, ranks).astype(np.float32)


class _Pixels:
    """Pictures (N, H, W, C): shrunk by averaging where large, flattened."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels
        self.mean, self.deviation = 0.0, 1.0

    def fit(self, index: np.ndarray) -> None:
        if len(index):
            sample = self._shrunk(_sample(index)[:2_000], 1_024)
            self.mean, self.deviation = float(sample.mean()), float(sample.std()) or 1.0

    def linear(self, index: np.ndarray) -> np.ndarray:
        return (self._shrunk(index, 1_024) - self.mean) / self.deviation

    def trees(self, index: np.ndarray) -> np.ndarray:
        return self._shrunk(index, _TREE_WIDTH)

    def _shrunk(self, index: np.ndarray, most: int) -> np.ndarray:
        _, height, width, channels = self.pixels.shape
        factor = 1
        while (height // factor) * (width // factor) * channels > most and factor < min(height, width):
            factor += 1
        rows, columns = height // factor, width // factor
        result = np.empty((len(index), rows * columns * channels), np.float32)
        for start in range(0, len(index), 1_000):  # pieces, so that pictures never lie in memory twice
            piece = self.pixels[index[start : start + 1_000], : rows * factor, : columns * factor].astype(np.float32)
            piece = piece.reshape(-1, rows, factor, columns, factor, channels).mean((2, 4))
            result[start : start + 1_000] = piece.reshape(len(piece), -1) / 255
        return result


class _Words:
    """TF-IDF of strings (words and pairs of words; one to three characters where there are no spaces) or token ids."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.vectorizer: Any = None
        self.weights: Any = None
        self.frequent = np.zeros(0, np.int64)

    def fit(self, index: np.ndarray) -> None:
        from sklearn.feature_extraction.text import TfidfTransformer

        sample = _sample(index)
        if not hasattr(self.source, "offsets"):
            self.vectorizer = _vectorizer(self._strings(sample))
        counts = self._counts(sample)
        self.weights = TfidfTransformer(sublinear_tf=True)
        if counts.shape[0] and counts.shape[1]:
            self.weights.fit(counts)
        seen_in = np.asarray((counts > 0).sum(0)).ravel()
        self.frequent = np.argsort(-seen_in, kind="stable")[:_TREE_WIDTH]

    def linear(self, index: np.ndarray) -> Any:
        counts = self._counts(index)
        return self.weights.transform(counts, copy=False) if counts.shape[0] and counts.shape[1] else counts

    def trees(self, index: np.ndarray) -> np.ndarray:
        return self.linear(index)[:, self.frequent].toarray().astype(np.float32)

    def _strings(self, index: np.ndarray) -> list[str]:
        found = self.source.take(index).to_pylist() if hasattr(self.source, "take") else [self.source[i] for i in index]
        return [str(text) if text is not None else "" for text in found]

    def _counts(self, index: np.ndarray) -> Any:
        from scipy import sparse

        if hasattr(self.source, "offsets"):
            values, offsets = self.source.ids, self.source.offsets
            width = int(values.max(initial=0)) + 1
            rows = [values[offsets[i] : offsets[i + 1]] for i in index.tolist()]
            ends = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
            places = np.concatenate([np.zeros(0, np.int64), *rows])
            counts = sparse.csr_matrix((np.ones(len(places), np.float32), places, ends), (len(index), width))
            counts.sum_duplicates()
            return counts
        if self.vectorizer is None:
            return sparse.csr_matrix((len(index), 0), dtype=np.float32)
        return self.vectorizer.transform(self._strings(index))


def _vectorizer(texts: list[str]) -> Any:
    """A fitted counter of n-grams, or None where the texts hold no word."""
    from sklearn.feature_extraction.text import CountVectorizer

    letters = [c for text in texts[:1_000] for c in text if c.isalpha()]
    wide = sum(any(low <= c <= high for low, high in _CHINESE_JAPANESE_KOREAN) for c in letters)
    options: dict[str, Any] = {"ngram_range": (1, 2), "token_pattern": r"(?u)\b\w+\b"}
    if wide > 0.3 * len(letters):
        options = {"ngram_range": (1, 3), "analyzer": "char"}
    for least in (2, 1):
        try:
            return CountVectorizer(min_df=least, max_features=100_000, dtype=np.float32, **options).fit(texts)
        except ValueError:  # no n-gram is left
            continue
    return None
