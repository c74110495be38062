"""What flows between parts: `Source` says what an encoder will read, `Stream` is what it gives on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

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
                may have {"edges": [quantiles of each number feature]} for piecewise-linear embeddings
      text      {"vocabulary": V, "length": longest}; ids (B, T), 0 is padding, 1 unknown
      image     {"height", "width", "channels", "mean": [C], "deviation": [C] of pixels as 0..1}; uint8 (B, H, W, C)
      vector    {"size": D}; float (B, D)
    """

    name: str
    kind: str
    sizes: dict[str, Any]


@dataclass(frozen=True)
class Stream:
    """x (B, T, D); mask (B, T), True where there is a token, None when all are; grid (H, W) for pictures (T = H*W);
    aux: extra loss terms by name, each `(sum, count)`."""

    x: Tensor
    mask: Tensor | None = None
    grid: tuple[int, int] | None = None
    aux: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)

    def with_x(self, x: Tensor) -> Stream:
        """The same stream with another x."""
        return replace(self, x=x)


def in_a_row(streams: list[Stream]) -> Stream:
    """(B, T1, D), (B, T2, D), ... -> (B, T1 + T2 + ..., D), with their masks and loss terms."""
    x, mask = torch.cat([stream.x for stream in streams], 1), None
    if any(stream.mask is not None for stream in streams):
        masks = [x.new_ones(s.x.shape[:2]).bool() if s.mask is None else s.mask for s in streams]
        mask = torch.cat(masks, 1)
    return Stream(x, mask, aux={name: term for stream in streams for name, term in stream.aux.items()})
