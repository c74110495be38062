"""The Python door: `import modelwright as mw`."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import modelwright as mw

QUICK = {"epochs": 4, "speed": "fixed", "threads": 1}


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    torch.set_num_threads(1)
    return tmp_path


def table():
    draw = np.random.default_rng(0)
    x, color = draw.normal(size=90), draw.choice(["red", "blue"], 90)
    return {"x": x, "color": color, "y": 3 * x + (color == "red")}


@pytest.mark.parametrize("form", ["dict", "list", "pandas", "polars", "arrow", "file"])
def test_train_takes_rows_in_every_form(form, workplace):
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    frame = pd.DataFrame(table())
    frame.to_csv("data.csv", index=False)
    forms = {
        "dict": table(),
        "list": frame.to_dict("records"),
        "pandas": frame,
        "polars": pl.from_pandas(frame),
        "arrow": pa.Table.from_pandas(frame),
        "file": workplace / "data.csv",
    }
    run = mw.train({"data": forms[form], "target": "y", "train": QUICK}, baselines=False)
    assert run.metrics["test"]["y"]["rmse"] > 0
    expected = run.predict(frame)["y"].to_pylist()
    again = mw.Run.load(run.path)
    assert again.predict(forms[form])["y"].to_pylist() == expected
    assert (run.path / "report.html").exists()


def test_the_four_lines_of_the_readme(workplace):
    run = mw.train({"data": "iris", "train": QUICK}, baselines=False, report=False)
    rows = {name: [1.0] for name in run.columns if name != "species"}
    assert run.predict(rows).column_names == ["species"]
    assert mw.compare(run, mw.Run.load(run.path)).data["runs"]
    assert mw.evaluate(run).data["test"] == run.metrics["test"]


def test_the_given_recipe_stays_as_it_is():
    given = {"data": table(), "target": "y", "train": dict(QUICK), "model": {"encoders": {}}}
    before = {key: dict(value) for key, value in given.items() if isinstance(value, dict)}
    mw.train(given, baselines=False, report=False)
    for key, value in before.items():
        assert given[key].keys() == value.keys()


def test_several_targets_and_weights():
    rows = {**table(), "big": np.where(table()["x"] > 0, "yes", "no")}
    recipe = {"data": rows, "targets": {"y": {"weight": 0.5}, "big": {}}, "train": QUICK}
    run = mw.train(recipe, baselines=False, report=False)
    assert run.model.weights["y"] == 0.5
    assert set(run.predict(rows, probabilities=True).column_names) == {"y", "big", "big_no", "big_yes"}


def test_on_step_may_stop_a_training(workplace):
    def stop(event):
        if event.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"--resume run"):
        mw.train({"data": "iris", "train": QUICK}, out="run", on_step=stop, baselines=False)
    assert mw.train(resume="run").metrics["test"]["species"]["accuracy"] > 0.2


def test_rows_of_all_lengths_are_predicted_in_their_order():
    """More rows than a batch: those of similar length are predicted together, and each answer stands at its row."""
    draw = np.random.default_rng(0)
    texts = [" ".join(draw.choice(["sea", "sky", "red", "old"], draw.integers(1, 30))) for _ in range(600)]
    rows = {"text": texts, "seas": [text.count("sea") / 10 for text in texts]}
    encoder = {"kind": "rnn", "hidden": 8, "pool": "mean"}
    recipe = {"data": rows, "target": "seas", "columns": {"text": "text"}, "model": {"encoders": {"text": encoder}}}
    run = mw.train({**recipe, "train": {**QUICK, "epochs": 1}}, baselines=False)
    together = run.predict(rows)["seas"].to_numpy()
    alone = np.concatenate([run.predict({"text": [text]})["seas"].to_numpy() for text in texts[::30]])
    assert np.allclose(together[::30], alone, atol=1e-5) and together.std() > 1e-3
