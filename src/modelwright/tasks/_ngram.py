"""An n-gram model with interpolated Kneser-Ney smoothing (Kneser & Ney 1995): what a language model has to beat."""

from __future__ import annotations

import numpy as np


class KneserNey:
    """Counts the n-grams of ids (N,) below `vocabulary`.

    `p_n(w | c) = (max(count(c w) - d, 0) + d * types(c) * p_(n-1)(w | c without its first)) / count(c)`, down to the
    uniform distribution. Below the highest order, count(c w) is the number of tokens that were seen before c w.
    """

    def __init__(self, ids: np.ndarray, vocabulary: int, order: int = 3) -> None:
        self.vocabulary, self.orders = vocabulary, list[tuple]()
        ids = ids.astype(np.int64)
        before, last = (
            np.zeros(len(ids), np.int64),
            order - 1,
        )  # the number of the shorter n-gram that ends at each place
        found = []
        for n in range(order):
            keys = before * vocabulary + ids[n:]
            found.append(np.unique(keys, return_index=True, return_inverse=True, return_counts=True))
            before = found[n][2][:-1]
        for n, (table, _, number, count) in enumerate(found):
            if n < last:
                count = np.bincount(number[found[n + 1][1] + 1], minlength=len(table))
            once, twice = (count == 1).sum(), (count == 2).sum()
            discount = once / (once + 2 * twice) if once else 0.5  # something must be left for what was never seen
            context = table // vocabulary
            total = np.bincount(context, count)
            types = np.bincount(context, count > 0)
            self.orders.append((table, count, total, types, discount))

    def losses(self, ids: np.ndarray) -> np.ndarray:
        """Of ids (N,), the negative log probability in nats of each, given those before it (N,)."""
        ids = ids.astype(np.int64)
        probability = np.full(len(ids), 1 / self.vocabulary)
        before = np.zeros(len(ids), np.int64)
        for n, (table, count, total, types, discount) in enumerate(self.orders):
            known = before >= 0  # whether the n-gram's context was seen
            context = np.where(known, before, 0)
            context = np.where(context < len(total), context, 0)
            known &= total[context] > 0
            keys = context * self.vocabulary + ids[n:]
            place = np.searchsorted(table, keys).clip(max=len(table) - 1)
            seen = known & (table[place] == keys)
            found = np.maximum(np.where(seen, count[place], 0) - discount, 0)
            shorter = probability[n:]
            mixed = (found + discount * types[context] * shorter) / np.maximum(total[context], 1)
            probability[n:] = np.where(known, mixed, shorter)
            before = np.where(seen, place, -1)[:-1]
        return -np.log(probability)
