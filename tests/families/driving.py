"""Autonomous driving: several numbers from two pictures, frames in their order, rows balanced and mirrored."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

FAMILIES: dict[str, dict] = {
    "numbers from pictures": {
        "data": {"path": "rows.jsonl", "split": {"kind": "time", "column": "frame", "fractions": [0.6, 0.2, 0.2]}},
        "targets": {"steering": {}, "speed": {"weight": 0.2}},
        "columns": {
            "frame": {"kind": "drop"},
            "picture": {"kind": "frames"},
            "steering": {"kind": "number", "slices": {"turning": "!= 0"}},
            "speed": {"kind": "number"},
        },
        "model": {
            "encoders": {
                "picture": {
                    "kind": "ensemble",
                    "members": [{"kind": "cnn", "channels": [4], "shrink": [2], "norm": "none"}],
                    "width": 8,
                    "mirror": True,
                }
            }
        },
        "train": {
            "epochs": 1, "speed": "fixed", "threads": 1, "batch": 16,
            "augment": [{"kind": "mirror", "negate": ["steering"]}, "zoom", "brightness"],
        },
    },
}  # fmt: skip


def write(folder: Path) -> None:
    draw = np.random.default_rng(0)
    rows = []
    for frame in range(60):
        steering = float(draw.choice([0.0, 0.0, *draw.uniform(-1, 1, 2)]))
        pixels = draw.integers(0, 100, (8, 8), np.uint8)
        pixels[:, round(3.5 + 3 * steering)] = 255
        Image.fromarray(pixels).save(folder / f"{frame}.png")
        rows.append(
            {
                "frame": frame,
                "picture": [f"{max(frame - 1, 0)}.png", f"{frame}.png"],
                "steering": steering,
                "speed": 30 - 9 * abs(steering),
            }
        )
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
