"""Families of the field of finance: forecasts of series, series as inputs, intervals."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

STEPS = 90


def write(folder: Path) -> None:
    """A file of steps, a file of forecast windows made of the same, and a table with series in its cells."""
    draw = random.Random(0)
    steps, rows = [], []
    for step in range(STEPS):
        day, volume = f"2024-{1 + step // 28:02d}-{1 + step % 28:02d}", 5 + draw.random()
        price = (
            None if step >= STEPS - 4 else 10 + math.sin(step / 3) + draw.random() / 5
        )  # of the last only volume is known
        steps.append({"day": day, "price": price, "volume": volume})
    (folder / "steps.jsonl").write_text("".join(json.dumps(step) + "\n" for step in steps))
    for _ in range(60):
        kind = draw.choice(["a", "b"])
        signal = [[draw.random() + (kind == "a") * place / 4, draw.random()] for place in range(8)]
        rows.append({"signal": signal, "age": draw.randint(18, 80) + 0.5, "kind": kind, "spend": draw.uniform(1, 99)})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def forecast(encoder: dict, column: dict | None = None, head: dict | None = None, **data: object) -> dict:
    reader = {"series": "steps.jsonl", "window": 12, "horizon": 4, "time": "day", "gaps": "ignore", **data}
    columns = {"columns": {"future": column}} if column else {}
    heads = {"heads": {"future": head}} if head else {}
    return {"data": reader, "target": "future", "model": {"encoders": {"history": encoder}, **heads}, **columns}


def table(target: str, kind: dict, *inputs: str, **model: object) -> dict:
    kinds = {"signal": "series", "age": "number", "kind": "category", "spend": "number"}
    columns = {name: {"kind": own if name in (target, *inputs) else "drop"} for name, own in kinds.items()}
    return {"target": target, "columns": columns | {target: kind}, "model": model}


FAMILIES: dict[str, dict] = {
    "linear forecast": forecast({"kind": "linear"}),
    "decomposed linear forecast with an interval": forecast(
        {"kind": "linear", "trend": 3, "level": "none"}, {"interval": 0.8}, {"quantiles": True}
    ),
    "patch transformer": forecast({"kind": "patches", "patch": 4, "stride": 2, "width": 8, "heads": 2, "layers": 1}),
    "forecast that reads a calendar": forecast({"kind": "linear"}, calendar=True, targets=["price"], known=["volume"]),
    "lstm on a series": table(
        "kind", {"kind": "category"}, "signal", encoders={"signal": {"kind": "rnn", "hidden": 8}}
    ),
    "cnn on a series": table(
        "kind", {"kind": "category"}, "signal", encoders={"signal": {"kind": "cnn", "channels": [4]}}
    ),
    "number with an interval": table("spend", {"kind": "number", "interval": 0.8}, "age"),
}
FORECASTS = [family for family in FAMILIES if "forecast" in family or family == "patch transformer"]
ROWS = dict.fromkeys(FORECASTS, "steps.jsonl")
UNABLE: dict[tuple[str, str], str] = {("generate", family): "a model that writes text" for family in FAMILIES} | {
    ("compress: structured", family): "a model that has layers to narrow" for family in FAMILIES if "linear" in family
}
