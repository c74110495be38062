"""Streams that attend to one another."""

from __future__ import annotations

from torch import nn

from ..blocks.attention import TransformerLayers
from ..blocks.pooling import mean
from ..blocks.stream import Stream, in_a_row
from ..parts import Count, Depth, Share


class Transformer(nn.Module):
    """Each stream's positions become tokens of one width and attend to one another; their mean goes on.

    Options:
        width: numbers in a token.
        layers: transformer layers.
        heads: attention heads; they share the width.
        dropout: share of values set to zero in each layer while training.
    """

    def __init__(
        self, widths: list[int], *, width: Count = 128, layers: Depth = 1, heads: Count = 4, dropout: Share = 0.1
    ) -> None:
        super().__init__()
        self.width = width
        self.entries = nn.ModuleList(nn.Linear(size, width) for size in widths)
        self.layers = TransformerLayers(width, heads, layers, dropout=dropout)

    def forward(self, streams: list[Stream]) -> Stream:
        row = in_a_row([stream.with_x(entry(stream.x)) for entry, stream in zip(self.entries, streams)])
        return Stream(mean(self.layers(row.x, row.mask), row.mask).unsqueeze(1), aux=row.aux)
