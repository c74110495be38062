"""`make fields`: what it reads is checked strictly, what it trains is judged, and its table is what the documentation shows."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("recipes_fields", ROOT / "recipes" / "fields.py")
runner = importlib.util.module_from_spec(SPEC)
sys.modules["recipes_fields"] = runner  # where its annotations are looked up
SPEC.loader.exec_module(runner)
FIELDS = runner.fields(runner.RECIPES)
RESULT = {
    "data": "iris", "recipe": "flowers.yaml", "target": "species", "metric": "accuracy", "better": "higher",
    "floor": 0.5, "goal": 0.9, "published": "0.95-0.97 | any book", "seeds": [0, 1],
    "short": {"train.epochs": 1}, "short_floor": 0.0,
}  # fmt: skip


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A folder of recipes with one field, and a folder of documentation with the two pages."""
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "recipes" / "botany").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    for page in runner.PAGES:
        (tmp_path / "docs" / page).write_text("# Before\n\n" + "".join(runner.MARKS) + "\nAfter.\n")
    recipe = {"data": "iris", "train": {"epochs": 30, "speed": "fixed", "threads": 1}}
    (tmp_path / "recipes" / "botany" / "flowers.yaml").write_text(yaml.safe_dump(recipe))
    return tmp_path


def write(folder: Path, *results: dict, **others) -> None:
    config = {"name": "botany", "chinese": "植物学", "results": list(results), **others}
    (folder / "recipes" / "botany" / "field.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")


def run(folder: Path, *arguments: str) -> int:
    return runner.main(list(arguments), folder / "recipes", folder / "docs")


def kept(folder: Path) -> dict:
    return json.loads((folder / "recipes" / "fields.json").read_text())


@pytest.mark.slow
def test_fields_are_trained_judged_and_written(made, capsys):
    """Two figures of one recipe share its runs; a missed floor and a recipe that fails stop nothing, and say so."""
    (made / "recipes" / "botany" / "nothing.yaml").write_text("data: nothing.csv\n")
    hard = {**RESULT, "metric": "auc", "floor": 1.5, "goal": 2.0}
    broken = {**RESULT, "recipe": "nothing.yaml", "seeds": [0]}
    write(made, broken, hard, RESULT)
    assert run(made) == 1
    told = capsys.readouterr()
    assert "2 of 3 missed:" in told.err
    assert "botany/flowers.yaml species.auc" in told.err and "the floor, at least 1.5, is missed" in told.err
    assert "`modelwright train nothing.yaml train.seed=0` ended with 2: " in told.err and "nothing.csv" in told.err
    found = kept(made)
    assert set(found) == {"botany/flowers.yaml species.accuracy", "botany/flowers.yaml species.auc"}
    good, bad = found["botany/flowers.yaml species.accuracy"], found["botany/flowers.yaml species.auc"]
    assert len(good["values"]) == 2 and min(good["values"]) > 0.6
    assert good["minutes"] == bad["minutes"] and good["parameters"] > 100
    english, chinese = ((made / "docs" / page).read_text("utf-8") for page in runner.PAGES)
    assert english.startswith("# Before\n\n<!-- figures -->\n| field") and english.endswith("<!-- end -->\n\nAfter.\n")
    assert "[botany](fields/botany.md)" in english and "[植物学](fields/botany.zh-CN.md)" in chinese
    assert english.count(", missed") == 1 and chinese.count("，未达到") == 1
    assert "| ≥ 0.5 | ≥ 0.9 | 0.95-0.97 \\| any book |" in english and good["date"] in english


@pytest.mark.slow
def test_the_short_version_changes_the_recipe_and_keeps_nothing(made, capsys):
    write(
        made,
        {**RESULT, "short_floor": 0.999},
        {key: RESULT[key] for key in RESULT if "short" not in key} | {"metric": "auc"},
    )
    before = (made / "docs" / "fields.md").read_text()
    assert run(made, "botany", "--short") == 1  # one epoch teaches nothing of that kind
    told = capsys.readouterr()
    assert "at least 0.999, is missed" in told.err and "auc" not in told.out
    assert not (made / "recipes" / "fields.json").exists()
    assert (made / "docs" / "fields.md").read_text() == before


def test_the_table_shows_the_latest_of_each_and_what_is_out_of_date(made):
    write(made, RESULT, {**RESULT, "metric": "auc", "floor": 0.9, "goal": None})
    known = {
        "values": [0.8, 0.9], "minutes": 1.26, "parameters": 1234, "date": "2026-01-02", "machine": "2 cores",
        "recipe_sha256": runner.digest(made / "recipes" / "botany" / "flowers.yaml"),
    }  # fmt: skip
    gone = {**known, "machine": "a toaster"}
    store = {"botany/flowers.yaml species.accuracy": known, "botany/gone.yaml y.rmse": gone}
    (made / "recipes" / "fields.json").write_text(json.dumps(store))
    assert run(made, "--table") == 0
    text = (made / "docs" / "fields.md").read_text("utf-8")
    row = "| iris | accuracy | 0.85 ± 0.05 | ≥ 0.5 | ≥ 0.9 | 0.95-0.97 \\| any book | 1.3 | 1,234 | 2 | 2026-01-02 |"
    assert row in text and "| iris | auc | – | ≥ 0.9 | – |" in text
    assert "\n2 cores; 3 minutes with all seeds.\n" in text and "toaster" not in text and "†" not in text
    with (made / "recipes" / "botany" / "flowers.yaml").open("a") as recipe:
        recipe.write("baselines: false\n")
    assert run(made, "--table") == 0
    assert "0.85 ± 0.05 †" in (made / "docs" / "fields.md").read_text("utf-8")


def test_fields_trained_side_by_side_keep_each_others_results(made, monkeypatch):
    write(made, RESULT, {**RESULT, "metric": "auc"})

    def train(recipe, overrides):
        """Takes so long that another call ends before it."""
        monkeypatch.setattr(
            runner, "train", lambda *_: runner.Trained({"species": {"accuracy": 0.5, "auc": 0.6}}, 9, 1.0)
        )
        runner.keep(made / "recipes" / "fields.json", {"botany/flowers.yaml species.auc": {"values": [0.7]}})
        return runner.Trained({"species": {"accuracy": 0.8, "auc": 0.9}}, 9, 1.0)

    monkeypatch.setattr(runner, "train", train)
    results = list(runner.chosen(runner.fields(made / "recipes"), []))
    monkeypatch.setattr(runner, "chosen", lambda *_: results[:1])
    monkeypatch.setattr(runner, "document", lambda *_: None)
    run(made)
    found = kept(made)
    assert found["botany/flowers.yaml species.auc"] == {"values": [0.7]}
    assert len(found["botany/flowers.yaml species.accuracy"]["values"]) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"floor": "high"}, "results.0.floor: Input should be a valid number"),
        ({"better": "more"}, "results.0.better: Input should be 'higher' or 'lower'"),
        ({"flor": 0.5}, "results.0.flor: Extra inputs are not permitted"),
        ({"goal": 0.4}, "results.0: Value error, the goal 0.4 is worse than the floor 0.5"),
        ({"short": None}, "results.0: Value error, short and short_floor belong together"),
        ({"seeds": [1, 1]}, "results.0: Value error, a seed stands twice"),
        ({"seeds": []}, "results.0.seeds: List should have at least 1 item"),
        ({"recipe": "flwers.yaml"}, "results.0.recipe: there is no"),
    ],
)
def test_a_wrong_field_is_refused(made, capsys, change, said):
    write(made, {**RESULT, **change})
    assert run(made) == 2
    told = capsys.readouterr().err
    assert f"{made / 'recipes' / 'botany' / 'field.yaml'}: {said}" in told
    assert not (made / "recipes" / "fields.json").exists()


def test_a_field_without_results_or_name_and_one_that_is_not_there(made, capsys):
    write(made, name="")
    assert run(made) == 2
    told = capsys.readouterr().err
    assert (
        "name: String should have at least 1 character" in told and "results: List should have at least 1 item" in told
    )
    write(made, RESULT, RESULT)
    assert run(made) == 2
    assert "botany/flowers.yaml species.accuracy stands twice" in capsys.readouterr().err
    write(made, RESULT)
    assert run(made, "botny") == 2
    assert "there is no field botny. Known: botany, botany/flowers.yaml." in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_a_field_has_its_pages(name):
    for page in ("README.md", "README.zh-CN.md"):
        assert (runner.RECIPES / name / page).exists()


def test_the_tables_of_the_documentation_are_what_was_measured():
    store = runner.RECIPES / "fields.json"
    found = json.loads(store.read_text("utf-8")) if store.exists() else {}
    for page in runner.PAGES:
        text = (ROOT / "docs" / page).read_text("utf-8")
        shown = text.partition(runner.MARKS[0])[2].partition(runner.MARKS[1])[0]
        assert shown == runner.table(runner.RECIPES, FIELDS, found, page)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("MODELWRIGHT_DATA"), reason="needs $MODELWRIGHT_DATA")
@pytest.mark.parametrize("name", [name for name, one in sorted(FIELDS.items()) if any(r.short for r in one.results)])
def test_the_short_version_reaches_its_floors(name):
    assert runner.main([name, "--short"]) == 0
