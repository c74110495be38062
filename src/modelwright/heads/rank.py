"""Which item comes next, of all there are."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ..blocks.factors import item_factors
from ..blocks.ranking import FIRST, Drawn, Ranking, last, sampled_losses, whole_losses
from ..blocks.stream import Stream
from ..losses import Loss
from ..parts import Count, NoneOrMore, Probability

SPREAD = 0.05  # standard deviation of factors as first embeddings


class Rank(Ranking):
    """The next item at each step of a sequence, by the product of the step with each item's embedding (SASRec, Kang & McAuley
    2018; with an rnn GRU4Rec, Hidasi 2016), learnt by a softmax over all items or over drawn ones, which fits far better than
    the paper's yes or no of one drawn item (Klenitskiy & Vasilev 2023).

    sizes: `vocabulary`, the V ids, of which 0 and 1 are no items, and `counts`, how often each item occurs. Targets are ids
    (B, T), padded with -1 and aligned at the end: the last one follows the last step. An item that training has not seen (1)
    is not learned. Predicts `ids` (B, top), what comes after the last step, the best first. The loss is a mean over items,
    in nats.

    Options:
        source: the input whose steps are read, where there are several.
        top: items that are predicted.
        tied: an item's embedding is the one that the encoder reads; otherwise the head has its own.
        negatives: items drawn for the softmax of a training step, the same for all rows; 0 takes all there are.
        power: of an item's count, to which its chance to be drawn is proportional; 0 draws all alike.
        among: how many items the others count as in the softmax of the loss, few for sampled scores; 0 is all there are.
        exclude_seen: an item that the row has is not predicted again.
        begin: the items' first embeddings, factors of who took what in the training rows, or random; where rows are private or
            with clients they are random.
    """

    reads = "sequence"
    causal = True  # a step may not know what follows it
    examples: ClassVar[tuple[Any, ...]] = (
        {"vocabulary": 6, "counts": [4, 3, 2, 1]},
        torch.tensor([[2, 3, 5, 4], [4, 5, -1, -1], [2, -1, -1, -1], [5, 1, 2, -1], [3, 3, 3, 3], [-1] * 4]),
        {"tied": False},
    )

    def __init__(
        self,
        width: int,
        sizes: dict[str, Any],
        *,
        source: str = "",
        top: Count = 10,
        tied: bool = True,
        negatives: NoneOrMore = 0,
        power: Probability = 0.75,
        among: NoneOrMore = 0,
        exclude_seen: bool = True,
        begin: Literal["factors", "random"] = "factors",
    ) -> None:
        super().__init__(sizes, source, top, exclude_seen)
        self.tied, self.among, self.factors = tied, among, begin == "factors"
        self.drawn = Drawn(sizes["counts"], negatives, power) if negatives else None
        self.output = None if tied else nn.Embedding(self.vocabulary, width)
        if self.output is not None:
            nn.init.normal_(self.output.weight, std=0.02)

    @torch.no_grad()
    def begin(self, rows: Iterable[tuple[Tensor, Tensor]], table: Tensor | None) -> None:
        """Lay factors of the training rows where the embeddings are, in `table` (V, D) where they are the encoder's. rows:
        the ids that a row has (B, S), 0 where none, and its target (B, T)."""
        table = table if self.output is None else self.output.weight
        if not self.factors or table is None:
            return
        users, items, count = [], [], 0
        for read, target in rows:
            taken = torch.cat([read.long(), last(target)[:, None]], 1)
            row, place = (taken >= FIRST).nonzero(as_tuple=True)
            users.append(row + count)
            items.append(taken[row, place] - FIRST)
            count += len(taken)
        user, item, (_, width) = torch.cat(users).numpy(), torch.cat(items).numpy(), table.shape
        factors = torch.from_numpy(item_factors(user, item, self.vocabulary - FIRST, width, torch.initial_seed()))
        if factors.any():
            table[FIRST:] = factors * (SPREAD / factors.std())

    def loss(self, stream: Stream, target: Tensor) -> Loss:
        x, ids, _ = self._known(stream, target)
        return self._losses(x, ids, self._table(stream)).sum(), self.count(target)

    def nats(self, stream: Stream, target: Tensor) -> Tensor:
        """(B,) the negative log-likelihood of each row's items."""
        x, ids, row = self._known(stream, target)
        losses = whole_losses(x @ self._table(stream)[FIRST:].T, ids)
        return torch.zeros(len(target), device=losses.device).index_add(0, row, losses)

    def count(self, target: Tensor) -> Tensor:
        return (target >= FIRST).sum().float()

    def logits(self, stream: Stream, target: Tensor) -> Tensor:
        """(N, V - 2): of each known item of the target (B, T)."""
        return self._known(stream, target)[0] @ self._table(stream)[FIRST:].T

    def _table(self, stream: Stream) -> Tensor:
        found = stream.table if self.output is None else self.output.weight
        assert found is not None, "a tied head reads an encoder with embeddings"
        return found

    def _scores(self, stream: Stream) -> Tensor:
        """(B, V) of what comes after the last step, in float32."""
        lengths = _lengths(stream)
        x = stream.x[torch.arange(len(lengths), device=lengths.device), (lengths - 1).clamp(min=0)]
        with torch.autocast(x.device.type, enabled=False):
            return x.float() @ self._table(stream).float().T

    def _known(self, stream: Stream, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of each known item of the target: its step (N, D), its id and its row, both (N,). An item before the first step,
        where a history was cut, is at the first."""
        row, place = (target >= FIRST).nonzero(as_tuple=True)
        step = _lengths(stream)[row] - (target >= 0).sum(1)[row] + place
        return stream.x[row, step.clamp(min=0)], target[row, place].long(), row

    def _losses(self, x: Tensor, target: Tensor, table: Tensor) -> Tensor:
        if self.training and self.drawn is not None:
            others, expected = self.drawn()
        elif not self.among:
            return whole_losses(x @ table[FIRST:].T, target)
        else:
            others = torch.arange(FIRST, self.vocabulary, device=x.device)
            expected = torch.zeros(len(others), device=x.device)
        if self.among:
            expected = expected + math.log((self.vocabulary - FIRST) / self.among)
        return sampled_losses(x @ table[others].T, (x * table[target]).sum(1), others, expected, target)


def _lengths(stream: Stream) -> Tensor:
    """(B,) the steps of each row."""
    if stream.mask is None:
        return torch.full((len(stream.x),), stream.x.shape[1], device=stream.x.device)
    return stream.mask.sum(1)
