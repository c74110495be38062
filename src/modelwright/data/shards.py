"""Corpora as token ids in memory-mapped files of the cache, made once for each content and tokenizer.

Texts are tokenised in chunks on all cores; memory stays constant. Knows nothing of batches or models.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from ..errors import DataError
from . import _cache, chat
from .corpus import Corpus, Piece

VERSION = 1  # raise when the same texts would give other files
CHUNK = 2**19  # characters that are tokenised at once


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer and its special tokens: `special` names the one that ends a text (`eos`) and, where there is one, the
    one that begins it (`bos`); `template` writes chats."""

    tokenizer: Tokenizer
    special: Mapping[str, str | list[str]]
    template: str | None = None

    @property
    def end(self) -> str:
        """The token that ends a document."""
        ends = self.special.get("eos", [])
        return ends if isinstance(ends, str) else ends[0] if ends else ""

    @property
    def begin(self) -> str:
        """The token that a document begins with: the one that ends it where the tokenizer has none for that."""
        begins = self.special.get("bos", self.end)
        return begins if isinstance(begins, str) else begins[0]

    def around(self, ids: list[int]) -> list[int]:
        """A document's ids between its begin and its end."""
        first, last = self.tokenizer.token_to_id(self.begin), self.tokenizer.token_to_id(self.end)
        return [*([] if first is None else [first]), *ids, *([] if last is None else [last])]


@dataclass(frozen=True)
class Tokens:
    """The ids (N,) of a part, document after document: document i is `ids[starts[i]:starts[i + 1]]`, its begin and end
    included unless it is `single`. `learned` (N,), of chats: whether an id is the assistant's."""

    ids: np.ndarray
    starts: np.ndarray
    learned: np.ndarray | None
    characters: int
    bytes: int
    single: bool


def tokens(corpus: Corpus, part: str, vocabulary: Vocabulary, limit: int | None = None) -> Tokens:
    """The tokens of a part of a corpus, at most about `limit` characters of it. Raises DataError when it is empty."""
    about = [VERSION, corpus.identity, corpus.single, part, limit, vocabulary.tokenizer.to_str()]
    about += [str(vocabulary.special), vocabulary.template]
    key = hashlib.blake2b(json.dumps(about).encode(), digest_size=16).hexdigest()

    def make(folder: Path) -> None:
        _write(folder, corpus, part, vocabulary, limit)

    folder = _cache.entry("encoded", key, make)
    if folder is not None:
        return _opened(folder)
    aside = tempfile.TemporaryDirectory()  # the cache cannot be written; mapped files outlive their names
    make(Path(aside.name))
    return _opened(Path(aside.name))


def _opened(folder: Path) -> Tokens:
    about = json.loads((folder / "about.json").read_text())
    ids = np.memmap(folder / "ids.bin", about["type"], "r")
    learned = np.memmap(folder / "learned.bin", bool, "r") if about["chat"] else None
    starts = np.load(folder / "starts.npy")
    return Tokens(ids, starts, learned, about["characters"], about["bytes"], about["single"])


def _write(folder: Path, corpus: Corpus, part: str, vocabulary: Vocabulary, limit: int | None) -> None:
    kind = np.uint16 if vocabulary.tokenizer.get_vocab_size() <= 2**16 else np.uint32
    starts, place, characters, size = [0], 0, 0, 0
    with open(folder / "ids.bin", "wb") as ids_file, open(folder / "learned.bin", "wb") as learned_file:
        for chunk in _chunks(corpus.parts[part](), limit):
            encoded = _encoded(chunk, vocabulary, corpus)
            for (ids, learned), (piece, ends) in zip(encoded, chunk):
                np.asarray(ids, kind).tofile(ids_file)
                np.asarray(learned, bool).tofile(learned_file)
                place += len(ids)
                said = piece if isinstance(piece, str) else "".join(turn["content"] for turn in piece)
                characters, size = characters + len(said), size + len(said.encode())
                if ends:
                    starts.append(place)
    if place < 2:
        raise DataError(f"the {part} part has {place} tokens: there is nothing to learn.", where="data")
    if starts[-1] != place:  # a limit has cut the last document
        starts.append(place)
    np.save(folder / "starts.npy", np.array(starts))
    about = {"type": kind.__name__, "characters": characters, "bytes": size}
    (folder / "about.json").write_text(json.dumps({**about, "chat": corpus.chat, "single": corpus.single}))


def _chunks(pieces: Iterator[Piece], limit: int | None) -> Iterator[list[Piece]]:
    """Pieces gathered until they are worth the start of several threads."""
    chunk: list[Piece] = []
    gathered = read = 0
    for piece in pieces:
        chunk.append(piece)
        gathered += len(piece[0])
        read += len(piece[0])
        full = limit is not None and read >= limit
        if gathered >= CHUNK or len(chunk) >= 4096 or full:
            yield chunk
            chunk, gathered = [], 0
        if full:
            return
    if chunk:
        yield chunk


def _encoded(chunk: list[Piece], vocabulary: Vocabulary, corpus: Corpus) -> Iterator[tuple[list[int], list[bool]]]:
    """ids, and for chats which are learned, of each piece; a document's first has its begin, its last its end."""
    if corpus.chat:
        for turns, _ in chunk:
            assert not isinstance(turns, str)
            yield chat.encode(turns, vocabulary.tokenizer, vocabulary.template or chat.TEMPLATE, vocabulary.special)
        return
    found = vocabulary.tokenizer.encode_batch_fast([str(piece) for piece, _ in chunk], add_special_tokens=False)
    for encoding, (_, ends) in zip(found, chunk):
        yield (encoding.ids if corpus.single or not ends else vocabulary.around(encoding.ids)), []
