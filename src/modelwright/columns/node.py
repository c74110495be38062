"""Nodes of a graph, one a cell, or two."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import _parsing, _values
from ._column import Column
from ._graph import Graph

MOST = 32  # of a node's features, and of its neighbours, that explanations tell apart
WITHOUT = 0  # the number of a node that is not in the graph; the others are counted from 1


class Node(Column):
    """The id of a node; in tables of pairs two of them, as a list or with white space between.

    The graph - its edges and what is known of every node - comes from the readers `nodes` and `links` and is part of the
    fitted state, so that a run predicts from ids alone. Without one, the ids of the training rows are nodes without
    edges. Input: int32 (N, 1), or (N, 2) for pairs; 0 for an id that the graph does not have, which is a node without
    neighbours and features, and is said.
    """

    group = None
    fitted = ("graph", "size")
    encoder: ClassVar[str] = "gcn"
    usual_baselines: ClassVar[tuple[str, ...]] = ("propagation", "common_neighbours", "adamic_adar")
    exposes: ClassVar[str] = (
        "the edges and features of all nodes are in every step. What is protected of a node is that it was asked, and its target."
    )
    examples: ClassVar[list[Any]] = ["ada", "bob", "cleo", None, "ada", "dan", "eve", "bob"]

    def __init__(self, name: str, target: bool = False) -> None:
        super().__init__(name, target)
        self.graph: dict[str, Any] = {}
        self.size = 1
        self._seen: set[str] = set()
        self._opened: Graph | None = None

    def refer(self, beside: tuple[Graph, int]) -> None:
        """Take the graph, and how many nodes a cell names."""
        self._opened, self.size = beside
        self.graph = self._opened.packed()

    def fit(self, values: pa.Array) -> None:
        if not self.graph:
            self._seen.update(word for word in self._words(values).drop_null().to_pylist())

    def merge(self, other: Node) -> None:
        self._seen |= other._seen
        if not self.graph and other.graph:
            self.graph, self.size, self._opened = other.graph, other.size, other._opened

    def finish(self) -> None:
        self.refuse_target("nodes are inputs, not something to predict.", "Predict a column of the nodes, or links.")
        if not self.graph:
            self.refer((Graph.of(sorted(self._seen), np.zeros((0, 2), np.int64)), 1))
            self.note("there is no graph: every id is a node without neighbours")
        self._seen = set()

    @property
    def opened(self) -> Graph:
        """The graph as arrays."""
        if self._opened is None:
            self._opened = Graph.unpacked(self.graph)
        return self._opened

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self._opened = None

    def _words(self, values: pa.Array) -> pa.Array:
        """(N * size,) the ids, null where there is none."""
        if self.size == 1:
            return _canonical(_parsing.strings(values))
        values = _parsing.flat(values)
        if not _parsing.is_list(values.type):
            text = _parsing.strings(values)
            listed = pc.fill_null(pc.match_substring_regex(text, r"^[\[(]"), False)
            plain = pc.utf8_trim_whitespace(pc.replace_substring_regex(text, r"[\[\]()\"',\s]+", " "))
            values = pc.split_pattern_regex(pc.if_else(listed, plain, text), r"\s+")
        items, offsets, _ = _parsing.lists(values)
        fits = np.diff(offsets) == self.size
        if wrong := int((~fits).sum()):
            row = int(np.flatnonzero(~fits)[0])
            self.note(f"{wrong} cells do not name two nodes (the first in row {row})")
        place = np.where(fits[:, None], offsets[:-1, None] + np.arange(self.size), 0)
        found = _canonical(_parsing.strings(items)).take(pa.array(place.ravel(), mask=~np.repeat(fits, self.size)))
        return found

    def encode(self, values: pa.Array) -> np.ndarray:
        words = self._words(values)
        known = pa.array(self.opened.ids, words.type)
        codes = pc.index_in(words, value_set=known).to_numpy(zero_copy_only=False)
        codes = np.nan_to_num(codes.astype(np.float64), nan=-1).astype(np.int32) + 1
        strange = (codes == WITHOUT) & words.is_valid().to_numpy(zero_copy_only=False)
        if strange.any():
            first = words[int(np.flatnonzero(strange)[0])].as_py()
            self.note(
                f"{int(strange.sum())} ids are not in the graph (the first is '{first}'): nodes without neighbours"
            )
        return codes.reshape(-1, self.size)

    def parts(self, codes: np.ndarray) -> list[list[str]]:
        """Of each encoded cell (N, size), the names of the parts that can be taken out of it: of each node `MOST` places for
        its features, then as many for its neighbours; the last of them stands for all that follow, and "" for none."""
        return [[name for node in row for name in self._parts(int(node))] for row in codes]

    def _parts(self, node: int) -> list[str]:
        graph = self.opened
        if node == WITHOUT:
            return [""] * (2 * MOST)
        known, near = graph.known(node - 1), graph.near(node - 1)
        own = [graph.names[one] for one in known] if graph.names else ["itself"]
        prefix = f"{graph.ids[node - 1]}: " if self.size > 1 else ""
        places = _in_places([f"{prefix}{name}" for name in own], "features")
        return places + _in_places([f"{prefix}neighbour {graph.ids[one]}" for one in near], "neighbours")

    def classical(self, codes: np.ndarray) -> Any:
        """What methods without a graph read: of a node its features, or how many neighbours it has where there are none; of
        a pair what `common` gives."""
        from scipy import sparse

        graph, known = self.opened, np.asarray((codes > WITHOUT).all(1))
        if self.size > 1:
            return np.where(known[:, None], graph.common(np.maximum(codes - 1, 0)), 0.0).astype(np.float32)
        nodes = np.maximum(codes[:, 0] - 1, 0)
        if not graph.names:
            return np.where(known, graph.degrees[nodes], 0).astype(np.float32)[:, None]
        shape = (len(graph.ids), graph.width)
        table = sparse.csr_matrix((graph.values, graph.features, graph.feature_starts), shape)[nodes]
        return sparse.diags(known.astype(np.float32)) @ table

    def sizes(self) -> dict[str, Any]:
        """`size`: nodes a cell names; `nodes`, `edges` and `features` there are; `graph`: packed (`_graph.Graph`)."""
        graph = self.opened
        counts = {"nodes": len(graph.ids), "edges": len(graph.neighbours) // 2, "features": graph.width}
        return {"size": self.size, **counts, "places": MOST, "graph": self.graph}


def _canonical(words: pa.Array) -> pa.Array:
    """Ids as they are written in one way: 1.0 is 1."""
    encoded = words.dictionary_encode()
    plain = pa.array([_values.canonical(word) for word in encoded.dictionary.to_pylist()], pa.string())
    return plain.take(encoded.indices)


def _in_places(names: list[str], what: str) -> list[str]:
    """`MOST` names: "" behind, and one for all that are too many."""
    if len(names) > MOST:
        names = [*names[: MOST - 1], f"{len(names) - MOST + 1} more {what}"]
    return names + [""] * (MOST - len(names))
