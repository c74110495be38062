"""Yes or no."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..blocks.members import at_each, average, shares
from ..blocks.stream import Stream
from ..errors import UserError
from ..losses import Loss, binary_cross_entropy, known_count
from ..parts import Positive, Share


class Boolean(nn.Module):
    """Sigmoid and binary cross-entropy. The target (B,) is 0 or 1, NaN missing. Predicts `probability` (B,).

    sizes: for the balanced weight `counts`, the training rows of no and of yes.

    Options:
        label_smoothing: share by which targets are moved towards one half.
        positive_weight: factor on the loss of a yes; "balanced" is the number of no divided by that of yes.
    """

    reads = "pooled"

    def __init__(
        self,
        width: int,
        sizes: dict[str, Any],
        *,
        label_smoothing: Share = 0.0,
        positive_weight: Positive | Literal["balanced"] = 1.0,
    ) -> None:
        super().__init__()
        self.output = nn.Linear(width, 1)
        self.label_smoothing = label_smoothing
        if positive_weight == "balanced":
            if "counts" not in sizes:
                raise UserError("a balanced weight needs the number of rows of no and of yes.")
            negative, positive = sizes["counts"]
            positive_weight = max(negative, 1) / max(positive, 1)
        weight = None if positive_weight == 1.0 else torch.tensor(float(positive_weight))
        self.register_buffer("positive_weight", weight, persistent=False)
        self.positive_weight: Tensor | None

    def loss(self, stream: Stream, target: Tensor) -> Loss:
        logits, weights = self.output(stream.x).squeeze(-1), shares(stream)
        alone = weights is None
        total, _ = binary_cross_entropy(
            logits[:, 0] if alone else logits,
            target if alone else at_each(target, stream),
            weights,
            positive_weight=self.positive_weight,
            smoothing=self.label_smoothing,
        )
        return total, self.count(target)

    def count(self, target: Tensor) -> Tensor:
        return known_count(target)

    def predict(self, stream: Stream) -> dict[str, Tensor]:
        return {"probability": average(self.output(stream.x).float().squeeze(-1).sigmoid(), stream)}
