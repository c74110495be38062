"""Graph attention."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..blocks.dense import Activation
from ..blocks.graph import GraphEncoder, Links, State, projection
from ..blocks.stream import Source
from ..parts import Count, Counts, Share

SLOPE = 0.2  # of the leaky ReLU of scores


class Gat(GraphEncoder):
    """A graph attention network (Velickovic 2018): a node listens to itself and its neighbours with weights that a softmax
    makes of `leaky_relu(a z_i + b z_j)`, in several heads side by side.

    After the layers comes one more mixing with one head; the weights behind it are the model's head's, so that one layer before a
    head is the network with two layers of that paper. Of a pair of nodes the embeddings are multiplied.

    Options:
        hidden: width of each head in each layer.
        heads: attention heads of each layer.
        activation: after each layer.
        dropout: share of features and of each layer's outputs set to zero while training.
        attention_dropout: share of a node's messages that are not heard while training.
        pool: a node has one position; "none" leaves it as it is.
    """

    sizes: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {"hidden": (4,), "heads": 4},
        "medium": {"hidden": (8,), "heads": 8},
        "large": {"hidden": (16, 16), "heads": 8},
    }

    def __init__(
        self,
        source: Source,
        *,
        hidden: Counts = (8,),
        heads: Count = 8,
        activation: Activation = "elu",
        dropout: Share = 0.6,
        attention_dropout: Share = 0.6,
        pool: Literal["none"] = "none",
    ) -> None:
        super().__init__(source, activation, dropout)
        widths = (self.nodes.width, *(width * heads for width in hidden))
        self.layers = nn.ModuleList(
            _Attention(features, width, heads, attention_dropout, not n)
            for n, (features, width) in enumerate(zip(widths, hidden))
        )
        self.last = _Mixing(widths[-1], 1, attention_dropout)
        self.pool, self.width = pool, widths[-1]


class _Mixing(nn.Module):
    """(nodes, heads * width) -> (M, heads * width): the neighbours' and the node's own states, by attention."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.hears, self.tells = (nn.Parameter(torch.empty(heads, width)) for _ in range(2))
        nn.init.xavier_uniform_(self.hears)
        nn.init.xavier_uniform_(self.tells)

    def forward(self, x: Tensor, own: Tensor, links: Links) -> Tensor:
        z, mine = x.unflatten(1, (self.heads, -1)), own.unflatten(1, (self.heads, -1))
        hears, tells = (mine * self.hears).sum(2).float(), (z * self.tells).sum(2).float()
        scores = F.leaky_relu(hears[links.target] + tells[links.source], SLOPE)
        itself = F.leaky_relu(hears + (mine * self.tells).sum(2).float(), SLOPE)
        place = links.target[:, None].expand_as(scores)
        highest = itself.detach().scatter_reduce(0, place, scores.detach(), "amax")
        shares, kept = links.arriving((scores - highest[links.target]).exp()), (itself - highest).exp()
        total = kept.scatter_add(0, place, shares)
        shares = F.dropout(shares / total[links.target], self.dropout, self.training)
        kept = F.dropout(kept / total, self.dropout, self.training)
        heard = [links.sum(z[:, head], shares[:, head]) for head in range(self.heads)]
        return torch.cat(heard, 1) + (kept.to(x.dtype).unsqueeze(2) * mine).flatten(1)


class _Attention(nn.Module):
    """Projected states, mixed by attention, plus a bias."""

    def __init__(self, features: int, width: int, heads: int, dropout: float, first: bool) -> None:
        super().__init__()
        self.project = projection(features, heads * width, first)
        self.mix = _Mixing(width, heads, dropout)
        self.bias = nn.Parameter(torch.zeros(heads * width))

    def forward(self, x: State, own: State, links: Links) -> Tensor:
        z = self.project(x)
        return self.mix(z, z if own is x else self.project(own), links) + self.bias
