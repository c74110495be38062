"""Autonomous driving."""

from __future__ import annotations

from pathlib import Path

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
    from scipy.ndimage import gaussian_filter1d

    table = _csv.read(File(paths[0]), {})[0]
    steering = table.column("steering").to_numpy().astype(float)
    for name, spread in SMOOTHED.items():
        smooth = gaussian_filter1d(steering, spread, truncate=3.0, mode="nearest")
        table = table.append_column(name, pa.array(smooth))
    names = table.column("image").to_pylist()
    table = table.append_column("frames", pa.array([list(pair) for pair in zip(names[:1] + names, names)]))
    files = _images.archive(paths[1])
    return _images.with_bytes(_images.with_bytes(table, "image", files), "frames", files), None


SETS = (
    Named(
        "sim_track",
        "4,053 frames of a camera on a simulated track, in the order of the drive",
        ("steering", "throttle", "speed"),
        _track,
        TRACK,
        ("Neighbouring frames are nearly alike: split by time, `column: frame`, never at random.",),
        {name: {"kind": "drop"} for name in ("frame", "frames", "reverse_or_brake", *SMOOTHED)},
    ),
)
