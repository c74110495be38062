"""Rows of a target that are scored apart, through the public door."""

import numpy as np
import pyarrow as pa
import pytest

import modelwright as mw
from modelwright.columns._slices import chosen
from modelwright.errors import RecipeError

X = np.random.default_rng(0).normal(size=200).round(2)
Y = np.where(np.abs(X) < 0.7, 0.0, X)


def recipe(**slices):
    return {
        "data": pa.table({"x": X, "y": Y}),
        "target": "y",
        "columns": {"y": {"kind": "number", "slices": slices}},
        "train": {"epochs": 2, "seed": 0},
        "baselines": ["majority"],
    }


def test_slices_are_scored_apart_for_the_model_and_the_baselines(tmp_path):
    run = mw.train(recipe(turning="!= 0", right="> 7e-1"), out=str(tmp_path / "run"))
    found, mean = run.metrics["test"]["y"], run.metrics["baselines"]["majority"]["y"]
    assert 0 < found["right_rows"] < found["turning_rows"] < found["rows"]
    low, high = found["turning_rmse_interval"]
    assert low < found["turning_rmse"] < high
    still = (found["rmse"] ** 2 * found["rows"] - found["turning_rmse"] ** 2 * found["turning_rows"]) / (
        found["rows"] - found["turning_rows"]
    )
    assert still >= 0, "the slice and the rest make the whole"
    assert mean["turning_rmse"] > mean["rmse"] and mean["turning_rows"] == found["turning_rows"]
    again = mw.evaluate(mw.Run.load(run.path), recipe()["data"]).data["test"]["y"]
    assert again["turning_rows"] == int((Y != 0).sum()) and again["right_rows"] == int((Y > 0.7).sum())
    page = (run.path / "report.html").read_text()
    assert "Apart: y" in page and "RMSE where y != 0" in page


def test_conditions():
    values = np.array([-1.0, 0.0, 2.5, np.nan])
    for condition, expected in {"!=0": [1, 0, 1, 0], "== 0": [0, 1, 0, 0], ">= 2.5": [0, 0, 1, 0], "<= -.5": [1, 0, 0, 0],
                                "< 2.5": [1, 1, 0, 0], " > -1e0 ": [0, 1, 1, 0]}.items():  # fmt: skip
        assert chosen(condition, values).tolist() == [bool(each) for each in expected], condition


@pytest.mark.parametrize("condition", ["0", "=! 0", "!= zero", "> 1 < 2", ""])
def test_what_is_no_condition(condition):
    with pytest.raises(RecipeError) as caught:
        mw.train(recipe(turning=condition))
    assert (
        f"columns.y.slices: expected a comparison with a number, such as != 0 or >= 2.5, given {condition!r}."
        in str(caught.value)
    )
