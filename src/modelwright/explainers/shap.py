"""Shapley values by kernel regression."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np

from ..parts import Count
from ._subject import Explanation, Subject, by_players, shared


class Shap:
    """What each part of a row adds to the answer, fairly shared: Shapley values (Lundberg & Lee 2017).

    All rows and coalitions pass through the model together. Small coalitions and their complements are taken whole, the
    others drawn in pairs (Covert & Lee 2021); the regression is solved exactly under the constraint that the values add
    up to the answer less that of the background. Works for every model.

    Options:
        samples: evaluations a row, at least four for each part; beyond all coalitions there are, none is made.
        seed: of the draws.
    """

    def __init__(self, *, samples: Count = 500, seed: int = 0) -> None:
        self.samples, self.seed = samples, seed

    def explain(self, subject: Subject) -> Explanation:
        groups = subject.groups(max(self.samples // 6, 16))
        answer, base, values = subject.whole(), subject.empty(), np.zeros(groups.shape)
        for players, rows in by_players(groups):
            members, weights = coalitions(players, max(self.samples - subject.draws - 1, 4 * players), self.seed)
            gains = _evaluated(subject, rows, members, groups, self) - base[rows, None]
            values[rows] = shared(solve(members, weights, gains, (answer - base)[rows]), groups[rows])
        missed = np.abs(values.sum(1) + base - answer) / np.maximum(np.abs(answer - base), 1e-6)
        return Explanation(values, answer, base, exact=float(missed.max(initial=0)))


def _evaluated(subject: Subject, rows: np.ndarray, members: np.ndarray, groups: np.ndarray, shap: Shap) -> np.ndarray:
    """(rows, S) answers; where backgrounds differ, a coalition and its complement see the same ones, as many of them as there
    are evaluations for."""
    if not len(members):
        return np.zeros((len(rows), 0))
    first = np.resize(np.random.default_rng(shap.seed).permutation(subject.draws), len(members) // 2)
    times = min(max(shap.samples // len(members), 1), subject.draws)
    draws = [np.resize((first + time) % subject.draws, len(members)) for time in range(times)]
    return np.mean([subject.of_players(rows, members, groups, draw) for draw in draws], 0)


def coalitions(players: int, samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(S, G) who is in, and (S,) weights of the Shapley kernel, (G - 1) / (C(G, s) s (G - s)) for s of G players. The second
    half holds the complements of the first, in order."""
    sizes = np.arange(1, players // 2 + 1)
    whole = np.array([comb(players, int(size)) * (1 if 2 * size == players else 2) for size in sizes], float)
    mass = (
        np.where(2 * sizes == players, 1, 2) * (players - 1) / (sizes * (players - sizes))
    )  # of a size and its complement
    firsts, weights, left, place = [np.zeros((0, players), bool)], [np.zeros(0)], samples, 0
    everything = whole.sum() <= samples
    while place < len(sizes) and (everything or left * mass[place] / mass[place:].sum() >= whole[place]):
        firsts.append(_every(players, int(sizes[place])))
        weights.append(np.full(len(firsts[-1]), mass[place] / whole[place]))
        left -= int(whole[place])
        place += 1
    if place < len(sizes):
        random, pairs = np.random.default_rng(seed), max(left // 2, 1)
        drawn = random.choice(sizes[place:], (pairs, 1), p=mass[place:] / mass[place:].sum())
        firsts.append(random.random((pairs, players)).argsort(1).argsort(1) < drawn)
        weights.append(np.full(pairs, mass[place:].sum() / (2 * pairs)))
    first, weight = np.concatenate(firsts), np.concatenate(weights)
    return np.concatenate([first, ~first]), np.concatenate([weight, weight])


def _every(players: int, size: int) -> np.ndarray:
    """Every coalition of a size; of half the players only those that are not another one's complement."""
    chosen = np.array(list(combinations(range(players), size)))
    chosen = chosen[: len(chosen) // 2] if 2 * size == players else chosen
    found = np.zeros((len(chosen), players), bool)
    np.put_along_axis(found, chosen, True, 1)
    return found


def solve(members: np.ndarray, weights: np.ndarray, gains: np.ndarray, total: np.ndarray) -> np.ndarray:
    """(R, G): the least squares of sum_s w_s (gain_s - sum of the members' values)^2 whose values add up to total (R,). The
    last player takes what the others leave, so that the constraint needs no penalty."""
    if members.shape[1] == 1:
        return total[:, None]
    root = np.sqrt(weights)[:, None]
    last = members[:, -1:].astype(float)
    system = root * (members[:, :-1] - last)
    found = np.linalg.lstsq(system, root * (gains.T - last * total), rcond=None)[0].T
    return np.column_stack([found, total - found.sum(1)])
