"""Item neighbours: against plain sums over pairs, and beside a recommender."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import modelwright as mw
from modelwright.baselines import Features, nearest_items
from modelwright.baselines.nearest_items import NearestItems
from modelwright.columns import Ragged


def test_items_are_as_near_as_the_formula_says():
    """Each item scored by itself, as the docstring has it."""
    random = np.random.default_rng(0)
    taken = [random.choice(np.arange(2, 14), random.integers(2, 8), replace=False).tolist() for _ in range(50)]
    tests, truth = [[2, 5, 9], [3, 7], [1], [4, 1, 6]], np.array([4, 3, 2, 1])
    who = {item: {row for row, items in enumerate(taken) if item in items} for item in range(2, 14)}
    features = Features({"history": Ragged.of([row[:-1] for row in taken] + tests)})
    model = NearestItems("items", shrink=3.0, recent=0.5)
    model.fit(features.take(np.arange(50)), np.array([row[-1] for row in taken]))
    found = model.predict(features.take(np.arange(50, 54)), truth)
    for row, history in enumerate(tests):
        scores = {
            item: sum(
                0.5 ** (len(history) - 1 - place)
                * len(who[item] & who[own])
                / (np.sqrt(len(who[item]) * len(who[own])) + 3)
                for place, own in enumerate(history)
                if own >= 2
            )
            for item in range(2, 14)
            if item not in history
        }
        order = sorted(scores, key=lambda item: (-scores[item], item))
        assert [item for item in found["ids"][row] if item >= 2] == order
        assert found["rank"][row] == (order.index(truth[row]) if truth[row] in scores else -1)
        assert found["others"][row] == len(order) - (truth[row] in scores)


def test_of_very_many_rows_the_first_are_counted(monkeypatch):
    features, last = Features({"history": Ragged.of([[2, 3], [4, 5], [2, 5]])}), np.array([6, 6, 6])
    monkeypatch.setattr(nearest_items, "PAIRS", 18)
    monkeypatch.setattr(nearest_items, "SCORES", 1)  # and a row is scored at a time
    found = NearestItems("items").fit(features, last).near.toarray()
    assert (found[0] > 0).tolist() == [False, True, False, False, True]  # not 5, which is with 2 in the third row
    assert len(NearestItems("items").fit(features, last).predict(features, last)["rank"]) == 3


def test_two_inputs_of_ids_are_refused():
    features = Features({"one": Ragged.of([[2, 3]]), "other": Ragged.of([[2]])})
    with pytest.raises(mw.errors.UserError, match="2 inputs hold any"):
        NearestItems("items").fit(features, np.array([2]))


def test_it_stands_beside_a_recommender_and_in_its_report(tmp_path: Path):
    """Pairs of things that go together are what it is made for; popularity tells nothing of them."""
    random = np.random.default_rng(0)
    lines = []
    for user in range(200):
        pairs = random.permutation(20)[:4]
        lines.append(f"u{user} " + " ".join(f"a{pair} b{pair}" for pair in pairs))
    (tmp_path / "actions.txt").write_text("\n".join(lines))
    encoder = {"kind": "transformer", "causal": True, "width": 8, "heads": 2, "layers": 1}
    recipe = {"data": {"interactions": str(tmp_path / "actions.txt")}, "model": {"encoders": {"history": encoder}}}
    mw.train({**recipe, "train": {"epochs": 1, "speed": "fixed", "threads": 1}}, out=str(tmp_path / "run"))
    found = json.loads((tmp_path / "run" / "metrics.json").read_text())["baselines"]
    assert found["nearest_items"]["next"]["hr_5"] > 0.9 > 0.5 > found["popularity"]["next"]["hr_5"]
    assert found["nearest_items"]["next"]["sampled_hr_10"] > 0.9
    assert "nearest_items" in (tmp_path / "run" / "report.html").read_text()
