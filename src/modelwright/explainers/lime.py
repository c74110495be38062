"""A linear model around each row."""

from __future__ import annotations

import numpy as np

from ..parts import Count, Positive
from ._subject import Explanation, Subject, by_players, shared


class Lime:
    """A weighted ridge regression on what is left when parts are taken out (Ribeiro 2016), for tables, texts and pictures.

    Of a row's parts a random number is taken out, many times; neighbours count by exp(-(d / width)^2) with
    d = 1 - sqrt(share of the parts that is left), the cosine distance to the whole row. The coefficients are the values,
    and the weighted R^2 says how far to believe them. Works for every model.

    Options:
        samples: neighbours a row.
        width: of the neighbourhood.
        shrinkage: penalty on the squared coefficients.
        seed: of the draws.
    """

    def __init__(
        self, *, samples: Count = 500, width: Positive = 0.25, shrinkage: Positive = 0.01, seed: int = 0
    ) -> None:
        self.samples, self.width, self.shrinkage, self.seed = samples, width, shrinkage, seed

    def explain(self, subject: Subject) -> Explanation:
        groups = subject.groups(max(self.samples // 6, 16))
        answer, base, values = subject.whole(), subject.empty(), np.zeros(groups.shape)
        fits = []
        for players, rows in by_players(groups):
            random = np.random.default_rng(self.seed)
            left = random.integers(0, players, (self.samples, 1))
            members = random.random((self.samples, players)).argsort(1).argsort(1) < left
            draw = random.integers(0, subject.draws, self.samples)
            gains = subject.of_players(rows, members, groups, draw) - answer[rows, None]
            weights = np.exp(-(((1 - np.sqrt(members.mean(1))) / self.width) ** 2))
            taken = ~members  # with the whole row as the origin the fit needs no intercept
            system = (taken * weights[:, None]).T @ taken + self.shrinkage * np.eye(players)
            found = np.linalg.solve(system, (taken * weights[:, None]).T @ gains.T).T
            values[rows] = shared(-found, groups[rows])
            missed = (weights * (gains - found @ taken.T) ** 2).sum(1)
            spread = (weights * (gains - np.average(gains, 1, weights)[:, None]) ** 2).sum(1)
            fits += (1 - missed / np.maximum(spread, 1e-12)).tolist()
        return Explanation(values, answer, base, fit=float(np.median(fits)) if fits else None)
