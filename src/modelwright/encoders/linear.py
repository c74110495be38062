"""A series as its channels, each measured from its own level."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ..blocks.levels import Level, channels_of
from ..blocks.stream import Batch, Source, Stream
from ..parts import NoneOrMore


class Linear(nn.Module):
    """Every channel's steps as one vector, without its level: with the head `series`, a linear forecast whose weights all
    channels share. `level: last` is NLinear, `level: none, trend: 25` DLinear (both Zeng et al. 2023); `level: window` is a
    linear map under reversible instance normalisation (Li et al. 2023). Gives a step for each channel.

    Options:
        level: what is taken out of each channel and put back into its forecast: the last value, the window's mean and deviation, or nothing.
        trend: width of the moving average that is read apart from what is left of it; 0 for none.
    """

    reads = ("series",)
    steps = "channels"
    pool = "mean"

    def __init__(self, source: Source, *, level: Level = "last", trend: NoneOrMore = 0) -> None:
        super().__init__()
        self.source, self.level, self.trend = source, level, trend
        self.length = source.sizes["channels"]
        self.width = source.sizes["length"] * (2 if trend else 1)

    def forward(self, batch: Batch) -> Stream:
        x, level = channels_of(batch[self.source.name], self.source, self.level)
        if self.trend:
            before = (self.trend - 1) // 2
            padded = F.pad(x, (before, self.trend - 1 - before), mode="replicate")
            smooth = F.avg_pool1d(padded, self.trend, 1)
            x = torch.cat([x - smooth, smooth], -1)
        return Stream(x, level=level)
