"""Recommendation: ratings of users and items, and what comes next in a history, by steps and by two towers."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

ITEMS = [f"i{number}" for number in range(12)]
RATINGS = {"target": "rating", "data": "ratings.csv", "columns": {"user": "category", "item": "category"}}
HISTORY: dict[str, Any] = {"data": {"interactions": "actions.csv", "time": "time"}}
SMALL = {"kind": "transformer", "causal": True, "width": 8, "heads": 2, "layers": 1}


def next_items(encoder: dict, head: dict, each: str = "user") -> dict[str, Any]:
    data = {**HISTORY["data"], "each": each}
    return {"data": data, "model": {"encoders": {"history": encoder}, "heads": {"next": head}}}


FAMILIES: dict[str, dict] = {
    "factorization": {**RATINGS, "model": {"encoders": {"table": {"kind": "factorization", "width": 4}}}},
    "next items": next_items(SMALL, {"kind": "rank"}),
    "next items by a gru": next_items(
        {"kind": "rnn", "cell": "gru", "hidden": 8}, {"kind": "rank", "tied": False, "negatives": 5}
    ),
    "two towers": next_items(
        {"kind": "bag", "longest": 1, "width": 8}, {"kind": "two_tower", "size": 8, "softmax": "drawn"}, "action"
    ),
}
UNABLE = {("generate", family): "a model that writes text" for family in FAMILIES}
ROWS = {family: "ratings.jsonl" if family == "factorization" else "histories.jsonl" for family in FAMILIES}


def write(folder: Path) -> None:
    """Forty users, each with some items one after the other, and a rating of each."""
    draw, actions, histories = random.Random(0), list[str](), list[dict]()
    ratings = []
    for user in range(40):
        start = draw.randrange(len(ITEMS))
        taken = [ITEMS[(start + step) % len(ITEMS)] for step in range(draw.randint(2, 9))]
        for time, item in enumerate(taken):
            actions.append(f"u{user},{item},{1000 * time + user}")
            ratings.append({"user": f"u{user}", "item": item, "rating": draw.randint(1, 10) / 2})
        histories.append({"user": f"u{user}", "history": taken[:-1], "next": taken[1:]})
    draw.shuffle(actions)
    (folder / "actions.csv").write_text("\n".join(["user,item,time", *actions]))
    lines = [",".join(map(str, row.values())) for row in ratings]
    (folder / "ratings.csv").write_text("\n".join(["user,item,rating", *lines]))
    for name, rows in (("histories", histories), ("ratings", ratings)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
