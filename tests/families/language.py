"""Natural language: requests, some of which belong to none of the classes."""

from __future__ import annotations

import json
import random
from pathlib import Path

FAMILIES: dict[str, dict] = {
    "class outside": {
        "target": "intent",
        "columns": {"text": {"kind": "text"}, "intent": {"kind": "category", "outside": "other"}},
        "model": {"encoders": {"text": {"kind": "bag", "buckets": 50, "once": True}}},
    },
}


def write(folder: Path) -> None:
    draw = random.Random(0)
    words = {
        "light": ["lamp", "on", "off"],
        "music": ["play", "song", "loud"],
        "other": ["why", "when", "lamp", "song"],
    }
    rows = []
    for intent in ["light", "music", "other"] * 25:
        rows.append({"text": " ".join(draw.choices(words[intent], k=draw.randint(2, 5))), "intent": intent})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
