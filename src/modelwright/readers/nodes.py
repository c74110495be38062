"""A graph of which each node is a row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..columns import _parsing
from ..columns._graph import Graph
from ..data.reading import Masks
from ..data.rows import Rows
from . import _graph


class Nodes:
    """A row a node: its id, of kind `node`, and the other columns of the nodes' table, one of which is the target.

    The edges stand in a table of their own, with an id at each end, or in a column of lists of neighbours. They are undirected.
    Nodes of all parts are in the graph with their features; only rows that say their part train, validate and test, where
    `part` names a column or a named data set fixes the parts.

    Options:
      edges: file, name or table of the edges
      id: column of the ids; by default node or id, else the first
      source: column of the edges with the id at one end; by default source, else the first
      target: column with the id at the other end; by default target, else the second
      neighbours: column of the nodes with a list of their neighbours, where no edges are given
      features: columns that are known of every node, also of neighbours: numbers, values, or lists of words
      part: column that says train, validation or test, or nothing
    """

    def __init__(
        self,
        given: Any,
        *,
        edges: Any = None,
        id: str = "",
        source: str = "",
        target: str = "",
        neighbours: str = "neighbours",
        features: tuple[str, ...] = (),
        part: str = "",
    ) -> None:
        self.given, self.edges, self.id, self.part = given, edges, id, part
        self.source, self.target, self.neighbours, self.features = source, target, neighbours, features

    def read(self, base: Path, masks: Masks) -> Rows:
        """Raises DataError for ids that are missing or stand twice, for edges between none of the nodes, and for an empty file."""
        rows = _graph.opened(self.given, base, masks, "nodes")
        name = _graph.column(rows, self.id, ("node", "id"), "id", 0)
        ids = _graph.node_ids(rows, name)
        ends, used = self._ends(rows, ids, base, masks)
        known, labels = _graph.features_of(rows, self.features)
        graph = Graph.of(ids, ends.pairs, known, labels)
        part = rows.part
        if self.part:
            _graph.column(rows, self.part, (), "part", 0)
            part = _graph.part_of(rows.table.column(self.part), f"{rows.name}: column '{self.part}'")
        table = rows.table.drop_columns([one for one in (*self.features, *used, self.part) if one and one != name])
        notes = [*rows.notes, *ends.notes, *_graph.alone(graph)]
        if part is not None and (part < 0).any():
            table, part = table.filter(pa.array(part >= 0)), part[part >= 0]
            notes.append(f"{len(ids) - len(part)} nodes are in no part: they are in the graph, and no rows.")
        return replace(
            rows, table=table, part=part, notes=notes, columns={**rows.columns, name: "node"}, beside={name: (graph, 1)}
        )

    def _ends(self, rows: Rows, ids: list[str], base: Path, masks: Masks) -> tuple[_graph.Ends, list[str]]:
        """The edges, and the columns of the nodes that they stand in."""
        if self.edges is None:
            name = _graph.column(rows, self.neighbours, (), "neighbours", 0)
            cells = _parsing.flat(rows.table.column(name))
            cells = cells if _parsing.is_list(cells.type) else pc.split_pattern_regex(_parsing.strings(cells), r"\s+")
            items, offsets, _ = _parsing.lists(cells)
            sources = pa.array(ids).take(pa.array(np.repeat(np.arange(len(ids)), np.diff(offsets))))
            found = _graph.ids_of(items)
            return _graph.ends_of(sources, found, ids, f"{rows.name}: column '{name}'", both_ways=True), [name]
        edges = _graph.opened(self.edges, base, masks, "edges")
        return _graph.ends_of_rows(edges, self.source, self.target, ids), []
