"""Predictions to and from the outside: rows on stdin, tables written as CSV, Parquet or JSON lines."""

from __future__ import annotations

import codecs
import csv
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from .errors import DataError
from .files import atomic


def read_stdin(stream: BinaryIO, masks: Mapping[str, Any] | None = None) -> Any:
    """Rows from CSV or JSON lines on a stream, recognised by the first character; `masks` as `data.reading.read` takes."""
    text = stream.read()
    if not text.strip():
        raise DataError(
            "nothing came in.", where="stdin", hint="Pipe CSV with a header line, or one JSON object a line."
        )
    if text.lstrip().startswith(b"{"):
        rows = []
        for number, line in enumerate(text.decode("utf-8-sig", "replace").splitlines(), 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise DataError(
                    f"not valid JSON ({error}).", where=f"stdin:{number}", hint="One object a line."
                ) from None
            if not isinstance(row, dict):
                raise DataError(f"expected an object, found {type(row).__name__}.", where=f"stdin:{number}")
            rows.append(row)
        return rows
    from .data.reading import read

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stdin.csv"
        path.write_bytes(text)
        try:
            return read(str(path), Path("."), masks).table
        except DataError as error:
            hint = "Pipe UTF-8." if "encoding:" in error.hint else error.hint
            raise DataError(error.message, where=error.where.replace(str(path), "stdin"), hint=hint) from None


def pictures(given: Any) -> list[str]:
    """The picture files that a path names: one, or all that lie directly in a folder, in the order of their names."""
    from .data._images import is_image

    path = Path(given) if isinstance(given, (str, Path)) else None
    if path is None or not path.exists():
        return []
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [str(file.resolve()) for file in files if file.is_file() and is_image(file.name)]


def write(table: Any, out: Path | None) -> None:
    """Write a table to a file by its ending, or as CSV to stdout."""
    from pyarrow import parquet

    if out is None:
        sys.stdout.flush()
        _write_csv(table, sys.stdout.buffer)
        return
    with atomic(out) as temporary:
        if out.suffix == ".parquet":
            parquet.write_table(table, temporary)
        elif out.suffix == ".jsonl":
            lines = (json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in table.to_pylist())
            temporary.write_text("".join(lines), encoding="utf-8")
        else:
            with temporary.open("wb") as stream:
                _write_csv(table, stream)


def _write_csv(table: Any, stream: BinaryIO) -> None:
    """Quotes stand only around cells that need them: Arrow's own writer puts them around all text."""
    writer = csv.writer(codecs.getwriter("utf-8")(stream), lineterminator="\n")
    writer.writerow(table.column_names)
    for batch in table.to_batches(max_chunksize=65536):
        writer.writerows(zip(*(_text(column) for column in batch.columns)))


def _text(column: Any) -> list[str | None]:
    """The cells as text; a list's values are joined by `|`, because CSV has no lists; those of a fixed length are JSON."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_fixed_size_list(column.type):
        return [None if cell is None else json.dumps(cell) for cell in column.to_pylist()]
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        column = pc.binary_join(column.cast(pa.list_(pa.string())), "|")
    return column.cast(pa.string()).to_pylist()
