"""Forecast windows: which there are, what they hold, and what is said of times that are not as hoped for."""

from __future__ import annotations

import os
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

import modelwright as mw
from modelwright.data.encoding import encode, fit
from modelwright.data.reading import read
from modelwright.errors import DataError

STEPS = 60


def table(path, rows: dict[str, list]) -> str:
    lines = [",".join(rows), *(",".join("" if c is None else str(c) for c in row) for row in zip(*rows.values()))]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def days(count: int = STEPS) -> list[str]:
    return [str(date(2024, 1, 1) + timedelta(day)) for day in range(count)]


@pytest.fixture
def steps(tmp_path) -> str:
    return table(tmp_path / "steps.csv", {"day": days(), "a": list(range(STEPS)), "b": [s * 10 for s in range(STEPS)]})


def windows(path: str, **options):
    return read({"series": path, "window": 4, "horizon": 3, "time": "day", **options})


def test_a_row_is_a_history_and_what_comes_after_it(steps):
    rows = windows(steps)
    first = rows.table.slice(0, 1).to_pylist()[0]
    assert first["history"] == [[s, 10 * s] for s in range(4)]
    assert first["future"] == [[s, 10 * s] for s in range(4, 7)]
    assert str(first["time"]) == "2024-01-05 00:00:00" and str(first["until"]) == "2024-01-07 00:00:00"
    assert rows.targets == ("future",)


def test_every_future_lies_in_one_part_and_none_is_left_out(steps):
    rows = windows(steps)  # 42, 6 and 12 steps
    begin = np.array([row[0][0] for row in rows.table.column("future").to_pylist()])
    assert begin[rows.part == 0].tolist() == list(range(4, 42 - 2))
    assert begin[rows.part == 1].tolist() == list(range(42, 48 - 2))
    assert begin[rows.part == 2].tolist() == list(range(48, 60 - 2))


def test_borders_are_numbers_of_steps(steps):
    rows = windows(steps, parts=[20, 30, 40])
    assert np.bincount(rows.part).tolist() == [20 - 4 - 2, 8, 8]


def test_windows_are_views_of_one_array(steps):
    rows = windows(steps)
    history = rows.table.column("history").chunk(0)
    assert len(history.values) == STEPS and history.nbytes < STEPS * 8 * 8
    column = mw_column(rows, "history")
    encoded = encode(rows.table, {"history": column}, cache=False)
    values = encoded.windows["history"][0]
    assert len(values) <= STEPS and encoded.batch(np.array([0, 5]))["history"].shape == (2, 4, 2)
    cached = encode(rows.table, {"history": column})
    assert (cached.batch(np.arange(7))["history"] == encoded.batch(np.arange(7))["history"]).all()


def mw_column(rows, name: str, target: bool = False):
    from modelwright import columns

    column = columns.build(name, rows.columns[name], target)
    fit(rows.table, {name: column}, rows.part == 0)
    return column


def test_steps_that_windows_share_count_once_for_the_scale(steps):
    column = mw_column(windows(steps), "history")
    seen = np.arange(39 + 0)  # the histories of training windows reach up to the step before the last future
    assert np.allclose(column.mean, [seen.mean(), 10 * seen.mean()])
    assert np.allclose(column.scale, [seen.std(), 10 * seen.std()])


def test_rows_are_put_in_order(tmp_path, steps):
    shuffled = np.random.default_rng(0).permutation(STEPS)
    mixed = table(tmp_path / "m.csv", {"day": [days()[s] for s in shuffled], "a": shuffled.tolist()})
    rows = windows(mixed)
    assert rows.table.column("history")[0].as_py() == [0, 1, 2, 3]
    assert any("not in the order" in note for note in rows.notes)


def test_no_window_crosses_a_gap(tmp_path):
    kept = [s for s in range(STEPS) if not 20 <= s < 23]
    path = table(tmp_path / "g.csv", {"day": [days()[s] for s in kept], "a": kept})
    rows = windows(path, parts=[1, 0, 0])
    whole = np.array([h + f for h, f in zip(*(rows.table.column(n).to_pylist() for n in ("history", "future")))])
    assert (np.diff(whole, axis=1) == 1).all() and any("1 gaps" in note for note in rows.notes)
    crossing = windows(path, parts=[1, 0, 0], gaps="ignore")
    assert crossing.table.num_rows == rows.table.num_rows + 4 + 3 - 1


def test_working_days_are_no_gaps(tmp_path):
    kept = [s for s in range(STEPS) if (date(2024, 1, 1) + timedelta(s)).weekday() < 5]
    path = table(tmp_path / "w.csv", {"day": [days()[s] for s in kept], "a": kept})
    assert not windows(path).notes


def test_a_missing_value_is_filled_from_before_in_histories_and_not_scored(tmp_path):
    values = [None if s == 5 else s for s in range(STEPS)]
    rows = windows(table(tmp_path / "n.csv", {"day": days(), "a": values}))
    assert rows.table.column("history")[2].as_py() == [2, 3, 4, 4]
    assert rows.table.column("future")[1].as_py() == [None, 6, 7]
    encoded = encode(rows.table, {"future": mw_column(rows, "future", True)}, cache=False)
    assert np.isnan(encoded.targets["future"][1]).ravel().tolist() == [True, False, False]


def test_several_series_stay_apart(tmp_path):
    path = table(
        tmp_path / "s.csv",
        {"shop": ["x"] * 30 + ["y"] * 30, "day": days(30) * 2, "a": [*range(30), *range(100, 130)]},
    )
    rows = windows(path, by="shop")
    whole = np.array([h + f for h, f in zip(*(rows.table.column(n).to_pylist() for n in ("history", "future")))])
    assert (np.diff(whole, axis=1) == 1).all() and (whole[:, 0] >= 100).any() and (whole[:, 0] < 30).any()
    with pytest.raises(DataError, match="30 times stand twice"):
        windows(path)


def test_what_is_known_ahead_is_read_over_the_horizon(tmp_path):
    rows = windows(
        table(tmp_path / "k.csv", {"day": days(), "a": list(range(STEPS)), "holiday": [s % 7 for s in range(STEPS)]}),
        known=["holiday"],
        calendar=True,
    )
    ahead = np.array(rows.table.column("ahead")[0].as_py())
    assert ahead.shape == (3, 7) and ahead[:, 0].tolist() == [4, 5, 6]
    assert rows.table.column("history")[0].as_py() == [0, 1, 2, 3]  # it is no part of the history
    weekdays = [np.array(row)[0, 3:5] for row in rows.table.column("ahead").to_pylist()]
    assert np.allclose(weekdays[0], weekdays[7], atol=1e-9) and not np.allclose(weekdays[0], weekdays[1])


def test_the_targets_come_first(tmp_path, steps):
    rows = windows(steps, targets=["b"])
    assert rows.table.column("history")[0].as_py()[1] == [10, 1]
    assert rows.table.column("future")[0].as_py() == [40, 50, 60]


def test_a_run_forecasts_what_comes_after_the_end_of_a_file(tmp_path, steps):
    recipe = {
        "data": {"series": steps, "window": 4, "horizon": 3, "time": "day"},
        "columns": {"future": {"interval": 0.5}},
        "train": {"epochs": 2, "speed": "fixed", "threads": 1},
        "baselines": False,
    }
    run = mw.train(recipe, out=str(tmp_path / "run"), report=False)
    found = run.predict(steps).to_pylist()
    assert len(found) == 1 and np.array(found[0]["future"]).shape == (3, 2)
    assert (np.array(found[0]["future_low"]) <= np.array(found[0]["future_high"])).all()
    again = run.predict([{"history": [[s, 10 * s] for s in range(STEPS - 4, STEPS)]}]).to_pylist()
    assert np.allclose(again[0]["future"], found[0]["future"])
    assert np.isfinite(mw.evaluate(run, steps).data["test"]["future"]["mse"])
    assert isinstance(run.predict(pa.table({"history": [[[1.0, 2.0]] * 4]})).column("future")[0].as_py(), list)


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("MODELWRIGHT_DATA"), reason="needs $MODELWRIGHT_DATA")
def test_the_windows_of_real_data_are_those_of_the_literature():
    rows = read({"series": "etth1", "window": 336, "horizon": 96, "time": "date"})
    assert np.bincount(rows.part).tolist() == [8640 - 336 - 95, 2880 - 95, 2880 - 95]
    rows = read({"series": "exchange_rate", "window": 96, "horizon": 96})
    assert np.bincount(rows.part)[2] == 1517 - 95
