"""One convolutional layer for pictures and sequences alike: a sequence is a picture of height 1.

`y[m, n] = sum_pq x[m + p, n + q] w[p, q]`: like all libraries this computes the cross-correlation; the introductory articles'
formula has `x[m - p, n - q]`, the same operation with the kernel turned round: for learned kernels no difference.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .dense import Activation, activation_layer
from .norm import BatchNorm

Shrink = Literal["max", "average", "stride"]
Size = tuple[int, int]


class ConvolutionLayer(nn.Module):
    """Convolution, shrinking, batch norm, activation on (B, C, H, W), with an optional mask (B, 1, 1, W).

    Max pooling comes before norm and activation: the same value for a rising activation such as ReLU, and faster,
    because less is left to do. Averages are taken after the activation; `stride` lets the filter itself skip positions.
    With residual, a layer that keeps its input's shape adds the input to its output (He 2016).
    Padding (mask False) is set to zero before the convolution and left out of pooling, so that it changes nothing.
    sequence: heights are 1 and a last incomplete window is kept (ceil), so that a short text keeps a position.
    """

    def __init__(
        self,
        channels: tuple[int, int],
        kernel: int,
        *,
        shrink: int = 1,
        shrink_by: Shrink = "max",
        same: bool = True,
        norm: bool = False,
        activation: Activation = "relu",
        residual: bool = False,
        sequence: bool = False,
    ) -> None:
        super().__init__()
        self.kernel, self.shrink, self.shrink_by = kernel, shrink, shrink_by
        self.same, self.sequence = same, sequence
        window = (1, kernel) if sequence else (kernel, kernel)
        self.window = (1, shrink) if sequence else (shrink, shrink)
        stride = self.window if shrink_by == "stride" else (1, 1)
        # an even kernel needs one more zero on the right than on the left, which Conv2d cannot do when it strides
        before, after = ((kernel - 1) // 2, kernel // 2) if same else (0, 0)
        self.margin = (before, after, 0, 0) if sequence else (before, after, before, after)
        even = before != after
        padding = (0, 0) if even else self.margin[2::-2]
        if not even:
            self.margin = (0, 0, 0, 0)
        self.filter = nn.Conv2d(channels[0], channels[1], window, stride, padding, bias=not norm)
        self.norm = BatchNorm(channels[1]) if norm else nn.Identity()
        self.activation = activation_layer(activation)
        self.residual = residual and channels[0] == channels[1] and shrink == 1 and same

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        y = x if mask is None else x * mask
        y = self.filter(F.pad(y, self.margin) if any(self.margin) else y)
        if self.shrink > 1 and self.shrink_by == "max":
            y = F.max_pool2d(_hide(y, mask), self.window, ceil_mode=self.sequence)
            if mask is not None:  # a window of padding alone: its least value would spoil a batch norm
                y = y.masked_fill(~mask[..., :: self.shrink], 0.0)
        y = self.activation(self.norm(y))
        if self.shrink > 1 and self.shrink_by == "average":
            y = self._average(y, mask)
        if self.residual:
            y = x + y
        if mask is not None and self.shrink > 1:
            mask = mask[..., :: self.shrink]
        return y, mask

    def _average(self, y: Tensor, mask: Tensor | None) -> Tensor:
        if mask is None:
            return F.avg_pool2d(y, self.window, ceil_mode=self.sequence)
        share = mask.to(y.dtype)
        total = F.avg_pool2d(y * share, self.window, ceil_mode=True)
        return total / F.avg_pool2d(share, self.window, ceil_mode=True).clamp(min=1e-6)

    def size(self, given: Size) -> Size:
        """(H, W) of the output for (H, W) of the input; a size below 1 means that the input is too small."""
        return (1 if self.sequence else self._side(given[0])), self._side(given[1])

    def _side(self, side: int) -> int:
        side = side if self.same else side - self.kernel + 1
        if self.shrink == 1:
            return side
        rounds_up = self.sequence or self.shrink_by == "stride"
        return -(-side // self.shrink) if rounds_up else side // self.shrink


def _hide(y: Tensor, mask: Tensor | None) -> Tensor:
    """The least value at padding, so that no maximum is taken from there."""
    return y if mask is None else y.masked_fill(~mask, torch.finfo(y.dtype).min)
