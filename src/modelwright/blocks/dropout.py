"""Dropout that costs little on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Sets a share of the values to zero while training and scales the others up (Srivastava 2014).

    On a CPU torch draws one float a value, which takes longer than the dense layer before it. Here a value is kept by one
    random byte, so that the share is rounded to 256ths and the scale with it; elsewhere torch's own kernel is used.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share, self.zeros = share, min(255, round(256 * share))

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.share:
            return x
        if x.device.type != "cpu":
            return nn.functional.dropout(x, self.share)
        words = x.new_empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.zeros
        return x * kept * (256 / (256 - self.zeros))

    def extra_repr(self) -> str:
        return f"{self.share}"
