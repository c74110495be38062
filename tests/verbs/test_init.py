"""`init` writes a recipe that says why, and that trains as it stands."""

from __future__ import annotations

import pytest
import yaml

import modelwright as mw
from modelwright.errors import RecipeError, RunError, UserError


def test_the_recipe_is_read_back_and_trains(workplace):
    report = mw.init("churn.csv", target="churned")
    text = (workplace / "recipe.yaml").read_text(encoding="utf-8")
    written = yaml.safe_load(text)
    assert written["data"] == "churn.csv"
    assert written["target"] == "churned"
    kinds = {"id": "drop", "age": "number", "city": "category", "since": "date", "note": "text", "spend": "number"}
    assert written["columns"] == {**kinds, "churned": "boolean"}
    assert set(written["model"]["encoders"]) == {"table", "note"}
    assert "# an identifier: 120 different values" in text
    assert "DOUBT: if parts of it matter" in text
    assert max(map(len, text.splitlines())) <= 112
    assert report.data["columns"]["id"]["kind"] == "drop"
    run = mw.train("recipe.yaml", "train.epochs=1", out="run", baselines=False, report=False)
    for key in ("batch", "lr", "schedule", "monitor"):
        config = getattr(run.recipe.train, key)
        assert (config["kind"] if isinstance(config, dict) else config) == written["train"][key]


def test_several_targets():
    mw.init("churn.csv", target="churned, spend", out="both.yaml")
    assert mw.check("both.yaml").data["loss"].keys() == {"churned", "spend"}


@pytest.mark.parametrize("name", ["a: b", "yes", "- x", "{y}", "#1", "'q'", 'say "so"', "naïve 北京", "a" * 200])
def test_any_column_name_is_written_so_that_yaml_reads_it(workplace, name):
    quoted = '"' + name.replace('"', '""') + '"'
    rows = [f"{quoted},y"] + [f"{number * 7 % 23}.5,{number % 2}" for number in range(40)]
    (workplace / "odd.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    mw.init("odd.csv", target="y", out="odd.yaml")
    assert set(yaml.safe_load((workplace / "odd.yaml").read_text("utf-8"))["columns"]) == {name, "y"}
    assert mw.check("odd.yaml").data["rows"] == 40


def test_a_named_data_set_needs_no_target(workplace):
    mw.init("iris", out="iris.yaml")
    assert yaml.safe_load((workplace / "iris.yaml").read_text())["target"] == "species"


def test_paths_are_relative_to_the_recipe(workplace):
    (workplace / "sub").mkdir()
    mw.init("churn.csv", target="churned", out="sub/recipe.yaml")
    assert mw.check("sub/recipe.yaml").data["rows"] == 120


def test_mistakes_are_said(workplace):
    mw.init("churn.csv", target="churned")
    with pytest.raises(RunError, match=r"the file is there already.*--force"):
        mw.init("churn.csv", target="churned")
    mw.init("churn.csv", target="spend", force=True)
    with pytest.raises(RecipeError, match=r"'churnd' is not a column of churn. Did you mean 'churned'?"):
        mw.init("churn.csv", target="churnd", out="x.yaml")
    with pytest.raises(UserError, match=r"which column is to be predicted.*--target"):
        mw.init("churn.csv", out="x.yaml")
    assert not (workplace / "x.yaml").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("letters.txt", "the sea is blue and the sky is grey\n" * 400),
        ("chat.jsonl", '{"prompt": "How are you?", "response": "Well, thank you."}\n' * 300),
    ],
)
def test_texts_without_a_target_get_a_language_model(workplace, name, text):
    (workplace / name).write_text(text)
    report = mw.init(name)
    written = yaml.safe_load((workplace / "recipe.yaml").read_text())
    assert (written["data"], written["model"]["kind"]) == (name, "language")
    assert written["train"]["lr"] == next(c["value"] for c in report.data["choices"] if c["key"] == "train.lr")
    assert mw.check("recipe.yaml").data["no_gradient"] == []
