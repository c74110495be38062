"""Tables larger than memory: blocks go into an uncompressed Arrow file of the cache, which is then memory-mapped."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import pyarrow as pa

from . import _cache

STREAM_BYTES = 200_000_000
VERSION = 1  # raise when the same file would give another table


def threshold() -> int:
    """Content larger than this is memory-mapped: `$MODELWRIGHT_STREAM_BYTES`, 200 MB by default."""
    return int(os.environ.get("MODELWRIGHT_STREAM_BYTES", STREAM_BYTES))


def mapped(identity: str, batches: Callable[[], Iterable[pa.RecordBatch]]) -> pa.Table:
    """The memory-mapped table of the blocks; when the cache holds it already, `batches` is not called.

    Without a usable cache the table is in memory. `identity` names the content.
    """
    key = hashlib.blake2b(f"{VERSION} {identity}".encode(), digest_size=16).hexdigest()

    def make(folder: Path) -> None:
        blocks = iter(batches())
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
    return pa.Table.from_batches(list(batches()))


def _counted(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Give freed memory back to the system now and then: the allocator would keep it."""
    for count, batch in enumerate(batches):
        yield batch
        if count % 16 == 15:
            pa.default_memory_pool().release_unused()
