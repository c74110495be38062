"""Graph convolutions over neighbours that are drawn."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..blocks.dense import Activation
from ..blocks.graph import GraphEncoder, Links, State, projection
from ..blocks.stream import Source
from ..errors import UserError
from ..parts import Counts, Share


class Sage(GraphEncoder):
    """GraphSAGE (Hamilton 2017) with means: `f(W x_i + V mean_j x_j + b)` a layer.

    While training, each layer hears a fixed number of neighbours of each node, drawn anew at every step, so that a step costs
    the same on a graph of any size; otherwise it hears all of them. Of a pair of nodes the embeddings are multiplied.

    Options:
        hidden: width of each layer.
        neighbours: drawn for each layer, the first for the layer next to the features; 0 hears all while training too.
        activation: after each layer but the last.
        dropout: share of each layer's outputs set to zero while training.
        normalize: states have length 1 after each layer.
        pool: a node has one position; "none" leaves it as it is.
    """

    sizes: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {"hidden": (32, 32)},
        "medium": {"hidden": (64, 64)},
        "large": {"hidden": (256, 128)},
    }

    def __init__(
        self,
        source: Source,
        *,
        hidden: Counts = (64, 64),
        neighbours: tuple[int, ...] = (25, 10),
        activation: Activation = "relu",
        dropout: Share = 0.5,
        normalize: bool = True,
        pool: Literal["none"] = "none",
    ) -> None:
        super().__init__(source, activation, dropout)
        if len(neighbours) not in (0, len(hidden)) or min(neighbours, default=0) < 0:
            where, hint = f"model.encoders.{source.name}.neighbours", f"Give {len(hidden)} counts of 0 or more."
            raise UserError(f"{len(hidden)} layers draw {len(neighbours)} times.", where=where, hint=hint)
        widths = (self.nodes.width, *hidden)
        built = [_Mean(a, b, not n, normalize) for n, (a, b) in enumerate(zip(widths, hidden))]
        self.layers, self.last = nn.ModuleList(built[:-1]), built[-1]
        self.pool, self.width = pool, hidden[-1]
        self.draws = neighbours if any(neighbours) else ()
        self.most = int(self.nodes.degrees.max())

    def embedded(self, nodes: Tensor, kept: Tensor | None = None) -> Tensor:
        if not (self.training and self.draws) or kept is not None:
            return super().embedded(nodes, kept)
        layers, reached, there = [*self.layers, self.last], [nodes], list[Tensor]()
        for count in reversed(self.draws):
            drawn, present = self.nodes.drawn(reached[-1], count or self.most)
            reached.append(torch.cat([reached[-1][:, None], drawn], 1).flatten())
            there.append(present)
        alone, place = reached[-1].unique(return_inverse=True)
        known = self.nodes.some_known(alone)
        x = [one[place] for one in layers[0].projected(known)]
        for number, (layer, present) in enumerate(zip(layers, reversed(there))):
            mine, others = (one.view(len(present), -1, one.shape[1]) for one in x)
            share = present.to(others.dtype) / present.sum(1, keepdim=True).clamp(min=1)
            y = layer.joined(mine[:, 0], torch.einsum("mk,mkd->md", share, others[:, 1:]))
            if number + 1 < len(layers):
                y = self._dropped(self.activation(y))
                x = list(layers[number + 1].projected(y))
        return y

    def _dropped(self, x: State) -> State:
        return super()._dropped(x) if isinstance(x, Tensor) else x


class _Mean(nn.Module):
    """`W x_i + V mean_j x_j + b`."""

    def __init__(self, features: int, width: int, first: bool, normalize: bool) -> None:
        super().__init__()
        self.own, self.others = projection(features, width, first), projection(features, width, first)
        self.bias, self.normalize = nn.Parameter(torch.zeros(width)), normalize

    def projected(self, x: State) -> tuple[Tensor, Tensor]:
        """`W x` and `V x`."""
        return self.own(x), self.others(x)

    def joined(self, own: Tensor, others: Tensor) -> Tensor:
        """From the projected states."""
        y = own + others + self.bias
        return F.normalize(y, dim=1) if self.normalize else y

    def forward(self, x: State, own: State, links: Links) -> Tensor:
        return self.joined(self.own(own), links.mean(self.others(x)))
