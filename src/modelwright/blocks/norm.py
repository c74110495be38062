"""Batch normalisation that also survives a batch of one row."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class BatchNorm(nn.Module):
    """Batch normalisation (Ioffe & Szegedy 2015) of pictures (B, width, H, W) or, `flat`, of (B, T, width).

    One single value a channel has no spread to divide by, which torch refuses while training: such a batch is
    normalised with the running statistics instead.
    """

    def __init__(self, width: int, *, flat: bool = False) -> None:
        super().__init__()
        self.flat = flat
        self.norm = nn.BatchNorm1d(width) if flat else nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        y = x.flatten(0, -2) if self.flat else x
        norm = self.norm
        if self.training and y.numel() == y.shape[1]:
            y = F.batch_norm(y, norm.running_mean, norm.running_var, norm.weight, norm.bias, False, 0.0, norm.eps)
        else:
            y = norm(y)
        return y.view(x.shape) if self.flat else y
