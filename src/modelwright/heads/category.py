"""One of several classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..blocks.members import at_each, average, shares
from ..blocks.stream import Stream
from ..errors import UserError
from ..losses import Loss, class_count, cross_entropy
from ..metrics import cumulative, lead
from ..parts import Positive, Share


class Category(nn.Module):
    """Softmax over the classes and cross-entropy (the introductory articles).

    sizes: `classes`, the K names, and for balanced weights `counts`, the training rows of each. Targets are class codes
    (B,), -1 missing, or class probabilities (B, K), zeros missing. Predicts `probabilities` (B, K).

    Where `sizes` has an `outside` class, its probability is raised by a margin that the validation rows choose: a row is outside when the
    best of the other classes is no more than the margin above it, so that doubt counts too (Hendrycks 2017).

    Options:
        label_smoothing: share of the target spread evenly over all classes.
        class_weights: "balanced" makes each class weigh the same in the loss, however rare.
        outside_weight: how many other rows a row outside is worth when the margin is chosen.
    """

    reads = "pooled"

    def __init__(
        self,
        width: int,
        sizes: dict[str, Any],
        *,
        label_smoothing: Share = 0.0,
        class_weights: Literal["none", "balanced"] = "none",
        outside_weight: Positive = 1.0,
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
        self.outside, self.outside_weight = sizes.get("outside"), outside_weight
        if self.outside is not None:
            self.register_buffer("margin", torch.zeros(()))
            self.margin: Tensor

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
        probabilities = average(self.output(stream.x).float().softmax(-1), stream)
        if self.outside is not None:
            raised = (probabilities[:, self.outside] + self.margin).clamp(min=0)
            probabilities = probabilities.index_copy(
                1, torch.tensor([self.outside], device=raised.device), raised[:, None]
            )
            probabilities = probabilities / probabilities.sum(1, keepdim=True)
        return {"probabilities": probabilities}

    def settle(self, predict: Callable[[], dict[str, np.ndarray]], codes: np.ndarray) -> None:
        """Choose the margin with which most validation rows are right. predict: their predictions; codes: their classes."""
        if self.outside is not None:
            self.margin.zero_()
            if (codes == self.outside).any():
                self.margin.fill_(_margin(predict()["probabilities"], codes, self.outside, self.outside_weight))


def _margin(probabilities: np.ndarray, codes: np.ndarray, outside: int, weight: float) -> float:
    """What is to be added to the probability (N, K) of the class `outside` for most of the rows to be right."""
    points, beyond = lead(probabilities, outside), codes == outside
    probabilities = probabilities.copy()
    probabilities[:, outside] = -1
    gain = np.where(beyond, weight, -1.0 * (probabilities.argmax(1) == codes))[np.argsort(-points, kind="stable")]
    _, claimed, cuts = cumulative(points, beyond)
    gains = np.append(0.0, np.cumsum(gain)[claimed - 1])  # by how many of the leads count as outside, the largest first
    edges = np.concatenate([[1.0], cuts, [-1.0]])
    best = int(gains.argmax())
    return -float(edges[best] + edges[best + 1]) / 2
