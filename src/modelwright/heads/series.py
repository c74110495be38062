"""The next steps of a series."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from .. import losses
from ..blocks.stream import Stream
from ..parts import Share

_NAN = float("nan")


class Series(nn.Module):
    """One linear map from a channel's representation to its next steps, which all channels share (channel independence, Nie
    et al. 2023). The target (B, steps, channels) is standardised, NaN missing. The first channels of what is read are those
    of the target; what the encoder took out of their level is put back. Predicts `value` (B, steps, channels), and with
    `quantiles` also `low` and `high`, between which the share `interval` of the target's column lies.

    Options:
        source: the series whose channels are read, where there are several.
        loss: mse fits the mean, mae the median, huber the mean with outliers held back.
        quantiles: learn the ends of the interval too (pinball loss), so that it is wide where much may happen.
        individual: weights of its own for each channel.
        dropout: share of the representation set to zero while training.
    """

    reads = "sequence"
    steps = "channels"
    taught = "value"  # to a student
    examples: ClassVar[Any] = (
        {"length": 3, "channels": 2, "mean": [1.0, -2.0], "scale": [2.0, 0.5], "interval": 0.8},
        torch.cat([torch.linspace(-1, 1, 30).view(5, 3, 2).sin(), torch.full((1, 3, 2), _NAN)]),
    )

    def __init__(
        self,
        width: int,
        sizes: dict[str, Any],
        *,
        source: str = "",
        loss: Literal["mse", "mae", "huber"] = "mse",
        quantiles: bool = False,
        individual: bool = False,
        dropout: Share = 0.0,
    ) -> None:
        super().__init__()
        self.length, self.channels = sizes["length"], sizes["channels"]
        self.ends = losses.ends(sizes.get("interval", 0.0)) if quantiles else ()
        self.function = {"mse": losses.mse, "mae": losses.mae, "huber": losses.huber}[loss]
        many = self.length * (1 + len(self.ends))
        self.dropout = nn.Dropout(dropout)
        self.outputs = nn.ModuleList(nn.Linear(width, many) for _ in range(self.channels if individual else 1))
        self.register_buffer("mean", torch.tensor(sizes["mean"])[:, None], persistent=False)
        self.register_buffer("scale", torch.tensor(sizes["scale"])[:, None], persistent=False)
        self.mean: Tensor
        self.scale: Tensor

    def _values(self, stream: Stream) -> Tensor:
        """(1 or 3, B, steps, channels): the forecast, and the ends of its interval, in the target's code."""
        x = self.dropout(stream.x[:, : self.channels])
        if len(self.outputs) > 1:
            found = torch.stack([layer(x[:, place]) for place, layer in enumerate(self.outputs)], 1)
        else:
            found = self.outputs[0](x)
        if stream.level is not None:
            location, scale = stream.level[:, : self.channels].split(1, -1)
            found = found.float() * (scale / self.scale) + (location - self.mean) / self.scale
        return found.unflatten(-1, (-1, self.length)).permute(2, 0, 3, 1)

    def loss(self, stream: Stream, target: Tensor) -> losses.Loss:
        value, *ends = self._values(stream)
        total, count = self.function(value, target)
        for end, level in zip(ends, self.ends):
            total = total + losses.pinball(end, target, level)[0]
        return total, count

    def count(self, target: Tensor) -> Tensor:
        return losses.known_count(target)

    def predict(self, stream: Stream) -> dict[str, Tensor]:
        return dict(zip(("value", "low", "high"), self._values(stream).float()))
