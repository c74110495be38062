"""Runs that are killed, interrupted or fail go on to the same weights, byte for byte."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import modelwright as mw
from modelwright import files, fitting, results, training
from modelwright.errors import RunError, TrainingError
from modelwright.run import hold, read_status

TRAIN = {"epochs": 4, "speed": "fixed", "threads": 1, "checkpoint_seconds": 0, "batch": 32, "early_stop": 3}
ENCODERS = {"table": {"kind": "mlp", "hidden": [16], "dropout": 0.3}}
RECIPE = {"data": "iris", "model": {"encoders": ENCODERS}, "train": TRAIN, "baselines": ["majority"]}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The weights of the run that nobody disturbs."""
    out = tmp_path_factory.mktemp("whole") / "run"
    mw.train(RECIPE, out=str(out), report=False)
    return (out / "model.safetensors").read_bytes()


def die(*_args, **_kwargs):
    os.kill(os.getpid(), signal.SIGKILL)


def at_step(number: int):
    return lambda event: die() if event.step == number and event.record is None else None


def killed(out: Path, on_step=None, patch=(), recipe=RECIPE, resume=False) -> None:
    """Train in a child that is killed with signal 9: at a step, or where a function named by `patch` is called."""
    child = os.fork()
    if child == 0:
        try:
            for place, name in patch:
                setattr(place, name, die)
            if resume:
                mw.train(resume=str(out), on_step=on_step, report=False)
            else:
                mw.train(recipe, out=str(out), on_step=on_step, report=False)
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL, "the child was not killed where it should be"


MOMENTS = {
    "before the data are read": {"patch": [(results, "open_rows")]},
    "before the first checkpoint": {"on_step": at_step(1)},
    "within an epoch": {"on_step": at_step(7)},
    "at the end of an epoch": {"on_step": lambda event: die() if event.record and event.step == 8 else None},
    "before the last checkpoint": {"patch": [(fitting.Session, "finish")]},
    "before the weights are written": {"patch": [(results.Run, "save")]},
    "during the baselines": {"patch": [(results.baselines, "run")]},
    "before it says that it is finished": {"patch": [(training.shutil, "rmtree")]},
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_resumes_to_the_same_bytes(moment, tmp_path, whole, capfd):
    out = tmp_path / "run"
    killed(out, **MOMENTS[moment])
    assert read_status(out).state == ("finished" if "finished" in moment else "killed")
    run = mw.train(resume=str(out), report=False)
    assert (out / "model.safetensors").read_bytes() == whole
    assert read_status(out).state == "finished"
    assert run.metrics["test"]["species"]["accuracy"] is not None


def test_killed_while_a_file_is_written(tmp_path, whole, monkeypatch):
    """The file of the checkpoint before is still there, whole."""
    out, replace = tmp_path / "run", os.replace
    count = iter(range(1000))
    monkeypatch.setattr(files.os, "replace", lambda a, b: die() if next(count) == 23 else replace(a, b))
    killed(out)
    monkeypatch.undo()
    mw.train(resume=str(out), report=False)
    assert (out / "model.safetensors").read_bytes() == whole


def test_killed_again_and_again(tmp_path, whole):
    out = tmp_path / "run"
    killed(out, at_step(2))
    for step in (3, 6, 11):
        killed(out, at_step(step), resume=True)
    mw.train(resume=str(out), report=False)
    assert (out / "model.safetensors").read_bytes() == whole
    epochs = [json.loads(line)["epoch"] for line in (out / "history.jsonl").read_text().splitlines()]
    assert epochs == list(range(1, len(epochs) + 1))
