"""Convolutions over the squares of a chess board."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ..blocks.convolution import ConvolutionLayer
from ..blocks.stream import Batch, Source, Stream
from ..parts import Count, NoneOrMore, Share


class Board(nn.Module):
    """A vector for each piece, its square and the rights of both sides; residual convolutions of 3 by 3 squares; and a few
    channels of each square (Silver et al. 2017, AlphaGo Zero, in the small).

    Options:
        channels: of each square, between the layers.
        layers: residual ones.
        squeeze: channels of each square that are handed on.
        dropout: share of the values that are handed on set to zero while training.
        pool: how squares become one vector.
    """

    reads = ("board",)

    def __init__(
        self,
        source: Source,
        *,
        channels: Count = 64,
        layers: NoneOrMore = 6,
        squeeze: Count = 16,
        dropout: Share = 0.1,
        pool: Literal["flatten", "mean", "max", "attention"] = "flatten",
    ) -> None:
        super().__init__()
        self.name, self.squares = source.name, source.sizes["squares"]
        self.pieces = nn.Embedding(source.sizes["codes"], channels)
        self.places = nn.Parameter(torch.randn(self.squares, channels) * 0.02)
        self.rights = nn.Linear(source.sizes["rights"], channels)
        size = (channels, channels)
        self.blocks = nn.ModuleList(ConvolutionLayer(size, 3, norm=True, residual=True) for _ in range(layers))
        self.squeeze, self.dropout = nn.Linear(channels, squeeze), nn.Dropout(dropout)
        self.width, self.length, self.pool = squeeze, self.squares, pool

    def begin(self, batch: Batch) -> tuple[Tensor, None]:
        """(B, C, 8, 8) before the first block."""
        codes = batch[self.name]
        rights = self.rights(codes[:, self.squares :].float())
        x = self.pieces(codes[:, : self.squares].long()) + self.places + rights[:, None]
        side = int(self.squares**0.5)
        return x.transpose(1, 2).unflatten(2, (side, side)), None

    def end(self, x: Tensor, mask: Tensor | None) -> Stream:
        """What the last block gave, as the encoder gives it on."""
        handed = self.dropout(torch.relu(self.squeeze(x.permute(0, 2, 3, 1).flatten(1, 2))))
        return Stream(handed, None, (x.shape[2], x.shape[3]))

    def forward(self, batch: Batch) -> Stream:
        x, mask = self.begin(batch)
        for block in self.blocks:
            x, _ = block(x, mask)
        return self.end(x, mask)
