"""A number."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor, nn

from .. import losses
from ..blocks.members import at_each, average, shares
from ..blocks.stream import Stream


class Number(nn.Module):
    """One linear output and a regression loss (the introductory articles). The target (B,) is standardised, NaN missing.

    Predicts `value` (B,), standardised as the target is, and with `quantiles` also `low` and `high`, between which the share
    `interval` of its column lies.

    Options:
        loss: mse fits the mean, mae the median, huber the mean with outliers held back.
        quantiles: learn the ends of the interval too (pinball loss), so that it is wide where much may happen.
    """

    reads = "pooled"

    def __init__(
        self,
        width: int,
        sizes: dict[str, Any],
        *,
        loss: Literal["mse", "mae", "huber"] = "mse",
        quantiles: bool = False,
    ) -> None:
        super().__init__()
        self.ends = losses.ends(sizes.get("interval", 0.0)) if quantiles else ()
        self.output = nn.Linear(width, 1 + len(self.ends))
        self.function = {"mse": losses.mse, "mae": losses.mae, "huber": losses.huber}[loss]

    def loss(self, stream: Stream, target: Tensor) -> losses.Loss:
        weights = shares(stream)
        value, *ends = self.output(stream.x[:, 0] if weights is None else stream.x).unbind(-1)
        goal = target if weights is None else at_each(target, stream)
        total, count = self.function(value, goal, weights)
        for end, level in zip(ends, self.ends):
            total = total + losses.pinball(end, goal, level, weights)[0]
        return total, count if weights is None else self.count(target)

    def count(self, target: Tensor) -> Tensor:
        return losses.known_count(target)

    def predict(self, stream: Stream) -> dict[str, Tensor]:
        return dict(zip(("value", "low", "high"), average(self.output(stream.x).float(), stream).unbind(-1)))
