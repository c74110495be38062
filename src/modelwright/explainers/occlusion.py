"""One part at a time."""

from __future__ import annotations

import numpy as np

from ..parts import Count
from ._subject import Explanation, Subject


class Occlusion:
    """How far the answer falls when one part alone is taken out: a patch of a picture (Zeiler & Fergus 2014), a word, a
    column. Works for every model.

    Options:
        samples: evaluations a row, shared among its parts; more than one a part only where backgrounds differ.
        seed: of the draws.
    """

    def __init__(self, *, samples: Count = 500, seed: int = 0) -> None:
        self.samples, self.seed = samples, seed

    def explain(self, subject: Subject) -> Explanation:
        owner, part = np.nonzero(subject.valid)
        answer, values = subject.whole(), np.zeros(subject.names.shape)
        times = min(subject.draws, max(self.samples // max(subject.valid.shape[1], 1), 1))
        keep = np.ones((len(owner), subject.names.shape[1]), bool)
        keep[np.arange(len(owner)), part] = False
        draws = np.random.default_rng(self.seed).permutation(subject.draws)[:times]
        if len(owner):
            without = [subject.values(owner, keep, np.full(len(owner), draw)) for draw in draws]
            values[owner, part] = answer[owner] - np.mean(without, 0)
        return Explanation(values, answer, subject.empty())
