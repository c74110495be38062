"""`Run`: saved, loaded, moved, turned into bytes; damage is said."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

import modelwright as mw
from modelwright.errors import RunError
from modelwright.run import Run
from modelwright.status import hold, read_status, write_status

ROWS = {"sepal length (cm)": [5.0, 6.5], "sepal width (cm)": [3.4, None], "petal length (cm)": [1.5, 5.5],
        "petal width (cm)": [0.2, 2.0]}  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELWRIGHT_CACHE", str(folder / "cache"))
        torch.set_num_threads(1)
        recipe = {"data": "iris", "train": {"epochs": 3, "speed": "fixed"}, "baselines": False}
        return mw.train(recipe, out=str(folder / "run"))


@pytest.fixture
def copy(trained, tmp_path):
    shutil.copytree(trained.path, tmp_path / "moved")
    return tmp_path / "moved"


def test_predictions_after_loading_are_the_same(trained, copy):
    expected = trained.predict(ROWS, probabilities=True)
    assert Run.load(copy).predict(ROWS, probabilities=True).equals(expected)
    assert Run.from_bytes(trained.to_bytes()).predict(ROWS, probabilities=True).equals(expected)
    assert np.allclose(sum(expected[name].to_numpy() for name in expected.column_names[1:]), 1, atol=1e-5)
    assert expected.column_names == ["species", "species_setosa", "species_versicolor", "species_virginica"]


def test_one_row_and_large_tables(trained):
    row = {name: values[0] for name, values in ROWS.items()}
    assert trained.predict(row).num_rows == 1
    many = {name: [values[0]] * 20_000 for name, values in ROWS.items()}
    found = trained.predict(many)
    assert found.num_rows == 20_000
    assert set(found["species"].to_pylist()) == set(trained.predict(row)["species"].to_pylist())


def test_weights_hold_nothing_else(trained):
    import safetensors

    with safetensors.safe_open(trained.path / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}
        assert set(file.keys()) == set(trained.model.state_dict())


@pytest.mark.parametrize("name", ["resolved.yaml", "columns.json", "model.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_a_damaged_file_is_named(copy, name, damage):
    file = copy / name
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:50] if damage == "cut" else b"[1, 2]")
    with pytest.raises(RunError, match=name.replace(".", r"\.")):
        Run.load(copy).predict(ROWS)


def test_status(tmp_path):
    write_status(tmp_path, "running")
    assert read_status(tmp_path).state == "killed"  # nobody holds the folder
    with hold(tmp_path):
        assert read_status(tmp_path).state == "running"
        with pytest.raises(RunError, match=r"is being trained right now"), hold(tmp_path):
            pass
    write_status(tmp_path, "failed", "why")
    assert (read_status(tmp_path).state, read_status(tmp_path).message) == ("failed", "why")
    (tmp_path / "status").write_text(json.dumps({"weather": "rain"}))
    with pytest.raises(RunError, match=r"status"):
        read_status(tmp_path)
