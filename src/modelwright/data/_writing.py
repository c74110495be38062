"""Arrays that grow chunk by chunk, in memory or in `.npy` files; a file is never held in memory as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..columns import Ragged, Windows

MAPPED_BYTES = 64_000_000  # larger files are mapped, smaller ones read


class DenseWriter:
    """Rows of one shape: an array (rows, ...)."""

    def __init__(self, rows: int, path: Path | None) -> None:
        self._rows, self._path = rows, path
        self._array: np.ndarray | None = None
        self._done = 0

    def write(self, values: np.ndarray) -> None:
        """Append the rows of a chunk."""
        if self._array is None:
            shape = (self._rows, *values.shape[1:])
            if self._path is None:
                self._array = np.empty(shape, values.dtype)
            else:
                self._array = np.lib.format.open_memmap(self._path.with_suffix(".npy"), "w+", values.dtype, shape)
        self._array[self._done : self._done + len(values)] = values
        self._done += len(values)

    def finish(self) -> Any:
        """The array, or the entry that `opened` reads."""
        if self._path is None or self._array is None:
            return self._array
        self._array.flush()  # type: ignore[attr-defined]
        self._array = None
        return {"values": f"{self._path.name}.npy"}


class RaggedWriter:
    """Rows of different length: flat values and offsets."""

    def __init__(self, rows: int, path: Path | None) -> None:
        self._offsets = np.zeros(rows + 1, np.int64)
        self._path = path
        self._chunks: list[np.ndarray] = []
        self._file: BinaryIO | None = None
        self._dtype = np.dtype(np.int32)
        self._step: tuple[int, ...] = ()  # the shape of one of them
        self._done = 0

    def write(self, values: Ragged) -> None:
        """Append the rows of a chunk."""
        flat = np.ascontiguousarray(values.values[values.offsets[0] : values.offsets[-1]])
        last = self._offsets[self._done]
        self._offsets[self._done + 1 : self._done + 1 + len(values)] = last + values.offsets[1:] - values.offsets[0]
        self._done += len(values)
        self._dtype, self._step = flat.dtype, flat.shape[1:]
        if self._path is None:
            self._chunks.append(flat)
            return
        if self._file is None:
            self._file = open(self._path.with_suffix(".npy"), "wb")  # noqa: SIM115 - closed in finish
            self._header(0)
        flat.tofile(self._file)

    def _header(self, length: int) -> None:
        """NumPy pads the header so that it keeps its size when the first axis grows."""
        assert self._file is not None
        described = {"descr": self._dtype.str, "fortran_order": False, "shape": (length, *self._step)}
        np.lib.format.write_array_header_1_0(self._file, described)

    def finish(self) -> Any:
        """The Ragged, or the entry that `opened` reads."""
        if self._path is None:
            values = np.concatenate(self._chunks) if self._chunks else np.zeros(0, self._dtype)
            return Ragged(values, self._offsets)
        assert self._file is not None
        self._file.seek(0)
        self._header(int(self._offsets[-1]))
        self._file.close()
        offsets = self._path.with_name(f"{self._path.name}.offsets.npy")
        np.save(offsets, self._offsets)
        return {"values": f"{self._path.name}.npy", "offsets": offsets.name}


class WindowsWriter:
    """Rows that overlap: the long array that they are cut from, which is held in memory, and their places."""

    def __init__(self, rows: int, path: Path | None) -> None:
        self._path = path
        self._chunks: list[Windows] = []

    def write(self, values: Windows) -> None:
        """Append the rows of a chunk."""
        self._chunks.append(values)

    def finish(self) -> Any:
        """The Windows, or the entry that `opened` reads."""
        found = Windows.concatenate(self._chunks)
        if self._path is None:
            return found
        starts = self._path.with_name(f"{self._path.name}.starts.npy")
        np.save(self._path.with_suffix(".npy"), found.values)
        np.save(starts, found.starts)
        return {"values": f"{self._path.name}.npy", "starts": starts.name, "length": found.length}


def writer_of(values: Any) -> Any:
    """What writes encoded rows of this form."""
    return {Ragged: RaggedWriter, Windows: WindowsWriter}.get(type(values), DenseWriter)


def opened(folder: Path, entry: dict[str, Any]) -> np.ndarray | Ragged | Windows:
    """What a finished writer wrote: read when small, else mapped copy-on-write (tensors want writable memory)."""
    values = _array(folder / entry["values"])
    if "starts" in entry:
        return Windows(values, _array(folder / entry["starts"]), entry["length"])
    return Ragged(values, _array(folder / entry["offsets"])) if "offsets" in entry else values


def _array(path: Path) -> np.ndarray:
    is_large = path.stat().st_size > MAPPED_BYTES
    return np.load(path, mmap_mode="c" if is_large else None)
