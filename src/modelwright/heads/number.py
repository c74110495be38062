"""A number."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor, nn

from .. import losses
from ..blocks.members import at_each, average, shares
from ..blocks.stream import Stream


class Number(nn.Module):
    """One linear output and a regression loss (the introductory articles). The target (B,) is standardised, NaN missing.

    Predicts `value` (B,), standardised as the target is.

    Options:
        loss: mse fits the mean, mae the median, huber the mean with outliers held back.
    """

    reads = "pooled"

    def __init__(self, width: int, sizes: dict[str, Any], *, loss: Literal["mse", "mae", "huber"] = "mse") -> None:
        super().__init__()
        self.output = nn.Linear(width, 1)
        self.function = {"mse": losses.mse, "mae": losses.mae, "huber": losses.huber}[loss]

    def loss(self, stream: Stream, target: Tensor) -> losses.Loss:
        prediction, weights = self.output(stream.x).squeeze(-1), shares(stream)
        if weights is None:
            return self.function(prediction[:, 0], target)
        return self.function(prediction, at_each(target, stream), weights)[0], self.count(target)

    def count(self, target: Tensor) -> Tensor:
        return losses.known_count(target)

    def predict(self, stream: Stream) -> dict[str, Tensor]:
        return {"value": average(self.output(stream.x).float().squeeze(-1), stream)}
