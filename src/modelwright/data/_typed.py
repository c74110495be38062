"""Files that carry their types: Parquet, Arrow (IPC and Feather), JSON and JSON lines.

A column of a JSON lines file has the type that all its cells have; where there is none, it is text.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from ..errors import DataError
from . import _frames, _large
from ._files import File

BLOCK_BYTES = 1 << 23


def parquet(file: File) -> pa.Table:
    """A Parquet file; a large one is memory-mapped through the cache."""
    import pyarrow.parquet as pq

    def read(source: Any) -> pa.Table:
        found = pq.ParquetFile(source)
        if found.metadata.num_rows and _bytes(found) > _large.threshold():
            return _large.mapped(file, "", lambda: found.iter_batches(batch_size=65536))
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
    """One JSON object a line, or one list of objects; many lines are memory-mapped through the cache."""
    where = str(file.path)
    with file.open() as stream:
        lines = (line.removeprefix(BOM_UTF8).strip() for line in stream)
        beginning = next((line for line in lines if line), b"")
    if not beginning:
        raise DataError("the file is empty.", where=where)
    if beginning.startswith(b"["):
        with file.open() as stream:
            found = _frames.records(_parsed(_decoded(stream.read(), where), where, 1), where)
    elif file.size() > _large.threshold():
        found = _large.mapped(file, "lines", lambda: _alike(lambda: _tables(file)))
    else:
        found = _frames.records([row for rows in _rows(file) for row in rows], where)
    return _frames.plain(_frames.checked(found, where))


def _rows(file: File) -> Iterator[list[dict[str, Any]]]:
    """The objects of the lines, block by block."""
    where, place, number = str(file.path), 0, 1
    with file.open() as stream:
        while lines := stream.readlines(BLOCK_BYTES):
            text = _decoded(b"".join(lines), where, place)
            yield list(_objects(text, where, number))
            place, number = place + sum(map(len, lines)), number + len(lines)


def _decoded(raw: bytes, where: str, place: int = 0) -> str:
    """The text of bytes that begin at `place` of the file."""
    try:
        return raw.decode("utf-8" if place else "utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"byte {place + error.start} is not valid utf-8, which JSON must be."
        raise DataError(message, where=where) from None


def _objects(text: str, where: str, first: int) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.split("\n"), start=first):
        if line.strip():
            row = _parsed(line, where, number)
            if not isinstance(row, dict):
                given = type(row).__name__
                raise DataError(f"a line must be a JSON object, given {given}.", where=f"{where}:{number}")
            yield row


def _tables(file: File) -> Iterator[pa.Table]:
    return (_frames.records(rows, str(file.path)) for rows in _rows(file) if rows)


def _alike(tables: Callable[[], Iterator[pa.Table]]) -> Iterator[pa.RecordBatch]:
    """The rows of tables that are read twice: for the columns and types of all, and for the rows."""
    kinds: dict[str, pa.DataType] = {}
    for table in tables():
        for field in table.schema:
            kinds[field.name] = _common(kinds.get(field.name, field.type), field.type)
    schema = pa.schema(list(kinds.items()))
    for table in tables():
        columns = [
            _of_type(table.column(name), kind) if name in table.column_names else pa.nulls(len(table), kind)
            for name, kind in kinds.items()
        ]
        yield from pa.Table.from_arrays(columns, schema=schema).to_batches()


def _common(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The type that holds the values of both, text where there is none."""
    try:
        schemas = [pa.schema([("", kind)]) for kind in (one, other)]
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowTypeError:
        return pa.string()


def _of_type(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray | pa.Array:
    if column.type == kind:
        return column
    if kind == pa.string():
        return pa.array([None if cell is None else str(cell) for cell in column.to_pylist()], kind)
    if pa.types.is_nested(kind):
        return pa.array(column.to_pylist(), kind)
    return column.cast(kind, safe=False)  # a large integer may have no float that equals it


def _parsed(text: str, where: str, line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"{where}:{line + error.lineno - 1}:{error.colno}"
        raise DataError(f"this is not valid JSON ({error.msg}).", where=place) from None
