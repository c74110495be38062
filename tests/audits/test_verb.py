"""The verb: one table of lights, its exit code, its options, and one clear error for each mistake."""

from __future__ import annotations

import json

import numpy as np
import pytest

import modelwright as mw
from modelwright import cli
from modelwright.report import render_markdown, render_terminal

from .conftest import QUICK, clean_rows, train, write


def call(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as done:
        cli.main(arguments)
    return int(done.value.code or 0)


def test_one_table_with_a_light_a_row(clean):
    report = mw.audit(clean, quick=True)
    table = report.blocks[1]
    assert table.columns == ["light", "check", "found", "what it means", "what to do"]
    lights = [row[0] for row in table.rows]
    assert "\U0001f7e2 good" in lights and lights == sorted(
        lights, key=lambda one: "bwg\u26aa".find(one.split()[-1][0])
    )
    assert "\U0001f7e2 good" in render_terminal(report) and "\U0001f7e2 good" in render_markdown(report)
    assert set(report.data["checks"]) == {
        "attack", "calibration", "corruption", "drift", "label_errors", "leakage", "membership", "out_of_distribution",
        "overfitting", "subgroups",
    }  # fmt: skip
    json.dumps(report.data, allow_nan=False)
    assert "Audit of" in (clean.path / "report.html").read_text("utf-8")
    assert (clean.path / "reports" / "audit.json").exists()


def test_part_of_it_leaves_the_whole_report_alone(clean):
    mw.audit(clean, quick=True)
    before = (clean.path / "reports" / "audit.json").read_text("utf-8")
    report = mw.audit(clean, only="leakage")
    assert set(report.data["checks"]) == {"leakage"}
    assert (clean.path / "reports" / "audit.json").read_text("utf-8") == before


def test_the_exit_code_says_what_a_pipeline_must_know(clean, tmp_path, capsys):
    run, rows = str(clean.path), clean_rows(200, seed=5)
    rows["a"] = [f"{float(cell) + 3:.4f}" for cell in rows["a"]]
    drifted = write(rows, tmp_path / "drifted.csv")
    assert call(["audit", run, "--only", "leakage", "--fail-on", "warning"]) == 0
    assert call(["audit", run, drifted, "--only", "drift"]) == 0
    assert call(["audit", run, drifted, "--only", "drift", "--fail-on", "bad", "--json"]) == 1
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["lights"]["bad"] == 3


def test_options_of_a_check_are_given_by_name(clean):
    meanings = [
        mw.audit(clean, *given, only="attack").data["checks"]["attack"][0]["meaning"]
        for given in ((), ("attack.epsilon=0.02",), (None, "attack.epsilon=0.02"))
    ]
    assert "within 0.1," in meanings[0] and "within 0.02," in meanings[1] and meanings[2] == meanings[1]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"only": "leak"}, "--only: 'leak' is not a check. Did you mean 'leakage'"),
        ({"fail_on": "red"}, "'red' is no light to fail on"),
        ({"options": ("attack.epsilon=-1",)}, "audits.attack.epsilon: expected at least 0, given -1"),
        ({"options": ("attack.size=1",)}, "audits.attack.size: no such option"),
        ({"options": ("epsilon=1",)}, "'epsilon=1' is no option of a check"),
    ],
)
def test_mistakes_on_the_command_line(clean, given, message):
    with pytest.raises(mw.UserError) as error:
        mw.audit(clean, None, *given.pop("options", ()), **given)
    assert message in str(error.value)


def test_data_without_a_column_is_refused_by_name(clean, tmp_path):
    rows = clean_rows(50)
    del rows["city"]
    other = write(rows, tmp_path / "other.csv")
    with pytest.raises(mw.DataError, match=r"other\.csv: the column 'city' is missing"):
        mw.audit(clean, other)


def test_data_without_the_target_will_do(clean, tmp_path):
    rows = clean_rows(80)
    del rows["bought"]
    report = mw.audit(clean, write(rows, tmp_path / "other.csv"), only="drift,out_of_distribution")
    assert report.data["checks"]["drift"]


def test_one_row_of_data_is_answered(clean, tmp_path):
    other = write({name: cells[:1] for name, cells in clean_rows(5).items()}, tmp_path / "one.csv")
    report = mw.audit(clean, other, only="drift,out_of_distribution")
    assert report.data["lights"]["bad"] == 0 or report.data["checks"]["out_of_distribution"]


def test_out_of_distribution_needs_something_to_look_at(clean):
    with pytest.raises(mw.RunError, match="this needs a second file to compare with"):
        mw.audit(clean, only="out_of_distribution")


def test_a_run_that_held_nothing_back_is_told_so(tmp_path):
    rows = clean_rows(60)
    data = {"path": write(rows, tmp_path / "rows.csv"), "split": {"fractions": [1, 0, 0]}}
    run = train(rows, tmp_path, data=data)
    with pytest.raises(mw.RunError, match="rows that the run has not learned from"):
        mw.audit(run, only="leakage")


def test_a_run_whose_data_lived_in_memory_is_told_so(tmp_path):
    recipe = {"data": clean_rows(60), "target": "bought", "train": {"epochs": 1, **QUICK}, "baselines": False}
    run = mw.train(recipe, out=str(tmp_path / "run"), report=False)
    assert mw.audit(run, quick=True).data["checks"]  # as long as they do
    with pytest.raises(mw.DataError, match="lived in memory"):
        mw.audit(str(run.path))


def test_a_constant_model_is_audited(tmp_path):
    import torch

    run = train(clean_rows(200), tmp_path, train={"epochs": 1, **QUICK})
    with torch.no_grad():
        for parameter in run.model.parameters():
            parameter.zero_()
    report = mw.audit(run, quick=True)
    assert report.data["lights"]["good"] > 3


def test_held_rows_of_one_class_are_answered(tmp_path):
    rows = clean_rows(120)
    rows["part"] = ["train"] * 100 + ["test"] * 20
    rows["bought"][100:] = ["yes"] * 20
    data = {"path": write(rows, tmp_path / "rows.csv"), "split": {"kind": "column", "column": "part"}}
    assert mw.audit(train(rows, tmp_path, data=data), quick=True).data["checks"]


def test_calibration_of_a_number_is_the_one_refusal(tmp_path):
    draw = np.random.default_rng(0)
    x = draw.normal(size=100)
    rows = {"x": x.tolist(), "bought": (2 * x + draw.normal(size=100)).tolist()}
    run = train(rows, tmp_path)
    for check in ("calibration", "label_errors"):
        with pytest.raises(
            mw.RunError, match=r"this needs a model that predicts classes; this run is: bought \(number\)"
        ):
            mw.audit(run, only=check)
    assert mw.audit(run, quick=True).data["checks"]["calibration"][0]["value"] == "not applicable"
