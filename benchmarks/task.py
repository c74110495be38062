"""The tasks that all competitors solve alike: data, nets and training plans.

Imports NumPy only, so that no competitor pays for another's library.
"""

from __future__ import annotations

import gzip
import json
import os
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

TRAIN_ROWS, VALIDATION_ROWS, TEST_ROWS = 12_000, 500, 10_000
BATCH, LEARNING_RATE, EPOCHS = 32, 1e-3, 2  # the second epoch is timed
CHANNELS, KERNEL, SHRINK, DENSE, CLASSES = (32, 64, 64), 3, (2, 2, 1), 64, 10
STEPS, WIDTH, HIDDEN = int(os.environ.get("BENCH_STEPS", "2000")), 8, 16  # of the tiny net on a table
THREADS = int(os.environ.get("OMP_NUM_THREADS", "2"))


@dataclass(frozen=True)
class Digits:
    """Pictures uint8 (N, 28, 28) and labels uint8 (N,) of one part."""

    images: np.ndarray
    labels: np.ndarray

    def scaled(self, mean: float, deviation: float) -> np.ndarray:
        """float32 (N, 28, 28), standardised."""
        return (self.images.astype(np.float32) / 255 - mean) / deviation


def mnist() -> Path | None:
    """The folder of MNIST's files below $MODELWRIGHT_DATA, None where there is none."""
    folder = Path(os.environ.get("MODELWRIGHT_DATA", "nowhere")) / "vision" / "mnist"
    return folder if (folder / "train-images-idx3-ubyte.gz").exists() else None


def write(folder: Path, rows: int = TRAIN_ROWS) -> str:
    """Write the benchmark's data as idx files into `folder` and say where they come from."""
    source = mnist()
    if source is not None:
        images, labels = _idx(source / "train-images-idx3-ubyte.gz"), _idx(source / "train-labels-idx1-ubyte.gz")
        test = Digits(_idx(source / "t10k-images-idx3-ubyte.gz"), _idx(source / "t10k-labels-idx1-ubyte.gz"))
        about = f"the first {rows:,} images of MNIST"
    else:
        images, labels = _made(rows + VALIDATION_ROWS, seed=0)
        test = Digits(*_made(TEST_ROWS, seed=1))
        about = f"{rows:,} images of MNIST's shape made by code"
    folder.mkdir(parents=True, exist_ok=True)
    end = rows + VALIDATION_ROWS
    parts = {"train": (images[:rows], labels[:rows]), "validation": (images[rows:end], labels[rows:end])}
    for name, (pictures, numbers) in {**parts, "t10k": (test.images, test.labels)}.items():
        _write_idx(folder / f"{name}-images-idx3-ubyte", pictures)
        _write_idx(folder / f"{name}-labels-idx1-ubyte", numbers)
    return about


def read(folder: Path, name: str) -> Digits:
    """A part that `write` has written: train or t10k."""
    return Digits(_idx(folder / f"{name}-images-idx3-ubyte"), _idx(folder / f"{name}-labels-idx1-ubyte"))


def standardised(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training pictures float32 (N, 28, 28) and labels int64, test pictures and labels, scaled by the training part."""
    train, test = read(folder, "train"), read(folder, "t10k")
    mean, deviation = float(train.images.mean() / 255), float(train.images.std() / 255)
    both = [(part.scaled(mean, deviation), part.labels.astype(np.int64)) for part in (train, test)]
    return both[0] + both[1]


def answer(**values: Any) -> None:
    """Print a subject's result: one JSON object on the last line of stdout."""
    print(json.dumps(values), file=sys.__stdout__, flush=True)


class Stopwatch:
    """Seconds between `start` and `stop`."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock, self.began, self.seconds = clock, 0.0, 0.0

    def start(self) -> None:
        """Begin."""
        self.began = self.clock()

    def stop(self) -> None:
        """Keep the time since the beginning."""
        self.seconds = self.clock() - self.began


def _idx(path: Path) -> np.ndarray:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    shape = struct.unpack(f">{raw[3]}I", raw[4 : 4 + 4 * raw[3]])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def _write_idx(path: Path, values: np.ndarray) -> None:
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    path.write_bytes(header + np.ascontiguousarray(values, np.uint8).tobytes())


def _made(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Ten fixed blobs of strokes, shifted and blurred by noise: learnable, and as large as MNIST's pictures."""
    shapes = np.random.default_rng(7).random((CLASSES, 7, 7)) > 0.6
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, rows)
    pictures = np.kron(shapes[labels], np.ones((1, 3, 3))) * random.uniform(120, 255, (rows, 1, 1))
    canvas = random.normal(0, 40, (rows, 28, 28))
    for row, (down, right) in enumerate(random.integers(0, 8, (rows, 2))):
        canvas[row, down : down + 21, right : right + 21] += pictures[row]
    return canvas.clip(0, 255).astype(np.uint8), labels.astype(np.uint8)
