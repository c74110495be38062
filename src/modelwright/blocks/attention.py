"""Multi-head self-attention and the transformer's layer, from plain dense layers. Knows nothing of sources or heads."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import UserError
from .dropout import Dropout
from .masks import never_empty

FEW_KEYS = 256  # up to so many, products of whole matrices are faster than torch's kernel for bfloat16 on a CPU


class SelfAttention(nn.Module):
    """`softmax(Q K^T / sqrt(d)) V` in several heads on (B, T, width) (Vaswani 2017; the introductory articles).

    mask (B, T): False where there is padding, which no position looks at. rotary: positions enter as rotations of
    queries and keys, so that only distances matter and no text is too long (Su 2021). causal: no position looks at those
    behind it, and therefore not at the padding, which stands at the end.
    """

    def __init__(self, width: int, heads: int, *, rotary: bool = False, causal: bool = False) -> None:
        super().__init__()
        if width % heads or (rotary and width // heads % 2):
            raise UserError(
                f"a width of {width} cannot be shared by {heads} heads.",
                hint="Choose a width that is an even multiple of the number of heads.",
            )
        self.size, self.rotary, self.causal = width // heads, rotary, causal
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        joined = self.queries_keys_values(x).unflatten(-1, (3, -1, self.size))
        query, key, value = joined.permute(2, 0, 3, 1, 4)  # each (B, heads, T, width / heads)
        if self.rotary:
            cosine, sine = rotation(x.shape[1], self.size, x.device)
            query, key = rotate(query, cosine, sine), rotate(key, cosine, sine)
        seen = None if mask is None else never_empty(mask)[:, None, None, :]
        if self.causal:
            seen = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()
        attended = attend(query, key, value, seen)
        return self.mix(attended.transpose(1, 2).flatten(2))


def attend(query: Tensor, key: Tensor, value: Tensor, seen: Tensor | None = None) -> Tensor:
    """`softmax(Q K^T / sqrt(d)) V` with query (..., T, d), key and value (..., S, d); seen: False where not to look."""
    if query.dtype != torch.bfloat16 or query.device.type != "cpu" or key.shape[-2] > FEW_KEYS:
        return F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    if seen is not None:
        scores = scores.masked_fill(~seen, float("-inf"))
    return scores.softmax(-1).to(value.dtype) @ value


class TransformerLayer(nn.Module):
    """Self-attention and a feed-forward pair of dense layers, each normed before and added to its input (pre-norm).

    `x + attention(norm(x))`, then `x + W2 gelu(W1 norm(x))` with an inner width of 4 times `width`.
    """

    def __init__(
        self, width: int, heads: int, *, dropout: float = 0.0, rotary: bool = False, causal: bool = False
    ) -> None:
        super().__init__()
        self.before_attention, self.before_dense = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads, rotary=rotary, causal=causal)
        self.dense = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), Dropout(dropout), nn.Linear(4 * width, width)
        )
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = x + self.dropout(self.attention(self.before_attention(x), mask))
        return x + self.dropout(self.dense(self.before_dense(x)))


class TransformerLayers(nn.Module):
    """Several layers, with the options of each, and a last norm on (B, T, width)."""

    def __init__(self, width: int, heads: int, layers: int, **options: Any) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TransformerLayer(width, heads, **options) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        for layer in self.layers:
            x = layer(x, mask)
        return self.norm(x)


def rotation(steps: int, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines (steps, size / 2) of the rotary positions: pair i turns by `10000 ** (-2 i / size)` a step."""
    speeds = 10000.0 ** (-torch.arange(0, size, 2, device=device, dtype=torch.float32) / size)
    angles = torch.arange(steps, device=device, dtype=torch.float32)[:, None] * speeds
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn the pairs of (..., T, size) by each position's angle (`rotation`)."""
    first, second = x.float().chunk(2, -1)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], -1).to(x.dtype)


def sinusoids(steps: int, width: int, device: torch.device) -> Tensor:
    """(steps, width): the fixed position code of Vaswani 2017, sines in the first half and cosines in the second."""
    cosine, sine = rotation(steps, width + width % 2, device)
    return torch.cat([sine, cosine], 1)[:, :width]
