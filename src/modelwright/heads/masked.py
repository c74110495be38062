"""Words that were hidden from the encoder: pretraining on texts without labels."""

from __future__ import annotations

from typing import Annotated, Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ..blocks.masks import read_tokens
from ..blocks.stream import Batch, Source, Stream
from ..errors import UserError
from ..losses import Loss, cross_entropy

HIDDEN, FIRST = 1, 2  # the id of what is hidden, which is that of unknown words, and of the first known word


class Masked(nn.Module):
    """Masked language modelling (BERT, Devlin 2019): the encoder sees a text in which tokens were changed, and the head
    says what they were. Of those chosen, 80 % are hidden, 10 % become random ones and 10 % stay as they are.

    The target is the batch's own input. Which tokens are chosen is drawn anew at each training step, from torch's seed,
    and is always the same in evaluation; every text has one at least. The loss is a mean over chosen tokens, in nats.

    sizes: `source`, the Source to read. Predicts `ids` (B, T), padded with -1: the likeliest text.

    Options:
        share: of the tokens that are chosen.
    """

    reads = "sequence"
    measured_by = "loss"

    def __init__(self, width: int, sizes: dict[str, Any], *, share: Annotated[float, Field(gt=0, lt=1)] = 0.15) -> None:
        super().__init__()
        source: Source = sizes["source"]
        if source.kind != "text":
            raise UserError(f"masked reads text, not {source.kind}.", hint="For other inputs there is reconstruct.")
        self.name, self.share, self.vocabulary = source.name, share, source.sizes["vocabulary"]
        self.body = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.output = nn.Linear(width, self.vocabulary)

    def corrupted(self, batch: Batch) -> Batch:
        """The batch as the encoder is to see it."""
        return {**batch, self.name: self._drawn(batch)[0]}

    def target_of(self, batch: Batch) -> Tensor:
        """(B, T) the chosen tokens' ids, -1 elsewhere."""
        return self._drawn(batch)[1]

    def _drawn(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The changed ids and the chosen ones: the same for the same batch within a step."""
        ids, mask = read_tokens(batch, self.name)
        random = torch.Generator().manual_seed(torch.initial_seed() if self.training else 0)
        order, way = torch.rand(2, *ids.shape, generator=random).to(ids.device)
        order = order.masked_fill(~mask, 2.0)
        chosen = ((order < self.share) | (order == order.amin(1, keepdim=True))) & mask
        other = torch.randint(FIRST, max(self.vocabulary, FIRST + 1), ids.shape, generator=random).to(ids)
        changed = torch.where(way < 0.8, HIDDEN, torch.where(way < 0.9, other, ids)).to(ids.dtype)
        return torch.where(chosen, changed, ids), ids.long().masked_fill(~chosen, -1)

    def loss(self, stream: Stream, target: Tensor) -> Loss:
        return cross_entropy(self.logits(stream, target), target[target >= 0])

    def logits(self, stream: Stream, target: Tensor) -> Tensor:
        """(N, V): of each chosen token of the target (B, T)."""
        return self._logits(stream, target)[target >= 0]

    def count(self, target: Tensor) -> Tensor:
        return (target >= 0).sum().float()

    def nats(self, stream: Stream, target: Tensor) -> Tensor:
        """(B,) the surprise at each row's chosen tokens."""
        logits = self._logits(stream, target).float()
        return F.cross_entropy(logits.transpose(1, 2), target, ignore_index=-1, reduction="none").sum(1)

    def predict(self, stream: Stream) -> dict[str, Tensor]:
        ids = self.output(self.body(stream.x)).argmax(-1)
        return {"ids": ids if stream.mask is None else ids.masked_fill(~stream.mask, -1)}

    def _logits(self, stream: Stream, target: Tensor) -> Tensor:
        if stream.x.shape[:2] != target.shape:
            message = f"the encoder gives {stream.x.shape[1]} steps for {target.shape[1]} tokens."
            raise UserError(message, hint="Choose one that keeps every token: rnn, or transformer without pool: first.")
        return self.output(self.body(stream.x))
