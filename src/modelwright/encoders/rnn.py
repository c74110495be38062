"""Recurrent layers over words, the rows of a picture, or the values of a vector."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from ..blocks.inputs import Steps
from ..blocks.pooling import Pooling
from ..blocks.recurrent import Cell, Recurrent
from ..blocks.stream import Batch, Source, Stream
from ..parts import Count, Depth, Share


class Rnn(nn.Module):
    """Recurrent network (the introductory articles): Elman cells, LSTM or GRU, in one or two directions.

    The equations stand in `blocks/recurrent.py`. A picture is read row by row or column by column, a vector value by value.

    Options:
        cell: rnn (Elman), lstm or gru.
        hidden: width of the state.
        layers: recurrent layers one above the other.
        bidirectional: read from right to left as well; doubles the width.
        dropout: share of values set to zero between layers and after the last while training.
        embedding: width of a word's embedding (text only).
        by_columns: read a picture from left to right, column by column, instead of row by row.
        pool: how steps become one vector; last is the state after the last real token (of both directions).
    """

    reads = ("text", "image", "vector", "series")
    sizes: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {"hidden": 64},
        "medium": {"hidden": 128, "embedding": 128},
        "large": {"hidden": 256, "layers": 2, "bidirectional": True, "embedding": 256, "dropout": 0.3},
    }

    def __init__(
        self,
        source: Source,
        *,
        cell: Cell = "lstm",
        hidden: Count = 128,
        layers: Depth = 1,
        bidirectional: bool = False,
        dropout: Share = 0.0,
        embedding: Count = 64,
        by_columns: bool = False,
        pool: Pooling = "last",
    ) -> None:
        super().__init__()
        self.inputs = Steps(source, embedding=embedding, by_columns=by_columns)
        self.layers = Recurrent(cell, self.inputs.width, hidden, layers, two_directions=bidirectional, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.pool, self.width, self.length = pool, self.layers.width, self.inputs.length
        self.causal = not bidirectional
        self.backward = hidden if bidirectional else 0  # the right-to-left numbers, which end at the first token

    def forward(self, batch: Batch) -> Stream:
        x, mask = self.inputs(batch)
        return Stream(self.dropout(self.layers(x, mask)), mask)
