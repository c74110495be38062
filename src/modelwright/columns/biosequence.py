"""Sequences of letters: DNA, RNA, proteins, molecules written as SMILES."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from . import _parsing, _words
from ._column import Column
from ._ragged import Ragged, never_empty, offsets_of

UNKNOWN, FIRST, GAP = 1, 2, "-"
LETTERS = {"dna": "ACGT", "rna": "ACGU", "protein": "ACDEFGHIKLMNPQRSTVWY"}
RARE = {"dna": "", "rna": "", "protein": "UO*"}  # selenocysteine, pyrrolysine, the end
_BASES = {
    "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC", "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG",
    "N": "ACGT", "X": "ACGT",
}  # fmt: skip
STANDS_FOR = {  # the ambiguity codes of IUPAC-IUB (Cornish-Bowden 1985)
    "dna": _BASES,
    "rna": {code: bases.replace("T", "U") for code, bases in _BASES.items()},
    "protein": {"B": "DN", "Z": "EQ", "J": "IL", "X": LETTERS["protein"]},
}
SAME = {"dna": {"U": "T", ".": GAP}, "rna": {"T": "U", ".": GAP}, "protein": {".": GAP}}
# an atom in brackets, an element, an aromatic atom, a bond, a branch, a ring's number
SMILES = re.compile(r"\[[^\]\s]*\]|Br|Cl|[BCNOPSFI]|[bcnops]|%\d\d|\d|[-=#$:/\\.~*()+]|\S")
ASCII = 128
WIDEST = 4096  # numbers of a summary
BASES = r"(?i)^[ACGTUNRYSWKMBDHVX.-]{8,}$"
RESIDUES = r"^[ABCDEFGHIKLMNPQRSTUVWXYZ*.-]{20,}$"
NAMED = re.compile(r"(?i)seq|protein|peptide|dna|rna|gene")


class Biosequence(Column):
    """Letters of an alphabet as ids: 0 padding, 1 unknown, from 2 on the letters, the gap and the ambiguity codes.

    Input: Ragged int32. Upper and lower case are the same letters (not in SMILES), blanks are left out, `U` is read as `T` in
    DNA and `.` as the gap `-`. A code that stands for several letters (N, R, Y; B, Z, X) is their mean to an encoder. A
    letter outside the alphabet is unknown, which may be any letter, and is said; so is an empty cell, one unknown letter.

    Options:
      alphabet: auto is told from the letters of the training rows; smiles has atoms, bonds and brackets as its letters
      max_length: letters kept of a sequence
      gaps: keep the gaps of an alignment as a letter of their own, or drop them
    """

    group = None
    source = "text"
    encoder = "cnn"
    keeps_places = True
    unit = "letters"
    fitted = ("letters", "vocabulary", "longest", "sites")
    examples: ClassVar[list[Any]] = ["ACGT", "acgtn", None, "GG-A", "TTGA CA", "ACGR", "CAT", "GATTACA"]

    def __init__(
        self,
        name: str,
        target: bool = False,
        *,
        alphabet: Literal["auto", "dna", "rna", "protein", "smiles"] = "auto",
        max_length: Annotated[int, Field(ge=1)] = 2048,
        gaps: Literal["keep", "drop"] = "keep",
    ) -> None:
        super().__init__(name, target)
        self.alphabet, self.max_length, self.gaps = alphabet, max_length, gaps
        self.letters: str = alphabet  # the alphabet that was found
        self.vocabulary: list[str] = []
        self.longest = 1
        self.sites: list[int] = []  # places at which training rows of one length differ
        self._counts = np.zeros(ASCII, np.int64)
        self._tokens: Counter[str] = Counter()
        self._most_tokens = 1
        self._lengths: set[int] = set()
        self._at: np.ndarray | None = None  # (length, 128) how often each letter stands at each place
        self._lookup: Any = None

    @property
    def length(self) -> int:
        """What is cut has so many letters."""
        return self.max_length

    @classmethod
    def recognises(cls, values: pa.ChunkedArray, name: str) -> str:
        """Why the cells are sequences, or "": rows of at least 8 bases or 20 residues (5 where the name says it)."""
        if not _parsing.is_text(values.type):
            return ""
        cells = pc.drop_null(pc.unique(_parsing.strings(values.slice(0, 1000), tokens=False)))
        for pattern, known, words in (
            (BASES, "ACGTU", "DNA or RNA: rows of bases"),
            (RESIDUES, LETTERS["protein"], "proteins: rows of amino acids"),
        ):
            pattern = re.sub(r"\d+,", "5,", pattern) if NAMED.search(name) else pattern
            if not len(cells) or pc.mean(pc.match_substring_regex(cells, pattern)).as_py() <= 0.95:
                continue
            letters = Counter("".join(cells.to_pylist()).upper())
            counts = [letters[one] for one in known]
            if sum(counts) > 0.9 * sum(letters.values()) and sum(map(bool, counts)) > 2:
                return words
        return ""

    def _cleaned(self, values: pa.Array, upper: bool) -> pa.Array:
        text = pc.replace_substring_regex(_words.cleaned(values, False), r"\s+", "")
        return pc.utf8_upper(text) if upper else text

    def fit(self, values: pa.Array) -> None:
        text = self._cleaned(values, False)
        if self.alphabet in ("auto", "smiles"):
            rows = [SMILES.findall(cell) for cell in text.to_pylist()]
            self._tokens.update(token for row in rows for token in row)
            self._most_tokens = max(self._most_tokens, *map(len, rows), 0)
        if self.alphabet == "smiles":
            return
        points, lengths = _words.code_points(pc.utf8_upper(text), self.max_length)
        points = np.minimum(points, ASCII - 1)
        self._counts += np.bincount(points, minlength=ASCII)
        self._lengths.update(np.unique(lengths[lengths > 0]).tolist())
        if len(self._lengths) == 1:
            length = next(iter(self._lengths))
            place = np.tile(np.arange(length), len(points) // length)
            found = np.bincount(place * ASCII + points, minlength=length * ASCII).reshape(length, ASCII)
            self._at = found if self._at is None else self._at + found

    def merge(self, other: Biosequence) -> None:
        self._counts += other._counts
        self._tokens.update(other._tokens)
        self._most_tokens = max(self._most_tokens, other._most_tokens)
        self._lengths |= other._lengths
        if len(self._lengths) == 1 and other._at is not None:
            self._at = other._at if self._at is None else self._at + other._at

    def finish(self) -> None:
        self.refuse_target("sequences are inputs only.", "Give it another kind, or name another target.")
        self.letters = self._found() if self.alphabet == "auto" else self.alphabet
        if self.letters == "smiles":
            ranked = sorted(self._tokens.items(), key=lambda item: (-item[1], item[0]))
            self.vocabulary, self.longest = [token for token, _ in ranked], self._most_tokens
        else:
            self.vocabulary = [*LETTERS[self.letters], *RARE[self.letters], GAP, *STANDS_FOR[self.letters]]
            self.longest = max(self._lengths, default=1)
            if len(self._lengths) == 1 and self._at is not None:
                self.sites = np.flatnonzero((self._at > 0).sum(1) > 1).tolist()
        self._tokens, self._at = Counter(), None
        self._ready()

    def _found(self) -> str:
        """The alphabet of the letters that were seen."""
        counts = {chr(point): int(count) for point, count in enumerate(self._counts) if count}
        total = max(sum(counts.values()), 1)
        if sum(counts.get(sign, 0) for sign in "=#()[]1") > 0.05 * total:
            return "smiles"
        if sum(counts.get(base, 0) for base in "ACGTUN-.") > 0.9 * total:
            return "rna" if counts.get("U", 0) > counts.get("T", 0) else "dna"
        return "protein"

    def _ready(self) -> None:
        """What encoding looks letters up in."""
        ids = {token: FIRST + place for place, token in enumerate(self.vocabulary)}
        if self.letters == "smiles":
            self._lookup = ids
            return
        ids |= {letter: ids[read] for letter, read in SAME[self.letters].items()}
        self._lookup = np.full(ASCII, UNKNOWN, np.int32)
        self._lookup[[ord(letter) for letter in ids]] = list(ids.values())

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self._ready()

    def encode(self, values: pa.Array) -> Ragged:
        rows = self._ids(values)
        if empty := int((rows.lengths == 0).sum()):
            self.note(f"{empty} cells hold no sequence; each is read as one unknown letter.")
        rows = never_empty(rows, UNKNOWN)
        keep = np.minimum(rows.lengths, self.max_length)
        if (cut := int((rows.lengths > keep).sum())) == 0:
            return rows
        self.note(f"{cut} sequences are longer than max_length ({self.max_length}) and cut.")
        where = np.arange(len(rows.values)) - np.repeat(rows.offsets[:-1], rows.lengths)
        return Ragged(rows.values[where < self.max_length], offsets_of(keep))

    def _ids(self, values: pa.Array) -> Ragged:
        """The ids of whole sequences; says what is not in the alphabet."""
        text = self._cleaned(values, self.letters != "smiles")
        if self.letters == "smiles":
            tokens = [SMILES.findall(cell) for cell in text.to_pylist()]
            return Ragged.of([[self._lookup.get(token, UNKNOWN) for token in row] for row in tokens])
        if self.gaps == "drop":
            text = pc.replace_substring_regex(text, r"[-.]", "")
        points, lengths = _words.code_points(text)
        ids = np.where(points < ASCII, self._lookup[np.minimum(points, ASCII - 1)], UNKNOWN).astype(np.int32)
        outside = np.flatnonzero(ids == UNKNOWN)
        if len(outside):
            row = int(np.searchsorted(np.cumsum(lengths), outside[0], side="right"))
            letter = chr(points[outside[0]])
            first = f"the first is {letter!r} in row {row}"
            self.note(f"{len(outside)} letters are not of the {self.letters} alphabet and count as unknown ({first}).")
        return Ragged(ids, offsets_of(lengths))

    def spelled(self, values: pa.Array) -> list[list[str]]:
        """The letters behind the ids that `encode` gives; "" for an empty cell's."""
        text = self._cleaned(values, self.letters != "smiles")
        if self.gaps == "drop" and self.letters != "smiles":
            text = pc.replace_substring_regex(text, r"[-.]", "")
        cut = SMILES.findall if self.letters == "smiles" else list
        return [cut(cell)[: self.max_length] or [""] for cell in text.to_pylist()]

    def tokens(self, rows: Ragged) -> np.ndarray:
        """(N,) how many letters each encoded row has."""
        return rows.lengths

    def summary(self, rows: Ragged) -> np.ndarray:
        """(N, D) float32 for what reads no sequences: which letter stands where aligned rows differ, or else the share of each
        letter and the length. A code counts as equal shares of its letters."""
        sizes = self.sizes()
        shares = np.eye(sizes["vocabulary"], dtype=np.float32)
        for one, members in sizes["sets"]:
            shares[one] = 0.0
            shares[one, members] = 1.0 / len(members)
        single = [one for one in range(FIRST, len(shares)) if one not in {code for code, _ in sizes["sets"]}]
        shares = shares[:, single]
        if sizes["sites"] and len(sizes["sites"]) * len(single) <= WIDEST:
            padded = rows.padded(sizes["length"])[0]
            shares[0] = 0.0
            return shares[padded[:, sizes["sites"]]].reshape(len(rows), -1)
        counts = np.zeros((len(rows), len(single)), np.float32)
        np.add.at(counts, np.repeat(np.arange(len(rows)), rows.lengths), shares[rows.values])
        return np.concatenate(
            [counts / np.maximum(rows.lengths, 1)[:, None], np.log1p(rows.lengths)[:, None]], 1
        ).astype(np.float32)

    def sizes(self) -> dict[str, Any]:
        """`vocabulary`: ids there are; `length`: letters of the longest training row; `sets`: ids that stand for several
        letters; `sites`: the places at which training rows, all of one length, differ."""
        ids = {token: FIRST + place for place, token in enumerate(self.vocabulary)}
        sets: list[Any] = []
        if self.letters != "smiles":
            sets = [[UNKNOWN, [ids[letter] for letter in LETTERS[self.letters]]]]
            sets += [[ids[code], [ids[one] for one in members]] for code, members in STANDS_FOR[self.letters].items()]
        known = {"vocabulary": FIRST + len(ids), "length": min(self.longest, self.max_length), "sets": sets}
        return {**known, "sites": [site for site in self.sites if site < self.max_length]}
