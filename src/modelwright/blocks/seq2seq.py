"""Layers that write one sequence while reading another (the memory). Know no tokens: embedding is the caller's.

A decoder has `start(memory, mask)`, the state before the first step, and `forward(x, state)`, which takes in T steps at
once and gives their outputs and the state behind them: T steps at once equal T calls of one. A state is nested tuples
of tensors with their rows first (`decoding.select_rows`).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import UserError
from .attention import attend, rotate, rotation
from .dropout import Dropout
from .masks import never_empty
from .pooling import Pool
from .recurrent import Cell, Recurrent
from .stream import Stream


class RecurrentDecoder(nn.Module):
    """Recurrent cells that begin where the memory ends (Sutskever 2014; the introductory articles), and may look back.

    The state begins as `tanh(W [m_first; m_last])` of the memory's first and last tokens: its last states in both
    directions. With attention (Luong 2015, "general"):

        a_t = softmax(h_t W_a m / sqrt(D))        c_t = a_t m        y_t = tanh(W_c [h_t; c_t])

    The context is not fed back into the cells, so that all steps of a training text are computed at once.
    """

    def __init__(
        self,
        cell: Cell,
        width: int,
        memory: int,
        hidden: int,
        layers: int = 1,
        *,
        attention: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.cells = Recurrent(cell, width, hidden, layers, dropout=dropout)
        self.ends = nn.ModuleList([Pool("first", memory, None), Pool("last", memory, None)])
        self.shape = (layers, 2 if cell == "lstm" else 1)  # of a row's state, whose last axis is the hidden units
        self.begin = nn.Linear(2 * memory, math.prod(self.shape) * hidden)
        self.key = nn.Linear(memory, hidden, bias=False) if attention else None
        self.join = nn.Linear(hidden + memory, hidden) if attention else None
        self.dropout = Dropout(dropout)
        self.width = hidden

    def start(self, memory: Tensor, mask: Tensor | None) -> Any:
        stream = Stream(memory, mask)
        ends = torch.cat([pool(stream).x[:, 0] for pool in self.ends], -1)
        state = torch.tanh(self.begin(ends)).unflatten(1, (*self.shape, -1))
        if self.key is None:
            return (state,)
        seen = None if mask is None else never_empty(mask)[:, None]
        keys = self.key(memory)
        return (
            state,
            keys * (keys.shape[-1] / self.width) ** 0.5,
            memory,
            seen,
        )  # scores stay those of all hidden units

    def forward(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        hidden, *looked_at = state
        y, hidden = self.cells.advance(x, hidden)
        if self.join is not None:
            keys, memory, seen = looked_at
            context = attend(y, keys, memory, seen)
            y = torch.tanh(self.join(torch.cat([y, context], -1)))
        return self.dropout(y), (hidden, *looked_at)


class TransformerDecoder(nn.Module):
    """Layers of self-attention on what is written, attention to the memory, and two dense layers (Vaswani 2017).

    Each part is normed before and added to its input, as in the encoder; positions are rotary. The state holds every
    layer's keys and values, of the memory and of the steps so far, so that no step is computed twice.
    """

    def __init__(self, width: int, memory: int, heads: int, layers: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        if width % heads or width // heads % 2:
            raise UserError(
                f"a width of {width} cannot be shared by {heads} heads.",
                hint="Choose a width that is an even multiple of the number of heads.",
            )
        self.layers = nn.ModuleList(_Layer(width, memory, heads, dropout) for _ in range(layers))
        self.norm, self.width, self.size = nn.LayerNorm(width), width, width // heads

    def start(self, memory: Tensor, mask: Tensor | None) -> Any:
        seen = None if mask is None else never_empty(mask)[:, None, None]
        layers: Any = self.layers
        heads = [layer.own_mix.in_features // self.size for layer in layers]
        empty = [memory.new_zeros(len(memory), count, 0, self.size) for count in heads]
        return (seen, *((*layer.remember(memory), none, none) for layer, none in zip(layers, empty)))

    def forward(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        seen, *caches = state
        before, steps = caches[0][2].shape[2], x.shape[1]
        cosine, sine = (turns[before:] for turns in rotation(before + steps, self.size, x.device))
        causal = None
        if steps > 1:
            causal = torch.ones(steps, before + steps, dtype=torch.bool, device=x.device).tril(before)
        after = []
        for layer, cache in zip(self.layers, caches):
            x, cache = layer(x, cache, (cosine, sine), causal, seen)
            after.append(cache)
        return self.norm(x), (seen, *after)


class _Layer(nn.Module):
    def __init__(self, width: int, memory: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.size = width // heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.own, self.own_mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.query, self.memory = nn.Linear(width, width), nn.Linear(memory, 2 * width)
        self.memory_mix = nn.Linear(width, width)
        self.dense = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), Dropout(dropout), nn.Linear(4 * width, width)
        )
        self.dropout = Dropout(dropout)

    def remember(self, memory: Tensor) -> tuple[Tensor, ...]:
        """Keys and values of the memory, each (B, heads, S, width / heads)."""
        return self._split(self.memory(memory), 2)

    def forward(
        self, x: Tensor, cache: Any, turns: tuple[Tensor, Tensor], causal: Tensor | None, seen: Tensor | None
    ) -> tuple[Tensor, Any]:
        memory_keys, memory_values, keys, values = cache
        query, key, value = self._split(self.own(self.norms[0](x)), 3)
        keys, values = torch.cat([keys, rotate(key, *turns)], 2), torch.cat([values, value], 2)
        attended = attend(rotate(query, *turns), keys, values, causal)
        x = x + self.dropout(self.own_mix(_join(attended)))
        (query,) = self._split(self.query(self.norms[1](x)), 1)
        attended = attend(query, memory_keys, memory_values, seen)
        x = x + self.dropout(self.memory_mix(_join(attended)))
        return x + self.dropout(self.dense(self.norms[2](x))), (memory_keys, memory_values, keys, values)

    def _split(self, x: Tensor, parts: int) -> tuple[Tensor, ...]:
        """(B, T, parts x width) -> `parts` tensors (B, heads, T, width / heads)."""
        return x.unflatten(-1, (parts, -1, self.size)).permute(2, 0, 3, 1, 4).unbind(0)


def _join(x: Tensor) -> Tensor:
    """(B, heads, T, size) -> (B, T, width)."""
    return x.transpose(1, 2).flatten(2)
