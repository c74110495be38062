"""Folders and archives of recordings, and the data sets of speech."""

from __future__ import annotations

import os
import zipfile
from collections import Counter

import numpy as np
import pytest

import modelwright as mw
from modelwright.columns import infer
from modelwright.data.reading import read

soundfile = pytest.importorskip("soundfile")
real = [pytest.mark.real, pytest.mark.skipif(not os.environ.get("MODELWRIGHT_DATA"), reason="no MODELWRIGHT_DATA")]


@pytest.fixture
def folder(tmp_path):
    """Recordings by class: low and high tones."""
    for name, pitch in (("low", 300), ("high", 1500)):
        (tmp_path / "tones" / name).mkdir(parents=True)
        for number in range(12):
            tone = np.sin(2 * np.pi * (pitch + 10 * number) * np.arange(1600 + 80 * number) / 8000)
            soundfile.write(tmp_path / "tones" / name / f"{number}.wav", 0.4 * tone, 8000)
    (tmp_path / "tones" / "readme.md").write_text("tones")
    return tmp_path


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_of_recordings_by_class_is_a_table(folder, packed):
    name = "tones"
    if packed:
        name = "tones.zip"
        with zipfile.ZipFile(folder / name, "w") as archive:
            for path in sorted((folder / "tones").rglob("*.*")):
                archive.write(path, path.relative_to(folder / "tones"))
    rows = read(name, folder)
    assert rows.table.column_names == ["audio", "label"] and rows.targets == ("label",)
    assert Counter(rows.table["label"].to_pylist()) == {"low": 12, "high": 12}
    assert infer(rows.table, ["label"])["audio"].kind == "audio"


def test_a_table_may_name_recordings_beside_it(folder):
    lines = [f"tones/{name}/{number}.wav,{name}" for name in ("low", "high") for number in range(12)]
    (folder / "rows.csv").write_text("sound,label\n" + "\n".join(lines) + "\n")
    rows = read("rows.csv", folder)
    assert os.path.isabs(rows.table["sound"][0].as_py())


@pytest.mark.parametrize("body", ["cnn", "rnn", "transformer"])
def test_tones_are_learned(folder, body, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(folder / "cache"))
    encoder = {"kind": "acoustic", "body": body, "width": 16, "layers": 1, "subsample": [8], "masks": 0}
    train = {"epochs": 12, "batch": 8, "lr": 0.01, "speed": "fixed", "threads": 1}
    recipe = {"data": str(folder / "tones"), "model": {"encoders": {"audio": encoder}}, "train": train}
    run = mw.train(recipe, out=str(folder / "run"), baselines=False, report=False)
    assert run.metrics["test"]["label"]["accuracy"] == 1.0
    assert run.columns["audio"].frequency == 8000
    found = mw.Run.load(folder / "run").predict({"audio": [str(folder / "tones" / "low" / "3.wav")]})
    assert found["label"].to_pylist() == ["low"]


@pytest.mark.parametrize("name", ["fsdd", pytest.param("yesno", id="yesno")])
@pytest.mark.skipif(not os.environ.get("MODELWRIGHT_DATA"), reason="no MODELWRIGHT_DATA")
@pytest.mark.real
def test_named_sets_have_their_official_parts(name):
    rows = read(name)
    kinds = {column: config["kind"] for column, config in rows.columns.items()}
    if name == "fsdd":
        assert np.bincount(rows.part).tolist() == [2700, 0, 300]
        assert rows.table.column_names == ["audio", "speaker", "label"] and kinds["speaker"] == "drop"
        assert set(Counter(zip(*(rows.table[c].to_pylist() for c in ("speaker", "label")))).values()) == {50}
    else:
        assert rows.part.tolist() == [0] * 31 + [2] * 29
        texts = rows.table["text"].to_pylist()
        assert len(set(texts)) == 60 and {len(text.split()) for text in texts} == {8}
        assert texts[0] == "no no no no yes yes yes yes" and texts[-1] == "yes yes yes yes yes yes yes yes"
