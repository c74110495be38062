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
from modelwright import files, fitting, provenance, training
from modelwright.errors import RunError, TrainingError
from modelwright.status import hold, read_status
from modelwright.tasks import assembled

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
    "before the data are read": {"patch": [(assembled, "open_rows")]},
    "before the first checkpoint": {"on_step": at_step(1)},
    "within an epoch": {"on_step": at_step(7)},
    "at the end of an epoch": {"on_step": lambda event: die() if event.record and event.step == 8 else None},
    "before the last checkpoint": {"patch": [(fitting.Session, "finish")]},
    "before the weights are written": {"patch": [(assembled.Run, "save")]},
    "during the baselines": {"patch": [(assembled.baselines, "run")]},
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


def test_a_named_data_set_is_not_a_folder_that_lies_where_one_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        mw.train(
            {"data": "iris", "target": "species", "train": TRAIN}, out=str(out), on_step=interrupt, baselines=False
        )
    (tmp_path / "iris").mkdir()
    (tmp_path / "iris" / "notes.json").write_text("{}")
    run = mw.train(resume=str(out), report=False)
    assert mw.evaluate(str(out)).data["rows"] == run.metrics["rows"]["test"]


def interrupt(event) -> None:
    if event.step == 3:
        raise KeyboardInterrupt


def start(out: Path, *options: str) -> subprocess.Popen:
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "modelwright.cli", "train", *options, "--out", str(out), "--no-report"]
    environment = {**os.environ, "PYTHONPATH": str(Path(mw.__file__).parents[1])}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


SHELL = [
    "iris",
    "train.epochs=3000",
    "train.early_stop=0",
    "train.speed=fixed",
    "train.threads=1",
    "train.batch=32",
    "train.checkpoint_seconds=0",
    "model.encoders.table.kind=mlp",
    "model.encoders.table.hidden=[16]",
]


def test_ctrl_c_saves_and_the_run_resumes(tmp_path):
    out = tmp_path / "run"
    process = start(out, *SHELL, "--no-baselines")
    wait_for((out / "checkpoints" / "last.safetensors").exists)
    time.sleep(random.random() / 2)
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert printed == ""
    assert f"What was trained is saved; continue with: modelwright train --resume {out}" in said
    status = read_status(out)
    assert (status.state, "--resume" in status.message) == ("interrupted", True)
    with pytest.raises(RunError, match=r"the run is interrupted; it has no trained model yet.*--resume"):
        mw.Run.load(out)
    assert listed(tmp_path) == {str(out): "interrupted"}
    steps = [json.loads(line)["step"] for line in (out / "history.jsonl").read_text().splitlines()]
    assert steps


def listed(folder: Path) -> dict[str, str]:
    return {entry["run"]: entry["status"] for entry in mw.list_runs(str(folder)).data["runs"]}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_ctrl_c_in_the_middle_of_a_step_waits_for_its_end(tmp_path, whole, monkeypatch, capfd):
    """The signal comes between the gradient and the optimiser's step: what is saved is a whole step all the same."""
    from modelwright import loop

    out, gradients, calls = tmp_path / "run", loop.batch_gradients, iter(range(100))

    def interrupted(*given):
        found = gradients(*given)
        if next(calls) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return found

    monkeypatch.setattr(loop, "batch_gradients", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"What was trained is saved"):
        mw.train(RECIPE, out=str(out), report=False)
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert "stopping after this step" in capfd.readouterr().err
    assert read_status(out).state == "interrupted"
    monkeypatch.chdir(tmp_path)
    mw.train(resume=str(out), report=False)
    assert (out / "model.safetensors").read_bytes() == whole


def test_a_run_that_is_being_trained_is_refused(tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    with hold(out):
        (out / "resolved.yaml").write_text("data: iris\ntarget: species\n")
        (out / "status").write_text(json.dumps({"state": "running", "pid": 1, "host": "elsewhere"}))
        assert read_status(out).state == "running"
        with pytest.raises(RunError, match=r"is being trained right now by another process"):
            mw.train(resume=str(out))
    assert read_status(out).state == "killed"


def test_a_finished_run_is_given_back_as_it_is(tmp_path, capsys):
    from modelwright.cli import main

    out = tmp_path / "run"
    mw.train(RECIPE, out=str(out), report=False)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.name != "provenance.jsonl"}
    with pytest.raises(SystemExit) as exit:
        main(["train", "--resume", str(out)])
    assert exit.value.code == 0
    assert "already finished" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert [line["verb"] for line in provenance.read(out)] == ["train", "train"]


def test_a_failed_run_says_why_and_goes_on(tmp_path, whole, monkeypatch):
    out = tmp_path / "run"

    def fail(event):
        if event.step == 6:
            raise TrainingError("the lights went out.")

    with pytest.raises(TrainingError):
        mw.train(RECIPE, out=str(out), on_step=fail, report=False)
    entry = mw.list_runs(str(tmp_path)).data["runs"][0]
    assert (entry["status"], entry["note"]) == ("failed", "the lights went out.")
    mw.train(resume=str(out), report=False)
    assert (out / "model.safetensors").read_bytes() == whole


def test_a_truncated_checkpoint_is_passed_over(tmp_path, whole, capfd):
    out = tmp_path / "run"
    killed(out, at_step(9))
    last = out / "checkpoints" / "last.safetensors"
    last.write_bytes(last.read_bytes()[:100])
    mw.train(resume=str(out), report=False)
    assert "is damaged" in capfd.readouterr().err
    assert (out / "model.safetensors").read_bytes() == whole


def test_data_in_memory_cannot_be_resumed(tmp_path):
    out = tmp_path / "run"
    rows = {"x": [random.random() for _ in range(60)], "y": ["a", "b"] * 30}
    killed(out, at_step(2), recipe={"data": rows, "target": "y", "train": TRAIN})
    with pytest.raises(RunError, match=r"the data lived in the memory of another process"):
        mw.train(resume=str(out))


def test_killed_folds_go_on_with_the_next_one(tmp_path):
    recipe = {**RECIPE, "data": {"path": "iris", "split": {"kind": "folds", "folds": 3}}}
    whole, out = tmp_path / "whole", tmp_path / "run"
    undisturbed = mw.train(recipe, out=str(whole), report=False)
    child = os.fork()
    if child == 0:
        measured, count = assembled.measure_part, iter(range(10))
        assembled.measure_part = lambda *given: die() if next(count) == 2 else measured(*given)
        try:
            mw.train(recipe, out=str(out), report=False)
        finally:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    kept = {path.name: path.stat().st_mtime_ns for path in (out / "folds").iterdir()}
    assert set(kept) == {"0.json", "1.json"}
    killed(out, at_step(5), resume=True)
    resumed = mw.train(resume=str(out), report=False)
    assert {name: (out / "folds" / name).stat().st_mtime_ns for name in kept} == kept
    assert (out / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert resumed.metrics["test"] == undisturbed.metrics["test"]
    assert (out / "out_of_fold.json").read_bytes() == (whole / "out_of_fold.json").read_bytes()


@pytest.mark.parametrize("given", ["nothing", "a file", "an empty folder", "no resolved.yaml", "damaged"])
def test_what_cannot_be_resumed_is_said(tmp_path, given):
    out = tmp_path / "run"
    if given == "a file":
        out.write_text("")
    elif given != "nothing":
        out.mkdir()
    if given == "no resolved.yaml":
        (out / "status").write_text('{"state": "running"}')
    if given == "damaged":
        (out / "resolved.yaml").write_text("data: [")
    expected = {
        "nothing": "there is no such run folder",
        "a file": "there is no such run folder",
        "an empty folder": "is not a run folder",
        "no resolved.yaml": "the run is killed, and resolved.yaml is missing.*Train the recipe again",
        "damaged": "resolved.yaml: the file is damaged",
    }
    with pytest.raises(RunError, match=expected[given]):
        mw.train(resume=str(out))
