"""Graphs whose nodes tell their neighbours what they are: molecules."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..blocks.dropout import Dropout
from ..blocks.pooling import Pooling
from ..blocks.stream import Batch, Source, Stream
from ..parts import Count, Depth, Share


class MessagePassing(nn.Module):
    """Message passing over the bonds of molecules (Gilmer 2017), as a graph isomorphism network with bonds (Hu 2020).

    An atom is the sum of the embeddings of its properties. In each layer it takes `m = sum_n relu(h_n + b_(bond to n))` from its
    neighbours n, and becomes `h + f(norm((1 + e) h + m))` with f two dense layers. The order of the atoms changes nothing.
    Each atom also knows how many there are, so that a mean over atoms can tell large molecules from small ones.

    Options:
        width: numbers in an atom.
        layers: how often neighbours are asked, and so how many bonds away an atom sees.
        dropout: share of values set to zero in each layer while training.
        pool: how atoms become one vector.
    """

    reads = ("molecule",)
    sizes: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {"width": 64, "layers": 3},
        "medium": {"width": 128, "layers": 4},
        "large": {"width": 256, "layers": 5},
    }

    def __init__(
        self, source: Source, *, width: Count = 128, layers: Depth = 4, dropout: Share = 0.1, pool: Pooling = "mean"
    ) -> None:
        super().__init__()
        self.name, self.neighbours = source.name, source.sizes["neighbours"]
        self.atoms = _Properties([source.sizes["vocabulary"], *source.sizes["features"]], width)
        self.count = nn.Parameter(torch.randn(width) / math.sqrt(width))
        self.layers = nn.ModuleList(_Layer(width, source.sizes["bonds"], dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.pool, self.width, self.length = pool, width, None

    def forward(self, batch: Batch) -> Stream:
        rows, mask = batch[self.name].long(), batch[f"{self.name}.mask"]
        rows = rows * mask.unsqueeze(-1)
        features, places, bonds = rows.split([rows.shape[2] - 2 * self.neighbours, *[self.neighbours] * 2], 2)
        x = self.atoms(features) + mask.sum(1).log1p()[:, None, None] * self.count
        for layer in self.layers:
            x = layer(x, places, bonds)
        return Stream(self.norm(x), mask)


class _Properties(nn.Embedding):
    """(B, T, F) codes -> (B, T, width): the sum of F embeddings, which lie in one table. counts: codes of each property."""

    def __init__(self, counts: list[int], width: int) -> None:
        super().__init__(sum(counts), width)
        nn.init.normal_(self.weight, std=1 / math.sqrt(len(counts)))
        given = torch.tensor(counts)
        self.register_buffer("offsets", given.cumsum(0) - given, persistent=False)
        self.offsets: Tensor

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input + self.offsets, self.weight).sum(2)


class _Layer(nn.Module):
    """(B, T, width) atoms, (B, T, K) places of their neighbours from 1 (0: none) and kinds of bonds -> the atoms after it."""

    def __init__(self, width: int, bonds: int, dropout: float) -> None:
        super().__init__()
        self.bonds = nn.Parameter(0.1 * torch.randn(bonds, width))
        self.own = nn.Parameter(torch.zeros(()))
        self.norm = nn.LayerNorm(width)
        self.inner, self.outer = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, places: Tensor, bonds: Tensor) -> Tensor:
        rows, atoms, width = x.shape
        index = (places - 1).clamp(min=0).flatten(1).unsqueeze(-1).expand(-1, -1, width)
        neighbours = x.gather(1, index).view(rows, atoms, -1, width)
        messages = F.relu(neighbours + F.embedding(bonds, self.bonds)) * (places > 0).unsqueeze(-1)
        heard = self.norm((1 + self.own) * x + messages.sum(2))
        return x + self.dropout(self.outer(F.relu(self.inner(heard))))
