"""`train`: where runs go, what may be overridden, starting from another run, folds, time limits, trackers."""

from __future__ import annotations

import json

import pytest
import yaml

import modelwright as mw
from modelwright.errors import DataError, RecipeError, RunError, UserError

from .conftest import QUICK

SMALL = {"data": "churn.csv", "target": "churned", "train": QUICK, "baselines": False}


def test_runs_are_numbered(workplace):
    first, second = mw.train(SMALL, report=False), mw.train(SMALL, report=False)
    assert [str(run.path) for run in (first, second)] == ["runs/churn-1", "runs/churn-2"]
    one, two = ((workplace / run.path / "model.safetensors").read_bytes() for run in (first, second))
    assert one == two
    assert not (workplace / "runs" / "churn-1" / "report.html").exists()
    assert not (workplace / "runs" / "churn-1" / "checkpoints").exists()


def test_a_run_folder_holds_everything(run):
    names = {path.name for path in run.path.iterdir()}
    assert names == {
        "recipe.yaml", "resolved.yaml", "columns.json", "model.safetensors", "history.jsonl", "metrics.json",
        "environment.json", "status", "report.html", "reports", "card.md", "provenance.jsonl",
    }  # fmt: skip
    resolved = yaml.safe_load((run.path / "resolved.yaml").read_text())
    assert resolved["transforms"] == []
    assert resolved["train"]["optimizer"]["kind"] == "adamw"
    metrics = json.loads((run.path / "metrics.json").read_text())
    assert set(metrics["test"]) == {"churned", "spend"}
    low, high = metrics["test"]["churned"]["accuracy_interval"]
    assert low <= metrics["test"]["churned"]["accuracy"] <= high
    assert set(metrics["baselines"]) == {"majority", "tree"}
    assert set(metrics["baselines"]["tree"]) == {"churned", "spend"}
    assert metrics["seconds"]["train"] > 0


def test_a_folder_in_use_is_refused(workplace, run):
    with pytest.raises(RunError, match=r"the folder is not empty.*--resume"):
        mw.train(SMALL, out=str(run.path))
    (workplace / "mine").mkdir()
    (workplace / "mine" / "thesis.txt").write_text("do not touch")
    with pytest.raises(RunError, match=r"the folder is not empty. Choose another --out"):
        mw.train(SMALL, out="mine")
    assert (workplace / "mine" / "thesis.txt").read_text() == "do not touch"


def test_overrides_and_target(workplace):
    (workplace / "r.yaml").write_text("data: churn.csv\ntarget: churned\ntrain: {epochs: 50}\n")
    run = mw.train("r.yaml", "train.epochs=1", "train.lr=3e-4", "model.encoders.note=rnn", "train.optimizer.kind=sgd",
                   target="spend", baselines=False, report=False)  # fmt: skip
    assert run.recipe.train.lr == 3e-4
    assert run.recipe.train.optimizer["kind"] == "sgd"
    assert run.recipe.model.encoders["note"]["kind"] == "rnn"
    assert list(run.targets) == ["spend"]
    assert (workplace / run.path / "recipe.yaml").read_text() == (workplace / "r.yaml").read_text()
    with pytest.raises(RecipeError, match=r"command line: train.epoch: no such key. Did you mean 'epochs'"):
        mw.train("r.yaml", "train.epoch=1")
    with pytest.raises(UserError, match=r"'epochs' is not of the form key=value"):
        mw.train("r.yaml", "epochs")


def test_a_mistake_leaves_no_run_behind(workplace):
    with pytest.raises(RecipeError):
        mw.train({**SMALL, "target": "churnd"})
    (workplace / "one.csv").write_text("x,y\n" + "".join(f"{n}.5,same\n" for n in range(30)))
    with pytest.raises(DataError, match=r"one"):
        mw.train({"data": "one.csv", "target": "y"}, out="run")
    assert not (workplace / "run").exists()
    assert mw.list_runs().data["runs"] == []


def test_on_step_sees_every_step_and_epoch():
    events = []
    mw.train(SMALL, on_step=events.append, report=False)
    records = [event.record for event in events if event.record]
    assert [record["epoch"] for record in records] == [1, 2, 3]
    assert [event.step for event in events if not event.record] == list(range(1, records[-1]["step"]))


def test_a_time_limit_ends_training():
    recipe = {**SMALL, "train": {**QUICK, "epochs": 100_000, "early_stop": 0, "time_limit": "0.3s"}}
    run = mw.train(recipe, report=False)
    assert run.metrics["stopped"] == "the time limit was reached"
    assert run.metrics["seconds"]["train"] < 5


def test_tensorboard_files(workplace):
    run = mw.train(SMALL, track="tensorboard", report=False)
    assert list((workplace / run.path / "tensorboard").glob("events.out.tfevents.*"))
    with pytest.raises(UserError, match=r"'wandb' is not a tracker. Known: tensorboard"):
        mw.train(SMALL, track="wandb")


def test_starting_from_another_run(workplace):
    """The columns of the first run are kept, so that its weights mean the same; what the recipe leaves open is taken
    from there too."""
    run = mw.train(SMALL, out="first", report=False)
    lines = (workplace / "churn.csv").read_text("utf-8").splitlines()
    (workplace / "half.csv").write_text("\n".join([lines[0], *lines[60:]]) + "\n", "utf-8")
    recipe = {"data": "half.csv", "target": "churned", "train": {**QUICK, "lr": 1e-9, "weight_decay": 0.0}}
    second = mw.train(recipe, from_="first", baselines=False, report=False)
    for name, column in second.columns.items():
        if not column.target:
            assert column.state() == run.columns[name].state(), name
    assert second.recipe.model.encoders == run.recipe.model.encoders
    weights, before = second.model.state_dict(), run.model.state_dict()
    shared = [name for name in weights if name.startswith("encoders.")]
    assert shared and all(weights[name].allclose(before[name], atol=1e-5) for name in shared)
    with pytest.raises(RunError, match=r"none of its input columns is in these data"):
        mw.train({"data": "iris"}, from_=str(run.path))
    with pytest.raises(RunError, match=r"there is no such run folder"):
        mw.train(SMALL, from_="nowhere")


def test_folds(workplace):
    """Mean and deviation over the folds, every row predicted once, and a final model of all rows."""
    recipe = {**SMALL, "data": {"path": "churn.csv", "split": {"kind": "folds", "folds": 3}}, "baselines": ["majority"]}
    run = mw.train(recipe, out="run")
    scores = run.metrics["test"]["churned"]
    each = [fold["churned"]["accuracy"] for fold in run.metrics["folds"]]
    assert len(each) == 3
    assert scores["accuracy"] == pytest.approx(sum(each) / 3)
    assert scores["accuracy_sd"] >= 0
    assert scores["rows"] == 120
    assert run.metrics["rows"] == {"train": 108, "validation": 12, "test": 0}
    predicted = json.loads((workplace / "run" / "out_of_fold.json").read_text())["churned"]
    assert len(predicted) == 120 and set(predicted) <= {"yes", "no"}
    assert run.metrics["baselines"]["majority"]["churned"]["accuracy"] > 0.4
    assert mw.evaluate("run").data["test"] == run.metrics["test"]
    assert mw.Run.load("run").predict("churn.csv").num_rows == 120


def test_folds_may_take_an_official_test_part_too(workplace):
    """With `official: false` the rows of a source's own test part are folded like the others."""
    found = {}
    for official in (True, False):
        data = {"train": "churn.csv", "test": "churn.csv", "split": {"kind": "folds", "folds": 2, "official": official}}
        run = mw.train({**SMALL, "data": data}, report=False)
        found[official] = run.metrics["test"]["churned"]["rows"]
    assert found == {True: 120, False: 240}


def test_what_is_to_be_trained():
    with pytest.raises(UserError, match=r"what is to be trained"):
        mw.train()
    with pytest.raises(UserError, match=r"--resume takes no recipe"):
        mw.train("r.yaml", resume="run")
