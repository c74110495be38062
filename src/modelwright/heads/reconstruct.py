"""What the encoders read, written again."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..blocks.dense import Activation, activation_layer, dense_stack
from ..blocks.draws import place_of
from ..blocks.members import average
from ..blocks.stream import Batch, Source, Stream
from ..errors import UserError
from ..losses import Loss
from ..parts import Count, Counts

_LEAST_VARIANCE = 1e-3  # of scaled values: a constant column must not outweigh all others
_PATTERNS = 256


class Reconstruct(nn.Module):
    """A decoder from the latents to the likelihood of a picture, a table or a vector. The target is the batch's own input.

    The loss is the negative log-likelihood of a row, summed over its pixels or cells, in nats; the count is rows. Beside
    a `gaussian` fuse, loss + kl is the negative ELBO. Numbers are normal, yes and no Bernoulli, categories categorical;
    a missing cell counts nothing. Predicts what is most likely, in the code of the input (`picture` as bytes).

    sizes: `source`, the Source to write again.

    Options:
        decoder: of a picture; dense layers, or transposed convolutions that double its sides.
        hidden: width of each dense layer.
        channels: of each transposed convolution's input; every one doubles the sides.
        activation: function after each layer.
        likelihood: of a picture; bernoulli takes pixels of 0 to 1 as probabilities, gaussian as measured values.
        binarise: pixels become 0 or 1 before a bernoulli likelihood; stochastic draws them anew at each step, and once and \
for all for evaluation; threshold cuts at one half.
        variance: of normal values; learned is one for each column, or for all pixels.
    """

    reads = "pooled"
    measured_by = "loss"

    def __init__(
        self,
        width: int,
        sizes: dict[str, Any],
        *,
        decoder: Literal["dense", "convolution"] = "dense",
        hidden: tuple[Count, ...] = (256, 256),
        channels: Counts = (64, 32),
        activation: Activation = "gelu",
        likelihood: Literal["bernoulli", "gaussian"] = "bernoulli",
        binarise: Literal["none", "stochastic", "threshold"] = "none",
        variance: Literal["learned", "unit"] = "learned",
    ) -> None:
        super().__init__()
        source: Source = sizes["source"]
        if source.kind not in ("image", "table", "vector"):
            raise UserError(f"reconstruct cannot write {source.kind}.", hint="It writes pictures, tables and vectors.")
        learned = variance == "learned"
        self.kind = source.kind
        self.likelihood = (
            _Pixels(source, likelihood, binarise, learned) if self.kind == "image" else _Cells(source, learned)
        )
        if decoder == "convolution" and self.kind == "image":
            self.decoder: nn.Module = _Convolutions(width, source, hidden, channels, activation)
        else:
            last = hidden[-1] if hidden else width
            body = dense_stack(width, hidden, activation)
            self.decoder = nn.Sequential(*body, nn.Linear(last, self.likelihood.outputs))

    def target_of(self, batch: Batch) -> Tensor:
        """The target in a batch: what the source's encoder read, a table's groups side by side."""
        return self.likelihood.target_of(batch)

    def nats(self, stream: Stream, target: Tensor) -> Tensor:
        """(B,) the negative log-likelihood of each row."""
        return self.likelihood.nats(self.decoder(average(stream.x, stream)).float(), target)

    def loss(self, stream: Stream, target: Tensor) -> Loss:
        return self.nats(stream, target).sum(), self.count(target)

    def count(self, target: Tensor) -> Tensor:
        return (~target.flatten(1).isnan()).any(1).sum().float()

    def predict(self, stream: Stream) -> dict[str, Tensor]:
        return self.likelihood.likeliest(self.decoder(average(stream.x, stream)).float())


class _Pixels(nn.Module):
    """Outputs (B, H*W*C) against uint8 (B, H, W, C)."""

    def __init__(self, source: Source, likelihood: str, binarise: str, learned: bool) -> None:
        super().__init__()
        self.name, self.likelihood, self.binarise = source.name, likelihood, binarise
        self.shape = tuple(source.sizes[side] for side in ("height", "width", "channels"))
        self.outputs = self.shape[0] * self.shape[1] * self.shape[2]
        self.log_variance = nn.Parameter(torch.zeros(1)) if learned and likelihood == "gaussian" else None
        random = torch.Generator().manual_seed(0)
        count = _PATTERNS if binarise == "stochastic" else 0
        patterns = torch.randint(0, 255, (count, self.outputs), dtype=torch.uint8, generator=random)
        self.register_buffer("patterns", patterns, persistent=False)
        self.patterns: Tensor

    def target_of(self, batch: Batch) -> Tensor:
        return batch[self.name]

    def nats(self, outputs: Tensor, target: Tensor) -> Tensor:
        pixels = target.flatten(1)
        if self.likelihood == "gaussian":
            return _normal(outputs, pixels / 255, self.log_variance).sum(1)
        return F.binary_cross_entropy_with_logits(outputs, self._shares(pixels), reduction="none").sum(1)

    def _shares(self, pixels: Tensor) -> Tensor:
        """0..1, or 0 and 1. A pixel p is 1 with probability p / 255: where a whole number drawn from 0..254 is below."""
        if self.binarise == "none":
            return pixels / 255
        if self.binarise == "threshold":
            return (pixels > 127).float()
        if self.training:
            return (pixels > torch.randint_like(pixels, 0, 255)).float()
        return (pixels > self.patterns[place_of(pixels, _PATTERNS)]).float()

    def likeliest(self, outputs: Tensor) -> dict[str, Tensor]:
        shares = outputs.sigmoid() if self.likelihood == "bernoulli" else outputs.clamp(0, 1)
        return {"picture": (shares * 255).round().byte().unflatten(1, self.shape)}


class _Cells(nn.Module):
    """Outputs (B, floats + rows of all categories) against a table's groups, or one vector, side by side (B, F)."""

    def __init__(self, source: Source, learned: bool) -> None:
        super().__init__()
        sizes = {source.name: source.sizes["size"]} if source.kind == "vector" else source.sizes
        self.groups = {name: size for name, size in sizes.items() if isinstance(size, int) and size}
        self.rows: list[int] = sizes.get("category", [])
        self.floats = sum(self.groups.values())
        self.outputs = self.floats + sum(self.rows)
        self.log_variance = nn.Parameter(torch.zeros(self.floats)) if learned else None
        kinds = [name for name, size in self.groups.items() for _ in range(size)]
        indicators = [kinds.index("number") + place for place in sizes.get("indicators", [])]
        signed = torch.tensor([kind == "boolean" for kind in kinds], dtype=torch.bool)  # -1, +1, 0 where missing
        yes = signed | torch.tensor([kind == "multilabel" for kind in kinds], dtype=torch.bool)
        yes[indicators] = True
        place = torch.arange(max(self.rows, default=0)).expand(len(self.rows), -1)
        count = torch.tensor(self.rows, dtype=torch.long)
        start = self.floats + count.cumsum(0) - count
        for name, values in {
            "signed": signed,
            "yes": yes,
            "indicators": torch.tensor(indicators, dtype=torch.long),
            "place": (start[:, None] + place).clamp(max=self.outputs - 1),  # (categories, largest) outputs of each
            "absent": place >= count[:, None],
        }.items():
            self.register_buffer(name, values, persistent=False)
        self.signed: Tensor
        self.yes: Tensor
        self.indicators: Tensor
        self.place: Tensor
        self.absent: Tensor

    def target_of(self, batch: Batch) -> Tensor:
        keys = [*self.groups, *(["category"] if self.rows else [])]
        return torch.cat([batch[key].float() for key in keys], 1)

    def nats(self, outputs: Tensor, target: Tensor) -> Tensor:
        values, given = outputs[:, : self.floats], target[:, : self.floats]
        known = ~(given.isnan() | (self.signed & (given == 0)))
        known[:, self.indicators - 1] &= target[:, self.indicators] == 0  # a number stands before its indicator
        given = torch.where(known, given, values.detach())
        shares = torch.where(self.signed, (given + 1) / 2, given).clamp(0, 1)
        yes = F.binary_cross_entropy_with_logits(values, shares, reduction="none")
        found = (torch.where(self.yes, yes, _normal(values, given, self.log_variance)) * known).sum(1)
        if self.rows:
            chosen = target[:, self.floats :].long().unsqueeze(-1)
            found = found - self._log_shares(outputs).gather(2, chosen).sum((1, 2))
        return found

    def _log_shares(self, outputs: Tensor) -> Tensor:
        """(B, categories, largest) log-probabilities of each category's values, -inf beyond its last."""
        return outputs[:, self.place].masked_fill(self.absent, -torch.inf).log_softmax(-1)

    def likeliest(self, outputs: Tensor) -> dict[str, Tensor]:
        values = outputs[:, : self.floats]
        values = torch.where(self.yes, values.sigmoid(), values)
        values = torch.where(self.signed, 2 * values - 1, values)
        found = dict(zip(self.groups, values.split(list(self.groups.values()), 1)))
        if self.rows:
            found["category"] = self._log_shares(outputs).argmax(-1)
        return found


class _Convolutions(nn.Module):
    """(B, D) -> (B, H*W*C): dense layers to a small picture, whose sides each transposed convolution doubles."""

    def __init__(
        self, width: int, source: Source, hidden: tuple[int, ...], channels: tuple[int, ...], activation: Activation
    ) -> None:
        super().__init__()
        self.height, self.width, last = (source.sizes[side] for side in ("height", "width", "channels"))
        scale = 2 ** len(channels)
        self.start = (-(-self.height // scale), -(-self.width // scale))
        self.dense = dense_stack(width, (*hidden, channels[0] * self.start[0] * self.start[1]), activation)
        layers: list[nn.Module] = []
        for before, after in pairwise((*channels, last)):
            layers += [nn.ConvTranspose2d(before, after, 4, stride=2, padding=1), activation_layer(activation)]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        picture = self.layers(self.dense(x).unflatten(1, (-1, *self.start)))
        return picture[:, :, : self.height, : self.width].permute(0, 2, 3, 1).flatten(1)


def _normal(mean: Tensor, value: Tensor, log_variance: Tensor | None) -> Tensor:
    """`-log N(value; mean, exp(log_variance))` of each number; the variance is 1 where it is not learned."""
    variance = torch.ones_like(mean) if log_variance is None else log_variance.exp().expand_as(mean)
    return F.gaussian_nll_loss(mean, value, variance, full=True, eps=_LEAST_VARIANCE, reduction="none")
