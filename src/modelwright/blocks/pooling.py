"""Pooling: (B, T, D) -> (B, 1, D') for the heads that read one vector a row. Padding never changes the result.

A row without any token pools to zeros.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from ..errors import UserError
from .masks import never_empty
from .stream import Stream

Pooling = Literal["mean", "max", "last", "first", "flatten", "attention", "none"]


class Pool(nn.Module):
    """Pools a stream of `width`; `length` is T where it is fixed, needed by "flatten".

    backward: how many of the last numbers of each position were written by a pass from right to left; "last" takes
    them from the first position, where that pass ends.
    """

    def __init__(self, kind: Pooling, width: int, length: int | None, *, backward: int = 0, where: str = "") -> None:
        super().__init__()
        if kind == "flatten" and length is None:
            raise UserError(
                "pool 'flatten' needs a fixed length, and this one varies from row to row.",
                where=where,
                hint="Choose mean, max, last or attention.",
            )
        self.kind, self.backward = kind, backward
        self.width = width * (length or 1) if kind == "flatten" else width
        self.score = nn.Linear(width, 1) if kind == "attention" else None

    def forward(self, stream: Stream) -> Stream:
        if self.kind == "none":
            return stream
        x, mask = stream.x, stream.mask
        if self.kind == "flatten":
            x = (x if mask is None else x * mask.unsqueeze(-1)).flatten(1).unsqueeze(1)
        elif x.shape[1] > 1 or mask is not None:
            x = self._reduce(x, mask).unsqueeze(1)
        return Stream(x, aux=stream.aux)

    def _reduce(self, x: Tensor, mask: Tensor | None) -> Tensor:
        if self.kind == "mean":
            return mean(x, mask)
        if self.kind == "max":
            return maximum(x, mask)
        if self.kind == "first":
            return x[:, 0] if mask is None else x[:, 0] * mask[:, :1]
        if self.kind == "last":
            return self._last(x, mask)
        assert self.score is not None
        scores = self.score(x)
        if mask is not None:
            scores = scores.masked_fill(~never_empty(mask).unsqueeze(-1), float("-inf"))
            x = x * mask.unsqueeze(-1)
        return (scores.softmax(1) * x).sum(1)

    def _last(self, x: Tensor, mask: Tensor | None) -> Tensor:
        if mask is None:
            end, start = x[:, -1], x[:, 0]
        else:
            last = (mask * torch.arange(1, mask.shape[1] + 1, device=x.device)).argmax(1)
            end = x[torch.arange(len(x), device=x.device), last] * mask.any(1, keepdim=True)
            start = x[:, 0] * mask[:, :1]
        if not self.backward:
            return end
        return torch.cat([end[:, : -self.backward], start[:, -self.backward :]], 1)


def mean(x: Tensor, mask: Tensor | None = None) -> Tensor:
    """(B, T, D) -> (B, D): the mean of the tokens."""
    if mask is None:
        return x.mean(1)
    share = mask.to(x.dtype)
    return torch.einsum("btd,bt->bd", x, share) / share.sum(1, keepdim=True).clamp(min=1)


def maximum(x: Tensor, mask: Tensor | None = None) -> Tensor:
    """(B, T, D) -> (B, D): the largest value of the tokens."""
    if mask is None:
        return x.amax(1)
    largest = x.masked_fill(~mask.unsqueeze(-1), torch.finfo(x.dtype).min).amax(1)
    return largest * mask.any(1, keepdim=True)
