"""A small table, and one finished run of it, for every verb."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest
import torch

import modelwright as mw

QUICK = {"epochs": 3, "speed": "fixed", "threads": 1}


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """The current folder of a test, with the table in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    torch.set_num_threads(1)
    write_table(tmp_path / "churn.csv")
    return tmp_path


def write_table(path: Path, rows: int = 120) -> None:
    """Customers: an identifier, numbers with gaps, a category, dates, words, and whether they left."""
    draw = random.Random(0)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "age", "city", "since", "note", "spend", "churned"])
        for number in range(rows):
            age, note = draw.randint(18, 80), " ".join(draw.choices(["good", "bad", "slow", "quick", "return"], k=6))
            city, since = draw.choice(["Paris", "Köln", "北京"]), f"20{draw.randint(10, 24)}-0{draw.randint(1, 9)}-11"
            spend, churned = round(draw.gammavariate(2, 50), 2), "yes" if (age > 50) != ("bad" in note) else "no"
            writer.writerow([f"C{number:05}", "" if number % 9 == 4 else age, city, since, note, spend, churned])


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> mw.Run:
    """A finished run with two targets."""
    folder = tmp_path_factory.mktemp("trained")
    write_table(folder / "churn.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELWRIGHT_CACHE", str(folder / "cache"))
        recipe = {
            "data": str(folder / "churn.csv"),
            "targets": {"churned": {}, "spend": {}},
            "train": QUICK,
            "baselines": ["majority", "tree"],
        }
        return mw.train(recipe, out=str(folder / "run"))
