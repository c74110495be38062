"""One of several classes."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..blocks.members import at_each, average, shares
from ..blocks.stream import Stream
from ..errors import UserError
from ..losses import Loss, class_count, cross_entropy
from ..parts import Share


class Category(nn.Module):
    """Softmax over the classes and cross-entropy (the introductory articles).

    sizes: `classes`, the K names, and for balanced weights `counts`, the training rows of each. Targets are class codes
    (B,), -1 missing, or class probabilities (B, K), zeros missing. Predicts `probabilities` (B, K).

    Options:
        label_smoothing: share of the target spread evenly over all classes.
        class_weights: "balanced" makes each class weigh the same in the loss, however rare.
    """

    reads = "pooled"

    def __init__(
        self,
        width: int,
        sizes: dict[str, Any],
        *,
        label_smoothing: Share = 0.0,
        class_weights: Literal["none", "balanced"] = "none",
    ) -> None:
        super().__init__()
        classes = len(sizes["classes"])
        self.output = nn.Linear(width, classes)
        self.label_smoothing = label_smoothing
        weights = None
        if class_weights == "balanced":
            if "counts" not in sizes:
                raise UserError("balanced class weights need the number of rows of each class.")
            counts = torch.tensor(sizes["counts"], dtype=torch.float32).clamp(min=1)
            weights = counts.sum() / (classes * counts)
        self.register_buffer("class_weights", weights, persistent=False)
        self.class_weights: Tensor | None

    def loss(self, stream: Stream, target: Tensor) -> Loss:
        logits, weights = self.output(stream.x), shares(stream)
        smoothing, per_class = self.label_smoothing, self.class_weights
        if weights is None:
            return cross_entropy(logits[:, 0], target, smoothing=smoothing, class_weights=per_class)
        targets = at_each(target, stream)
        total, _ = cross_entropy(logits, targets, weights, smoothing=smoothing, class_weights=per_class)
        return total, self.count(target)

    def count(self, target: Tensor) -> Tensor:
        return class_count(target, class_weights=self.class_weights)

    def predict(self, stream: Stream) -> dict[str, Tensor]:
        return {"probabilities": average(self.output(stream.x).float().softmax(-1), stream)}
