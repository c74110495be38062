"""What item neighbours recommend."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..blocks.ranking import FIRST
from ..parts import NotNegative, Probability
from ._features import Features

SHOWN = 20  # items that are recommended
PAIRS = 200_000_000  # of two items in one row that are counted, gigabytes
SCORES = 1 << 25  # that are held at once


class NearestItems:
    """The items that most of those who took the same ones took too (Sarwar 2001), which deep recommenders often do not beat
    (Ferrari Dacrema 2019).

    Two items are as near as `both / (sqrt(one * other) + shrink)`, the cosine of who took them, shrunk where few did; the
    nearness to each item of a row is added up, and of two as near the more popular comes first. An item that the row has is
    not recommended. Of very many rows the first are counted, as many as have 200 million pairs of items.

    Options:
        shrink: added to the number of those who took either.
        recent: what an item of a row counts beside the one that came after it.
    """

    kinds = ("items",)
    ranks = True  # told the true items, it says where they stand
    growth = 1.0
    predict_growth = 0.0

    def __init__(self, kind: str, *, shrink: NotNegative = 10.0, recent: Probability = 0.7) -> None:
        self.shrink, self.recent = shrink, recent

    def fit(self, features: Features, target: np.ndarray, seed: int = 0) -> NearestItems:
        """Count who took two items. target (N,): the id of the item that came last, which was taken too."""
        from scipy import sparse

        taken = features.tokens()
        counted = max(int((np.cumsum((taken.lengths + 1) ** 2) <= PAIRS).sum()), 1)
        taken, target = taken.take(np.arange(len(taken))[:counted]), target[:counted]
        row = np.concatenate([np.repeat(np.arange(len(taken)), taken.lengths), np.arange(len(taken))])
        ids = np.concatenate([taken.ids, target])
        self.items, known = int(ids.max(initial=FIRST)) - FIRST + 1, ids >= FIRST
        shape = (len(taken), self.items)
        who = sparse.csr_array((np.ones(known.sum(), np.float32), (row[known], ids[known] - FIRST)), shape=shape)
        who.data[:] = 1  # taken twice is taken
        near = (who.T @ who).tocoo()
        counts = near.diagonal()
        near.data *= (near.row != near.col) / (np.sqrt(counts[near.row] * counts[near.col]) + self.shrink)
        self.near = near.tocsr()
        return self

    def predict(self, features: Features, target: np.ndarray) -> dict[str, np.ndarray]:
        """`ids` (N, 20), the best first, -1 where there are no more; `rank` and `others` of the true ids `target` (N,), as
        `blocks.ranking.ranked` gives them."""
        histories = features.tokens().padded()[0]
        rows = max(SCORES // self.items, 1)
        starts = range(0, max(len(target), 1), rows)
        found = [self._best(histories[at : at + rows], target[at : at + rows]) for at in starts]
        return {name: np.concatenate([each[name] for each in found]) for name in found[0]}

    def _best(self, histories: np.ndarray, target: np.ndarray) -> dict[str, Any]:
        from scipy import sparse

        lengths, shape = (histories > 0).sum(1), (len(target), self.items)
        row, place = np.nonzero((histories >= FIRST) & (histories < FIRST + self.items))
        own, weights = histories[row, place] - FIRST, self.recent ** (lengths[row] - 1.0 - place)
        scores = (sparse.csr_array((weights.astype(np.float32), (row, own)), shape=shape) @ self.near).toarray()
        scores -= 1e-9 * np.arange(self.items, dtype=np.float32)  # ids go by popularity
        scores[row, own] = -np.inf
        count, each = min(SHOWN, self.items), np.arange(len(target))
        ids = np.argpartition(-scores, count - 1, axis=1)[:, :count]
        ids = np.take_along_axis(ids, np.argsort(-np.take_along_axis(scores, ids, 1), axis=1, kind="stable"), 1)
        inside = (target >= FIRST) & (target < FIRST + self.items)
        true = scores[each, np.where(inside, target - FIRST, 0)]
        able = inside & (true > -np.inf)
        return {
            "ids": np.where(np.take_along_axis(scores, ids, 1) > -np.inf, ids + FIRST, -1),
            "rank": np.where(able, (scores > true[:, None]).sum(1), -1),
            "others": (scores > -np.inf).sum(1) - able,
        }
