"""The order of rows and their batches: a pure function of (seed, epoch, step), so that a run resumes exactly.

Knows nothing of devices, models or losses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from ..blocks.stream import Batch
from .encoding import Encoded

WINDOW_BATCHES = 50  # rows of similar length are looked for within so many batches
Augment = Callable[[Batch, torch.Generator, int], Batch]


def generator(*counters: int | str) -> torch.Generator:
    """A generator that depends on nothing but these numbers and names."""
    digest = hashlib.blake2b(repr(counters).encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


class Batches:
    """The batches of the rows `index` of some encoded data.

    size: rows of a batch; the last one of an epoch is smaller unless `drop_last`. augment: called with each training
    batch, a generator of its own and the number of the epoch. bucket: rows of similar length go together, which saves padding.
    weights: (N,) of the rows of `index`: an epoch draws as many rows, each in proportion to its weight, some several times.
    """

    def __init__(
        self,
        encoded: Encoded,
        index: np.ndarray | Tensor,
        size: int,
        seed: int = 0,
        augment: Augment | None = None,
        bucket: bool = False,
        drop_last: bool = False,
        weights: np.ndarray | None = None,
    ) -> None:
        assert size > 0 and len(index), "batches need rows"
        self.encoded, self.size, self.seed, self.augment = encoded, min(size, len(index)), seed, augment
        self.index = torch.as_tensor(index, dtype=torch.int64)
        self.drop_last = drop_last
        lengths = encoded.lengths() if bucket else None
        self._lengths = lengths.cpu()[self.index].numpy() if lengths is not None else None
        self._upto = None if weights is None else torch.as_tensor(weights, dtype=torch.float64).cumsum(0)
        self._whole: Batch | None = None

    @property
    def rows(self) -> int:
        """Rows in an epoch, those that `drop_last` drops included."""
        return len(self.index)

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return self.rows // self.size if self.drop_last else -(-self.rows // self.size)

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from step `start` on: the same ones as when the first `start` are skipped."""
        order = None if self.size == self.rows and self._upto is None else self._order(number)
        for step in range(start, self.steps):
            if order is None:
                batch = self._all()
            else:
                batch = self.encoded.batch(order[step * self.size : (step + 1) * self.size])
            yield batch if self.augment is None else self.augment(batch, generator(self.seed, number, step), number)

    def rows_of(self, number: int, step: int) -> list[int]:
        """The rows of the data in one batch."""
        return self._order(number)[step * self.size : (step + 1) * self.size].tolist()

    def in_order(self, size: int | None = None) -> Iterator[Batch]:
        """All rows in the order of `index`, nothing augmented: for evaluation."""
        for rows in self.index.split(size or self.size):
            yield self.encoded.batch(rows)

    def _all(self) -> Batch:
        """The one batch of full-batch training: its order does not matter, so it is gathered once."""
        if self._whole is None:
            self._whole = self.encoded.batch(self.index)
        return dict(self._whole)

    def _order(self, number: int) -> Tensor:
        """The rows in the order of an epoch."""
        random = generator(self.seed, number)
        if self._upto is None:
            order = torch.randperm(self.rows, generator=random)
        else:
            drawn = torch.rand(self.rows, generator=random, dtype=torch.float64) * self._upto[-1]
            order = torch.searchsorted(self._upto, drawn, right=True).clamp_(max=self.rows - 1)
        if self._lengths is not None:
            order = self._bucketed(order, random)
        return self.index[order]

    def _bucketed(self, order: Tensor, random: torch.Generator) -> Tensor:
        """Sort by length within windows of the shuffled order, cut into batches, shuffle the full ones."""
        assert self._lengths is not None
        window = np.arange(self.rows) // (self.size * WINDOW_BATCHES)
        order = order[torch.from_numpy(np.lexsort((self._lengths[order.numpy()], window)))]
        full = self.rows // self.size
        places = torch.randperm(full, generator=random)
        shuffled = order[: full * self.size].view(full, self.size)[places].flatten()
        return torch.cat([shuffled, order[full * self.size :]])
