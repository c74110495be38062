"""A series cut into patches, read by a transformer, channel by channel."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from ..blocks.attention import TransformerLayers
from ..blocks.dropout import Dropout
from ..blocks.levels import Level, channels_of
from ..blocks.stream import Batch, Source, Stream
from ..parts import Count, Depth, Share


class Patches(nn.Module):
    """Patch transformer (PatchTST, Nie et al. 2023): each channel on its own, its steps in overlapping patches, a token each.
    Self-attention with learned positions; the tokens side by side are what the head `series` maps to the horizon. Norms
    stand before each part, where the paper has batch norm behind. Gives a step for each channel.

    Options:
        patch: steps in a patch.
        stride: steps from one patch to the next; the last value is repeated so that the last patch is whole.
        width: numbers in a token.
        layers: transformer layers.
        heads: attention heads; they share the width.
        dropout: share of values set to zero in each layer while training.
        level: what is taken out of each channel and put back into its forecast: the last value, the window's mean and deviation, or nothing.
    """

    reads = ("series",)
    steps = "channels"
    pool = "mean"
    sizes: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {"width": 16, "heads": 4, "layers": 2},
        "medium": {"width": 32, "heads": 4},
        "large": {"width": 128, "heads": 16},
    }

    def __init__(
        self,
        source: Source,
        *,
        patch: Count = 16,
        stride: Count = 8,
        width: Count = 16,
        layers: Depth = 3,
        heads: Count = 4,
        dropout: Share = 0.3,
        level: Level = "window",
    ) -> None:
        super().__init__()
        self.source, self.level, self.stride = source, level, stride
        steps = source.sizes["length"]
        self.patch = min(patch, steps)
        self.length = source.sizes["channels"]
        count = (steps - self.patch) // stride + 2
        self.embed = nn.Linear(self.patch, width)
        self.positions = nn.Parameter(torch.empty(count, width).uniform_(-0.02, 0.02))
        self.dropout = Dropout(dropout)
        self.layers = TransformerLayers(width, heads, layers, dropout=dropout)
        self.width = count * width

    def forward(self, batch: Batch) -> Stream:
        x, level = channels_of(batch[self.source.name], self.source, self.level)
        pieces = F.pad(x, (0, self.stride), mode="replicate").unfold(-1, self.patch, self.stride)
        tokens = self.dropout(self.embed(pieces) + self.positions).flatten(0, 1)
        return Stream(self.layers(tokens).view(*x.shape[:2], -1), level=level)
