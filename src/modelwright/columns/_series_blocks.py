"""What there is to say about forecasts of series: each channel, each step ahead, the interval, and some windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..report import Block, Curve, Table

MOST_CHANNELS = 30


def blocks(
    predicted: Mapping[str, Any], truth: np.ndarray, scores: Mapping[str, Any], examples: Any = None
) -> list[Block]:
    """Errors by channel and by step, and windows of the last channel. predicted: as `Series.comparable` gives it."""
    value, names = np.asarray(predicted["value"], np.float64), [str(name) for name in predicted["names"]]
    known = np.isfinite(truth)
    error = np.where(known, value - truth, 0.0)
    scaled = error / predicted["deviation"]
    count = known.sum((0, 1)).clip(1)
    columns = ["channel", "MSE", "MAE", "RMSE in its unit", "MAE in its unit"]
    lines = [
        (scaled**2).sum((0, 1)) / count,
        np.abs(scaled).sum((0, 1)) / count,
        np.sqrt((error**2).sum((0, 1)) / count),
        np.abs(error).sum((0, 1)) / count,
    ]
    if "low" in predicted:
        inside = known & (predicted["low"] <= truth) & (truth <= predicted["high"])
        columns.append("coverage")
        lines.append(inside.sum((0, 1)) / count)
    rows = [[name, *(float(line[place]) for line in lines)] for place, name in enumerate(names[:MOST_CHANNELS])]
    more = f" And {len(names) - MOST_CHANNELS} more channels." if len(names) > MOST_CHANNELS else ""
    note = f"MSE and MAE are of values divided by the channel's deviation in training.{more}"
    steps = list(map(float, range(1, value.shape[1] + 1)))
    by_step = (scaled**2).sum((0, 2)) / known.sum((0, 2)).clip(1)
    found: list[Block] = [
        Table("Errors by channel", columns, rows, note=note),
        Curve("Error by step ahead", "steps ahead", "MSE", {"model": (steps, by_step.tolist())}),
    ]
    if "low" in predicted:
        share = (inside.sum((0, 2)) / known.sum((0, 2)).clip(1)).tolist()
        found.append(Curve("Coverage by step ahead", "steps ahead", "share inside", {"interval": (steps, share)}))
    return found + _windows(predicted, truth, scaled, names, examples)


def _windows(
    predicted: Mapping[str, Any], truth: np.ndarray, scaled: np.ndarray, names: list[str], examples: Any
) -> list[Block]:
    """Forecasts beside what came, of the last channel."""
    if not len(truth):
        return []
    chosen = {
        "first window": 0,
        "middle window": len(truth) // 2,
        "worst window": int((scaled**2).sum((1, 2)).argmax()),
    }
    steps, found = list(map(float, range(1, truth.shape[1] + 1))), list[Block]()
    times = examples[0].column("time") if examples is not None and "time" in examples[0].column_names else None
    for title, row in chosen.items():
        lines = {"true": truth[row, :, -1], "forecast": predicted["value"][row, :, -1]}
        lines |= {end: predicted[end][row, :, -1] for end in ("low", "high") if end in predicted}
        drawn: Any = {
            name: (steps, [float(v) if np.isfinite(v) else None for v in line]) for name, line in lines.items()
        }
        begins = f" from {times[int(examples[1][row])].as_py()}" if times is not None else ""
        name = f"{names[-1]}, {title}{begins}"
        found.append(Curve(name, "steps ahead", names[-1], drawn, dashed=[e for e in ("low", "high") if e in lines]))
    return found
