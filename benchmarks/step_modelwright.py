"""The tiny net of `step_torch` through the public door, milliseconds a step; the argument is the batch size."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import task

import modelwright

TRAIN_SHARE = 0.8  # of the default split


class Timer:
    """Collects the moments after each step of the second epoch."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    def __call__(self, event: Any) -> None:
        """Take note of one step or epoch."""
        if event.record is None and event.epoch == 1:
            self.moments.append(time.perf_counter())

    def milliseconds(self) -> float:
        """The mean of the steps between the first and the last moment."""
        return 1000 * (self.moments[-1] - self.moments[0]) / (len(self.moments) - 1)


def main(batch: int) -> None:
    """Train two epochs of about STEPS steps, time the second, answer."""
    rows = round(task.STEPS * batch / TRAIN_SHARE)
    values = np.random.default_rng(0).normal(size=(rows, task.WIDTH)).astype(np.float32)
    columns: dict[str, np.ndarray] = {f"x{number}": values[:, number] for number in range(task.WIDTH)}
    columns["y"] = np.where(values.sum(1) > 0, "more", "less")
    plan = {"epochs": 2, "batch": batch, "lr": task.LEARNING_RATE, "threads": task.THREADS}
    plan |= {"optimizer": "adam", "weight_decay": 0, "schedule": "constant", "early_stop": 0, "precision": "fp32"}
    net = {"kind": "mlp", "hidden": [task.HIDDEN], "dropout": 0, "numbers": "none", "ensemble": 1}
    recipe = {
        "data": columns,
        "target": "y",
        "columns": {"y": {"kind": "category"}},
        "model": {"encoders": {"table": net}},
        "train": plan,
        "baselines": False,
    }
    timer = Timer()
    with tempfile.TemporaryDirectory() as out:
        modelwright.train(recipe, out=str(Path(out) / "run"), report=False, on_step=timer)
    task.answer(milliseconds=timer.milliseconds())


if __name__ == "__main__":
    main(int(sys.argv[1]))
