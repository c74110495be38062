"""Autonomous driving."""

from __future__ import annotations

from pathlib import Path

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


def _track(paths: list[Path]) -> Parsed:
    table = _csv.read(File(paths[0]), {})[0]
    return _images.with_bytes(table, "image", _images.archive(paths[1])), None


SETS = (
    Named(
        "sim_track",
        "4,053 frames of a camera on a simulated track, in the order of the drive",
        ("steering", "throttle", "speed"),
        _track,
        TRACK,
        ("Neighbouring frames are nearly alike: split by time, `column: frame`, never at random.",),
        {"frame": {"kind": "drop"}, "reverse_or_brake": {"kind": "drop"}},
    ),
)
