"""Which item a user takes, by the nearness of a user's vector to the items' vectors."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..blocks.dense import dense_stack
from ..blocks.members import average
from ..blocks.ranking import FIRST, NEVER, Drawn, Ranking, last, sampled_losses, whole_losses
from ..blocks.stream import Stream
from ..losses import Loss
from ..parts import Count, Positive


class TwoTower(Ranking):
    """Two towers (Covington 2016; Yi 2019): the encoders and the fuse are the user's, an embedding and dense layers the item's,
    and the score is the cosine of what both give, divided by the temperature. Learnt by a softmax over the items of the
    other rows of a step, corrected for how often each comes up there, over drawn items, or over all.

    sizes: `vocabulary`, the V ids, of which 0 and 1 are no items, and `counts`, how often each item occurs in training. Targets
    are ids (B, T), padded with -1, of which the last counts. Predicts `ids` (B, top), the best first.

    Options:
        source: the input with a user's items so far, where there are several.
        top: items that are predicted.
        size: numbers in the vectors that are compared.
        hidden: widths of the dense layers of the item's tower.
        temperature: by which cosines are divided.
        softmax: over the items of the other rows (batch), drawn ones, or all.
        negatives: how many are drawn.
        exclude_seen: an item that the row has is not predicted again.
    """

    reads = "pooled"
    examples: ClassVar[tuple[Any, ...]] = (
        {"vocabulary": 6, "counts": [4, 3, 2, 1]},
        torch.tensor([[2, 3], [4, -1], [2, -1], [5, 2], [3, 3], [-1, -1]]),
    )

    def __init__(
        self,
        width: int,
        sizes: dict[str, Any],
        *,
        source: str = "",
        top: Count = 10,
        size: Count = 64,
        hidden: tuple[Count, ...] = (),
        temperature: Positive = 0.1,
        softmax: Literal["batch", "drawn", "all"] = "batch",
        negatives: Count = 256,
        exclude_seen: bool = True,
    ) -> None:
        super().__init__(sizes, source, top, exclude_seen)
        self.temperature, self.softmax = temperature, softmax
        self.drawn = Drawn(sizes["counts"], negatives, 0.75)
        self.output = nn.Linear(width, size)
        self.items = nn.Embedding(self.vocabulary, size)
        nn.init.normal_(self.items.weight, std=size**-0.5)
        self.tower = (
            nn.Sequential(dense_stack(size, hidden, "relu", 0.0, "none"), nn.Linear(hidden[-1], size))
            if hidden
            else nn.Identity()
        )
        counts = torch.tensor(sizes["counts"], dtype=torch.float32)
        shares = F.pad(counts / counts.sum().clamp(min=1), (FIRST, 0), value=1.0)
        self.register_buffer("frequency", shares.clamp(min=1e-9).log(), persistent=False)
        self.frequency: Tensor

    def loss(self, stream: Stream, target: Tensor) -> Loss:
        return self.nats(stream, target).sum(), self.count(target)

    def nats(self, stream: Stream, target: Tensor) -> Tensor:
        """(B,) the negative log-likelihood of each row's last item; 0 where there is none."""
        true = last(target)
        known = true >= FIRST
        user, true = self._user(stream)[known], true[known]
        found = torch.zeros(len(known), device=user.device)
        return found.index_put((known.nonzero()[:, 0],), self._losses(user, true))

    def _losses(self, user: Tensor, true: Tensor) -> Tensor:
        if self.softmax == "all" or not self.training:
            return whole_losses(user @ self._vectors()[FIRST:].T, true)
        if self.softmax == "drawn":
            others, expected = self.drawn()
            own = (user * self._vectors(true)).sum(1)
            return sampled_losses(user @ self._vectors(others).T, own, others, expected, true)
        scores = (user @ self._vectors(true).T).float() - self.frequency[true]
        again = (true[:, None] == true) & ~torch.eye(len(true), dtype=torch.bool, device=true.device)
        return F.cross_entropy(
            scores.masked_fill(again, NEVER), torch.arange(len(true), device=true.device), reduction="none"
        )

    def count(self, target: Tensor) -> Tensor:
        return (last(target) >= FIRST).sum().float()

    def logits(self, stream: Stream, target: Tensor) -> Tensor:
        """(N, V - 2): of each row whose item is known."""
        return self._scores(stream)[last(target) >= FIRST, FIRST:]

    def _scores(self, stream: Stream) -> Tensor:
        """(B, V) in float32."""
        with torch.autocast(stream.x.device.type, enabled=False):
            return self._user(stream).float() @ self._vectors().float().T

    def _user(self, stream: Stream) -> Tensor:
        """(B, size) of length 1 / temperature."""
        return F.normalize(average(self.output(stream.x), stream), dim=-1) / self.temperature

    def _vectors(self, ids: Tensor | None = None) -> Tensor:
        """(N, size) of the items, or of all, of length 1."""
        return F.normalize(self.tower(self.items.weight if ids is None else self.items(ids)), dim=-1)
