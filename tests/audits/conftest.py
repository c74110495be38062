"""Small runs to audit, each trained once."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import modelwright as mw

QUICK = {"speed": "fixed", "threads": 1, "schedule": "constant", "early_stop": 0}


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))


def clean_rows(count: int = 600, seed: int = 0) -> dict[str, list]:
    """A table whose target follows two of its numbers and its city; half of its rows are of sex f."""
    draw = np.random.default_rng(seed)
    a, b, noise = draw.normal(size=(3, count))
    city = draw.choice(["Oslo", "Paris", "Rome"], count)
    yes = a + b + (city == "Rome") + 0.3 * noise > 0.3
    return {
        "a": [f"{x:.4f}" for x in a],
        "b": [f"{x:.4f}" for x in b],
        "idle": [f"{x:.4f}" for x in draw.normal(size=count)],
        "city": city.tolist(),
        "sex": draw.choice(["f", "m"], count).tolist(),
        "bought": np.where(yes, "yes", "no").tolist(),
    }


def write(rows: dict[str, list], path: Path) -> str:
    with open(path, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(rows)
        table.writerows(zip(*rows.values()))
    return str(path)


def train(rows: dict[str, list], folder: Path, **more) -> mw.Run:
    recipe = {
        "data": write(rows, folder / "rows.csv"),
        "target": "bought",
        "model": {"encoders": {"table": {"kind": "mlp", "hidden": [32], "dropout": 0.0}}},
        "train": {"epochs": 15, "batch": 32, "lr": 1e-2, **QUICK},
        "baselines": False,
        **more,
    }
    return mw.train(recipe, out=str(folder / "run"), report=False)


@pytest.fixture(scope="session")
def clean(tmp_path_factory) -> mw.Run:
    """A run on a table without faults."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("clean")
        patch.setenv("MODELWRIGHT_CACHE", str(folder / "cache"))
        return train(clean_rows(), folder)


def lights(report: mw.Report, check: str) -> dict[str, str]:
    """What was looked at -> its light."""
    return {one["what"]: one["light"] for one in report.data["checks"][check]}


def values(report: mw.Report, check: str) -> dict[str, float]:
    return {one["what"]: one["value"] for one in report.data["checks"][check]}
