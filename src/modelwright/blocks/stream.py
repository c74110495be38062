"""What flows between parts: `Source` says what an encoder will read, `Stream` is what it gives on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from .. import parts

Batch = dict[str, Tensor]
"""One step's input: named tensors, B rows each. A key is a group of columns of one kind (`number`, `category`, ...)
or a column with an encoder of its own; a column of variable length `note` has `note.mask` (B, T) beside it, True
where there is a token; the target `y` is `target.y`."""


Model = Any
"""An nn.Module with `forward(batch) -> {term: (sum, count)}`, `counts(batch) -> {term: count}`, `predict(batch) ->
{target: tensors}` and `weights: {term: factor}`; typed as Any because a Protocol cannot extend nn.Module."""


@dataclass(frozen=True)
class Source:
    """What one encoder reads.

    kind and sizes:
      table     {"number": features, "boolean": features, ...} (floats) and {"category": [rows of each table]} (ids);
                may have {"edges": [quantiles of each number feature]} for piecewise-linear embeddings and
                {"indicators": [places of number features that only say where the one before is missing]}
      text      {"vocabulary": V, "length": longest}; ids (B, T), 0 is padding, 1 unknown; with {"pieces": P} they are
                a pretrained tokenizer's P ids, with P added where a piece goes on with a word or marks an end; "sets"
                [[id, [ids]]]: ids that stand for several others; "sites": the places at which aligned rows differ
      image     {"height", "width", "channels", "mean": [C], "deviation": [C] of pixels as 0..1}; uint8 (B, H, W, C)
      vector    {"size": D}; float (B, D)
      series    {"length": T, "channels": C, "mean": [C], "scale": [C] of the data, "ahead"}; float (B, T, C)
    """

    name: str
    kind: str
    sizes: dict[str, Any]


def usual_encoder(source: Source) -> str:
    """The encoder that a column's class names for a source of its kind."""
    named = parts.find("columns", source.kind).encoder
    return named(source.sizes) if callable(named) else named


@dataclass(frozen=True)
class Stream:
    """x (B, T, D); mask (B, T), True where there is a token, None when all are; grid (H, W) for pictures (T = H*W);
    aux: extra loss terms by name, each `(sum, count)`; log_variance, shaped like x, where x is only the mean of a normal
    distribution; words (B, T), True at the first piece of each word, where tokens are pieces of words; for heads that rank
    tokens, read (B, S), the ids that an input holds, 0 where none, and table (V, D), their embeddings; level (B, T, 2), the
    location and the scale that were taken out of each step's values, in the unit of the data: a head puts them back."""

    x: Tensor
    mask: Tensor | None = None
    grid: tuple[int, int] | None = None
    aux: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    log_variance: Tensor | None = None
    words: Tensor | None = None
    read: Tensor | None = None
    table: Tensor | None = None
    level: Tensor | None = None

    def with_x(self, x: Tensor) -> Stream:
        """The same stream with another x."""
        return replace(self, x=x)

    def by_word(self) -> Stream:
        """The first piece of each word alone; the same stream where tokens are words."""
        if self.words is None:
            return self
        counts = self.words.sum(1)
        order = (~self.words).long().argsort(dim=1, stable=True)[:, : max(1, int(counts.max()))]
        x = self.x.gather(1, order.unsqueeze(-1).expand(-1, -1, self.x.shape[2]))
        return Stream(x, torch.arange(order.shape[1], device=x.device) < counts[:, None], aux=self.aux)

    def drawn(self, generator: torch.Generator | None = None) -> Stream:
        """With one draw in place of the mean: `x + deviation * noise`, differentiable in both (the reparameterisation
        of Kingma & Welling 2014). A stream that is certain stays as it is. generator: on the CPU; None is torch's own."""
        if self.log_variance is None:
            return self
        x, device = self.x, self.x.device
        noise = torch.randn_like(x) if generator is None else torch.randn(x.shape, generator=generator).to(device)
        return replace(self, x=x + (self.log_variance / 2).exp() * noise, log_variance=None)


def in_a_row(streams: list[Stream]) -> Stream:
    """(B, T1, D), (B, T2, D), ... -> (B, T1 + T2 + ..., D), with their masks and loss terms."""
    x, mask = torch.cat([stream.x for stream in streams], 1), None
    if any(stream.mask is not None for stream in streams):
        masks = [x.new_ones(s.x.shape[:2]).bool() if s.mask is None else s.mask for s in streams]
        mask = torch.cat(masks, 1)
    return Stream(x, mask, aux={name: term for stream in streams for name, term in stream.aux.items()})
