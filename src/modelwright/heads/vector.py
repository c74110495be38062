"""Several numbers at once."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..blocks.members import at_each, average, shares
from ..blocks.stream import Stream
from ..losses import Loss, known_count, mse


class Vector(nn.Module):
    """Linear outputs and the squared error. The target (B, D) is standardised, NaN missing. Predicts `value` (B, D).

    sizes: `size`, the number D of values. The loss is a mean over rows and values.
    """

    reads = "pooled"

    def __init__(self, width: int, sizes: dict[str, Any]) -> None:
        super().__init__()
        self.output = nn.Linear(width, sizes["size"])

    def loss(self, stream: Stream, target: Tensor) -> Loss:
        prediction, weights = self.output(stream.x), shares(stream)
        if weights is None:
            return mse(prediction[:, 0], target)
        return mse(prediction, at_each(target, stream), weights.unsqueeze(-1))[0], self.count(target)

    def count(self, target: Tensor) -> Tensor:
        return known_count(target)

    def predict(self, stream: Stream) -> dict[str, Tensor]:
        return {"value": average(self.output(stream.x).float(), stream)}
