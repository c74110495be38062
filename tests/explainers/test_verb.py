"""The verb: its arguments, what it writes, the tree that predicts, and mistakes."""

from __future__ import annotations

import json

import pytest

import modelwright as mw
from modelwright import cli
from modelwright.errors import DataError, UserError
from modelwright.explainers._rules import Rules
from modelwright.report import Colored, Report, render_markdown, render_terminal

ROW = {"a": 1.5, "noise": 0.0, "other": 0.0, "more": 0.0, "city": "Rome"}


def shell(*words: str) -> int:
    with pytest.raises(SystemExit) as done:
        cli.main(list(words))
    return int(done.value.code or 0)


def test_the_shell_prints_and_the_run_keeps_the_report(planted, capsys, tmp_path):
    assert shell("explain", str(planted.path), "--rows", "2", "--out", str(tmp_path / "found.json")) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "lowers the probability of the predicted class by" in out and "removing a random one by" in out
    kept = Report.from_json((planted.path / "reports" / "explain.json").read_text())
    assert kept.title == "Explained by shap: label" and "Explained by permutation" in out
    assert json.loads((tmp_path / "found.json").read_text())["permutation"]["columns"]["a"]["p"] < 0.05
    assert "Explained by shap" in (planted.path / "report.html").read_text()


def test_rows_from_python_one_alone(planted):
    found = mw.explain(planted, ROW, method="shap").data
    (row,) = found["rows"]
    assert row["says"] == "yes" and row["answer"] == pytest.approx(sum(p["adds"] for p in row["parts"]) + row["base"])
    assert found["faithfulness"]["gain_interval"] is None


def test_rows_by_number(planted):
    assert [row["row"] for row in mw.explain(planted, method="occlusion", rows="3,17").data["rows"]] == [3, 17]


def test_pictures_have_heat_maps_and_texts_colours(pictures, chinese):
    found = mw.explain(str(pictures.path), rows="2")
    (heat,) = [block for block in found.blocks if getattr(block, "title", "") == "What matters in image"]
    assert len(heat.pictures) == 4
    found = mw.explain(str(chinese.path), rows="2")
    colored = [block for block in found.blocks if isinstance(block, Colored)]
    assert len(colored) == 2 and max(weight for _, weight in colored[0].words) == 1
    for way in (render_markdown, render_terminal):
        assert "好" in way(found) or "差" in way(found)


def test_the_tree_stands_for_the_run_and_predicts(planted, tmp_path, capsys):
    found = mw.explain(str(planted.path), method="tree", rows="2", out=str(tmp_path / "tree.json")).data
    assert found["fidelity"]["agreement"] > 0.85 > found["fidelity"]["commonest"]
    assert "if a is at most" in found["rules"][0]
    rules, rows = Rules.read(tmp_path / "tree.json"), [ROW, {**ROW, "a": -1.5}]
    assert rules.predict(rows)["label"].to_pylist() == planted.predict(rows)["label"].to_pylist() == ["yes", "no"]
    (tmp_path / "two.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert shell("predict", str(tmp_path / "tree.json"), str(tmp_path / "two.jsonl")) == 0
    assert capsys.readouterr().out.split() == ["label", "yes", "no"]


def test_the_tree_asks_words_numbers_and_patches(english, numbers, pictures):
    assert mw.explain(english, method="tree").data["rules"][0].startswith("if text has")
    assert mw.explain(numbers, method="tree").data["fidelity"]["r2"] > 0.3
    assert "brightness" in mw.explain(pictures, method="tree").data["rules"][0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "shapp"}, "'shapp' is not a kind of explainers. Did you mean 'shap'"),
        ({"target": "lable"}, "no target 'lable'. Did you mean 'label'"),
        ({"rows": "0"}, "'0' names no rows"),
        ({"rows": "some"}, "'some' names no rows"),
        ({"rows": "3,9999"}, "there is no row 9999"),
    ],
)
def test_mistakes_are_said(options, said, planted):
    with pytest.raises(UserError, match=said):
        mw.explain(str(planted.path), **options)


def test_data_without_a_column_or_rows(planted):
    with pytest.raises(DataError, match="'city' is missing"):
        mw.explain(planted, {name: value for name, value in ROW.items() if name != "city"})
    with pytest.raises(DataError, match="no row"):
        mw.explain(planted, {name: [] for name in ROW})


def test_a_run_of_rows_in_memory_needs_data(tmp_path):
    rows = [{"x": float(n), "z": float(n % 7), "y": "ab"[n % 2]} for n in range(60)]
    recipe = {"data": rows, "target": "y", "train": {"epochs": 1, "speed": "fixed"}, "baselines": False}
    mw.train(recipe, out=str(tmp_path / "run"))
    run = mw.Run.load(tmp_path / "run")
    with pytest.raises(DataError, match="lived in memory"):
        mw.explain(run)
    assert mw.explain(run, rows[:20], method="shap").data["faithfulness"]["rows"] == 20
