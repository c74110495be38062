"""Message passing over a graph that an encoder holds: the graph, its links, and what graph encoders share.

Node 0 is every node that the graph does not have: no neighbour, no feature. Sums over neighbours are embedding bags, which
never write a message out: 30 times faster here than gathering and adding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..columns._graph import Graph
from .dense import Activation, activation_layer
from .stream import Batch, Source, Stream


@dataclass(frozen=True)
class Known:
    """What is known of M nodes: the numbers of node m's features are `features[starts[m]:starts[m + 1]]`, with `values`."""

    features: Tensor
    starts: Tensor
    values: Tensor

    def dropped(self, share: float, training: bool) -> Known:
        """With a share of the features left out while training, the others enlarged."""
        return Known(self.features, self.starts, F.dropout(self.values, share, training)) if share else self


State = Known | Tensor  # of M nodes: before the first layer what is known of them, after it (M, D)


@dataclass(frozen=True)
class Links:
    """Who tells whom: node `source[e]` of all nodes tells target `target[e]` of M; target m's are `starts[m]:starts[m + 1]`.

    pull (E,), own (M,): 1 / sqrt(d_i d_j) of both ends and 1 / d_i, with d the neighbours and the node itself. heard (E,): the
    share of each message that arrives, where some are left out.
    """

    source: Tensor
    target: Tensor
    starts: Tensor
    pull: Tensor
    own: Tensor
    heard: Tensor | None = None

    def sum(self, x: Tensor, weights: Tensor) -> Tensor:
        """(M, D) sums over neighbours of x (nodes, D) times `weights` (E,)."""
        return F.embedding_bag(
            self.source, x, self.starts, mode="sum", per_sample_weights=weights.to(x.dtype), include_last_offset=True
        )

    def smoothed(self, x: Tensor, own: Tensor) -> Tensor:
        """(M, D): `sum_j x_j / sqrt(d_i d_j)` over the neighbours and the node itself (Kipf & Welling 2017)."""
        return self.sum(x, self.arriving(self.pull)) + own * self.own.to(own.dtype)[:, None]

    def mean(self, x: Tensor) -> Tensor:
        """(M, D) means over neighbours, 0 where there is none; what is left out counts as 0."""
        return self.sum(x, self.arriving(1 / self.starts.diff().clamp(min=1)[self.target]))

    def arriving(self, weights: Tensor) -> Tensor:
        """Weights (E, ...) of messages, less what is left out of each."""
        return weights if self.heard is None else weights * self.heard.view(-1, *[1] * (weights.ndim - 1))


class Nodes(nn.Module):
    """A source's graph as buffers that are no weights."""

    starts: Tensor
    neighbours: Tensor
    known_starts: Tensor
    known: Tensor
    values: Tensor

    def __init__(self, sizes: dict[str, Any]) -> None:
        super().__init__()
        graph = Graph.unpacked(sizes["graph"])
        self.count, self.width, self.places = len(graph.ids) + 1, graph.width, sizes["places"]
        arrays = {
            "starts": F.pad(torch.from_numpy(graph.starts), (1, 0)),
            "neighbours": torch.from_numpy(graph.neighbours).long() + 1,
            "known_starts": F.pad(torch.from_numpy(graph.feature_starts), (1, 0)),
            "known": torch.from_numpy(graph.features).long(),
            "values": torch.from_numpy(graph.values),
        }
        for name, values in arrays.items():
            self.register_buffer(name, values, persistent=False)

    @property
    def degrees(self) -> Tensor:
        """(nodes,) how many neighbours each has."""
        return self.starts.diff()

    def all_known(self) -> Known:
        """What is known of every node."""
        return Known(self.known, self.known_starts, self.values)

    def all_links(self) -> Links:
        """The links to every node."""
        target = torch.arange(self.count, device=self.starts.device).repeat_interleave(self.degrees)
        return self._links(self.neighbours, target, self.starts, torch.arange(self.count, device=self.starts.device))

    def some_known(self, nodes: Tensor, kept: Tensor | None = None) -> Known:
        """What is known of nodes (M,); kept (M, places): the share that stays of each feature, the last for all behind it."""
        where, _, starts, stays = self._within(self.known_starts, nodes, kept)
        values = self.values[where]
        return Known(self.known[where], starts, values if stays is None else values * stays)

    def some_links(self, nodes: Tensor, kept: Tensor | None = None) -> Links:
        """The links to nodes (M,); kept (M, places): the share that stays of each neighbour, the last for all behind it."""
        where, owner, starts, stays = self._within(self.starts, nodes, kept)
        return self._links(self.neighbours[where], owner, starts, nodes, stays)

    def drawn(self, nodes: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """(M, count) neighbours of nodes (M,) and which are there: all of a node that has no more, else so many drawn with
        torch's generator, with repetition (Hamilton 2017)."""
        place = torch.arange(count, device=nodes.device)
        degrees = self.degrees[nodes][:, None]
        if not len(self.neighbours):
            return nodes.new_zeros(len(nodes), count), (place < degrees)
        chance = torch.rand(len(nodes), count, device=nodes.device)
        place = torch.where(degrees > count, (chance * degrees).long().clamp(max=degrees - 1), place)
        there = place < degrees
        return self.neighbours[(self.starts[nodes][:, None] + place) * there] * there, there

    def _within(
        self, starts: Tensor, nodes: Tensor, kept: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Places of the nodes' items, the node (0 to M - 1) that each belongs to, where those of each begin, and the share of
        each that is kept."""
        lengths = starts.diff()[nodes]
        owner = torch.arange(len(nodes), device=nodes.device).repeat_interleave(lengths)
        ends = F.pad(lengths.cumsum(0), (1, 0))
        place = torch.arange(len(owner), device=nodes.device) - ends[:-1][owner]
        stays = None if kept is None else kept[owner, place.clamp(max=self.places - 1)]
        return starts[nodes][owner] + place, owner, ends, stays

    def _links(
        self, source: Tensor, target: Tensor, starts: Tensor, nodes: Tensor, heard: Tensor | None = None
    ) -> Links:
        scale = (self.degrees + 1).float().rsqrt()
        own = scale[nodes]
        return Links(source, target, starts, scale[source] * own[target], own.square(), heard)


class Entry(nn.Module):
    """`X W` for nodes of which few features are not 0: (M, width) from what is known of M nodes. The weights are those of
    a dense layer, which decay, are pruned and rounded as such."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.table = nn.Linear(features, width, bias=False)
        nn.init.xavier_uniform_(self.table.weight)

    def forward(self, known: Known) -> Tensor:
        weight = self.table.weight.T.contiguous()
        values = known.values.to(weight.dtype)
        return F.embedding_bag(
            known.features, weight, known.starts, mode="sum", per_sample_weights=values, include_last_offset=True
        )


def projection(features: int, width: int, first: bool) -> nn.Module:
    """`X W` on the sparse features of nodes, or on (M, features) behind the first layer."""
    if first:
        return Entry(features, width)
    layer = nn.Linear(features, width, bias=False)
    nn.init.xavier_uniform_(layer.weight)
    return layer


class GraphEncoder(nn.Module):
    """What graph encoders share: reading nodes or pairs of nodes, passing messages over the whole graph, and leaving out
    parts of a node for explanations.

    A subclass has `layers`, each `(x, own, links) -> (M, D)` from the states of all nodes and of M of them, `last`, of the
    same kind, which has no activation behind it and is passed `steps` times, each time with a share `restart` of the state
    before the first, and `width`. Of part p of a node the share `<name>.parts`
    (B, size * 2 * places) stays: at 0 the node neither knows that feature nor hears that neighbour, and all other nodes stay
    as they are.
    """

    reads = ("node",)
    length = 1
    steps, restart = 1, 0.0
    layers: nn.ModuleList
    last: nn.Module
    width: int

    def __init__(self, source: Source, activation: Activation, dropout: float) -> None:
        super().__init__()
        self.name, self.size = source.name, source.sizes["size"]
        self.nodes = Nodes(source.sizes)
        self.activation, self.dropout = activation_layer(activation), dropout

    def forward(self, batch: Batch) -> Stream:
        nodes, kept = batch[self.name].long(), batch.get(f"{self.name}.parts")
        found = self.embedded(nodes.flatten(), None if kept is None else kept.reshape(nodes.numel(), 2, -1))
        found = found.view(*nodes.shape, -1)
        return Stream(found.prod(1, keepdim=True) if self.size > 1 else found)

    def embedded(self, nodes: Tensor, kept: Tensor | None = None) -> Tensor:
        """(M, width) of nodes (M,), with only the parts `kept` (M, 2, places) of their features and neighbours."""
        states: list[Any] = self.passed(self.nodes.all_known(), self.nodes.all_links())
        if kept is None:
            return states[-1][nodes]
        own, links = self.nodes.some_known(nodes, kept[:, 0]), self.nodes.some_links(nodes, kept[:, 1])
        own_states: list[Any] = self.passed(own, links, states)
        return own_states[-1]

    def passed(self, known: Known, links: Links, among: list[Any] | None = None) -> list[State]:
        """What is known of M nodes, and their states behind each layer. among: the same of all nodes, where these are only some."""
        found: list[Any] = [self._dropped(known)]
        for number, layer in enumerate([*self.layers, *[self.last] * self.steps]):
            y = layer((among or found)[number], found[number], links)
            if layer is not self.last:
                y = self._dropped(self.activation(y))
            elif self.restart:
                y = (1 - self.restart) * y + self.restart * found[len(self.layers)]
            found.append(y)
        return found

    def _dropped(self, x: Any) -> Any:
        if isinstance(x, Known):
            return x.dropped(self.dropout, self.training)
        return F.dropout(x, self.dropout, self.training)
