"""Shapley values: those of the definition, and those of the shap package."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from modelwright.explainers._opening import Opened
from modelwright.explainers.shap import Shap, coalitions, solve


def subject_of(run, rows: int):
    opened = Opened(run)
    return opened.subject(opened.spread(rows))


def by_definition(subject, row: int) -> np.ndarray:
    """The mean of what a part adds over all orders in which the parts may come in."""
    parts = subject.names.shape[1]
    sets = np.array([[bool(n >> part & 1) for part in range(parts)] for n in range(2**parts)])
    draws = range(subject.draws)
    owner = np.full(len(sets), row)
    values = np.mean([subject.values(owner, sets, np.full(len(sets), draw)) for draw in draws], 0)
    found, orders = np.zeros(parts), list(permutations(range(parts)))
    for order in orders:
        seen = 0
        for part in order:
            found[part] += values[seen | 1 << part] - values[seen]
            seen |= 1 << part
    return found / len(orders)


def test_all_coalitions_give_the_values_of_the_definition(planted):
    subject = subject_of(planted, 3)
    found = Shap(samples=30 * subject.draws + 40).explain(subject)  # every coalition with every background
    for row in range(3):
        assert found.values[row] == pytest.approx(by_definition(subject, row), abs=1e-5)


def test_drawn_coalitions_add_up_exactly_and_come_near(numbers):
    subject = subject_of(numbers, 8)
    exact, drawn = Shap(samples=2000).explain(subject), Shap(samples=300).explain(subject)
    assert np.abs(drawn.values.sum(1) + drawn.base - drawn.answer).max() < 1e-9
    assert np.abs(drawn.values - exact.values).max() < 0.1 * np.abs(exact.values).max()


def test_the_weights_are_those_of_the_kernel():
    members, weights = coalitions(5, 100, 0)
    assert len(members) == 30 and len(np.unique(members, axis=0)) == 30
    sizes = members.sum(1)
    assert weights == pytest.approx(weights[0] * 4 / (sizes * (5 - sizes)) / (4 / (sizes[0] * (5 - sizes[0]))) *
                                    np.array([5 / {1: 5, 2: 10, 3: 10, 4: 5}[s] for s in sizes.tolist()]))  # fmt: skip
    assert np.array_equal(members[:15], ~members[15:])


def test_one_part_takes_everything():
    members, weights = coalitions(1, 100, 0)
    assert solve(members, weights, np.zeros((2, 0)), np.array([0.5, -1.0])).ravel().tolist() == [0.5, -1.0]


def test_agrees_with_the_shap_package(numbers):
    shap = pytest.importorskip("shap", reason="the shap package is not installed")
    subject = subject_of(numbers, 4)
    batch, key = subject.batch, "number"

    def answer(rows: np.ndarray) -> np.ndarray:
        import torch

        given = {key: torch.tensor(rows, dtype=torch.float32)}
        with torch.no_grad():
            return subject.answer(given, subject.goal[:1].expand(len(rows))).numpy()

    background = subject.background[key][:1].numpy()
    theirs = shap.KernelExplainer(answer, background).shap_values(batch[key].numpy(), nsamples=2000, silent=True)
    ours = Shap(samples=2000).explain(subject)
    assert ours.values == pytest.approx(np.asarray(theirs), abs=1e-4 * np.abs(theirs).max() + 1e-4)
    few = Shap(samples=500).explain(subject).values
    again = shap.KernelExplainer(answer, background).shap_values(batch[key].numpy(), nsamples=500, silent=True)
    error = np.abs(np.asarray(again) - theirs).mean()
    assert np.abs(few - theirs).mean() < 2 * error + 1e-3, "no further from the truth than the package is"
