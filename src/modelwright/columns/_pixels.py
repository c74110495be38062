"""Image cells of any sort -> uint8 pixels. Pillow is imported where a file is opened. Knows no column."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from . import _parsing

Cell = str | bytes | np.ndarray | None
CHANNELS = (1, 3, 4)
# how pixels lie, in EXIF's numbers: as they are shown; otherwise; of these, with height and width exchanged
UPRIGHT, TURNED, SIDEWAYS = 1, range(2, 9), range(5, 9)
_GREY = np.array([299, 587, 114]) / 1000  # ITU-R 601, what Pillow uses


@dataclass(frozen=True)
class Target:
    """What every picture is brought to; `low` and `high` are the values that become 0 and 255 (arrays only)."""

    height: int
    width: int
    channels: int
    low: float = 0.0
    high: float = 255.0


def dense(values: pa.Array, size: tuple[int, int] | None) -> tuple[np.ndarray, np.ndarray] | None:
    """Cells that are all arrays of one shape -> (N, H, W, C) in their own type, without a copy where Arrow allows,
    and (N,) which are not null (rows of null cells are undefined). None when they are files or differ in shape.

    A flat list is a picture of the given size, or a square one."""
    present = values.is_valid().to_numpy(zero_copy_only=False)
    count, shape = len(values), tuple(getattr(values.type, "shape", ()))
    if isinstance(values.type, pa.BaseExtensionType):
        values = values.storage
    if not _parsing.is_list(values.type) or count == 0:
        return None
    widths: list[int] = []
    while _parsing.is_list(values.type):
        if pa.types.is_fixed_size_list(values.type):
            width = values.type.list_size
            values = values.values.slice(values.offset * width, len(values) * width)
        else:
            items, offsets, here = _parsing.lists(values)
            width = int(offsets[-1]) // max(int(here.sum()), 1)
            if not here.all() or (np.diff(offsets) != width).any():
                return None
            values = items
        widths.append(width)
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        return None
    if values.null_count:
        values = values.fill_null(0)
    found = _square(shape or tuple(widths), size)
    return None if found is None else (_channels_last(values.to_numpy().reshape(count, *found)), present)


def _square(shape: tuple[int, ...], size: tuple[int, int] | None) -> tuple[int, ...] | None:
    """The picture's shape of a flat list; None when there is none."""
    if len(shape) in (2, 3):
        return shape if min(shape) > 0 else None
    if len(shape) != 1 or not shape[0]:
        return None
    height, width = size or (math.isqrt(shape[0]),) * 2
    channels, rest = divmod(shape[0], height * width)
    return (height, width, channels) if not rest and channels in CHANNELS else None


def _channels_last(pictures: np.ndarray) -> np.ndarray:
    """(N, H, W), (N, C, H, W) or (N, H, W, C) -> (N, H, W, C)."""
    if pictures.ndim == 3:
        return pictures[..., None]
    if pictures.shape[-1] not in CHANNELS and pictures.shape[1] in CHANNELS:
        return np.moveaxis(pictures, 1, -1)
    return pictures


def cells(values: pa.Array) -> list[Cell]:
    """Paths, bytes, structs of both, or arrays of any shape, one object a cell; None where missing."""
    if isinstance(values.type, pa.BaseExtensionType) or _parsing.is_list(values.type):
        leaf = values = _parsing.flat(values)
        while _parsing.is_list(leaf.type):
            leaf = leaf.flatten()
        kind = np.uint8 if leaf.type == pa.uint8() else np.float64
        return [None if cell is None else _array(cell, kind) for cell in values.to_pylist()]
    values = _parsing.flat(values)
    if pa.types.is_struct(values.type):
        return [_of_struct(cell) for cell in values.to_pylist()]
    if _parsing.is_binary(values.type):
        return values.to_pylist()
    return _parsing.strings(values).to_pylist()


def _of_struct(cell: dict | None) -> Cell:
    found = (cell or {}).get("bytes") or (cell or {}).get("path")
    return found if isinstance(found, (str, bytes)) else None


def _array(cell: list, kind: type) -> np.ndarray:
    """A nested list as (H, W, C); an empty array when it is no picture, which `load` refuses."""
    try:
        picture: np.ndarray = np.array(cell, kind)
    except (ValueError, TypeError):
        return np.zeros((0, 0, 1))
    shape = _square(picture.shape, None)
    return np.zeros((0, 0, 1)) if shape is None else _channels_last(picture.reshape(1, *shape))[0]


def shape_of(cell: Cell) -> tuple[int, int] | None:
    """(height, width) of a cell, from a file's header; None when it cannot be read."""
    if isinstance(cell, np.ndarray):
        return (cell.shape[0], cell.shape[1]) if cell.size else None
    if cell is None:
        return None
    from PIL import Image

    try:
        with Image.open(io.BytesIO(cell) if isinstance(cell, bytes) else cell) as picture:
            height, width = picture.height, picture.width
            return (width, height) if _lies(picture) in SIDEWAYS else (height, width)
    except Exception:  # Pillow's readers raise many kinds of errors on broken files; all mean "not readable"
        return None


def fitted(pictures: np.ndarray, target: Target) -> np.ndarray:
    """(N, H, W, C) of any type -> (N, H, W, target.channels) uint8, no copy where nothing has to change."""
    if pictures.dtype != np.uint8 or (target.low, target.high) != (0.0, 255.0):
        span = (target.high - target.low) or 1.0
        scaled = (np.nan_to_num(pictures.astype(np.float32)) - target.low) * (255 / span)
        pictures = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    if pictures.shape[-1] == 4:
        pictures = pictures[..., :3]
    if pictures.shape[-1] == target.channels:
        return pictures
    if target.channels == 1:
        return np.rint(pictures @ _GREY)[..., None].astype(np.uint8)
    return np.repeat(pictures, 3, axis=-1)


def load(cell: Cell, target: Target) -> np.ndarray:
    """One cell -> (H, W, C) uint8, stretched to the target's size. Raises whatever the reader raises."""
    from PIL import Image, ImageOps

    wanted = (target.width, target.height)
    if isinstance(cell, np.ndarray):
        if not cell.size:
            raise ValueError("not an array of pixels")
        pixels = fitted(cell[None], target)[0]
        if pixels.shape[:2] == (target.height, target.width):
            return pixels
        picture = Image.fromarray(pixels[..., 0] if target.channels == 1 else pixels)
        return _pixels(picture.resize(wanted, Image.Resampling.BILINEAR), target)
    assert cell is not None
    with Image.open(io.BytesIO(cell) if isinstance(cell, bytes) else cell) as opened:
        mode = "L" if target.channels == 1 else "RGB"
        lies = _lies(opened)
        # a large JPEG is read small, many times faster
        opened.draft(mode, wanted[::-1] if lies in SIDEWAYS else wanted)
        picture = opened if lies == UPRIGHT else ImageOps.exif_transpose(opened)
        if opened.mode[0] in "IF":  # 16 bits and more: Pillow would cut them off at 255
            picture = Image.fromarray(_eight_bits(np.asarray(picture), opened.mode))
        if picture.mode != mode:
            picture = picture.convert(mode)
        if picture.size != wanted:
            picture = picture.resize(wanted, Image.Resampling.BILINEAR, reducing_gap=2.0)
        return _pixels(picture, target)


def _lies(picture: Any) -> int:
    """How an opened picture lies (EXIF's tag 274): cameras write down how they were held and leave the pixels as they were."""
    said = picture.getexif().get(274) if "exif" in picture.info else UPRIGHT
    return said if said in TURNED else UPRIGHT


def _eight_bits(pixels: np.ndarray, mode: str) -> np.ndarray:
    """Grey of more than 8 bits as uint8. Files of 32 bits do not say what is white: it is the smallest usual value that no pixel exceeds."""
    if mode.startswith("I;16"):
        return (pixels >> 8).astype(np.uint8)
    usual = (1.0, 255.0, 65535.0) if mode == "F" else (65535.0, 2.0**31)
    finite = np.nan_to_num(pixels.astype(np.float64), posinf=0.0, neginf=0.0)
    white = next((each for each in usual if finite.max() <= each), usual[-1])
    return np.clip(finite * (255.999 / white), 0, 255).astype(np.uint8)


def _pixels(picture, target: Target) -> np.ndarray:
    return np.asarray(picture, np.uint8).reshape(target.height, target.width, target.channels)


def load_all(found: Sequence[Cell], target: Target, first: int = 0, each: int = 1) -> tuple[np.ndarray, dict[int, str]]:
    """Cells -> (N, H, W, C) uint8, zeros where missing or unreadable, and why, by row. Files are read in threads.

    first: how many cells were before these. each: cells of one row."""
    out = np.zeros((len(found), target.height, target.width, target.channels), np.uint8)
    unreadable: dict[int, str] = {}

    def one(i: int) -> None:
        cell = found[i]
        if cell is None:
            return
        try:
            out[i] = load(cell, target)
        except Exception as error:  # see shape_of; a broken picture must not end a run
            name = f"'{cell}'" if isinstance(cell, str) else "its data"
            why = getattr(error, "strerror", None) or error or type(error).__name__
            why = "it is no picture" if "BytesIO" in str(why) else why
            unreadable[i] = f"row {(first + i) // each}, {name}: {why}"

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        list(pool.map(one, range(len(found)), chunksize=64))
    return out, unreadable
