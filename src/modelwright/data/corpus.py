"""Texts to learn a language from: files, folders, tables, chats and named sets, in parts, as a stream of pieces.

Reads piece by piece, so that a corpus may be larger than memory. Knows nothing of tokens.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from ..columns import Masker, masker
from ..errors import DataError, did_you_mean
from . import _files, catalogue, download, reading
from .tokenizers import END

PIECE = 2**18  # characters of a long document that are handled at once
TEXTS = (".txt", ".md", ".text")
COLUMNS = ("text", "messages", "prompt", "response")
LINES = (".jsonl", ".ndjson")
TABLES = (".csv", ".tsv", ".parquet", ".pq", ".arrow", ".feather")
Chat = list[dict[str, str]]
"""Turns, each with a `role` (system, user, assistant) and `content`."""
Piece = tuple["str | Chat", bool]
"""Some text of a document, or a whole chat, and whether the document ends with it."""
Pieces = Callable[[], Iterator[Piece]]


@dataclass(frozen=True)
class Corpus:
    """What was found: `parts` (train, and validation and test where there are any), each a stream that can be read
    again; `identity`, which changes when a text does; `chat`, whether its documents are chats; `single`, whether it is
    one long document; `notes`, what was decided, for people to read."""

    parts: dict[str, Pieces]
    identity: str
    chat: bool = False
    single: bool = False
    notes: list[str] = field(default_factory=list)

    def texts(self, part: str = "train") -> Iterator[str]:
        """The texts of a part, piece by piece; of chats what was said."""
        for piece, _ in self.parts[part]():
            yield from [piece] if isinstance(piece, str) else (turn["content"] for turn in piece)


def read(spec: Any, base: Path | str = ".", split: bool = True, masks: Mapping[str, Masker] | None = None) -> Corpus:
    """Find texts.

    spec: a file of text, or a folder, .zip or .tar.* of such; JSON lines, CSV or Parquet with a column `text`,
        `messages` (turns of `role` and `content`), or `prompt` and `response`; packed or not; a named set; a dict with
        `path` or with `train`, `validation`, `test`, and `encoding`, `mask`; rows in memory.
    In a file of text `<|endoftext|>` parts documents; a file without one is one document. Without parts of its own, the
    last tenth of a single document is the validation part (nanoGPT's rule), or every tenth of several documents; with
    split=False all is `train`. `masks` (see `masks_of`) take the place of the spec's. Raises DataError that names file and line.
    """
    masks = masks or masks_of(spec)
    if isinstance(spec, Mapping) and isinstance(spec.get("path", spec.get("train")), (str, Path)):
        known = ("path", *reading.PARTS, "encoding", "mask")
        if unknown := [key for key in spec if key not in known]:
            hint = did_you_mean(unknown[0], known)
            raise DataError(f"'{unknown[0]}' is not a key of texts.", where="data", hint=hint)
    if isinstance(spec, Mapping) and isinstance(spec.get("train"), (str, Path)):
        names = [name for name in reading.PARTS if spec.get(name) is not None]
        sources = {name: _source(spec[name], Path(base), spec.get("encoding"), masks) for name in names}
        parts = {name: pieces for name, (pieces, _, _) in sources.items()}
        identity = " ".join(f"{name} {source[1]}" for name, source in sources.items())
        single = _count(parts["train"])[0] == 1
        return Corpus(parts, identity, _is_chat(parts["train"], spec["train"]), single)
    encoding = spec.get("encoding") if isinstance(spec, Mapping) else None
    given = spec["path"] if isinstance(spec, Mapping) and "path" in spec else spec
    pieces, identity, parts = _source(given, Path(base), encoding, masks)
    chat = _is_chat(pieces, given)
    documents, length = _count(pieces)
    single = documents == 1 and not chat
    if not split:
        return Corpus({"train": pieces}, identity, chat, single)
    if parts:
        return Corpus(parts, identity, chat)
    if single:
        cut = length * 9 // 10
        note = f"One document of {length:,} characters: the last tenth is validation."
        parts = {"train": lambda: _between(pieces(), 0, cut), "validation": lambda: _between(pieces(), cut, length)}
        return Corpus(parts, identity, chat, True, [note])
    if documents < 10:
        return Corpus({"train": pieces}, identity, chat, notes=[f"{documents} documents: too few to hold any back."])
    note = f"{documents:,} documents: every tenth is validation."
    parts = {"train": lambda: _tenth(pieces(), False), "validation": lambda: _tenth(pieces(), True)}
    return Corpus(parts, identity, chat, notes=[note])


def masks_of(spec: Any) -> dict[str, Masker]:
    """The columns of texts, each with what masks it, where `spec` has a `mask`."""
    given = spec.get("mask") if isinstance(spec, Mapping) else None
    return dict.fromkeys(COLUMNS, masker(given, "data.mask")) if given else {}


def _source(
    spec: Any, base: Path, encoding: str | None, masks: Mapping[str, Masker]
) -> tuple[Pieces, str, dict[str, Pieces]]:
    """The pieces of a source, what identifies them, and its own parts where it has some."""
    path = base / Path(spec).expanduser() if isinstance(spec, (str, Path)) else None
    if path is None or (not path.exists() and str(spec) in catalogue.names()):
        rows = reading.read(spec, base, masks)
        return _from_table(rows.table, str(spec) if path else "rows", rows.part)
    if not path.exists():
        if path.parent.is_dir() and not path.suffix and "/" not in str(spec):
            near = did_you_mean(str(spec), [*catalogue.names(), *(child.name for child in path.parent.iterdir())])
            raise DataError("there is no such file, folder or named data set.", where=f"data: {spec}", hint=near)
        raise _files.missing(path)
    files = _found(path)
    if len(files) == 1 and files[0].suffix in TABLES:
        rows = reading.read(str(path), Path("."), masks)
        return _from_table(rows.table, str(path), None)
    mask = masks.get("text")
    digest = hashlib.blake2b(f"{encoding} {mask.kinds if mask else ''}".encode(), digest_size=16)
    for each in sorted({file.path for file in files}):
        digest.update(download.digest(each).encode())

    def pieces() -> Iterator[Piece]:
        for file in files:
            with file.open() as stream:
                lines = file.suffix in LINES
                found = _lines(stream, str(path)) if lines else _text(stream, encoding or "utf-8-sig", file)
                yield from ((mask.value(piece), ends) for piece, ends in found) if mask else found

    return pieces, digest.hexdigest(), {}


def _found(path: Path) -> list[_files.File]:
    """The files with texts at a path."""
    if path.is_dir():
        files = [_files.File(file) for file in sorted(path.rglob("*")) if file.is_file()]
        files = [file for file in files if file.suffix in (*TEXTS, *LINES)]
    elif path.suffix.lower() == ".zip":
        files = [_files.File(path, member) for member in sorted(_files.members(path))]
        files = [file for file in files if file.suffix in (*TEXTS, *LINES, *TABLES)]
    else:
        return [_files.File(path)]
    if not files:
        raise DataError("holds no text.", where=str(path), hint=f"Looked for {', '.join((*TEXTS, *LINES))}.")
    return files


def _text(stream: BinaryIO, encoding: str, file: _files.File) -> Iterator[Piece]:
    """A file of text, its documents parted by END; a long one comes in pieces that end with a line."""
    try:
        decoder, rest = codecs.getincrementaldecoder(encoding)(), ""
        while block := stream.read(PIECE):
            *whole, rest = (rest + decoder.decode(block)).split(END)
            yield from ((text, True) for text in whole if text.strip())
            if len(rest) > PIECE:
                ends = [found.end() for found in re.finditer(r"\n(?=\S)", rest)]  # no word reaches over such a place
                cut = ends[-1] if ends else len(rest) - len(END)
                yield rest[:cut], False
                rest = rest[cut:]
        rest += decoder.decode(b"", final=True)
    except (UnicodeDecodeError, LookupError) as error:
        hint = "Save it as UTF-8, or name its encoding: data: {path: ..., encoding: gb18030}."
        raise DataError(f"the text cannot be read ({error}).", where=str(file.path), hint=hint) from None
    if rest.strip():
        yield rest, True


def _lines(stream: BinaryIO, where: str) -> Iterator[Piece]:
    for number, line in enumerate(stream, 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise DataError(f"the line is not JSON ({error}).", where=f"{where}:{number}") from None
            yield _row(row, f"{where}:{number}"), True


def _from_table(table: pa.Table, where: str, part: Any) -> tuple[Pieces, str, dict[str, Pieces]]:
    names = [name for name in COLUMNS if name in table.column_names]
    table, digest = table.select(names), hashlib.blake2b(digest_size=16)
    for batch in table.to_batches():
        digest.update(json.dumps(batch.to_pylist(), ensure_ascii=False).encode())
    digest.update(part.tobytes() if part is not None else b"")

    def pieces(wanted: int | None = None) -> Iterator[Piece]:
        number = 0
        for batch in table.to_batches(max_chunksize=1024):
            for row in batch.to_pylist():
                if wanted is None or part[number] == wanted:
                    yield _row(row, f"{where}, row {number + 1}"), True
                number += 1

    found = () if part is None else sorted(set(part.tolist()))
    return pieces, digest.hexdigest(), {reading.PARTS[p]: (lambda p=p: pieces(p)) for p in found}  # type: ignore[misc]


def _row(row: Any, where: str) -> str | Chat:
    """The text or the chat of a row."""
    row = {key: value for key, value in row.items() if value is not None} if isinstance(row, dict) else {"text": row}
    if isinstance(row.get("text"), str):
        return row["text"]
    turns = row.get("messages")
    if turns is None and isinstance(row.get("prompt"), str) and isinstance(row.get("response"), str):
        turns = [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["response"]}]
    if turns is None:
        hint = "A row has text, or messages of role and content, or prompt and response."
        raise DataError(f"there is no text in it (found: {', '.join(row) or 'nothing'}).", where=where, hint=hint)
    whole = isinstance(turns, list) and all(
        isinstance(turn, dict) and isinstance(turn.get("role"), str) and isinstance(turn.get("content"), str)
        for turn in turns
    )
    if not whole:
        raise DataError("messages are a list of {role: ..., content: ...}.", where=where)
    if not any(turn["role"] == "assistant" for turn in turns):
        raise DataError("the chat has no turn of the assistant: there is nothing to learn.", where=where)
    return turns


def _is_chat(pieces: Pieces, spec: Any) -> bool:
    first = next(pieces(), None)
    if first is None:
        raise DataError("there is no text in it.", where=str(spec) if isinstance(spec, (str, Path)) else "data")
    return not isinstance(first[0], str)


def _count(pieces: Pieces) -> tuple[int, int]:
    """Documents and characters."""
    documents = length = 0
    for piece, ends in pieces():
        documents, length = documents + ends, length + len(piece)
    return documents, length


def _between(pieces: Iterable[Piece], start: int, stop: int) -> Iterator[Piece]:
    """The characters `start` to `stop` of one document."""
    place = 0
    for piece, _ in pieces:
        if text := piece[max(start - place, 0) : max(stop - place, 0)]:
            yield text, place + len(piece) >= stop
        place += len(piece)


def _tenth(pieces: Iterable[Piece], held: bool) -> Iterator[Piece]:
    """Every tenth document, or all the others."""
    number = 0
    for piece, ends in pieces:
        if (number % 10 == 9) == held:
            yield piece, ends
        number += ends
