"""A graph of which each edge is a row, and as many pairs without one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from pydantic import Field

from ..columns._graph import Graph
from ..data.reading import Masks
from ..data.rows import Rows
from ..errors import DataError
from ..parts import Count, NoneOrMore
from . import _graph

Held = Annotated[float, Field(gt=0, lt=0.5)]


class Links:
    """A row a pair of nodes, and whether there is an edge between them: the columns `pair` and `link`.

    Of every part there are as many pairs without an edge as edges, drawn evenly from all there are; the training part may have
    more. Messages pass along the edges of the training part only: what is asked while validating and testing is not in the
    graph. Edges are undirected.

    Options:
      nodes: file, name or table of the nodes with what is known of them; without one, nodes are known by their edges alone
      id: column of the nodes with their ids; by default node or id, else the first
      features: columns that are known of every node: numbers, values, or lists of words
      source: column with the id at one end; by default source, else the first
      target: column with the id at the other end; by default target, else the second
      part: column of the edges that says train, validation or test; by default a random part
      validation: share of the edges that validate
      test: share of the edges that test
      negatives: pairs without an edge for each edge that trains
      seed: of the pairs that are drawn, and of the parts
    """

    def __init__(
        self,
        given: Any,
        *,
        nodes: Any = None,
        id: str = "",
        features: tuple[str, ...] = (),
        source: str = "",
        target: str = "",
        part: str = "",
        validation: Held = 0.05,
        test: Held = 0.1,
        negatives: Count = 1,
        seed: NoneOrMore = 0,
    ) -> None:
        self.given, self.nodes, self.id, self.features, self.part = given, nodes, id, features, part
        self.source, self.target = source, target
        self.shares, self.negatives, self.seed = (validation, test), negatives, seed

    def read(self, base: Path, masks: Masks) -> Rows:
        """Raises DataError as the reader `nodes` does, and where there are too few pairs without an edge."""
        rows = _graph.opened(self.given, base, masks, "edges")
        ids, known, labels = None, None, list[str]()
        if self.nodes is not None:
            about = _graph.opened(self.nodes, base, masks, "nodes")
            ids = _graph.node_ids(about, _graph.column(about, self.id, ("node", "id"), "id", 0))
            known, labels = _graph.features_of(about, self.features)
        ends = _graph.ends_of_rows(rows, self.source, self.target, ids)
        random = np.random.Generator(np.random.Philox(self.seed))
        part = self._part(rows, ends, random)
        wanted = np.bincount(part, minlength=3) * np.array([self.negatives, 1, 1], np.int64)
        pairs = np.concatenate(
            [ends.pairs, _without_edge(ends.pairs, len(ends.ids), int(wanted.sum()), random, rows.name)]
        )
        part = np.concatenate([part, np.repeat(np.arange(3), wanted)]).astype(np.int8)
        graph = Graph.of(ends.ids, ends.pairs[part[: len(ends.pairs)] == 0], known, labels)
        names = pa.array(ends.ids).take(pa.array(pairs.ravel()))
        cells = pa.ListArray.from_arrays(pa.array(np.arange(len(pairs) + 1) * 2, pa.int32()), names)
        linked = np.arange(len(pairs)) < len(ends.pairs)
        notes = [
            *rows.notes,
            *ends.notes,
            f"{int(wanted.sum()):,} pairs without an edge are drawn with seed {self.seed}.",
            *_graph.alone(graph),
        ]
        table = pa.table({"pair": cells, "link": linked})
        columns, beside = {"pair": "node", "link": "boolean"}, {"pair": (graph, 2)}
        return replace(rows, table=table, part=part, notes=notes, targets=("link",), columns=columns, beside=beside)

    def _part(self, rows: Rows, ends: _graph.Ends, random: np.random.Generator) -> np.ndarray:
        """(E,) the part of each edge: as the source says, else by chance; a validation part is taken from training."""
        given = rows.part
        if self.part:
            _graph.column(rows, self.part, (), "part", 0)
            given = _graph.part_of(rows.table.column(self.part), f"{rows.name}: column '{self.part}'")
        part = (
            np.zeros(len(ends.pairs), np.int64) if given is None else np.maximum(given[ends.rows], 0).astype(np.int64)
        )
        for place, share in ((2, self.shares[1]), (1, self.shares[0])):
            train = np.flatnonzero(part == 0)
            if not (part == place).any():
                part[random.permutation(train)[: max(1, round(share * len(part)))]] = place
        if len(train := np.flatnonzero(part == 0)) < 2:
            raise DataError(
                f"{len(part)} edges leave {len(train)} to train on.", where=rows.name, hint="Give more edges."
            )
        return part


def _without_edge(pairs: np.ndarray, nodes: int, wanted: int, random: np.random.Generator, name: str) -> np.ndarray:
    """(wanted, 2) different pairs of nodes without an edge, the smaller number first, in random order."""
    there = nodes * (nodes - 1) // 2 - len(pairs)
    if wanted > there:
        message = f"{wanted:,} pairs without an edge are wanted, and there are {there:,}."
        raise DataError(message, where=name, hint="Ask for fewer negatives, or test a smaller share.")
    taken, found = pairs[:, 0] * nodes + pairs[:, 1], np.zeros(0, np.int64)
    if wanted > there // 2:  # drawing would meet the same ones again and again
        every = np.stack(np.triu_indices(nodes, 1), 1) @ np.array([nodes, 1])
        found = random.permutation(np.setdiff1d(every, taken))
    while len(found) < wanted:
        drawn = np.sort(random.integers(0, nodes, (2 * wanted, 2)), 1)
        codes = drawn[drawn[:, 0] < drawn[:, 1]] @ np.array([nodes, 1])
        found = np.concatenate([found, codes[~np.isin(codes, taken)]])
        found = found[np.sort(np.unique(found, return_index=True)[1])]
    return np.stack([found[:wanted] // nodes, found[:wanted] % nodes], 1)
