"""A few pictures in the order in which they were taken, as one picture of more channels."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from . import _parsing, _pixels
from ._pictures import ENDINGS, Pictures, Side

BETWEEN = "|"
MOST = 256


class Frames(Pictures):
    """The last pictures of a camera, oldest first: a list of what an image may be, or paths with | between them. Where a row
    has fewer than others, its first one stands for those before it.

    Input: uint8 (N, H, W, frames x C), the channels of the oldest first; encoders read it as an image.

    Options:
      frames: pictures of a row, its last ones; 0 takes as many as most rows in training have
      size: height and width (one number: a square); by default the most frequent size in training, at most 64 on \
its longer side
      mode: grey is one channel, rgb three; auto is grey where the training pictures have no colour
    """

    fitted = (*Pictures.fitted, "count")
    examples: ClassVar[list[Any]] = [None, [[[7, 9]] * 2], *([[[shade, 9]] * 2] * 2 for shade in range(6))]

    def __init__(
        self,
        name: str,
        target: bool = False,
        *,
        frames: Annotated[int, Field(ge=0, le=MOST)] = 0,
        size: Side | tuple[Side, Side] | None = None,
        mode: Literal["auto", "grey", "rgb"] = "auto",
    ) -> None:
        super().__init__(name, target, size=size, mode=mode)
        self.frames = self.count = frames
        self._counts: Counter[int] = Counter()

    @classmethod
    def recognises(cls, values: pa.ChunkedArray, name: str) -> str:
        """Why cells look like frames: the first hundred are lists of names or bytes of pictures, or such names with | between."""
        first = values.slice(0, 100)
        if _parsing.is_text(first.type):
            several = _all_named(first.to_pylist(), several=True)
            return f"names of image files with {BETWEEN} between them" if several else ""
        if not _parsing.is_list(first.type):
            return ""
        cells = _taken_apart(first)[0]
        if _parsing.is_text(cells.type):
            return "lists of names of image files" if _all_named(cells.to_pylist()) else ""
        found = cells.drop_null().to_pylist() if _parsing.is_binary(cells.type) else []
        return "lists of encoded images" if found and all(map(_pixels.shape_of, found)) else ""

    def fit(self, values: pa.Array) -> None:
        pictures, _, counts = _taken_apart(values)
        self._counts.update(counts[counts > 0].tolist())
        super().fit(pictures)

    def merge(self, other: Pictures) -> None:
        assert isinstance(other, Frames)
        self._counts.update(other._counts)
        super().merge(other)

    def finish(self) -> None:
        super().finish()
        self.count = self.frames or max(self._counts, key=lambda count: (self._counts[count], count), default=1)

    def encode(self, values: pa.Array) -> np.ndarray:
        pictures, starts, counts = _taken_apart(values)
        ends = starts + counts
        place = np.maximum(ends[:, None] - np.arange(self.count, 0, -1), starts[:, None])
        cells = pictures.take(pa.array(place.ravel(), mask=np.repeat(counts == 0, self.count)))
        shown = super().encode(cells).reshape(len(starts), self.count, self.height, self.width, self.channels)
        return np.moveaxis(shown, 1, 3).reshape(*shown.shape[:1], self.height, self.width, self.count * self.channels)

    def sizes(self) -> dict[str, Any]:
        """As of an image, with the `channels` of all frames."""
        found = super().sizes()
        return found | {name: found[name] * self.count for name in ("channels", "mean", "deviation")}


def _taken_apart(values: pa.Array | pa.ChunkedArray) -> tuple[pa.Array, np.ndarray, np.ndarray]:
    """All pictures in a row, and (N,) where each cell's begin and how many they are."""
    values = _parsing.flat(values)
    if not _parsing.is_list(values.type):
        values = pc.split_pattern(_parsing.strings(values), BETWEEN)
    pictures, offsets, present = _parsing.lists(values)
    return pictures, offsets[:-1], np.where(present, np.diff(offsets), 0)


def _all_named(cells: list[str | None], several: bool = False) -> bool:
    """Whether all that is there names image files, `several` in some cell."""
    found = [cell.lower() for cell in cells if cell]
    parts = [part.strip() for cell in found for part in cell.split(BETWEEN)]
    return bool(found) and (len(parts) > len(found) or not several) and all(part.endswith(ENDINGS) for part in parts)
