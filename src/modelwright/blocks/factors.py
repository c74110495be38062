"""Vectors of items from who took what: implicit matrix factorisation, in closed form. NumPy only."""

from __future__ import annotations

import numpy as np

UNOBSERVED = 0.0025  # what a pair counts that was not taken, where one that was counts 1
DECAY = 0.04
PASSES = 6
AT_ONCE = 1 << 22  # numbers in the systems that are solved together


def item_factors(users: np.ndarray, items: np.ndarray, count: int, width: int, seed: int = 0) -> np.ndarray:
    """(count, width) float32: vectors q_i such that with others p_u `p_u q_i` is near 1 where u took i and near 0 elsewhere.

    Alternating least squares (Hu, Koren & Volinsky 2008) with squares of vectors penalised by how many terms they stand in,
    which is what makes it strong (Rendle 2022): `sum over taken (1 - p_u q_i)^2 + a sum over all (p_u q_i)^2 + d (sum_u
    (n_u + a I) |p_u|^2 + sum_i (n_i + a U) |q_i|^2)`. users and items (N,): codes from 0, a pair counts once.
    """
    user, item = np.divmod(np.unique(users * count + items), count)
    by_user, order = _Taken(user, item, int(user.max(initial=-1)) + 1), np.argsort(item, kind="stable")
    by_item = _Taken(item[order], user[order], count)
    found = np.random.default_rng(seed).normal(0, 0.1 / np.sqrt(width), (count, width)).astype(np.float32)
    for _ in range(PASSES):
        found = by_item.solved(by_user.solved(found))
    return found


class _Taken:
    """What each row took: `other` codes, rows in order."""

    def __init__(self, row: np.ndarray, other: np.ndarray, rows: int) -> None:
        self.other, self.lengths = other, np.bincount(row, minlength=rows)
        self.starts = np.cumsum(self.lengths) - self.lengths

    def solved(self, vectors: np.ndarray) -> np.ndarray:
        """(rows, D): the best vectors of the rows, given those of what they took.

        In the basis in which the part that all rows share is diagonal, a row of n others is a system of n unknowns where n is
        below D (Woodbury's identity), and most are.
        """
        width = vectors.shape[1]
        values, basis = np.linalg.eigh(UNOBSERVED * (vectors.T @ vectors).astype(np.float64))
        turned, values = vectors @ basis.astype(np.float32), values.clip(min=0)
        found = np.zeros((len(self.lengths), width), np.float32)
        for n in np.unique(self.lengths[self.lengths > 0]):
            rows = np.flatnonzero(self.lengths == n)
            shared = (values + DECAY * (n + UNOBSERVED * len(vectors))).astype(np.float32)
            for chunk in np.array_split(rows, -(-len(rows) * n * width // AT_ONCE)):
                taken = turned[self.other[self.starts[chunk, None] + np.arange(n)]]  # (rows, n, D)
                if n < width:
                    system = np.eye(n, dtype=np.float32) + (taken / shared) @ taken.transpose(0, 2, 1)
                    weights = np.linalg.solve(system, np.ones((len(chunk), n, 1), np.float32))
                    found[chunk] = (weights.transpose(0, 2, 1) @ taken)[:, 0] / shared
                else:
                    system = np.diag(shared) + taken.transpose(0, 2, 1) @ taken
                    found[chunk] = np.linalg.solve(system, taken.sum(1)[:, :, None])[:, :, 0]
        return found @ basis.T.astype(np.float32)
