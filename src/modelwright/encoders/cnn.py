"""Convolutional layers on pictures and sequences."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ..blocks.convolution import ConvolutionLayer, Shrink, Size
from ..blocks.dense import Activation
from ..blocks.exits import Block
from ..blocks.inputs import Picture, Steps
from ..blocks.stream import Batch, Source, Stream
from ..errors import UserError
from ..parts import Count, Counts, Share

_LARGEST_FLAT = 4096  # numbers that "auto" still hands on one by one rather than averaged over the picture


class Cnn(nn.Module):
    """Convolutional network: 2-D for pictures, 1-D over the words of a text, the steps of a series or the values of a vector.

    A layer is convolution, max pooling, norm, activation (see `blocks/convolution.py` for why pooling is early).

    Options:
        channels: filters of each layer.
        kernel: side of the filters, one number or one for each layer.
        padding: "same" keeps the size, "valid" only uses places where the filter fits.
        shrink: factor by which each layer shrinks the sides, one number or one for each layer; 1 leaves them.
        shrink_by: how: largest value, average, or a stride of the filter.
        norm: batch normalisation in each layer, or none.
        activation: function of each layer.
        dropout: share of the last layer's channels set to zero while training.
        residual: a layer that keeps its input's shape adds the input to its output.
        parallel: one layer of filters of each `kernel` width side by side (Kim 2014) instead of one after another.
        embedding: width of a word's embedding (text only).
        pool: how positions become one vector; auto is max for text, flatten for small outputs, else mean.
    """

    reads = ("image", "text", "vector", "series")
    sizes: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {"channels": (32, 64)},
        "medium": {"channels": (32, 64, 128)},
        "large": {"channels": (64, 128, 256, 512)},
    }

    def __init__(
        self,
        source: Source,
        *,
        channels: Counts = (32, 64, 128),
        kernel: Count | Counts = 3,
        padding: Literal["same", "valid"] = "same",
        shrink: Count | Counts = 2,
        shrink_by: Shrink = "max",
        norm: Literal["none", "batch"] = "batch",
        activation: Activation = "relu",
        dropout: Share = 0.0,
        residual: bool = False,
        parallel: bool = False,
        embedding: Count = 64,
        pool: Literal["auto", "mean", "max", "last", "first", "flatten", "attention", "none"] = "auto",
    ) -> None:
        super().__init__()
        self.where = f"model.encoders.{source.name}"
        self.sequence = source.kind != "image"
        if source.kind == "text" and padding == "valid":
            raise UserError(
                "texts may be shorter than the filter.", where=f"{self.where}.padding", hint="Use padding: same."
            )
        self.inputs: Picture | Steps
        if self.sequence:
            self.inputs = Steps(source, embedding=embedding)
            entering, size = self.inputs.width, (1, self.inputs.length or 0)
        else:
            self.inputs = Picture(source)
            entering, size = source.sizes["channels"], (source.sizes["height"], source.sizes["width"])
        if parallel and padding == "valid":
            raise UserError("parallel filters of different widths need padding: same.", where=f"{self.where}.padding")
        count = max(len(channels), len(kernel) if parallel and isinstance(kernel, tuple) else 1)
        widths = channels * count if parallel and len(channels) == 1 else channels
        kernels, shrinks = self._each(kernel, "kernel", count), self._each(shrink, "shrink", count)
        self.parallel, self.layers = parallel, nn.ModuleList()
        before, given = entering, size
        for after, side, factor in zip(widths, kernels, shrinks):
            if isinstance(shrink, int) and size[1] and factor > min(size[self.sequence :]):
                factor = 1  # one number for all layers shrinks as long as there is something to shrink
            layer = ConvolutionLayer(
                (before, after),
                side,
                shrink=factor,
                shrink_by=shrink_by,
                same=padding == "same",
                norm=norm == "batch",
                activation=activation,
                residual=residual,
                sequence=self.sequence,
            )
            self.layers.append(layer)
            if size[1]:
                size = self._size(layer, given if parallel else size)
            before = entering if parallel else after
        self.dropout = nn.Dropout2d(dropout) if dropout else None
        self.width = sum(widths) if parallel else widths[-1]
        self.length = size[0] * size[1] or None
        self.pool = self._pool(source) if pool == "auto" else pool

    def _each(self, option: int | tuple[int, ...], name: str, count: int) -> tuple[int, ...]:
        """The option's value for each layer."""
        values = (option,) * count if isinstance(option, int) else option
        if len(values) != count or min(values) < 1:
            raise UserError(
                f"{list(values)} does not give one positive number for each of {count} layers.",
                where=f"{self.where}.{name}",
                hint="Give one number for all layers, or a list as long as channels.",
            )
        return values

    def _size(self, layer: ConvolutionLayer, given: Size) -> Size:
        """The layer's output size; raises UserError where nothing is left."""
        size = layer.size(given)
        if min(size) < 1:
            raise UserError(
                f"nothing is left of {given[0]} x {given[1]} after layer {len(self.layers)}.",
                where=self.where,
                hint="Use fewer layers, padding: same, or a smaller shrink.",
            )
        return size

    def _pool(self, source: Source) -> str:
        if source.kind == "text":
            return "max"
        assert self.length is not None
        return "flatten" if self.length * self.width <= _LARGEST_FLAT else "mean"

    def forward(self, batch: Batch) -> Stream:
        x, mask = self.begin(batch)
        for block in self.blocks:
            x, mask = block(x, mask)
        return self.end(x, mask)

    def begin(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """Pixels or embedded words (B, C, H, W) before the first block, and their mask (B, 1, 1, W)."""
        if not self.sequence:
            return self.inputs(batch), None
        x, mask = self.inputs(batch)
        x = x.unsqueeze(1).permute(0, 3, 1, 2)  # (B, D, 1, T), channels-last without a copy
        return x, None if mask is None else mask[:, None, None, :]

    @property
    def blocks(self) -> list[Block]:
        """What lies between `begin` and `end` (`blocks/exits.py`): layers side by side are one block."""
        return [self._side_by_side] if self.parallel else list(self.layers)

    def _side_by_side(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        branches = [layer(x, mask) for layer in self.layers]
        return torch.cat([branch[0] for branch in branches], 1), branches[0][1]

    def end(self, x: Tensor, mask: Tensor | None) -> Stream:
        """What a block gave, as the encoder gives it on."""
        if self.dropout is not None:
            x = self.dropout(x)
        grid = (x.shape[2], x.shape[3])
        x = x.permute(0, 2, 3, 1).flatten(1, 2)  # (B, H * W, C)
        return Stream(x, None if mask is None else mask[:, 0, 0], None if self.sequence else grid)
