"""Tables larger than memory: blocks go into an uncompressed Arrow file of the cache, which is then memory-mapped."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..columns import Masker
from . import _cache
from ._files import File

STREAM_BYTES = 200_000_000
VERSION = 1  # raise when the same file would give another table


def threshold() -> int:
    """Content larger than this is memory-mapped: `$MODELWRIGHT_STREAM_BYTES`, 200 MB by default."""
    return int(os.environ.get("MODELWRIGHT_STREAM_BYTES", STREAM_BYTES))


def mapped(file: File, reading: str, batches: Callable[[], Iterable[pa.RecordBatch]]) -> pa.Table:
    """The memory-mapped table of the blocks of a file; when the cache holds it already, `batches` is not called.

    Without a usable cache the table is in memory. `reading` says how the file is read. What is masked is masked before it
    is written.
    """
    masks = {name: masker.kinds for name, masker in file.masks.items()}
    key = hashlib.blake2b(f"{VERSION} {file.stamp()} {reading} {masks or ''}".encode(), digest_size=16).hexdigest()

    def make(folder: Path) -> None:
        blocks = (masked(block, file.masks) for block in batches())
        first = next(blocks)
        with pa.OSFile(str(folder / "table.arrow"), "wb") as sink, pa.ipc.new_file(sink, first.schema) as writer:
            for block in _counted(chain([first], blocks)):
                writer.write_batch(block)

    for _ in range(2):  # another process may remove the entry between the making and the opening
        folder = _cache.entry("tables", key, make)
        if folder is None:
            break
        try:
            return pa.ipc.open_file(pa.memory_map(str(folder / "table.arrow"))).read_all()
        except FileNotFoundError:
            continue
    return masked(pa.Table.from_batches(list(batches())), file.masks)


def masked(rows: Any, masks: Mapping[str, Masker]) -> Any:
    """A table or record batch with some of its columns masked; one without personal data is not copied."""
    for name, masker in masks.items():
        if (place := rows.schema.get_field_index(name)) >= 0:
            column = rows.column(place)
            if isinstance(column, pa.ChunkedArray):
                chunks = column.chunks or [pa.nulls(0, column.type)]
                column = pa.chunked_array([masker.column(chunk, name) for chunk in chunks])
            else:
                column = masker.column(column, name)
            rows = rows.set_column(place, name, column)
    return rows


def _counted(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Give freed memory back to the system now and then: the allocator would keep it."""
    for count, batch in enumerate(batches):
        yield batch
        if count % 16 == 15:
            pa.default_memory_pool().release_unused()
