"""Text: words, characters or trained pieces of words as a row of ids."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from ..parts import Count
from ..text_metrics import Tokenizer
from . import _parsing, _words
from ._column import Column
from ._masking import Mask
from ._ragged import Ragged, never_empty, offsets_of
from ._statistics import Sample

PADDING, UNKNOWN, FIRST = 0, 1, 2
END = PADDING  # of a target, whose padding is -1
REPLACEMENT = "\ufffd"  # what an unknown word or character is written as
SPACELESS = 0.3  # from this share of letters on, text is read by characters
SAMPLED = 50_000  # texts that a trained tokenizer learns from
PRUNED = 2_000_000  # distinct words counted at once; beyond, those seen once are forgotten
BPE_SIZE = 8000


class Text(Column):
    """Text as ids: 0 padding, 1 unknown, from 2 the vocabulary, most frequent first.

    Input: Ragged int32. A missing or empty text is one unknown token, so that every row has one. A text longer than
    `max_length`, or than any in training, keeps its head. Words keep apostrophes (isn't); punctuation
    marks are tokens of their own. A cell that is a list is cut into tokens already: an item is one token.

    Target: Ragged int32, each text followed by the end token, which is id 0: a target is padded with -1. A missing or
    empty text is an empty row, a text longer than `max_length` keeps its head and has no end.

    Options:
      tokenizer: auto is characters where most letters belong to a script without spaces, words otherwise, for a \
target bpe; bpe is trained on the data, pretrained is read from `path`
      path: folder with the tokenizer.json of a pretrained tokenizer, or package:name/folder
      min_frequency: rarer words or characters are unknown
      max_length: tokens kept of a text
      max_size: largest vocabulary; by default 50000, for bpe 8000
      lower: upper case is made lower case; by default in inputs, not in targets
      mask: personal data masked before anything else: kinds such as email and phone, all, or name=pattern
      bleu: how sacrebleu cuts a target's texts into words; auto is zh for Chinese, 13a otherwise
    """

    group = None
    head = "sequence"
    fitted = ("unit", "vocabulary", "merges", "length")

    def __init__(
        self,
        name: str,
        target: bool = False,
        *,
        tokenizer: Literal["auto", "words", "characters", "bpe", "pretrained"] = "auto",
        path: str = "",
        min_frequency: Annotated[int, Field(ge=1)] = 2,
        max_length: Annotated[int, Field(ge=1)] = 256,
        max_size: Count | None = None,
        lower: bool | None = None,
        mask: Mask = (),
        bleu: Tokenizer = "auto",
    ) -> None:
        super().__init__(name, target)
        self.tokenizer, self.path, self.min_frequency, self.max_length = tokenizer, path, min_frequency, max_length
        self.max_size, self.lower, self.mask, self.bleu = max_size, lower, list(mask), bleu
        self.unit = tokenizer
        self.vocabulary: list[str] = []
        self.merges = ""  # the trained tokenizer, as its own JSON
        self.length = 1
        self._characters: Counter[str] = Counter()
        self._words: Counter[str] = Counter()
        self._longest = {"words": 0, "characters": 0}
        self._texts = Sample(SAMPLED)
        self._lookup: Any = None

    @property
    def _lowers(self) -> bool:
        return not self.target and self.tokenizer != "pretrained" if self.lower is None else self.lower

    def _cleaned(self, values: pa.Array) -> pa.Array:
        return _words.cleaned(values, self._lowers)

    def _listed(self, values: pa.Array) -> list[list[str]] | None:
        """The tokens of cells that are lists of them; None where the text is still to be cut."""
        if self.target or self.unit in ("bpe", "pretrained") or not _parsing.is_list(_parsing.flat(values).type):
            return None
        return _words.listed(values, self._lowers)

    def fit(self, values: pa.Array) -> None:
        values = self.masked(values)
        rows = self._listed(values)
        if rows is not None:
            tokens = list(chain.from_iterable(rows))
            single = [token for token in tokens if len(token) == 1]
            self._words.update(tokens)
            if self.tokenizer == "characters" or len(single) == len(tokens):
                self._characters.update(single)
            for unit in self._longest:
                self._reach(unit, max(map(len, rows), default=0))
            return
        text = self._cleaned(values)
        if self.tokenizer == "bpe" or (self.target and self.tokenizer == "auto"):
            index, priority = self._texts.chosen(len(text))
            self._texts.join(np.array(text.take(pa.array(index)).to_pylist(), object), priority)
        if self.tokenizer in ("auto", "characters"):
            points, lengths = _words.code_points(text)
            counts = np.bincount(points, minlength=1)
            found = np.flatnonzero(counts)
            self._characters.update({chr(point): count for point, count in zip(found, counts[found].tolist())})
            self._reach("characters", int(lengths.max(initial=0)))
        if self.tokenizer == "words" or (not self.target and self.tokenizer == "auto"):
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
        if self.tokenizer == "auto":
            share = _words.spaceless_share(self._characters)
            self.unit = "characters" if share >= SPACELESS else "bpe" if self.target else "words"
        if self.unit == "pretrained":
            self.refuse_target("a pretrained tokenizer does not write.", "Leave its tokenizer out.")
            self.merges, self.length = _words.pretrained(self.path, self.where), self.max_length
        elif self.unit == "bpe":
            self._train_pieces()
        else:
            counts = self._words if self.unit == "words" else self._characters
            ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            ranked = [(token, count) for token, count in ranked if count >= self.min_frequency]
            self.vocabulary = [token for token, _ in ranked[: self.max_size or 50_000]]
            self.length = max(1, min(self.max_length, self._longest[self.unit] + self.target))
        if not (any(self._texts.values) if self.unit == "bpe" else self.vocabulary):
            self.refuse_target("there is no text to learn to write.", "Is it the right column?")
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
        self.length = max(1, min(self.max_length, longest + self.target))

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
            if self.unit == "pretrained":  # a folder's file may pad and cut in its own way
                self._lookup.no_padding()
                self._lookup.enable_truncation(self.length)

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self._ready()

    def encode(self, values: pa.Array) -> Ragged:
        values = self.masked(values)
        if self.target:
            return self._encode_target(values)
        if self.unit == "pretrained":
            return self._pieces(values)
        rows = self._listed(values)
        if rows is None:
            return never_empty(self._tokens(self._cleaned(values), self.length), UNKNOWN)
        code = self._lookup.get if self.unit == "words" else self._code
        rows_of_ids = [[code(token, UNKNOWN) for token in row[: self.length]] for row in rows]
        return never_empty(Ragged.of(rows_of_ids), UNKNOWN)

    def _pieces(self, values: pa.Array) -> Ragged:
        """A pretrained tokenizer's ids, with the size of its vocabulary added to all but the first piece of a word."""
        listed = _parsing.is_list(_parsing.flat(values).type)
        cells = _words.listed(values, self._lowers) if listed else self._cleaned(values).to_pylist()
        size, rows = self._lookup.get_vocab_size(), []
        for found in self._lookup.encode_batch(cells, is_pretokenized=listed):
            words = found.word_ids
            first = [word is not None and word != before for word, before in zip(words, [None, *words])]
            rows.append([piece if begins else piece + size for piece, begins in zip(found.ids, first)])
        return never_empty(Ragged.of(rows), UNKNOWN)

    def spelled(self, values: pa.Array) -> list[list[str]]:
        """Of each text, the words behind the ids that `encode` gives; "" for an id that stands for none."""
        if self.unit not in ("bpe", "pretrained"):
            cut = list if self.unit == "characters" else _words.WORD.findall
            rows = self._listed(values) or [cut(cell) for cell in self._cleaned(values).to_pylist()]
            return [row[: self.length] or [""] for row in rows]
        whole = self.unit == "bpe" or not _parsing.is_list(_parsing.flat(values).type)
        cells: Any = self._cleaned(values).to_pylist() if whole else _words.listed(values, self._lowers)
        spelled = []
        for cell, pieces in zip(cells, self._lookup.encode_batch(cells, is_pretokenized=not whole)):
            places = list(zip(pieces.word_ids, pieces.offsets))[: self.length]
            row = [(cell if whole else cell[word])[slice(*ends)] if word is not None else "" for word, ends in places]
            spelled.append(row or [""])
        return spelled

    def tokens(self, rows: Ragged) -> np.ndarray:
        """(N,) how many tokens each encoded row has; of a pretrained tokenizer's pieces, how many words."""
        if self.unit != "pretrained":
            return rows.lengths
        return np.diff(np.append(0, np.cumsum(rows.values < self._lookup.get_vocab_size()))[rows.offsets])

    def _code(self, token: str, unknown: int) -> int:
        return self._lookup[ord(token)] if len(token) == 1 else unknown

    def _tokens(self, text: pa.Array, longest: int) -> Ragged:
        """The ids of every text, at most `longest`."""
        if self.unit == "characters":
            points, lengths = _words.code_points(text, longest)
            return Ragged(self._lookup[points], offsets_of(lengths))
        if self.unit == "words":
            find, code = _words.WORD.findall, self._lookup.get
            return Ragged.of([[code(token, UNKNOWN) for token in find(cell)[:longest]] for cell in text.to_pylist()])
        return Ragged.of([pieces.ids[:longest] for pieces in self._lookup.encode_batch_fast(text.to_pylist())])

    def _encode_target(self, values: pa.Array) -> Ragged:
        rows = self._tokens(pc.utf8_trim_whitespace(self._cleaned(values)), self.max_length)
        ending = (rows.lengths > 0) & (rows.lengths < self.max_length)
        if cut := int((rows.lengths >= self.max_length).sum()):
            self.note(f"{cut} texts are longer than max_length ({self.max_length}) and cut")
        flat = np.insert(rows.values, rows.offsets[1:][ending], END).astype(np.int32)
        return Ragged(flat, offsets_of(rows.lengths + ending))

    def decode(self, tensors: dict[str, np.ndarray]) -> dict[str, pa.Array]:
        """`ids` (N, T), padded with -1 -> the texts."""
        return {"": pa.array(self.texts(tensors["ids"]), pa.string())}

    def texts(self, ids: np.ndarray) -> list[str]:
        """(N, T) ids, -1 after the last -> texts: characters as they are, words with spaces between, pieces joined."""
        rows = [row[row >= UNKNOWN] for row in np.asarray(ids).astype(np.int64)]
        if self.unit == "bpe":
            return [text.strip() for text in self._lookup.decode_batch([row.tolist() for row in rows])]
        names = np.array([REPLACEMENT, *self.vocabulary], object)
        return [("" if self.unit == "characters" else " ").join(names[row - UNKNOWN]) for row in rows]

    def truth(self, codes: np.ndarray | Ragged) -> np.ndarray:
        """Target ids -> (N,) texts; None where there is none."""
        ids = codes.padded(fill=-1)[0] if isinstance(codes, Ragged) else codes
        return np.array([text or None for text in self.texts(ids)], object)

    def comparable(self, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
        return {"texts": self.texts(tensors["ids"]), "tokenizer": self.bleu}

    def sizes(self) -> dict[str, Any]:
        """`vocabulary`: ids there are, padding and unknown included; `length`: tokens of the longest row; for a target
        `end` and `unknown`: their ids."""
        if self.unit == "pretrained":
            pieces = self._lookup.get_vocab_size()
            return {"vocabulary": 2 * pieces, "length": self.length, "pieces": pieces}
        sizes: dict[str, Any] = {"vocabulary": FIRST + len(self.vocabulary), "length": self.length}
        return sizes | {"end": END, "unknown": UNKNOWN} if self.target else sizes
