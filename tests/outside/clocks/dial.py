"""Reads the hand of a clock."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import modelwright as mw
from modelwright.parts import Count


class Dial(nn.Module):
    """Marks round the dial, each more lit the nearer the hand points to it, and one dense layer.

    Options:
        marks: how many there are.
        width: numbers that come out.
    """

    reads = ("clock",)

    def __init__(self, source: mw.Source, *, marks: Count = 12, width: Count = 8) -> None:
        super().__init__()
        turns = torch.arange(marks) * (2 * torch.pi / marks)
        self.register_buffer("marks", torch.stack([turns.sin(), turns.cos()]), persistent=False)
        self.marks: Tensor
        self.dense = nn.Linear(marks, width)
        self.name, self.width, self.length, self.pool = source.name, width, 1, "none"

    def forward(self, batch: dict[str, Tensor]) -> mw.Stream:
        return mw.Stream(self.dense((4 * batch[self.name] @ self.marks).softmax(-1)).relu()[:, None])
