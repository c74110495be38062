"""What encoded arrays are cached by: the content of a table and the state of its columns."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa

from .. import columns as _columns
from . import _images

VERSION = 2  # raise when the same columns would give other arrays


class _Digest:
    """A file to Arrow's writer; the bytes only go into a hash."""

    closed = False

    def __init__(self, state: Any) -> None:
        self._state = state

    def write(self, data: Any) -> int:
        self._state.update(data)
        return len(data)

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def writable(self) -> bool:
        return True


def content(table: pa.Table, columns: Mapping[str, Any], own: Collection[str] = ()) -> str:
    """What identifies the arrays: cells, fitted columns, and for paths of pictures the files' sizes and times."""
    state = hashlib.blake2b(digest_size=16)
    dumped = json.dumps(_columns.dump(dict(columns)), sort_keys=True, default=str)
    state.update(json.dumps([VERSION, sorted(own), list(columns)]).encode() + dumped.encode())
    with pa.ipc.new_stream(pa.PythonFile(_Digest(state), "w"), table.schema) as writer:
        writer.write_table(table)
    for name in _images.path_columns(table):
        for file in (file for cell in table.column(name).to_pylist() for file in _images.named(cell)):
            try:
                status = os.stat(file)
                state.update(f"{status.st_size} {status.st_mtime_ns}".encode())
            except OSError:
                state.update(b"absent")
    return state.hexdigest()
