"""Text: words, characters or trained pieces of words as a row of ids."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from . import _words
from ._column import Column
from ._ragged import Ragged, offsets_of
from ._statistics import Sample

PADDING, UNKNOWN, FIRST = 0, 1, 2
SPACELESS = 0.3  # from this share of letters on, text is read by characters
SAMPLED = 50_000  # texts that a trained tokenizer learns from
PRUNED = 2_000_000  # distinct words counted at once; beyond, those seen once are forgotten
BPE_SIZE = 8000


class Text(Column):
    """Text as ids: 0 padding, 1 unknown, from 2 the vocabulary, most frequent first.

    Input: Ragged int32. A missing or empty text is one unknown token, so that every row has one. A text longer than
    `max_length`, or than any in training, keeps its head. Words keep apostrophes (isn't); punctuation
    marks are tokens of their own.

    Options:
      tokenizer: auto is characters where most letters belong to a script without spaces, words otherwise; bpe is \
trained on the data
      min_frequency: rarer words or characters are unknown
      max_length: tokens kept of a text
      max_size: largest vocabulary; by default 50000, for bpe 8000
      lower: upper case is made lower case
    """

    group = None
    fitted = ("unit", "vocabulary", "merges", "length")

    def __init__(
        self,
        name: str,
        target: bool = False,
        *,
        tokenizer: Literal["auto", "words", "characters", "bpe"] = "auto",
        min_frequency: Annotated[int, Field(ge=1)] = 2,
        max_length: Annotated[int, Field(ge=1)] = 256,
        max_size: Annotated[int, Field(ge=1)] | None = None,
        lower: bool = True,
    ) -> None:
        super().__init__(name, target)
        self.tokenizer, self.min_frequency, self.max_length = tokenizer, min_frequency, max_length
        self.max_size, self.lower = max_size, lower
        self.unit = tokenizer
        self.vocabulary: list[str] = []
        self.merges = ""  # the trained tokenizer, as its own JSON
        self.length = 1
        self._characters: Counter[str] = Counter()
        self._words: Counter[str] = Counter()
        self._longest = {"words": 0, "characters": 0}
        self._texts = Sample(SAMPLED)
        self._lookup: Any = None

    def fit(self, values: pa.Array) -> None:
        text = _words.cleaned(values, self.lower)
        if self.tokenizer == "bpe":
            index, priority = self._texts.chosen(len(text))
            self._texts.join(np.array(text.take(pa.array(index)).to_pylist(), object), priority)
        if self.tokenizer in ("auto", "characters"):
            points, lengths = _words.code_points(text)
            counts = np.bincount(points, minlength=1)
            found = np.flatnonzero(counts)
            self._characters.update({chr(point): count for point, count in zip(found, counts[found].tolist())})
            self._reach("characters", int(lengths.max(initial=0)))
        if self.tokenizer in ("auto", "words"):
            rows = [_words.WORD.findall(cell) for cell in text.to_pylist()]
            self._words.update(chain.from_iterable(rows))
            self._reach("words", max(map(len, rows), default=0))
            self._prune()

    def _reach(self, unit: str, length: int) -> None:
        self._longest[unit] = max(self._longest[unit], length)

    def _prune(self) -> None:
        if len(self._words) > PRUNED:
            self._words = Counter({word: count for word, count in self._words.items() if count > 1})

    def merge(self, other: Text) -> None:
        self._characters.update(other._characters)
        self._words.update(other._words)
        for unit, length in other._longest.items():
            self._reach(unit, length)
        self._texts.merge(other._texts)
        self._prune()

    def finish(self) -> None:
        self.refuse_target("a text cannot be a target yet.", "Set its kind to category if it names classes.")
        if self.tokenizer == "auto":
            share = _words.spaceless_share(self._characters)
            self.unit = "characters" if share >= SPACELESS else "words"
        if self.unit == "bpe":
            self._train_pieces()
        else:
            counts = self._words if self.unit == "words" else self._characters
            ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            ranked = [(token, count) for token, count in ranked if count >= self.min_frequency]
            self.vocabulary = [token for token, _ in ranked[: self.max_size or 50_000]]
            self.length = max(1, min(self.max_length, self._longest[self.unit]))
        self._ready()
        self._words, self._characters, self._texts = Counter(), Counter(), Sample(SAMPLED)  # large, and done with

    def _train_pieces(self) -> None:
        """Byte-level BPE (Sennrich et al. 2016), learnt from the sampled texts."""
        from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

        texts = sorted(self._texts.values)
        tokenizer = Tokenizer(models.BPE(unk_token="[unknown]"))
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=self.max_size or BPE_SIZE,
            min_frequency=self.min_frequency,
            special_tokens=["[padding]", "[unknown]"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        self.merges = tokenizer.to_str()
        by_id = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        self.vocabulary = [token for token, _ in by_id[FIRST:]]
        longest = max((len(pieces.ids) for pieces in tokenizer.encode_batch(texts)), default=0)
        self.length = max(1, min(self.max_length, longest))

    def _ready(self) -> None:
        """What encoding looks tokens up in."""
        if self.unit == "words":
            self._lookup = {token: FIRST + i for i, token in enumerate(self.vocabulary)}
        elif self.unit == "characters":
            self._lookup = np.full(_words.CODE_POINTS, UNKNOWN, np.int32)
            self._lookup[[ord(token) for token in self.vocabulary]] = np.arange(len(self.vocabulary)) + FIRST
        else:
            from tokenizers import Tokenizer

            self._lookup = Tokenizer.from_str(self.merges)

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self._ready()

    def encode(self, values: pa.Array) -> Ragged:
        text = _words.cleaned(values, self.lower)
        if self.unit == "characters":
            points, lengths = _words.code_points(text, self.length)
            return _without_empty(Ragged(self._lookup[points], offsets_of(lengths)))
        if self.unit == "words":
            find, code = _words.WORD.findall, self._lookup.get
            rows = [[code(token, UNKNOWN) for token in find(cell)[: self.length]] for cell in text.to_pylist()]
        else:
            rows = [pieces.ids[: self.length] for pieces in self._lookup.encode_batch_fast(text.to_pylist())]
        return _without_empty(Ragged.of(rows))

    def sizes(self) -> dict[str, Any]:
        """`vocabulary`: ids there are, padding and unknown included; `length`: tokens of the longest row."""
        return {"vocabulary": FIRST + len(self.vocabulary), "length": self.length}


def _without_empty(rows: Ragged) -> Ragged:
    """Empty rows become one unknown token: attention over no token at all has no answer."""
    empty = np.flatnonzero(rows.lengths == 0)
    if not len(empty):
        return rows
    lengths = np.maximum(rows.lengths, 1)
    values = np.insert(rows.values, rows.offsets[empty], UNKNOWN)
    return Ragged(values.astype(np.int32), offsets_of(lengths))
