"""Streams side by side."""

from __future__ import annotations

import torch
from torch import nn

from ..blocks.dense import Activation, Norm, dense_stack
from ..blocks.stream import Stream
from ..errors import UserError
from ..parts import Count, Share


class Concat(nn.Module):
    """Puts the pooled streams side by side, then dense layers `hidden`.

    Streams of one position join every member of an ensemble.

    Options:
        hidden: width of each dense layer after the streams are joined.
        activation: function after each dense layer.
        dropout: share of values set to zero after each dense layer while training.
        norm: normalisation after each dense layer.
    """

    def __init__(
        self,
        widths: list[int],
        *,
        hidden: tuple[Count, ...] = (),
        activation: Activation = "relu",
        dropout: Share = 0.0,
        norm: Norm = "none",
    ) -> None:
        super().__init__()
        self.width = hidden[-1] if hidden else sum(widths)
        self.layers = dense_stack(sum(widths), hidden, activation, dropout, norm)

    def forward(self, streams: list[Stream]) -> Stream:
        aux = {name: term for stream in streams for name, term in stream.aux.items()}
        if len(streams) == 1:
            return Stream(self.layers(streams[0].x), streams[0].mask, aux=aux)
        positions = max(stream.x.shape[1] for stream in streams)
        if any(stream.x.shape[1] not in (1, positions) for stream in streams):
            raise UserError(
                f"streams of {sorted({stream.x.shape[1] for stream in streams})} positions cannot stand side by side.",
                where="model.fuse",
                hint="Pool the encoders (pool: mean), or give their ensembles the same size.",
            )
        x = torch.cat([stream.x.expand(-1, positions, -1) for stream in streams], -1)
        masks = [stream.mask for stream in streams if stream.mask is not None and stream.x.shape[1] == positions]
        return Stream(self.layers(x), torch.stack(masks).all(0) if masks else None, aux=aux)
