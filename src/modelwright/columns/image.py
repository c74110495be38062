"""Images: files, encoded bytes or arrays of pixels, brought to one size."""

from __future__ import annotations

from typing import ClassVar

from ._pictures import ENDINGS, Pictures


class Image(Pictures):
    """A picture: a path, encoded bytes, a struct {bytes, path}, a tensor or nested list of pixels (H, W) or
    (H, W, C); C, H, W is understood too. A picture of a camera that was turned (EXIF) is shown upright.

    Input: uint8 (N, H, W, C). Pictures of another size are stretched. Missing and unreadable pictures are zeros,
    and are named in `problems`. Arrays that are not uint8 are mapped linearly from their range in training.

    Options:
      size: height and width (one number: a square); by default the most frequent size in training, at most 64 on \
its longer side
      mode: grey is one channel, rgb three; auto is grey where the training pictures have no colour
    """

    endings: ClassVar[tuple[str, ...]] = ENDINGS
