"""A tag for each token."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..blocks.crf import Crf
from ..blocks.stream import Stream
from ..losses import Loss
from ..parts import Share


class Tags(nn.Module):
    """Softmax over the tags at each token, or a conditional random field over the whole sequence (Lafferty 2001).

    sizes: `classes`, the K tags. Targets are codes (B, T), padded with -1; from K on they are unknown. Predicts `ids`
    (B, T), padded with -1. The loss is a mean over tokens.

    Options:
        source: the input whose tokens are tagged, where there are several.
        crf: learn which tag follows which, and find the best sequence as a whole.
        dropout: share of the tokens' numbers set to zero while training.
    """

    reads = "sequence"
    aligned = True  # a step for each token of its target
    measured_by = "both"

    def __init__(
        self, width: int, sizes: dict[str, Any], *, source: str = "", crf: bool = False, dropout: Share = 0.0
    ) -> None:
        super().__init__()
        self.classes = len(sizes["classes"])
        self.dropout, self.output = nn.Dropout(dropout), nn.Linear(width, self.classes)
        self.crf = Crf(self.classes) if crf else None

    def loss(self, stream: Stream, target: Tensor) -> Loss:
        return self.nats(stream, target).sum(), self.count(target)

    def nats(self, stream: Stream, target: Tensor) -> Tensor:
        """(B,) the negative log-likelihood of each row's tags."""
        scores, mask = self._scores(stream)
        target = self._known(F.pad(target, (0, scores.shape[1] - target.shape[1]), value=-1))  # texts may be cut
        if self.crf is not None:
            return self.crf.loss(scores, mask, target)
        return F.cross_entropy(scores.transpose(1, 2), target.long(), ignore_index=-1, reduction="none").sum(1)

    def count(self, target: Tensor) -> Tensor:
        return (self._known(target) >= 0).sum().float()

    def predict(self, stream: Stream) -> dict[str, Tensor]:
        scores, mask = self._scores(stream)
        ids = scores.argmax(-1) if self.crf is None else self.crf.best(scores, mask)
        return {"ids": ids.masked_fill(~mask, -1)}

    def logits(self, stream: Stream, target: Tensor | None = None) -> Tensor:
        """(N, K): of each token, whether its tag is known or not."""
        scores, mask = self._scores(stream)
        return scores[mask]

    def _scores(self, stream: Stream) -> tuple[Tensor, Tensor]:
        """(B, T, K) in float32, and the mask."""
        stream = stream.by_word()
        scores = self.output(self.dropout(stream.x)).float()
        mask = torch.ones(scores.shape[:2], dtype=torch.bool, device=scores.device)
        return scores, mask if stream.mask is None else stream.mask

    def _known(self, target: Tensor) -> Tensor:
        return target.masked_fill(target >= self.classes, -1)
