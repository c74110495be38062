"""The tiny net of `step_torch` through the public door, milliseconds a step; the argument is the batch size."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import task

import modelwright


def main(batch: int) -> None:
    """Train two epochs of task.STEPS steps, time the second without its ends, answer."""
    watch = task.Stopwatch()

    def listen(event: Any) -> None:
        if event.record is None and event.step == task.STEPS + 1:
            watch.start()
        elif event.record is None and event.step == 2 * task.STEPS - 1:
            watch.stop()

    rows = task.STEPS * batch + 200
    values = np.random.default_rng(0).normal(size=(rows, task.WIDTH)).astype(np.float32)
    columns = {f"x{number}": values[:, number] for number in range(task.WIDTH)}
    columns["part"] = np.array(["train"] * (rows - 200) + ["validation"] * 100 + ["test"] * 100)
    columns["y"] = np.where(values.sum(1) > 0, "more", "less")
    plan = {"epochs": 2, "batch": batch, "lr": task.LEARNING_RATE, "threads": task.THREADS, "speed": "fixed"}
    plan |= {"optimizer": "adam", "weight_decay": 0, "schedule": "constant", "early_stop": 0}
    net = {"kind": "mlp", "hidden": [task.HIDDEN], "dropout": 0, "numbers": "none", "ensemble": 1}
    recipe = {
        "data": {"path": columns, "split": {"kind": "column", "column": "part"}},
        "target": "y",
        "columns": {"y": {"kind": "category"}, "part": {"kind": "drop"}},
        "model": {"encoders": {"table": net}},
        "train": plan,
        "baselines": False,
    }
    with tempfile.TemporaryDirectory() as out:
        modelwright.train(recipe, out=str(Path(out) / "run"), report=False, on_step=listen)
    task.answer(milliseconds=1000 * watch.seconds / (task.STEPS - 2))


if __name__ == "__main__":
    main(int(sys.argv[1]))
