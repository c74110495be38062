"""Delimited text (CSV, TSV, `.data`) into an Arrow table of strings; it infers no types, columns do that.

`_dialect.py` finds delimiter and header. Large files go block by block into a memory-mapped file of the cache.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import threading
import weakref
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from ..errors import DataError
from . import _dialect, _large
from ._dialect import Dialect
from ._files import File

SAMPLE_BYTES = 1 << 18
BLOCK_BYTES = 1 << 23
OPTIONS = ("header", "names", "delimiter", "encoding", "skip_spaces", "quote")


def read(file: File, options: dict[str, Any]) -> tuple[pa.Table, list[str]]:
    """The table and notes on what was assumed. Raises DataError with the line of the first bad row."""
    encoding, sample, whole = _sample(file, options.get("encoding"))
    dialect = _dialect.find(sample, whole, str(file.path), file.suffix, options)
    try:
        table = _table(file, dialect, encoding)
        _check_end(file, dialect, encoding, table)
        return table, list(dialect.notes)
    except (UnicodeDecodeError, pa.ArrowInvalid) as error:
        _check_encoding(file, encoding)
        if dialect.delimiter == "\t" and dialect.quote and "quote" not in options:
            # in tab-separated files a quote is usually just a character
            return read(file, {**options, "quote": ""})
        _check_lengths(file, dialect, encoding)
        raise DataError(f"the file cannot be read as delimited text ({error}).", where=str(file.path)) from None


def _sample(file: File, encoding: str | None) -> tuple[str, str, bool]:
    """The encoding, the beginning of the text, and whether that is all of it."""
    where = str(file.path)
    with file.open() as stream:
        raw = stream.read(SAMPLE_BYTES)
        whole = not stream.read(1)
    if encoding is None:
        encoding = "utf-16" if raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8"
    try:
        decoder = codecs.getincrementaldecoder("utf-8-sig" if _is_utf8(encoding) else encoding)()
    except LookupError:
        raise DataError(
            f"'{encoding}' is not an encoding.", where=where, hint="Common: utf-8, gb18030, latin-1."
        ) from None
    if b"\0" in raw and not encoding.lower().startswith(("utf-16", "utf_16", "utf-32", "utf_32")):
        raise DataError(
            "this is a binary file, not delimited text.",
            where=where,
            hint="Tables are read from .csv, .tsv, .parquet, .jsonl, .arrow, .feather and .arff, also as .gz or .zip.",
        )
    try:
        text = decoder.decode(raw, final=whole)
    except UnicodeDecodeError:
        _check_encoding(file, encoding)
        raise
    if not text.strip():
        raise DataError("the file is empty.", where=where)
    return encoding, text, whole


def _is_utf8(encoding: str) -> bool:
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def _table(file: File, dialect: Dialect, encoding: str) -> pa.Table:
    read_options = arrow_csv.ReadOptions(
        block_size=BLOCK_BYTES,
        column_names=list(dialect.names),
        skip_rows_after_names=int(dialect.header),
        encoding="utf8" if dialect.rewrite or _is_utf8(encoding) else encoding,
    )
    parse_options = arrow_csv.ParseOptions(
        delimiter="," if dialect.rewrite else dialect.delimiter,
        quote_char='"' if dialect.rewrite else dialect.quote or False,
        newlines_in_values=bool(dialect.quote),
    )
    convert_options = arrow_csv.ConvertOptions(
        column_types={name: pa.string() for name in dialect.names}, strings_can_be_null=False
    )

    def batches() -> Iterator[pa.RecordBatch]:
        with file.open() as stream:
            source = _source(stream, dialect, encoding)
            with arrow_csv.open_csv(source, read_options, parse_options, convert_options) as reader:
                for batch in reader:
                    yield _trimmed(batch) if dialect.skip_spaces else batch

    if file.size() > _large.threshold():
        return _large.mapped(file, f"{dialect} {encoding}", batches)
    with file.open() as stream:
        lent = _Lent(_source(stream, dialect, encoding))
        returned = threading.Event()
        weakref.finalize(lent, returned.set)
        table = arrow_csv.read_csv(lent, read_options, parse_options, convert_options)
        del lent
        returned.wait(1.0)
    return _trimmed(table) if dialect.skip_spaces else table


class _Lent:
    """A stream for Arrow's threads, of which one knows when they have let go of it: a thread that still holds a Python
    object when the interpreter ends aborts the process (github.com/apache/arrow/issues/34314)."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self.read = stream.read

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        """The lender closes it."""


def _trimmed(table: Any) -> Any:
    """A table or record batch with the blanks around each cell removed."""
    columns = [pc.utf8_trim_whitespace(column) for column in table.columns]
    return type(table).from_arrays(columns, names=table.schema.names)


def _source(stream: BinaryIO, dialect: Dialect, encoding: str) -> Any:
    return io.BufferedReader(_Rewritten(stream, dialect, encoding), 1 << 20) if dialect.rewrite else stream


def _rows(stream: BinaryIO, dialect: Dialect, encoding: str) -> Iterator[list[str]]:
    """The rows as Python reads them: slow, and able to do what Arrow's reader does not."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig" if _is_utf8(encoding) else encoding, newline="")
    if dialect.delimiter == " ":
        return (cells for cells in (line.split() for line in text) if cells)
    return (cells for cells in _dialect.reader(text, dialect.delimiter, dialect.quote, dialect.skip_spaces) if cells)


class _Rewritten(io.RawIOBase):
    """Rows separated by runs of blanks, or with blanks before quotes, as the plain CSV that Arrow reads."""

    def __init__(self, stream: BinaryIO, dialect: Dialect, encoding: str) -> None:
        self._rows = _rows(stream, dialect, encoding)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        if not self._rest:
            text = io.StringIO()
            csv.writer(text).writerows(itertools.islice(self._rows, 5000))
            self._rest = text.getvalue().encode()
        count = min(len(target), len(self._rest))
        target[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def _check_encoding(file: File, encoding: str) -> None:
    """Raise DataError with the place of the first byte that the encoding does not allow, if there is one."""
    decoder, offset, line = codecs.getincrementaldecoder(encoding)(), 0, 1
    with file.open() as stream:
        while True:
            chunk = stream.read(1 << 20)
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                at = offset - pending + error.start
                line += chunk[: max(0, at - offset)].count(b"\n")
                path = f"{{path: {file.path.name}, encoding: {_guess(chunk)}}}"
                raise DataError(
                    f"byte {at} (line {line}) is not valid {encoding}.",
                    where=str(file.path),
                    hint=f"If the file was saved in another encoding, name it: data: {path}",
                ) from None
            if not chunk:
                return
            offset, line = offset + len(chunk), line + chunk.count(b"\n")


def _guess(chunk: bytes) -> str:
    """gb18030 when the bytes could be that (Western text practically never is), otherwise latin-1."""
    try:
        codecs.getincrementaldecoder("gb18030")().decode(chunk)
    except UnicodeDecodeError:
        return "latin-1"
    return "gb18030"


def _check_lengths(file: File, dialect: Dialect, encoding: str) -> None:
    """Raise DataError with the line of the first row that has too many or too few cells, if there is one."""
    expected = len(dialect.names)
    with file.open() as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig" if _is_utf8(encoding) else encoding, newline="")
        rows: Any = _dialect.reader(text, dialect.delimiter, dialect.quote, dialect.skip_spaces)
        if dialect.delimiter == " ":
            rows = (line.split() for line in text)
        line = 1
        for number, cells in enumerate(rows, start=1):
            if cells and len(cells) != expected:
                raise DataError(
                    f"expected {expected} cells as in the first row, found {len(cells)}.",
                    where=f"{file.path}:{line}",
                    hint=_unclosed(cells) or "Put quotes around cells that contain the delimiter.",
                )
            line = getattr(rows, "line_num", number) + 1


def _check_end(file: File, dialect: Dialect, encoding: str, table: pa.Table) -> None:
    """Raise DataError when a quote opened in the last row is never closed: Arrow takes the rest as its cell."""
    if not table.num_rows or not dialect.quote:
        return
    cell = table.column(table.num_columns - 1)[table.num_rows - 1].as_py()
    if "\n" not in cell:
        return
    newlines, end = 0, ""
    with file.open() as stream:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            newlines += chunk.count(b"\n")
            end = chunk.decode(encoding, "ignore").rstrip("\r\n")[-1:] or end
    if end != dialect.quote:
        line = newlines - cell.count("\n") + 1
        raise DataError(
            "a quote is opened here and never closed.",
            where=f"{file.path}:{line}",
            hint='To take quotes as text: quote: ""',
        )


def _unclosed(cells: list[str]) -> str:
    long = max(cells, key=len)
    return "A quote was opened here and perhaps never closed." if long.count("\n") > 20 else ""
