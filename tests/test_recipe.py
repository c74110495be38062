"""Recipes through `load`: values, overrides, and every mistake at once with its place."""

from __future__ import annotations

import pytest

from modelwright.errors import RecipeError, UserError
from modelwright.recipe import load, schema


def write(tmp_path, text):
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(given, overrides=()):
    with pytest.raises(RecipeError) as caught:
        load(given, overrides)
    return caught.value.lines


def test_smallest_recipe_and_defaults(tmp_path):
    recipe = load(write(tmp_path, "data: a.csv\ntarget: y\n"))
    assert recipe.target_names() == ["y"]
    assert recipe.train.seed == 0 and recipe.model.kind == "assembled" and recipe.base == tmp_path


def test_scientific_notation_that_yaml_reads_as_text(tmp_path):
    assert load(write(tmp_path, "data: a.csv\ntarget: y\ntrain: {lr: 1e-2}\n")).train.lr == 0.01


def test_overrides_reach_nested_keys_and_keep_part_kinds(tmp_path):
    path = write(tmp_path, "data: a.csv\ntarget: y\nmodel: {encoders: {note: rnn}}\n")
    recipe = load(path, ["train.lr=3e-4", "model.encoders.note.cell=gru", "train.epochs=3"])
    assert recipe.train.lr == 3e-4 and recipe.train.epochs == 3
    assert recipe.model.encoders["note"] == {"kind": "rnn", "cell": "gru"}


def test_all_mistakes_at_once_with_line_column_and_hint(tmp_path):
    text = "data: a.csv\ntarget: y\nmodle: {}\ntrain:\n  epoch: 3\n  lr: fast\nmodel:\n  encoders:\n    table: {kind: mpl}\n    note: {kind: bag, width: zwei}\n"
    lines = mistakes(write(tmp_path, text))
    assert [line.split("recipe.yaml:")[1].split(": ")[0] for line in lines] == ["3:1", "5:3", "6:3", "9:13", "10:23"]
    assert "Did you mean 'model'?" in lines[0] and "Did you mean 'epochs'?" in lines[1]
    assert "'fast'" in lines[2] and "Did you mean 'mlp'?" in lines[3] and "'zwei'" in lines[4]


def test_mistakes_from_the_command_line_say_so(tmp_path):
    lines = mistakes(write(tmp_path, "data: a.csv\ntarget: y\n"), ["train.epochs=none at all"])
    assert lines[0].startswith("command line: train.epochs:")


def test_a_key_that_stands_twice(tmp_path):
    assert "2:1: data: the key stands twice" in mistakes(write(tmp_path, "data: a.csv\ndata: b.csv\ntarget: y\n"))[0]


@pytest.mark.parametrize(
    "text, message",
    [
        ("data: [unclosed\n", "not valid YAML"),
        ("just words\n", "a recipe is a mapping"),
        ("", "a recipe is a mapping"),
    ],
)
def test_files_that_are_no_recipe(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        load(write(tmp_path, text))


def test_a_missing_file_names_the_nearest(tmp_path):
    write(tmp_path, "data: a.csv\n")
    with pytest.raises(UserError, match=r"Did you mean 'recipe.yaml'\?"):
        load(tmp_path / "recipes.yaml")


def test_keys_that_exclude_each_other():
    assert any(
        "either epochs or steps" in line
        for line in mistakes({"data": "a", "target": "y", "train": {"epochs": 1, "steps": 1}})
    )
    assert any(
        "either target or targets" in line for line in mistakes({"data": "a", "target": "y", "targets": {"z": {}}})
    )


def test_a_python_class_becomes_a_kind():
    class Toy:
        reads = ("table",)

        def __init__(self, source, *, width: int = 3):
            self.width = width

    recipe = load({"data": "a", "target": "y", "model": {"encoders": {"table": {"kind": Toy, "width": "5"}}}})
    assert recipe.model.encoders["table"] == {"kind": "toy", "width": "5"}


def test_time_limits_read_units():
    assert load({"data": "a", "target": "y", "train": {"time_limit": "15m"}}).train.time_limit == 900


def test_schema_is_json_schema():
    assert {"data", "target", "model", "train"} <= set(schema()["properties"])
