"""Item factors: against plain normal equations, row by row, and what they tell of items that go together."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.blocks import factors
from modelwright.blocks.factors import item_factors


def random_pairs(users: int = 30, count: int = 12, share: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    taken = np.random.default_rng(0).random((users, count)) < share
    return np.nonzero(taken)


def by_normal_equations(users: np.ndarray, items: np.ndarray, count: int, width: int) -> np.ndarray:
    """The same, each row from the whole dense matrix of who took what."""
    taken = np.zeros((users.max() + 1, count))
    taken[users, items] = 1
    found = np.random.default_rng(0).normal(0, 0.1 / np.sqrt(width), (count, width)).astype(np.float32).astype(float)

    def solved(taken: np.ndarray, others: np.ndarray) -> np.ndarray:
        rows = []
        for row in taken:
            decay = factors.DECAY * (row.sum() + factors.UNOBSERVED * len(others))
            weights = np.diag(row + factors.UNOBSERVED)
            system = others.T @ weights @ others + decay * np.eye(width)
            rows.append(np.linalg.solve(system, others.T @ row))
        return np.array(rows)

    for _ in range(factors.PASSES):
        found = solved(taken.T, solved(taken, found))
    return found


@pytest.mark.parametrize("width", [3, 16])  # rows of more others than numbers, and of fewer
def test_factors_are_those_of_the_normal_equations(width):
    users, items = random_pairs()
    found = item_factors(users, items, 13, width)
    assert np.allclose(found, by_normal_equations(users, items, 13, width), atol=1e-4)
    assert not found[12].any() and found[:12].any(1).all()  # nobody took the last one


def test_a_pair_counts_once_in_any_order_and_seeds_differ():
    users, items = random_pairs()
    twice = np.concatenate([users[::-1], users]), np.concatenate([items[::-1], items])
    assert np.array_equal(item_factors(users, items, 12, 4), item_factors(*twice, 12, 4))
    assert not np.allclose(item_factors(users, items, 12, 4), item_factors(users, items, 12, 4, seed=1))


def test_systems_are_solved_in_pieces(monkeypatch):
    users, items = random_pairs()
    whole = item_factors(users, items, 12, 8)
    monkeypatch.setattr(factors, "AT_ONCE", 20)
    assert np.allclose(item_factors(users, items, 12, 8), whole, atol=1e-5)


def test_items_that_go_together_are_near_and_no_pairs_give_zeros():
    users = np.repeat(np.arange(40), 3)
    items = np.concatenate([np.random.default_rng(u).permutation(5)[:3] + 5 * (u % 2) for u in range(40)])
    found = item_factors(users, items, 10, 4)
    near = found @ found.T
    assert near[:5, :5].min() > 5 * np.abs(near[:5, 5:]).max()
    none = np.zeros(0, np.int64)
    assert not item_factors(none, none, 3, 4).any()
