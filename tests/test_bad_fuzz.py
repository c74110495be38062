"""Random tables and randomly mutilated recipes: exit code 0 or 2, never another, and never a mistake of ours."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from .bad_input._case import GOOD, run

SECONDS = 8  # each
CELLS = [
    *("", " ", "?", "NA", "nan", "inf", "-inf", "0", "1", "-1", "1.5", "1e999", "1e-320", "007", "1,5", "50%", "$3"),
    *("yes", "no", "true", "False", "red", "green", "a|b", "b|c", "a;b", "[1, 2]", "[1, 2", "{}", '""', '"', "'", "\\"),
    *("2020-01-01", "31/12/1999", "12:30", "x.png", "http://a.b/c", "\u4f60\u597d", "\u202e", "\U0001f600", "e\u0301"),
    *("word " * 30, "w" * 300, "\t", "a\nb", "\r", "\x07", "#", "%", "-", "--", "None", "null", "=1+1"),
]
DELIMITERS = [",", ",", ",", ";", "\t", "|"]
RECIPE = """data: {path: data.csv, split: {kind: stratified, fractions: [0.8, 0.1, 0.1]}}
targets: {y: {weight: 1.0}}
columns: {a: {kind: number, scale: robust}, b: {kind: category, max_values: 100}}
model:
  encoders: {table: {kind: mlp, hidden: [8, 8], dropout: 0.1, numbers: piecewise}}
  fuse: {kind: concat, hidden: [4]}
  heads: {y: {kind: boolean, label_smoothing: 0.1}}
train: {epochs: 2, batch: 16, optimizer: {kind: adamw, beta1: 0.9}, lr: 0.001, schedule: cosine, seed: 3, clip: 1.0}
baselines: [majority, linear]
"""
SPLICES = [
    *(
        "0",
        "-1",
        "1e30",
        "nan",
        ".inf",
        "null",
        "~",
        "true",
        "[]",
        "{}",
        "[1, 2]",
        "{kind: x}",
        "''",
        "'a b'",
        "!!set {a}",
    ),
    *(
        "auto",
        "all",
        "y",
        "a",
        "table",
        "mlp",
        "transformer",
        "rnn",
        "cnn",
        "number",
        "category",
        "text",
        "image",
        "drop",
    ),
    *(
        ":",
        "- ",
        "#",
        "\n",
        "  ",
        "\t",
        "{",
        "}",
        "[",
        "]",
        "'",
        '"',
        "&a",
        "*a",
        "<<: ",
        "? ",
        "|",
        ">",
        "%",
        "@",
        "\0",
    ),
    *(
        "date",
        "vector",
        "multilabel",
        "folds",
        "group",
        "time",
        "sgd",
        "muon",
        "plateau",
        "99999999999",
        "1_000",
        "0x1F",
    ),
]


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path


def table(chance: random.Random) -> str:
    """A small table of garbage; some columns are of one sort, as real ones are."""
    delimiter = chance.choice(DELIMITERS)
    width, rows = chance.randint(1, 5), chance.choice([0, 1, 2, 5, 30, 60])
    palettes = [chance.sample(CELLS, chance.choice([1, 2, 3, 8, len(CELLS)])) for _ in range(width)]
    palettes = [[str(i) for i in range(rows + 1)] if chance.random() < 0.2 else palette for palette in palettes]
    lines = [delimiter.join(chance.choice(["a", "b", "c", "d", "x y", ""]) + str(i) for i in range(width - 1))]
    lines[0] += (delimiter if width > 1 else "") + "y"
    for _ in range(rows):
        cells = [chance.choice(palette) for palette in palettes]
        if chance.random() < 0.7:
            quoted = [cell.replace('"', '""') for cell in cells]
            cells = [f'"{cell}"' if delimiter in cell or "\n" in cell or '"' in cell else cell for cell in quoted]
        lines.append(delimiter.join(cells))
    return chance.choice(["\n", "\n", "\r\n"]).join(lines) + chance.choice(["", "\n"])


def mutilated(recipe: str, chance: random.Random) -> str:
    """The recipe with a few pieces cut out, doubled or replaced."""
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        start = chance.randrange(len(recipe))
        kind = chance.choice([0, 0, 0, 0, 1, 2, 3])
        if kind == 0:  # another word in the place of one
            words = [i for i in range(len(recipe)) if recipe[i].isalnum() and not recipe[i - 1].isalnum()]
            start = chance.choice(words or [0])
            end = start
            while end < len(recipe) and (recipe[end].isalnum() or recipe[end] in "._"):
                end += 1
            recipe = recipe[:start] + chance.choice(SPLICES) + recipe[end:]
        elif kind == 1:
            recipe = recipe[:start] + chance.choice(SPLICES) + recipe[start:]
        elif kind == 2:
            recipe = recipe[:start] + recipe[start + chance.randint(1, 12) :]
        else:
            recipe = recipe[:start] + recipe[max(0, start - chance.randint(1, 30)) :]
        recipe = recipe or "x"
    return recipe


def test_random_tables(workplace, capsys) -> None:
    chance, began = random.Random(0), time.perf_counter()
    for number in range(400):
        text = table(chance)
        (workplace / "data.csv").write_bytes(text.encode())
        code = run("check data.csv --target y")
        error = capsys.readouterr().err
        assert code in (0, 2) and "mistake in modelwright" not in error, f"{number}: {error}\n{text}"
        if time.perf_counter() - began > SECONDS:
            break
    assert number > 20


def test_mutilated_recipes(workplace, capsys) -> None:
    (workplace / "data.csv").write_text(GOOD)
    chance, began = random.Random(1), time.perf_counter()
    assert run_recipe(workplace, RECIPE) == 0
    for number in range(600):
        text = mutilated(RECIPE, chance)
        code = run_recipe(workplace, text)
        error = capsys.readouterr().err
        assert code in (0, 2) and "mistake in modelwright" not in error, f"{number}: {error}\n{text}"
        if time.perf_counter() - began > SECONDS:
            break
    assert number > 20


def run_recipe(folder: Path, text: str) -> int:
    (folder / "recipe.yaml").write_text(text, "utf-8")
    return run("check recipe.yaml")


ODD = [
    "0",
    "-1",
    "1",
    "3",
    "1e30",
    ".nan",
    ".inf",
    "null",
    "true",
    "[]",
    "{}",
    "[1, 2]",
    "x",
    "''",
    "99999999999",
    "0.5",
]
TEXTS = "a,t,y\n" + "".join(
    f"{i % 7},{['good', 'bad', 'fine'][i % 3]} words here {i % 5},{'pqr'[i % 3]}\n" for i in range(40)
)
NUMBERS = "a,b,y\n" + "".join(f"{i % 7},{i % 4},{i * 1.5}\n" for i in range(40))
ROOMS = {  # room -> where a kind and an option of it stand
    "encoders": "model: {{encoders: {{{name}: {{kind: {kind}, {option}: {value}}}}}}}",
    "heads": "model: {{heads: {{y: {{kind: {kind}, {option}: {value}}}}}}}",
    "fuse": "model: {{fuse: {{kind: {kind}, {option}: {value}}}}}",
    "columns": "columns: {{{column}: {{kind: {kind}, {option}: {value}}}}}",
    "optimizers": "train: {{optimizer: {{kind: {kind}, {option}: {value}}}}}",
    "schedules": "train: {{schedule: {{kind: {kind}, {option}: {value}}}}}",
    "data.augmentation": "train: {{augment: [{{kind: {kind}, {option}: {value}}}]}}",
}


def settings() -> list[tuple[str, str]]:
    """(table, recipe) for every option of every part, and every key of train and model, with every odd value."""
    from modelwright import parts
    from modelwright.recipe import ModelOptions, TrainOptions

    found = []
    for room, form in ROOMS.items():
        for kind in parts.kinds(room):
            for option in parts.options(parts.find(room, kind)):
                for value in ODD:
                    for data, name, column in ((TEXTS, "t", "t"), (NUMBERS, "table", "b"), (NUMBERS, "table", "y")):
                        given = {"kind": kind, "option": option, "value": value, "name": name, "column": column}
                        found.append((data, form.format(**given)))
    for key, fields in (("train", TrainOptions), ("model", ModelOptions)):
        for option in fields.model_fields:
            found += [(NUMBERS, f"{key}: {{{option}: {value}}}") for value in ODD]
    for option in (
        "path",
        "train",
        "test",
        "split",
        "header",
        "names",
        "delimiter",
        "encoding",
        "skip_spaces",
        "quote",
    ):
        found += [(NUMBERS, f"data: {{path: data.csv, {option}: {value}}}") for value in ODD]
    for option in ("kind", "fractions", "column", "official", "folds"):
        found += [(NUMBERS, f"data: {{path: data.csv, split: {{kind: group, {option}: {value}}}}}") for value in ODD]
    return found


def test_odd_values_of_every_option(workplace, capsys) -> None:
    every = settings()
    random.Random(2).shuffle(every)
    began = time.perf_counter()
    for data, recipe in every:
        (workplace / "data.csv").write_text(data)
        code = run_recipe(
            workplace, ("" if recipe.startswith("data:") else "data: data.csv\n") + f"target: y\n{recipe}\n"
        )
        error = capsys.readouterr().err
        assert code in (0, 2) and "mistake in modelwright" not in error, f"{recipe}: {error}"
        if time.perf_counter() - began > SECONDS:
            break
