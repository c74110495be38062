"""The introductory CNN as a recipe; the second argument is train.precision: fp32, or auto for all defaults."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import task

import modelwright


class Timer:
    """Collects the moments after each step of the last epoch."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    def __call__(self, event: Any) -> None:
        """Take note of one step or epoch."""
        if event.record is None and event.epoch == task.EPOCHS - 1:
            self.moments.append(time.perf_counter())

    def rate(self) -> float:
        """Images a second between the first and the last moment."""
        return (len(self.moments) - 1) * task.BATCH / (self.moments[-1] - self.moments[0])


def recipe(folder: Path, precision: str, seed: int) -> dict[str, Any]:
    """The net and the plan of `task`."""
    picture = {"kind": "cnn", "channels": list(task.CHANNELS), "kernel": task.KERNEL, "shrink": list(task.SHRINK)}
    picture |= {"padding": "valid", "norm": "none", "activation": "relu", "pool": "flatten"}
    plan = {"epochs": task.EPOCHS, "batch": task.BATCH, "lr": task.LEARNING_RATE, "threads": task.THREADS}
    plan |= {
        "optimizer": "adam",
        "weight_decay": 0,
        "schedule": "constant",
        "early_stop": 0,
        "precision": precision,
        "seed": seed,
    }
    return {
        "data": str(folder),
        "target": "label",
        "model": {"encoders": {"image": picture}, "fuse": {"kind": "concat", "hidden": [task.DENSE]}},
        "train": plan,
        "baselines": False,
    }


def main(folder: Path, precision: str, seed: int) -> None:
    """Train, time the last epoch, answer."""
    timer = Timer()
    with tempfile.TemporaryDirectory() as out:
        run = modelwright.train(
            recipe(folder, precision, seed), out=str(Path(out) / "run"), report=False, on_step=timer
        )
        chosen = {key: getattr(run.recipe.train, key) for key in ("precision", "channels_last", "compile")}
    task.answer(rate=timer.rate(), accuracy=run.metrics["test"]["label"]["accuracy"], chosen=chosen)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
