"""Streams that attend to one another."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..blocks.attention import TransformerLayers
from ..blocks.pooling import mean
from ..blocks.stream import Stream
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
        x = torch.cat([entry(stream.x) for entry, stream in zip(self.entries, streams)], 1)
        mask: Tensor | None = None
        if any(stream.mask is not None for stream in streams):
            mask = torch.cat(
                [
                    stream.x.new_ones(stream.x.shape[:2]).bool() if stream.mask is None else stream.mask
                    for stream in streams
                ],
                1,
            )
        aux = {name: term for stream in streams for name, term in stream.aux.items()}
        return Stream(mean(self.layers(x, mask), mask).unsqueeze(1), aux=aux)
