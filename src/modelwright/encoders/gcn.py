"""Graph convolutions."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ..blocks.dense import Activation
from ..blocks.graph import GraphEncoder, Links, State, projection
from ..blocks.stream import Source
from ..parts import Counts, Depth, Share


class Gcn(GraphEncoder):
    """A graph convolutional network (Kipf & Welling 2017): `f(S X W + b)` a layer, with S the adjacency and the nodes
    themselves, divided by the roots of the degrees at both ends.

    After the layers the states are averaged once more, `S X`: the weights behind that are the head's, so that one layer
    before a head is the network with two layers of that paper. More steps with a restart, `(1 - r) S X + r X_0`, look further
    without forgetting the node itself (Klicpera 2019). The graph is one pass, whatever nodes are asked. Of a pair of
    nodes the embeddings are multiplied.

    Options:
        hidden: width of each layer.
        steps: averages after the layers.
        restart: share of the states behind the layers in each average.
        activation: after each layer.
        dropout: share of features and of each layer's outputs set to zero while training.
        pool: a node has one position; "none" leaves it as it is.
    """

    sizes: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {"hidden": (16,)},
        "medium": {"hidden": (64,)},
        "large": {"hidden": (256, 64)},
    }

    def __init__(
        self,
        source: Source,
        *,
        hidden: Counts = (16,),
        steps: Depth = 1,
        restart: Share = 0.0,
        activation: Activation = "relu",
        dropout: Share = 0.5,
        pool: Literal["none"] = "none",
    ) -> None:
        super().__init__(source, activation, dropout)
        widths = (self.nodes.width, *hidden)
        self.layers = nn.ModuleList(_Convolution(a, b, not n) for n, (a, b) in enumerate(zip(widths, hidden)))
        self.last, self.steps, self.restart = _Smoothing(), steps, restart
        self.pool, self.width = pool, hidden[-1]


class _Convolution(nn.Module):
    """`S X W + b`."""

    def __init__(self, features: int, width: int, first: bool) -> None:
        super().__init__()
        self.project, self.bias = projection(features, width, first), nn.Parameter(torch.zeros(width))

    def forward(self, x: State, own: State, links: Links) -> Tensor:
        projected = self.project(x)
        return links.smoothed(projected, projected if own is x else self.project(own)) + self.bias


class _Smoothing(nn.Module):
    """`S X`."""

    def forward(self, x: Tensor, own: Tensor, links: Links) -> Tensor:
        return links.smoothed(x, own)
