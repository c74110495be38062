"""Self-attention over words, the features of a table, or the patches of a picture."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ..blocks.attention import TransformerLayers, sinusoids
from ..blocks.dropout import Dropout
from ..blocks.exits import Block
from ..blocks.inputs import Tokens
from ..blocks.pooling import Pooling
from ..blocks.stream import Batch, Source, Stream
from ..errors import UserError
from ..parts import Count, Depth, Share


class Transformer(nn.Module):
    """Transformer encoder (Vaswani 2017; the introductory articles) with norms before each part.

    Text: words (positions as chosen). Table: a token for each feature, without order (Gorishniy 2021, FT-Transformer).
    Picture: patches with learned positions (Dosovitskiy 2021). With pool "first" a learned class token stands in front
    and is what is read.

    Options:
        width: numbers in a token.
        layers: transformer layers.
        heads: attention heads; they share the width.
        dropout: share of values set to zero in each layer while training.
        patch: side of a picture's patches in pixels.
        causal: no token looks at those behind it.
        positions: of words; rotary and sinusoidal know no longest text, learned ones repeat beyond the longest.
        pool: how tokens become one vector; first reads a class token.
    """

    reads = ("text", "table", "image")
    sizes: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {"width": 64},
        "medium": {"width": 128},
        "large": {"width": 256, "layers": 4, "heads": 8},
    }

    def __init__(
        self,
        source: Source,
        *,
        width: Count = 128,
        layers: Depth = 2,
        heads: Count = 4,
        dropout: Share = 0.1,
        patch: Count = 4,
        causal: bool = False,
        positions: Literal["rotary", "learned", "sinusoidal"] = "rotary",
        pool: Pooling = "mean",
    ) -> None:
        super().__init__()
        if causal and pool == "first":
            where = f"model.encoders.{source.name}.pool"
            raise UserError(
                "a class token in front sees none of the tokens behind it.", where=where, hint="Pool by last."
            )
        self.inputs = Tokens(source, width=width, patch=patch)
        self.positions = positions if source.kind == "text" else "none"
        self.table = nn.Embedding(source.sizes["length"], width) if self.positions == "learned" else None
        self.first = nn.Parameter(torch.randn(width) * 0.02) if pool == "first" else None
        rotary = self.positions == "rotary"
        self.layers = TransformerLayers(width, heads, layers, dropout=dropout, rotary=rotary, causal=causal)
        for table in (self.embeddings, None if self.table is None else self.table.weight) if causal else ():
            if (
                table is not None
            ):  # which may also be the weights of an output: scores begin alike, and move in few steps
                nn.init.normal_(table, std=0.02)
        self.dropout, self.causal = Dropout(dropout), causal
        self.pool, self.width = pool, width
        self.length = self.inputs.length + (pool == "first") if self.inputs.length else None

    def forward(self, batch: Batch) -> Stream:
        x, mask = self.begin(batch)
        return Stream(self.layers(x, mask), mask)

    @property
    def embeddings(self) -> Tensor | None:
        """(V, D) those of a text's tokens."""
        return self.inputs.table.weight if self.inputs.kind == "text" else None

    @property
    def blocks(self) -> list[Block]:
        """What lies between `begin` and `end` (`blocks/exits.py`)."""
        return [partial(_through, layer) for layer in self.layers.layers]

    def end(self, x: Tensor, mask: Tensor | None) -> Stream:
        """What a block gave, as the encoder gives it on."""
        return Stream(self.layers.norm(x), mask)

    def begin(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """Tokens (B, T, D) before the first block, and their mask."""
        x, mask = self.inputs(batch)
        if self.table is not None:
            x = x + self.table(torch.arange(x.shape[1], device=x.device) % self.table.num_embeddings)
        elif self.positions == "sinusoidal":
            x = x + sinusoids(x.shape[1], x.shape[2], x.device)
        if self.first is not None:
            x, mask = self._with_first(x, mask)
        return self.dropout(x), mask

    def _with_first(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        assert self.first is not None
        x = torch.cat([self.first.expand(x.shape[0], 1, -1), x], 1)
        if mask is not None:
            mask = torch.cat([mask.new_ones(mask.shape[0], 1), mask], 1)
        return x, mask


def _through(layer: nn.Module, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
    return layer(x, mask), mask
