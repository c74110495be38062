"""Files that carry their types: Parquet, Arrow (IPC and Feather), JSON and JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from ..errors import DataError
from . import _frames, _large
from ._files import File


def parquet(file: File) -> pa.Table:
    """A Parquet file; a large one is memory-mapped through the cache."""
    import pyarrow.parquet as pq

    def read(source: Any) -> pa.Table:
        found = pq.ParquetFile(source)
        if found.metadata.num_rows and _bytes(found) > _large.threshold():
            return _large.mapped(file.stamp(), lambda: found.iter_batches(batch_size=65536))
        return found.read()

    return _opened(file, "Parquet", read)


def _bytes(found: Any) -> int:
    groups = (found.metadata.row_group(place) for place in range(found.metadata.num_row_groups))
    return sum(group.total_byte_size for group in groups)


def arrow(file: File) -> pa.Table:
    """An Arrow IPC file or stream, or Feather; mapped when it is uncompressed on disk."""

    def read(source: Any) -> pa.Table:
        try:
            return pa.ipc.open_file(source).read_all()
        except pa.ArrowInvalid:
            source.seek(0)
            return pa.ipc.open_stream(source).read_all()

    return _opened(file, "Arrow", read)


def _opened(file: File, kind: str, read: Callable[[Any], pa.Table]) -> pa.Table:
    try:
        with file.open() as stream:
            if file.plain:
                found = read(pa.memory_map(str(file.path)))
            else:
                found = read(pa.BufferReader(stream.read()))
        found.validate(full=True)  # Arrow trusts its files: a damaged one would end the process
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        what = f"this is not {'an' if kind == 'Arrow' else 'a'} {kind} file, or it is damaged ({reason})."
        raise DataError(what, where=str(file.path)) from None
    return _frames.plain(_frames.checked(found, str(file.path)))


def json_lines(file: File) -> pa.Table:
    """One JSON object a line, or one list of objects."""
    where = str(file.path)
    with file.open() as stream:
        raw = stream.read()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"byte {error.start} is not valid utf-8, which JSON must be.", where=where) from None
    if not text.strip():
        raise DataError("the file is empty.", where=where)
    if text.lstrip().startswith("["):
        return _frames.plain(_frames.checked(_frames.records(_parsed(text, where, 1), where), where))
    rows = list(_lines(text, where))
    return _frames.plain(_frames.checked(_frames.records(rows, where), where))


def _lines(text: str, where: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            row = _parsed(line, where, number)
            if not isinstance(row, dict):
                given = type(row).__name__
                raise DataError(f"a line must be a JSON object, given {given}.", where=f"{where}:{number}")
            yield row


def _parsed(text: str, where: str, line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"{where}:{line + error.lineno - 1}:{error.colno}"
        raise DataError(f"this is not valid JSON ({error.msg}).", where=place) from None
