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

    edges: for each feature the rising ends of its intervals, quantiles of the training values; without them 16
    intervals between quantiles of the standard normal distribution serve all features. The outer intervals are open.
    The value itself is kept beside its embedding.
    """

    def __init__(self, features: int, *, edges: list[list[float]] | None = None, width: int = 12) -> None:
        super().__init__()
        self.width = features * (width + 1)
        edges = edges or [_normal_quantiles(16)] * features
        bins = max(1, *(len(ends) - 1 for ends in edges))
        start, step = torch.zeros(features, bins), torch.ones(features, bins)
        low, high = torch.zeros(features, bins), torch.zeros(features, bins)  # 0 to 0 keeps a missing interval silent
        for feature, ends in enumerate(edges):
            if (count := len(ends) - 1) < 1:  # a constant feature has no interval
                continue
            points = torch.tensor(ends, dtype=torch.float32)
            start[feature, :count], step[feature, :count] = points[:-1], points.diff().clamp(min=1e-6)
            high[feature, :count] = 1
            low[feature, 0], high[feature, count - 1] = -math.inf, math.inf
        for name, values in {"start": start, "step": step, "low": low, "high": high}.items():
            self.register_buffer(name, values, persistent=False)
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


def _normal_quantiles(bins: int) -> list[float]:
    inner = torch.special.ndtri(torch.arange(1, bins, dtype=torch.float64) / bins)
    return torch.cat([2 * inner[:1] - inner[1:2], inner, 2 * inner[-1:] - inner[-2:-1]]).tolist()


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
