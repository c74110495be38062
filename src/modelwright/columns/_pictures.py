"""What columns of pictures share: files, encoded bytes or arrays of pixels, brought to one size."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from . import _parsing, _pixels
from ._column import Column
from ._statistics import Sample

SAMPLED = 1024
LARGEST = 64  # pixels of the longer side, when the size is chosen here
Side = Annotated[int, Field(ge=1, le=4096)]
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


class Pictures(Column):
    """`count` pictures of a row, each a path, encoded bytes, a struct {bytes, path}, a tensor or nested list of pixels.

    Input: uint8 (N, H, W, C). `size`: height and width, or None; `mode`: auto, grey or rgb.
    """

    group = None
    source = "image"
    fitted: tuple[str, ...] = ("height", "width", "channels", "low", "high", "mean", "deviation")

    def __init__(
        self,
        name: str,
        target: bool = False,
        *,
        size: Side | tuple[Side, Side] | None = None,
        mode: Literal["auto", "grey", "rgb"] = "auto",
    ) -> None:
        super().__init__(name, target)
        self.size, self.mode = size, mode
        self.height, self.width, self.channels = 1, 1, 1
        self.low, self.high = 0.0, 255.0
        self.mean: list[float] = [0.0]
        self.deviation: list[float] = [1.0]
        self.count = 1  # pictures of a row
        self.unusable = ""  # why no picture of the training rows can be used
        self._seen, self._unread, self._first = 0, 0, ""  # pictures encoded, how many could not be read, the first
        self._cells = Sample(SAMPLED)
        self._bytes_only = True  # no array of another type than uint8 was seen
        self._lowest, self._highest = np.inf, -np.inf

    @property
    def _wanted(self) -> tuple[int, int] | None:
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    def fit(self, values: pa.Array) -> None:
        values = _one_array(values)
        index, priority = self._cells.chosen(len(values))
        found = _pixels.dense(values, self._wanted)
        chosen = np.empty(len(index), object)
        if found is not None:
            pictures, present = found
            chosen[:] = [np.array(pictures[i]) if present[i] else None for i in index]
            self._see(pictures[present])
        else:
            chosen[:] = _pixels.cells(values.take(pa.array(index)))
            for cell in chosen:
                if isinstance(cell, np.ndarray) and cell.size:
                    self._see(cell)
        keep = np.array([cell is not None for cell in chosen], bool)
        self._cells.join(chosen[keep], priority[keep])

    def _see(self, pixels: np.ndarray) -> None:
        """The range of arrays that are not uint8."""
        if pixels.dtype == np.uint8 or not pixels.size:
            return
        finite = pixels[np.isfinite(pixels)]
        if finite.size:
            self._bytes_only = False
            self._lowest = min(self._lowest, float(finite.min()))
            self._highest = max(self._highest, float(finite.max()))

    def merge(self, other: Pictures) -> None:
        self._cells.merge(other._cells)
        self._bytes_only &= other._bytes_only
        self._lowest, self._highest = min(self._lowest, other._lowest), max(self._highest, other._highest)

    def finish(self) -> None:
        self.refuse_target("an image cannot be a target yet.")
        cells = list(self._cells.values)
        self._cells = Sample(SAMPLED)
        self.height, self.width = self._wanted or _usual(cells)
        if not self._bytes_only:
            self.low, self.high = _range(self._lowest, self._highest)
        self.channels = 1 if self.mode == "grey" else 3
        pictures, unreadable = _pixels.load_all(cells, self._target())
        if len(unreadable) == len(cells):
            first = f"none of {len(cells)} can be read; the first: {unreadable[0]}" if cells else "there is none"
            self.unusable = f"the column holds no pictures: {first}."
        readable = np.array([i not in unreadable for i in range(len(cells))], bool)
        pictures = pictures[readable]
        if self.mode == "auto" and (pictures == pictures[..., :1]).all():
            self.channels, pictures = 1, pictures[..., :1]
        if not len(pictures):
            self.mean, self.deviation = [0.0] * self.channels, [1.0] * self.channels
            return
        parts = pictures.reshape(-1, self.channels) / 255
        self.mean = parts.mean(0).tolist()
        self.deviation = [float(spread) or 1.0 for spread in parts.std(0)]

    def _target(self) -> _pixels.Target:
        return _pixels.Target(self.height, self.width, self.channels, self.low, self.high)

    def encode(self, values: pa.Array) -> np.ndarray:
        values = _one_array(values)
        found = _pixels.dense(values, self._wanted)
        if found is not None and found[0].shape[1:3] == (self.height, self.width):
            pictures, present = found
            pictures = _pixels.fitted(pictures, self._target())
            if present.all():
                return pictures
            return np.where(present[:, None, None, None], pictures, np.uint8(0))
        cells: list[_pixels.Cell]
        if found is not None:
            cells = [picture if here else None for picture, here in zip(*found)]
        else:
            cells = _pixels.cells(values)
        pictures, unreadable = _pixels.load_all(cells, self._target(), self._seen, self.count)
        if unreadable:
            self._first = self._first or unreadable[min(unreadable)]
        self._seen, self._unread = self._seen + len(cells), self._unread + len(unreadable)
        if self._unread:  # one problem, however many chunks there are
            count = f"{self._unread} of {self._seen} images cannot be read and count as black"
            self.problems[:] = [f"{self.where}: {count}; the first: {self._first}"]
        return pictures

    def sizes(self) -> dict[str, Any]:
        """`height`, `width`, `channels`; `mean` and `deviation` of each channel in 0..1."""
        return {name: getattr(self, name) for name in ("height", "width", "channels", "mean", "deviation")}


def _one_array(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Chunks joined; tensors keep their type, which holds their shape."""
    if not isinstance(values.type, pa.BaseExtensionType):
        return _parsing.flat(values)
    if not isinstance(values, pa.ChunkedArray):
        return values
    found = values.combine_chunks()
    return pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found


def _usual(cells: list[_pixels.Cell]) -> tuple[int, int]:
    """The most frequent (height, width), shrunk in proportion to at most LARGEST; (1, 1) without pictures."""
    shapes = Counter(shape for shape in map(_pixels.shape_of, cells) if shape)
    if not shapes:
        return 1, 1
    height, width = max(shapes, key=lambda shape: (shapes[shape], shape))
    shrink = min(1.0, LARGEST / max(height, width))
    return max(1, round(height * shrink)), max(1, round(width * shrink))


def _range(low: float, high: float) -> tuple[float, float]:
    """The values that become black and white: 0..1 and 0..255 where the numbers look so, else their own range."""
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    if low >= 0 and 16 < high <= 255:
        return 0.0, 255.0
    return min(low, 0.0), high if high > low else low + 1
