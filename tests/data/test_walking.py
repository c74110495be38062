"""Walk-forward folds: everything that is learned from was known before everything that is tested."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import modelwright as mw
from modelwright.data.rows import Rows
from modelwright.data.splitting import split
from modelwright.data.walking import walk_forward
from modelwright.errors import DataError


def rows(count: int = 120, lag: int = 0) -> Rows:
    days = np.random.default_rng(0).permutation(count) // 2  # two rows a day, in no order
    return Rows(pa.table({"day": days, "paid": days + lag, "x": days * 1.0}))


@pytest.mark.parametrize("window", ["expanding", "sliding"])
def test_each_fold_is_tested_on_what_comes_later(window):
    given = rows()
    day = given.table.column("day").to_numpy()
    found = walk_forward(given, {"column": "day", "window": window}, 5)
    tested = np.concatenate([np.flatnonzero(part == 2) for part in found])
    assert (
        len(found) == 5 and len(np.unique(tested)) == len(tested) == 100
    )  # each later row once, the first sixth never
    for part in found:
        assert day[part == 0].max() < day[part == 1].min() <= day[part == 1].max() < day[part == 2].min()
    sizes = [int((part <= 1).sum() - (part == -1).sum()) for part in found]
    assert sizes == ([20, 40, 60, 80, 100] if window == "expanding" else [20] * 5)


def test_rows_whose_target_is_not_known_in_time_are_not_learned_from():
    given = rows(lag=4)
    day, paid = (given.table.column(name).to_numpy() for name in ("day", "paid"))
    for part in walk_forward(given, {"column": "day", "known": "paid"}, 4):
        assert paid[part == 0].max() < day[part == 1].min() and paid[part == 1].max() < day[part == 2].min()
        assert (part == -1).any()


def test_a_split_in_time_may_ask_the_same():
    given = rows(lag=4)
    day, paid = (given.table.column(name).to_numpy() for name in ("day", "paid"))
    part = split(given, ["x"], {"kind": "time", "column": "day", "known": "paid"})
    assert paid[part == 0].max() < day[part == 1].min() and paid[part == 1].max() < day[part == 2].min()


def test_too_few_times_are_refused():
    with pytest.raises(DataError, match="60 distinct times are too few for 40 folds"):
        walk_forward(rows(), {"column": "day"}, 40)


def test_a_run_walks_forward(tmp_path):
    draw = np.random.default_rng(0)
    x = draw.normal(size=240)
    data = {"day": np.arange(240).tolist(), "x": x.tolist(), "y": (2 * x + draw.normal(size=240) / 10).tolist()}
    path = tmp_path / "t.csv"
    path.write_text("day,x,y\n" + "".join(f"{a},{b},{c}\n" for a, b, c in zip(*data.values())))
    recipe = {
        "data": {"path": str(path), "split": {"kind": "walk_forward", "folds": 3, "column": "day"}},
        "target": "y",
        "columns": {"day": "drop", "y": {"interval": 0.8}},
        "train": {"epochs": 30, "speed": "fixed", "threads": 1},
        "baselines": False,
    }
    run = mw.train(recipe, out=str(tmp_path / "run"), report=False)
    test = run.metrics["test"]["y"]
    assert test["folds"] == 3 and test["rows"] == 180 and test["r2"] > 0.8
    assert 0.5 < test["coverage"] < 1
