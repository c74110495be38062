from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from modelwright import columns
from modelwright.columns import Windows
from modelwright.columns._intervals import margin
from modelwright.columns.series import Series

CELLS = [[[1.0, 10.0], [2.0, 20.0]], [[3.0, 30.0], [4.0, 40.0]]]


@pytest.mark.parametrize(
    "cells",
    [
        pa.array(CELLS),
        pa.array(["[[1, 10], [2, 20]]", "[[3, 30], [4, 40]]"]),
        pa.array(["1 10 2 20", "3;30;4;40"]),
        pa.ListViewArray.from_arrays([0, 2], [2, 2], pa.array([s for cell in CELLS for s in cell])),
    ],
    ids=["lists", "json", "text", "views"],
)
def test_every_spelling_is_standardised_alike(cells):
    column = Series("s", names=("a", "b"))
    column.fit(cells)
    column.finish()
    out = column.encode(cells)[:]
    values = np.array(CELLS)
    assert np.allclose(out, (values - values.mean((0, 1))) / values.std((0, 1)))


def test_a_cell_of_another_length_is_missing_and_said():
    column = Series("s", True)
    column.fit(pa.array([[1.0, 2.0], [3.0, 5.0], [7.0]]))
    column.finish()
    out = column.encode(pa.array([[1.0], [1.0, 2.0], None]))[:]
    assert np.isnan(out[[0, 2]]).all() and np.isfinite(out[1]).all()
    assert "1 cells are not 2 steps" in column.problems[0]


def test_windows_read_as_an_array_does():
    found = Windows(np.arange(10.0)[:, None], np.array([0, 3, 7]), 3)
    assert found.shape == (3, 3, 1) and found[1].ravel().tolist() == [3, 4, 5]
    assert found[np.array([True, False, True])].shape == (2, 3, 1)
    both = Windows.concatenate([found, found])
    assert np.array_equal(both[:], np.concatenate([found[:], found[:]]))


def fitted(**options) -> Series:
    column = Series("future", True, **options)
    column.fit(pa.array(np.random.default_rng(0).normal(5, 2, (50, 3)).tolist()))
    column.finish()
    return column


def test_scores_are_of_standardised_values_and_in_the_unit_of_the_data():
    column = fitted(deviation=(4.0,))
    truth = np.array([[[1.0], [2.0], [np.nan]]])
    value = np.array([[[3.0], [2.0], [9.0]]])
    found = Series.scores({"value": value, **column.units}, truth)
    assert found["mse"] == pytest.approx((2 / 4) ** 2 / 2) and found["mae"] == pytest.approx(2 / 4 / 2)
    assert found["rmse"] == pytest.approx(np.sqrt(2)) and found["absolute_error"] == pytest.approx(1.0)


def test_the_interval_of_overlapping_windows_is_wide():
    errors = np.random.default_rng(0).normal(size=(400, 8, 1))
    low, high = Series.scores({"value": errors}, np.zeros_like(errors))["mse_interval"]
    independent = 1.96 * (errors**2).mean((1, 2)).std() / np.sqrt(400)
    assert (high - low) / 2 == pytest.approx(independent * np.sqrt(8), rel=0.01)


def test_an_interval_holds_its_share_of_new_rows():
    draw, column = np.random.default_rng(1), fitted(interval=0.8)
    noise = draw.normal(size=(2, 4000, 3, 1)) * np.array([1.0, 2.0, 4.0])[:, None]
    column.calibrate({"value": np.zeros((4000, 3, 1))}, noise[0])
    ends = column.comparable({"value": np.zeros((4000, 3, 1))})
    truth = column.truth(noise[1])
    inside = ((ends["low"] <= truth) & (truth <= ends["high"])).mean((0, 2))
    assert np.allclose(inside, 0.8, atol=0.03)
    width = (ends["high"] - ends["low"])[0].ravel()
    assert width[2] > 3 * width[0]
    restored = columns.load(json.loads(json.dumps(columns.dump({"future": column}))))["future"]
    assert np.allclose(restored.comparable({"value": np.zeros((1, 3, 1))})["high"], ends["high"][:1])


def test_a_margin_is_the_error_of_its_rank():
    errors = np.arange(1.0, 11)
    assert margin({"value": np.zeros(10)}, errors, 0.8) == 9.0  # the ceil(11 * 0.8)th
    assert margin({"value": np.zeros(10)}, errors, 0.99) == 10.0
    assert margin({"low": np.zeros(10), "high": np.full(10, 20.0)}, errors, 0.8) == -2.0  # too wide: drawn in


def test_baselines_repeat_what_was_last():
    column = fitted(season=2)
    history = Windows(np.arange(20.0)[:, None], np.arange(5), 6)
    found = column.baselines({"history": history}, None, np.array([0, 4]))
    told = {name: column.truth(each["value"])[..., 0].tolist() for name, each in found.items()}
    assert np.allclose(told["repeating the last value"], [[5] * 3, [9] * 3])
    assert np.allclose(told["repeating the last season"], [[4, 5, 4], [8, 9, 8]])
    assert np.allclose(told["the mean of the history"], [[2.5] * 3, [6.5] * 3])
