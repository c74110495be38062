"""Early exit: who leaves, that a saved model predicts the same, and whom it refuses."""

from __future__ import annotations

import json

import pytest
import torch

import modelwright as mw
from modelwright import Run, parts
from modelwright.compression._work import Work
from modelwright.errors import RunError, UserError

from ..test_verb_family_matrix import FAMILIES, QUICK, call, write_data

QUICKLY = {"epochs": 4, "batch": 32, "speed": "fixed", "threads": 1}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    recipe = {"data": "digits", "train": QUICKLY, "baselines": False}
    return mw.train(recipe, out=str(tmp_path_factory.mktemp("exit") / "run"))


def exiting(run: Run, **options: object) -> Work:
    work = Work(run)
    parts.build("compression", {"kind": "early_exit", "epochs": 3, **options}).apply(work)
    return work


def probabilities(model, batch) -> torch.Tensor:
    with torch.inference_mode():
        return model.predict(batch)["label"]["probabilities"]


def test_rows_leave_and_the_score_is_kept(run):
    work = exiting(run, loss=0.02)
    assert work.score()["accuracy"] >= Work(run).score()["accuracy"] - 0.02
    shares = {row[0]: row[1] for row in work.blocks[0].rows}
    assert list(shares) == ["after block 1", "after block 2", "at the end"]
    assert sum(shares.values()) == pytest.approx(1) and shares["at the end"] < 0.9


def test_each_row_gets_its_own_prediction_in_its_own_place(run):
    work = exiting(run, threshold=0.6)
    batch = work.calibration(64, 64)[0]
    together = probabilities(work.model, batch)
    alone = torch.cat(
        [probabilities(work.model, {key: value[n : n + 1] for key, value in batch.items()}) for n in range(64)]
    )
    assert torch.allclose(together, alone, atol=1e-5)


def test_nobody_leaves_where_no_probability_is_high_enough(run):
    work = exiting(run, threshold=1.5)
    batch = work.calibration(64, 64)[0]
    assert torch.allclose(probabilities(work.model, batch), probabilities(run.model, batch), atol=1e-6)
    assert "at the end" in work.blocks[0].rows[-1] and work.blocks[0].rows[-1][1] == 1


def test_the_trunk_stays_as_it_was(run):
    before, after = run.model.state_dict(), exiting(run).model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert any(name.startswith("exits.") for name in after)


def test_exits_survive_saving_and_int8(run, tmp_path):
    made = mw.compress(str(run.path), "early_exit", "threshold=0.7", "int8", out=str(tmp_path / "small"))
    again = Run.load(made.path)
    batch = Work(run).calibration(64, 64)[0]
    assert torch.equal(probabilities(again.model, batch), probabilities(made.model, batch))
    assert again.model.exits.threshold == 0.7
    assert any(block.title == "Early exit" for block in made.report().blocks if hasattr(block, "title"))
    with pytest.raises(UserError, match="exits already"):
        mw.compress(str(made.path), "early_exit", out=str(tmp_path / "again"))


def test_exits_are_not_left_behind(run, tmp_path):
    with pytest.raises(RunError, match="left behind"):
        mw.compress(str(run.path), "early_exit", "threshold=0.9", "prune", out=str(tmp_path / "small"))


@pytest.mark.parametrize(
    "family", ["cnn on text", "transformer on text", "transformer on a table", "boolean", "number", "rnn"]
)
def test_texts_and_tables_leave_too_or_are_refused(family, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    write_data(tmp_path)
    recipe = json.loads(json.dumps({"data": "rows.jsonl", "train": QUICK, "baselines": False, **FAMILIES[family]}))
    if family == "cnn on text":
        recipe["model"]["encoders"]["note"]["channels"] = [8, 8]
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    assert call(["train", "recipe.yaml", "--out", "run"]) == 0
    words = ["compress", "run", "early_exit", "threshold=0.3", "--out", "small", "--no-timing"]
    if family in ("boolean", "number", "rnn"):
        with pytest.raises(RunError, match=r"^run: this needs a model that predicts one class"):
            mw.compress("run", "early_exit", out="small")
        assert call(words) == 2
        return
    assert call(words) == 0 and call(["predict", "small", "rows.jsonl", "--probabilities"]) == 0
