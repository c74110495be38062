"""The budget: how it is read, what each layer bears, and that the search keeps its word on rows it may see."""

from __future__ import annotations

import pytest

import modelwright as mw
from modelwright import Run
from modelwright.compression import _budget, _sensitivity
from modelwright.compression._work import Work
from modelwright.errors import UserError

QUICKLY = {"epochs": 4, "batch": 32, "speed": "fixed", "threads": 1}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    recipe = {"data": "digits", "train": QUICKLY, "baselines": False}
    return mw.train(recipe, out=str(tmp_path_factory.mktemp("budget") / "run"))


def test_a_budget_is_read():
    assert _budget.read("accuracy -1pt, size /8") == [_budget.Limit("accuracy", 0.01), _budget.Limit("size", 8)]
    assert _budget.read("perplexity +5%") == [_budget.Limit("perplexity", 0.05, relative=True)]
    assert _budget.read("kind accuracy -0.5 points,latency/2") == [
        _budget.Limit("kind accuracy", 0.005), _budget.Limit("latency", 2)
    ]  # fmt: skip
    assert _budget.read("rmse +0.1") == [_budget.Limit("rmse", 0.1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("small", "cannot be read"),
        ("accuracy -", "cannot be read"),
        ("accuracy /2", "a score loses a little"),
        ("size -2", "divided by more than 1"),
        ("size /0.5", "divided by more than 1"),
        ("accuracy +1pt", "better when larger"),
        ("perplexity -5%", "better when smaller"),
    ],
)
def test_mistakes_in_a_budget_are_named(text, message):
    with pytest.raises(UserError, match=message):
        _budget.read(text)


def test_an_unknown_score_is_named(run, tmp_path):
    with pytest.raises(UserError, match=r"there is no 'acuracy'\. Did you mean 'accuracy'"):
        mw.compress(str(run.path), budget="acuracy -1pt", out=str(tmp_path / "small"))
    assert list(tmp_path.iterdir()) == []


def test_each_layer_is_changed_alone_and_put_back(run):
    work = Work(run)
    before = {name: value.clone() for name, value in work.model.state_dict().items()}
    found = _sensitivity.measure(work)
    assert all(value.equal(before[name]) for name, value in work.model.state_dict().items())
    assert len(found.weights) == 4 and all(len(losses) == len(_sensitivity.SHARES) for losses in found.pruned.values())
    assert max(losses[0.97] for losses in found.pruned.values()) > 0.1  # some layer cannot bear it
    assert max(losses["int8"] for losses in found.rounded.values()) < 0.02
    bearable = found.bearable(0.05)
    assert all(found.pruned[name][share] <= 0.05 for name, share in bearable.items())
    assert [block.title for block in found.blocks()] == ["Sensitivity", "Sensitivity"]


def test_the_smallest_model_within_the_budget_is_found(run, tmp_path):
    made = mw.compress(str(run.path), budget="accuracy -3pt, size /5", out=str(tmp_path / "small"), timing=False)
    assert (made.path / "model.safetensors").stat().st_size < (run.path / "model.safetensors").stat().st_size / 5
    assert made.metrics["validation"]["label"]["accuracy"] >= run.metrics["validation"]["label"]["accuracy"] - 0.03
    table = next(
        block
        for block in made.report().blocks + Run.load(made.path).report().blocks
        if getattr(block, "title", "") == "Candidates"
    )
    chosen = [row for row in table.rows if row[-1] == "chosen"]
    assert len(chosen) == 1 and chosen[0][-2] == max(row[-2] for row in table.rows if row[-1] in ("yes", "chosen"))


def test_where_only_size_counts_the_best_of_the_small_is_taken(run):
    trial, _, _ = _budget.Search(Work(run), _budget.read("size /3.5")).run()
    assert trial.fits and trial.smaller >= 3.5
    assert trial.scores["accuracy"] >= Work(run).score()["accuracy"] - 0.01
