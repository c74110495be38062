"""Costs of wrong decisions: from the recipe into the table of thresholds."""

from __future__ import annotations

import json

import pytest

import modelwright as mw
from modelwright.errors import RecipeError

RECIPE = {"data": "breast_cancer", "baselines": False, "train": {"epochs": 2, "threads": 1, "speed": "fixed"}}


def test_the_report_chooses_a_threshold_by_cost(tmp_path):
    recipe = {**RECIPE, "targets": {"diagnosis": {"costs": [[0, 1], [5, 0]]}}}
    run = mw.train(recipe, out=str(tmp_path / "run"), report=False)
    blocks = json.loads((run.path / "reports" / "train.json").read_text("utf-8"))["blocks"]
    tables = [block for block in blocks if "mean cost" in block.get("columns", []) and block["title"] != "Leaderboard"]
    assert len(tables) == 1 and all(row[-1] >= 0 for row in tables[0]["rows"])


@pytest.mark.parametrize(
    "costs, message",
    [
        ([[0, 1]], "costs are a row of numbers for each true class"),
        ([[0, 1, 1], [1, 0, 1], [1, 1, 0]], "costs of 3 classes do not fit a category of 2 classes"),
    ],
)
def test_costs_that_do_not_fit(costs, message):
    with pytest.raises(RecipeError, match=message):
        mw.check({**RECIPE, "targets": {"diagnosis": {"costs": costs}}})
