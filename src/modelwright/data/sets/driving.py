"""Autonomous driving."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from .. import _csv, _images
from .._files import File
from .._stored import Stored
from ..named import Named, Parsed

TRACK = (
    Stored(
        "driving/sim_track/driving_log.csv",
        "9d5745ddca93088992f9816e30123cf44c5ba9792bab1a88606ccaa403283680",
        244356,
    ),
    Stored(
        "driving/sim_track/images_center_160x80.zip",
        "b7a815371f7927fd961e757bd811bb3121f6e11c8dbd04c29b474892ccf6d76b",
        19564180,
    ),
)
# means of steering over the frames around, for targets beside it: column -> the Gaussian's standard deviation in frames
SMOOTHED = {"steering_near": 3, "steering_wide": 8}


def _track(paths: list[Path]) -> Parsed:
    table = _csv.read(File(paths[0]), {})[0]
    steering = table.column("steering").to_numpy().astype(float)
    for name, spread in SMOOTHED.items():
        table = table.append_column(name, pa.array(_smooth(steering, spread)))
    return _images.with_bytes(table, "image", _images.archive(paths[1])), None


def _smooth(values: np.ndarray, spread: int) -> np.ndarray:
    """The mean over the frames around each, weighed by a Gaussian that ends after three standard deviations."""
    away = np.arange(-3 * spread, 3 * spread + 1)
    weights = np.exp(-0.5 * (away / spread) ** 2)
    return np.convolve(values, weights, "same") / np.convolve(np.ones(len(values)), weights, "same")


SETS = (
    Named(
        "sim_track",
        "4,053 frames of a camera on a simulated track, in the order of the drive",
        ("steering", "throttle", "speed"),
        _track,
        TRACK,
        ("Neighbouring frames are nearly alike: split by time, `column: frame`, never at random.",),
        {name: {"kind": "drop"} for name in ("frame", "reverse_or_brake", *SMOOTHED)},
    ),
)
