"""Any number of labels at once."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..blocks.members import at_each, average, shares
from ..blocks.stream import Stream
from ..losses import Loss, binary_cross_entropy, known_count


class Multilabel(nn.Module):
    """A sigmoid and binary cross-entropy for each label. The target (B, K) is 0 or 1, a row of NaN missing.

    sizes: `classes`, the K label names. The loss is a mean over rows and labels. Predicts `probabilities` (B, K).

    Options:
        label_smoothing: share by which targets are moved towards one half.
    """

    reads = "pooled"

    def __init__(self, width: int, sizes: dict[str, Any], *, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.output = nn.Linear(width, len(sizes["classes"]))
        self.label_smoothing = label_smoothing

    def loss(self, stream: Stream, target: Tensor) -> Loss:
        logits, weights = self.output(stream.x), shares(stream)
        if weights is None:
            return binary_cross_entropy(logits[:, 0], target, smoothing=self.label_smoothing)
        each = at_each(target, stream)
        total, _ = binary_cross_entropy(logits, each, weights.unsqueeze(-1), smoothing=self.label_smoothing)
        return total, self.count(target)

    def count(self, target: Tensor) -> Tensor:
        return known_count(target)

    def predict(self, stream: Stream) -> dict[str, Tensor]:
        return {"probabilities": average(self.output(stream.x).float().sigmoid(), stream)}
