"""Tiny runs whose true reasons are known."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import modelwright as mw

QUICK = {"speed": "fixed", "threads": 1}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch, tmp_path):
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)


def trained(folder: Path, rows: list[dict[str, Any]], target: str, **recipe: Any) -> mw.Run:
    """A finished run of rows in a file."""
    (folder / "rows.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    train = {**QUICK, "epochs": 25, **recipe.pop("train", {})}
    whole = {"data": str(folder / "rows.jsonl"), "target": target, "train": train, "baselines": False, **recipe}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELWRIGHT_CACHE", str(folder / "cache"))
        mw.train(whole, out=str(folder / "run"))
    return mw.Run.load(folder / "run")


@pytest.fixture(scope="session")
def planted(tmp_path_factory) -> mw.Run:
    """A table in which `a`, and then `city`, decide, and three columns say nothing."""
    random, rows = np.random.default_rng(0), []
    for _ in range(500):
        row = {name: round(float(random.normal()), 3) for name in ("noise", "a", "other", "more")}
        row["city"] = str(random.choice(["Paris", "Rome", "Oslo"]))
        rows.append({**row, "label": "yes" if 2 * row["a"] + 2 * (row["city"] == "Rome") > 0.7 else "no"})
    return trained(tmp_path_factory.mktemp("planted"), rows, "label")


@pytest.fixture(scope="session")
def numbers(tmp_path_factory) -> mw.Run:
    """Ten numbers, of which the target is a sum with a product in it."""
    random = np.random.default_rng(1)
    x = random.normal(size=(400, 10)).round(3)
    y = 3 * x[:, 0] - 2 * x[:, 1] + x[:, 2] * x[:, 3]
    rows = [{**{f"x{i}": float(v) for i, v in enumerate(row)}, "y": float(value)} for row, value in zip(x, y)]
    return trained(tmp_path_factory.mktemp("numbers"), rows, "y")


@pytest.fixture(scope="session")
def tic_tac_toe(tmp_path_factory) -> mw.Run:
    """Every way that the game ends, and whether x has won."""
    return trained(tmp_path_factory.mktemp("games"), endgames(), "won", train={"epochs": 40})


def endgames() -> list[dict[str, str]]:
    """The boards on which x, who begins, or o has three in a row, or nine fields are taken: 958 of them."""
    lines = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)]
    names = [f"{row} {side}" for row in ("top", "middle", "bottom") for side in ("left", "middle", "right")]
    found = []
    for board in itertools.product("xob", repeat=9):
        x, o = board.count("x"), board.count("o")
        wins = {side: any(all(board[i] == side for i in line) for line in lines) for side in "xo"}
        won, lost = wins["x"] and x == o + 1 and not wins["o"], wins["o"] and x == o and not wins["x"]
        if won or lost or (x == 5 and o == 4 and not wins["o"] and not wins["x"]):
            found.append({**dict(zip(names, board)), "won": "yes" if won else "no"})
    return found


def reviews(words: dict[str, str], count: int = 300, between: str = " ") -> list[dict[str, str]]:
    """Texts of neutral words, each with one that decides its label."""
    random, neutral = np.random.default_rng(2), words["neutral"].split()
    rows = []
    for number in range(count):
        label = ("good", "bad")[number % 2]
        chosen = [*random.choice(neutral, random.integers(3, 8)), random.choice(words[label].split())]
        rows.append({"text": between.join(random.permutation(chosen)), "label": label})
    return rows


@pytest.fixture(scope="session")
def english(tmp_path_factory) -> mw.Run:
    """Reviews read by a recurrent net."""
    words = {"neutral": "the film was a story about people in town", "good": "great fine", "bad": "poor dull"}
    encoder = {"text": {"kind": "rnn", "hidden": 16}}
    columns = {"text": {"kind": "text", "tokenizer": "words"}}
    folder = tmp_path_factory.mktemp("english")
    return trained(folder, reviews(words), "label", columns=columns, model={"encoders": encoder})


@pytest.fixture(scope="session")
def chinese(tmp_path_factory) -> mw.Run:
    """The same in characters, read as a bag with its pairs."""
    words = {"neutral": "我 们 今 天 去 店 里 吃 饭", "good": "好", "bad": "差"}
    columns = {"text": {"kind": "text", "tokenizer": "characters"}}
    folder = tmp_path_factory.mktemp("chinese")
    encoder = {"text": {"kind": "bag", "buckets": 200}}
    return trained(folder, reviews(words, between=""), "label", columns=columns, model={"encoders": encoder})


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> mw.Run:
    """scikit-learn's digits, read by a small convolutional net."""
    folder = tmp_path_factory.mktemp("pictures")
    encoder = {"image": {"kind": "cnn", "channels": [8, 16]}}
    recipe = {"data": "digits", "train": {**QUICK, "epochs": 6}, "baselines": False, "model": {"encoders": encoder}}
    mw.train(recipe, out=str(folder / "run"))
    return mw.Run.load(folder / "run")
