"""Number features spread out before the first dense layer, all features in one module (Gorishniy 2022, 2203.05556).

Trees beat dense nets on tables partly because they cut a feature into intervals; so can a dense net with these.
Knows nothing of columns: it expects values with mean about 0 and deviation about 1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class PiecewiseLinear(nn.Module):
    """(B, n) -> (B, n * (width + 1)): how far each value has passed through each interval, mapped feature by feature.

    The intervals end at the quantiles of the standard normal distribution, so that a standardised feature fills them
    about evenly; the outer two are open. The value itself is kept beside its embedding.
    """

    def __init__(self, features: int, *, bins: int = 16, width: int = 12) -> None:
        super().__init__()
        self.width = features * (width + 1)
        inner = torch.special.ndtri(torch.arange(1, bins, dtype=torch.float64) / bins).float()
        edges = torch.cat([2 * inner[:1] - inner[1:2], inner, 2 * inner[-1:] - inner[-2:-1]])
        self.register_buffer("start", edges[:-1], persistent=False)
        self.register_buffer("step", edges[1:] - edges[:-1], persistent=False)
        low, high = torch.zeros(bins), torch.ones(bins)
        low[0], high[-1] = -math.inf, math.inf
        self.register_buffer("low", low, persistent=False)
        self.register_buffer("high", high, persistent=False)
        bound = bins**-0.5
        self.weight = nn.Parameter(torch.empty(features, bins, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(features, width))
        self.start: Tensor
        self.step: Tensor
        self.low: Tensor
        self.high: Tensor

    def forward(self, x: Tensor) -> Tensor:
        passed = ((x.unsqueeze(-1) - self.start) / self.step).clamp(self.low, self.high)  # (B, n, bins)
        embedded = torch.einsum("bni,niw->bnw", passed, self.weight) + self.bias
        return torch.cat([x, embedded.relu().flatten(1)], 1)


class Periodic(nn.Module):
    """(B, n) -> (B, n * (width + 1)): sines and cosines of learned frequencies, mapped by a dense layer and ReLU (PLR).

    The value itself is kept beside its embedding. deviation: of the initial frequencies.
    """

    def __init__(self, features: int, *, frequencies: int = 16, width: int = 12, deviation: float = 0.1) -> None:
        super().__init__()
        self.width = features * (width + 1)
        self.frequencies = nn.Parameter(torch.randn(features, frequencies) * deviation)
        bound = (2 * frequencies) ** -0.5
        self.weight = nn.Parameter(torch.empty(features, 2 * frequencies, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(features, width).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        angles = 2 * math.pi * self.frequencies * x.unsqueeze(-1)  # (B, n, frequencies)
        waves = torch.cat([angles.sin(), angles.cos()], -1)
        embedded = torch.einsum("bni,niw->bnw", waves, self.weight) + self.bias
        return torch.cat([x, embedded.relu().flatten(1)], 1)
