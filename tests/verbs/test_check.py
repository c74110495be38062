"""`check` is a dry run: shapes, estimates, the data as the model sees it, and every mistake at once."""

from __future__ import annotations

import pytest

import modelwright as mw
from modelwright.errors import RecipeError


def test_what_it_says(workplace):
    report = mw.check("churn.csv", "train.epochs=2", target="churned")
    assert report.data["rows"] == 120
    assert report.data["steps"] == 2 * -(-96 // 32)
    assert report.data["seconds"] > 0
    assert report.data["memory_bytes"] > 4 * report.data["parameters"]
    assert report.data["no_gradient"] == []
    assert 0.5 < report.data["loss"]["churned"] < 1.0
    assert ["id", "left out"] in [row[:2] for row in report.blocks[0].rows]
    seen = {row[0]: row for row in report.blocks[1].rows}
    assert seen["number"][1].startswith("(32, ")
    assert seen["note.mask"][1].endswith("bool")
    stages = [stage["stage"] for stage in report.data["stages"]]
    assert {"encoders.of_table", "encoders.of_note", "fuse", "heads.of_churned"} <= {
        ".".join(stage.split(".")[:2]) for stage in stages
    }
    assert not (workplace / "runs").exists()


def test_every_mistake_at_once_with_its_place(workplace):
    (workplace / "bad.yaml").write_text(
        "data: churn.csv\ntarget: churnd\ncolumns:\n  nte: text\n  age: {kind: numbr}\n"
        "model:\n  encoders: {nota: rnn, note: {kind: rnn, cel: gru}}\ntrain: {epocs: 3, lr: -1}\n"
    )
    with pytest.raises(RecipeError) as caught:
        mw.check("bad.yaml")
    assert caught.value.lines == [
        "bad.yaml:2:1: target: 'churnd' is not a column of churn. Did you mean 'churned'?",
        "bad.yaml:4:3: columns.nte: churn has no such column. Did you mean 'note'?",
        "bad.yaml:5:9: columns.age.kind: 'numbr' is not a kind of columns. Did you mean 'number'?",
        "bad.yaml:7:14: model.encoders.nota: there is no such input. Did you mean 'note'?",
        "bad.yaml:7:43: model.encoders.note.cel: no such option. Did you mean 'cell'?",
        "bad.yaml:8:9: train.epocs: no such key. Did you mean 'epochs' or 'steps'?",
        "bad.yaml:8:19: train.lr: expected more than 0 or 'auto', given -1.",
    ]


def test_missing_data_are_a_mistake_of_the_recipe_too():
    with pytest.raises(RecipeError) as caught:
        mw.check({"data": "chrn.csv", "target": "y", "trian": {}})
    assert len(caught.value.lines) == 2
    assert "the file does not exist. Did you mean 'churn.csv'?" in str(caught.value)
