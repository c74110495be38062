"""Factorisation against its formula, and ratings that only pairs explain."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import modelwright as mw
from modelwright.blocks.stream import Source
from modelwright.encoders.factorization import Factorization

SOURCE = Source("table", "table", {"number": 2, "category": [5, 6, 4]})


def test_it_is_the_sum_of_biases_and_of_all_products():
    torch.manual_seed(0)
    encoder = Factorization(SOURCE, width=3, decay=0.0)
    batch = {"number": torch.randn(4, 2), "category": torch.randint(0, 4, (4, 3), dtype=torch.int32)}
    found = encoder(batch).x[:, 0]
    values = encoder._values(batch)
    assert torch.allclose(found[:, 0], values[:, :, 0].sum(1))
    pairs = sum(values[:, i, 1:] * values[:, j, 1:] for i, j in itertools.combinations(range(5), 2))
    assert torch.allclose(found[:, 1:], pairs, atol=1e-5)


def test_the_penalty_counts_rows_in_training_alone():
    encoder = Factorization(SOURCE, width=3, decay=0.5)
    batch = {"number": torch.randn(4, 2), "category": torch.ones(4, 3, dtype=torch.int32)}
    total, count = encoder(batch).aux["decay"]
    assert count == 4 == encoder.counts(batch)["decay"]
    assert float(total.detach()) == pytest.approx(0.5 * float(encoder._values(batch).square().sum().detach()))
    assert not encoder.eval()(batch).aux and not encoder.counts(batch)


def test_it_learns_ratings_that_no_user_or_film_explains_alone(tmp_path):
    draw = np.random.default_rng(0)
    users, films = draw.normal(size=(40, 2)), draw.normal(size=(30, 2))
    rows = [(u, f, float(users[u] @ films[f])) for u in range(40) for f in range(30)]
    names = ("user", "film", "rating")
    run = mw.train(
        {
            "data": {name: list(values) for name, values in zip(names, zip(*rows))},
            "target": "rating",
            "columns": {"user": "category", "film": "category"},
            "model": {"encoders": {"table": {"kind": "factorization", "width": 8, "decay": 0.001}}},
            "baselines": ["linear"],
            "train": {"epochs": 40, "lr": 0.02, "weight_decay": 0.0, "speed": "fixed", "threads": 1, "early_stop": 0},
        },
        out=str(tmp_path / "run"),
        report=False,
    )
    ours, linear = (scores["rating"]["r2"] for scores in (run.metrics["test"], run.metrics["baselines"]["linear"]))
    assert ours > 0.8 and linear < 0.3
    unseen = run.predict([{"user": "99", "film": "3"}, {"user": None, "film": "77"}]).column("rating").to_pylist()
    assert np.isfinite(unseen).all()
