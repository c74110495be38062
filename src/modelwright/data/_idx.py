"""idx files, the format of MNIST: `...-images-idx3-ubyte` with `...-labels-idx1-ubyte` beside it."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..errors import DataError
from . import _files, _frames

TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
PARTS = {"train": 0, "validation": 1, "valid": 1, "val": 1, "t10k": 2, "test": 2}


def array(file: _files.File) -> np.ndarray:
    """The array of one idx file. Raises DataError when its header and length disagree."""
    where = str(file.path)
    with file.open() as stream:
        raw = stream.read()
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in TYPES:
        raise DataError("this is not an idx file.", where=where)
    rank, kind = raw[3], np.dtype(TYPES[raw[2]])
    start = 4 + 4 * rank
    shape = struct.unpack(f">{rank}I", raw[4:start]) if len(raw) >= start else ()
    expected = start + math.prod(shape) * kind.itemsize
    if len(raw) != expected or not shape:
        raise DataError(f"the header promises {expected} bytes of {shape}, found {len(raw)}.", where=where)
    return np.frombuffer(raw, kind, offset=start).reshape(shape).astype(kind.newbyteorder("="), copy=False)


def table(images: Path) -> pa.Table:
    """Pictures and, if their file lies beside, labels: columns `image` and `label`."""
    pictures = array(_files.find(images))
    if pictures.ndim < 3 or not pictures.size:
        raise DataError(f"an array of the shape {pictures.shape} holds no images.", where=str(images))
    columns = {"image": _frames.tensors(pictures)}
    labels = images.with_name(images.name.replace("images", "labels").replace("idx3", "idx1"))
    if labels != images and labels.exists():
        values = array(_files.find(labels))
        if len(values) != len(pictures):
            raise DataError(f"{len(values)} labels for {len(pictures)} images.", where=str(labels))
        columns["label"] = pa.array(values)
    return pa.table(columns)


def folder(path: Path) -> dict[int, list[Path]]:
    """Part (0 train, 1 validation, 2 test) -> the image files of a folder of idx files; empty when there are none."""
    found: dict[int, list[Path]] = {}
    for file in sorted(path.glob("*images*idx3*")):
        part = next((part for word, part in PARTS.items() if file.name.startswith(word)), 0)
        found.setdefault(part, []).append(file)
    return found
