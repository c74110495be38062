"""A file written again without its personal data: delimited text, JSON lines, Parquet or plain text, piece by piece.

Memory stays constant. What is masked decides `columns.Masker`; where the bytes go decides the caller.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import pyarrow as pa

from ..columns import Masker
from ..columns._masking import PLACEHOLDER
from ..errors import DataError, did_you_mean
from . import _dialect, _files

DELIMITED = (".csv", ".tsv", ".tab", ".data")
LINES = (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet", ".pq")
HEAD = 1 << 18  # bytes that the format is judged by
BLOCK = 1 << 20
EXAMPLES = 2  # of each kind in each column
AROUND = 24  # signs shown on each side of what was masked


@dataclass
class Masked:
    """What was masked: `counts[column][kind]`, `examples[column, kind]` as they read afterwards, and how many `rows`."""

    names: dict[str, str]  # the word in a placeholder -> kind
    rows: int = 0
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    examples: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def note(self, column: str, before: str, after: str) -> str:
        """Take in a text before and after masking; gives the latter."""
        if before == after:
            return after
        old = Counter(found[1] for found in PLACEHOLDER.finditer(before))
        for found in PLACEHOLDER.finditer(after):
            if old[found[1]] > 0:
                old[found[1]] -= 1
            elif kind := self.names.get(found[1]):
                self.counts.setdefault(column, Counter())[kind] += 1
                shown = self.examples.setdefault((column, kind), [])
                if len(shown) < EXAMPLES:
                    around = after[max(found.start() - AROUND, 0) : found.end() + AROUND]
                    shown.append(" ".join(around.split()))
        return after


def mask(
    source: Path | BinaryIO, sink: BinaryIO, masker: Masker, columns: Collection[str] = (), where: str = "stdin"
) -> Masked:
    """Write what `source` holds into `sink`, in the same format, masked in all columns or only in `columns`.

    The format is told by a path's ending; of a stream, JSON lines begin with a brace, `columns` make it delimited text,
    and all else is plain text. Raises DataError for what is empty or binary and for a column that is not there.
    """
    found = Masked(masker.names)
    if isinstance(source, Path):
        file = _files.find(source)
        with file.open() as stream:
            if file.suffix in PARQUET:
                _parquet(
                    pa.memory_map(str(source)) if file.plain else stream,
                    sink,
                    _Work(masker, found, columns, str(source)),
                )
            else:
                _text(stream, file.suffix, sink, _Work(masker, found, columns, str(source)))
    else:
        _text(source, "", sink, _Work(masker, found, columns, where))
    return found


@dataclass
class _Work:
    """What every format needs."""

    masker: Masker
    found: Masked
    columns: Collection[str]
    where: str

    def chosen(self, names: Collection[str]) -> list[str]:
        """The columns to mask. Raises DataError for one that is not there."""
        for name in self.columns:
            if name not in names:
                raise DataError(f"there is no column '{name}'.", where=self.where, hint=did_you_mean(name, names))
        return list(self.columns or names)

    def cell(self, value: str, column: str) -> str:
        """A text of a column, masked and counted."""
        return self.found.note(column, value, self.masker(value, column))

    def value(self, given: Any, column: str) -> Any:
        """A JSON value of a column, masked and counted; a number becomes text where its column is named."""
        if isinstance(given, str):
            return self.cell(given, column)
        if isinstance(given, dict):
            return {key: self.value(inner, column) for key, inner in given.items()}
        if isinstance(given, list):
            return [self.value(inner, column) for inner in given]
        if self.columns and isinstance(given, int) and not isinstance(given, bool):
            text = self.cell(str(given), column)
            return given if text == str(given) else text
        return given


def _text(stream: BinaryIO, suffix: str, sink: BinaryIO, work: _Work) -> None:
    head = stream.read(HEAD)
    encoding = "utf-16" if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8"
    if b"\0" in head and encoding == "utf-8":
        hint = "Read are .csv, .tsv, .jsonl, .parquet and plain text, also packed with gzip, bzip2, xz or zip."
        raise DataError("this is a binary file.", where=work.where, hint=hint)
    if not head.strip():
        raise DataError("the file is empty.", where=work.where)
    begins = head.removeprefix(codecs.BOM_UTF8).lstrip()[:1]
    with _Behind(head, stream) as raw:
        lines = io.TextIOWrapper(io.BufferedReader(raw, BLOCK), encoding, newline="")
        out = io.TextIOWrapper(sink, encoding, newline="", write_through=False)
        try:
            if suffix in LINES or (not suffix and begins == b"{"):
                _json_lines(lines, out, work)
            elif suffix in DELIMITED or (not suffix and work.columns):
                _delimited(head, encoding, suffix, lines, out, work)
            elif work.columns:
                raise DataError("a text has no columns.", where=work.where, hint="Leave --columns out.")
            else:
                while block := "".join(lines.readlines(BLOCK)):
                    work.found.rows += block.count("\n") + (block[-1] != "\n")
                    out.write(work.cell(block, "text"))
        except UnicodeDecodeError as error:
            hint = f"Convert it first: iconv -f gb18030 -t utf-8 {work.where}"
            raise DataError(
                f"the text is not valid {encoding} ({error.reason}).", where=work.where, hint=hint
            ) from None
        finally:
            out.flush()
            out.detach()


class _Behind(io.RawIOBase):
    """A stream with the beginning that was read already in front of it."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = io.BytesIO(head), rest

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        found = self._head.read(len(target)) or self._rest.read(len(target))
        target[: len(found)] = found
        return len(found)


def _json_lines(lines: TextIO, out: TextIO, work: _Work) -> None:
    for number, line in enumerate(lines, 1):
        if line.strip("\ufeff \t\r\n"):
            work.found.rows += 1
            try:
                row = json.loads(line.removeprefix("\ufeff"))
            except ValueError as error:
                raise DataError(f"the line is not JSON ({error}).", where=f"{work.where}:{number}") from None
            if not isinstance(row, dict):
                given = type(row).__name__
                raise DataError(f"a line must be a JSON object, given {given}.", where=f"{work.where}:{number}")
            chosen = work.chosen(row) if number == 1 else work.columns or row
            masked = {key: work.value(value, key) if key in chosen else value for key, value in row.items()}
            line = line if masked == row else json.dumps(masked, ensure_ascii=False) + "\n"
        out.write(line)


def _delimited(head: bytes, encoding: str, suffix: str, lines: TextIO, out: TextIO, work: _Work) -> None:
    sample = codecs.getincrementaldecoder(encoding)().decode(head).removeprefix("\ufeff")
    dialect = _dialect.find(sample, len(head) < HEAD, work.where, suffix, {})
    names = dialect.names
    places = [(names.index(name), name) for name in work.chosen(names)]
    quoting: dict[str, Any] = (
        {"quotechar": dialect.quote} if dialect.quote else {"quoting": csv.QUOTE_NONE, "quotechar": None}
    )
    writer = csv.writer(out, delimiter=dialect.delimiter, lineterminator="\n", **quoting)
    rows = _dialect.reader(lines, dialect.delimiter, dialect.quote)
    if dialect.header:
        writer.writerow(next(rows))
    for row in rows:
        work.found.rows += bool(row)
        for place, name in places:
            if place < len(row):
                row[place] = work.cell(row[place], name)
        extra = range(len(names), len(row)) if not work.columns else ()
        for place in extra:  # a row with too many cells must not get by
            row[place] = work.cell(row[place], f"column_{place + 1}")
        writer.writerow(row)


def _parquet(source: Any, sink: BinaryIO, work: _Work) -> None:
    import pyarrow.parquet as pq

    try:
        given = pq.ParquetFile(source if isinstance(source, pa.NativeFile) else pa.BufferReader(source.read()))
        chosen, writer = work.chosen(given.schema_arrow.names), None
        for batch in given.iter_batches():
            work.found.rows += batch.num_rows
            masked = pa.RecordBatch.from_arrays(
                [
                    _column(batch.column(name), name, work) if name in chosen else batch.column(name)
                    for name in batch.schema.names
                ],
                batch.schema.names,
            )
            writer = writer or pq.ParquetWriter(sink, masked.schema)
            writer.write_batch(masked)
        if writer is None:
            raise DataError("the file holds no row.", where=work.where)
        writer.close()
    except pa.ArrowException as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise DataError(f"this is not a Parquet file, or it is damaged ({reason}).", where=work.where) from None


def _column(values: pa.Array, name: str, work: _Work) -> pa.Array:
    masked = work.masker.column(values, name, numbers=bool(work.columns))
    for before, after in zip(_texts(values), _texts(masked)) if masked is not values else ():
        work.found.note(name, before, after)
    return masked


def _texts(values: pa.Array) -> Iterator[str]:
    for cell in values.to_pylist():
        yield cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False, default=str)
