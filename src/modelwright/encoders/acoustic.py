"""Speech and other sound: log-mel frames, convolutions that shorten them, and a network over what is left."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ..blocks.attention import TransformerLayer
from ..blocks.convolution import ConvolutionLayer
from ..blocks.dropout import Dropout
from ..blocks.exits import Block
from ..blocks.pooling import Pooling
from ..blocks.recurrent import Recurrent
from ..blocks.spectrogram import LogMel, SpecAugment
from ..blocks.stream import Batch, Source, Stream
from ..parts import Count, Counts, Depth, NoneOrMore, Positive, Share


class Acoustic(nn.Module):
    """Acoustic encoder: the log energies of mel bands, made on the fly (`blocks/spectrogram.py`), are halved in time and
    in frequency by each of some 3 x 3 convolutions and read by convolutions, a recurrent network in two directions, or a
    transformer. While training, stretches of time and of bands are hidden (SpecAugment, Park 2019). No norm mixes rows.

    Options:
        bands: mel bands.
        window: length of a frame in milliseconds.
        hop: milliseconds from frame to frame.
        level: standardise an utterance over all its bands at once, or band by band, which also takes away how it was recorded.
        masks: hidden stretches of time, and as many of bands, while training; 0 hides nothing.
        time_mask: longest hidden stretch of time, as a share of the utterance.
        band_mask: most bands that one stretch hides.
        subsample: filters of the convolutions that halve time and frequency.
        body: what reads the shortened frames.
        width: numbers of a step.
        layers: layers of the body.
        kernel: steps that a filter of the body sees (cnn).
        heads: attention heads (transformer).
        dropout: share of values set to zero in the body while training.
        pool: how steps become one vector, for heads that read one.
    """

    reads = ("audio",)
    sizes: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {"subsample": (16, 32), "width": 64},
        "medium": {"width": 128},
        "large": {"subsample": (64, 128), "width": 256, "layers": 4},
    }

    def __init__(
        self,
        source: Source,
        *,
        bands: Count = 40,
        window: Positive = 25.0,
        hop: Positive = 10.0,
        level: Literal["utterance", "bands"] = "utterance",
        masks: NoneOrMore = 1,
        time_mask: Share = 0.15,
        band_mask: NoneOrMore = 5,
        subsample: Counts = (32, 64),
        body: Literal["cnn", "rnn", "transformer"] = "cnn",
        width: Count = 128,
        layers: Depth = 2,
        kernel: Count = 5,
        heads: Count = 4,
        dropout: Share = 0.1,
        pool: Pooling = "mean",
    ) -> None:
        super().__init__()
        self.name, rate = source.name, source.sizes["rate"]
        spans = {name: max(1, round(rate * span / 1000)) for name, span in (("window", window), ("hop", hop))}
        self.frames = LogMel(rate, bands=bands, whole=level == "utterance", **spans)
        self.hide = SpecAugment(masks, time=time_mask, bands=min(band_mask, bands))
        layers_before, height = list[nn.Module](), bands
        for before, after in zip((1, *subsample), subsample):
            layer = ConvolutionLayer((before, after), 3, shrink=2, shrink_by="stride")
            # no norm follows: weights that keep the size of what passes (He 2015)
            nn.init.kaiming_normal_(layer.filter.weight, nonlinearity="relu")
            layers_before.append(layer)
            height = -(-height // 2)
        self.subsample = nn.ModuleList(layers_before)
        self.flatten = nn.Linear(subsample[-1] * height, width)
        self.dropout, self.norm = Dropout(dropout), nn.Identity() if body == "rnn" else nn.LayerNorm(width)
        self.body = _body(body, width, layers, kernel=kernel, heads=heads, dropout=dropout)
        self.pool, self.length = pool, None
        self.backward = -(-width // 2) if body == "rnn" else 0
        self.width = 2 * self.backward or width

    def forward(self, batch: Batch) -> Stream:
        x, mask = self.begin(batch)
        for block in self.blocks:
            x, mask = block(x, mask)
        return self.end(x, mask)

    def begin(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Shortened frames (B, T, width) before the body, and their mask."""
        samples = batch[self.name]
        mask = batch.get(f"{self.name}.mask", torch.ones_like(samples, dtype=torch.bool))
        x, frames = self.frames(samples, mask)
        x = self.hide(x, frames).transpose(1, 2).unsqueeze(1)  # (B, 1, bands, T)
        seen: Any = frames[:, None, None, :]
        for layer in self.subsample:
            x, seen = layer(x, seen)
        return self.dropout(self.flatten(x.permute(0, 3, 1, 2).flatten(2))), seen[:, 0, 0]

    @property
    def blocks(self) -> list[Block]:
        """What lies between `begin` and `end` (`blocks/exits.py`)."""
        return [partial(_through, layer) for layer in self.body]

    @property
    def stacks(self) -> list[list[nn.Module]]:
        """Layers that read one another, of which units can be taken out."""
        convolutions: list[Any] = list(self.subsample)
        return [[*(layer.filter for layer in convolutions), self.flatten]]

    def end(self, x: Tensor, mask: Tensor) -> Stream:
        """What a block gave, as the encoder gives it on."""
        return Stream(self.norm(x), mask)


class _Residual(nn.Module):
    """`x + relu(convolution(norm(x)))` along the steps of (B, T, width)."""

    def __init__(self, width: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm, self.dropout = nn.LayerNorm(width), Dropout(dropout)
        self.layer = ConvolutionLayer((width, width), kernel, sequence=True)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        y, _ = self.layer(self.norm(x).transpose(1, 2).unsqueeze(2), mask[:, None, None, :])
        return x + self.dropout(y.squeeze(2).transpose(1, 2))


def _body(kind: str, width: int, layers: int, *, kernel: int, heads: int, dropout: float) -> nn.ModuleList:
    if kind == "rnn":
        return nn.ModuleList([Recurrent("gru", width, -(-width // 2), layers, two_directions=True, dropout=dropout)])
    if kind == "cnn":
        return nn.ModuleList(_Residual(width, kernel, dropout) for _ in range(layers))
    return nn.ModuleList(TransformerLayer(width, heads, dropout=dropout, rotary=True) for _ in range(layers))


def _through(layer: nn.Module, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    return layer(x, mask), mask
