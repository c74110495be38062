"""Ids of nodes and pairs of nodes, and the graph that a column carries."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from modelwright import columns
from modelwright.columns._graph import Graph
from modelwright.columns.node import MOST
from modelwright.errors import DataError

IDS = ["a", "b", "c", "7", "new york"]
GRAPH = Graph.of(IDS, np.array([[0, 1], [1, 2], [1, 0], [2, 2], [0, 3]]))


def column(size: int = 1, graph: Graph = GRAPH):
    made = columns.build("node", "node")
    made.refer((graph, size))
    made.fit(pa.array(["a"]))
    made.finish()
    return made


def test_a_graph_has_each_edge_both_ways_once_and_no_loops():
    assert [GRAPH.near(node).tolist() for node in range(5)] == [[1, 3], [0, 2], [1], [0], []]


def test_ids_are_found_in_any_spelling_and_others_are_said():
    made = column()
    assert made.encode(pa.array(["a", " b ", "7.0", "new york", "z", None])).tolist() == [[1], [2], [4], [5], [0], [0]]
    assert made.problems == ["column 'node': 1 ids are not in the graph (the first is 'z'): nodes without neighbours"]
    assert made.encode(pa.array([7, 8])).tolist() == [[4], [0]]


def test_pairs_are_lists_or_text_with_a_space():
    made = column(size=2)
    assert made.encode(pa.array([["a", "c"], ["new york", "z"], None, ["a"]])).tolist() == [
        [1, 3],
        [5, 0],
        [0, 0],
        [0, 0],
    ]
    assert made.encode(pa.array(["a c", "7\tb", "a b c"])).tolist() == [[1, 3], [4, 2], [0, 0]]
    assert made.encode(pa.array(["['a', 'c']", '["7", "b"]', "(a, z)"])).tolist() == [[1, 3], [4, 2], [1, 0]]
    assert made.problems[0].endswith("2 cells do not name two nodes (the first in row 2)")


def test_the_state_holds_the_graph():
    made, other = column(), columns.build("node", "node")
    other.restore(json.loads(json.dumps(made.state())))
    assert other.opened.ids == IDS and (other.opened.neighbours == GRAPH.neighbours).all()
    assert other.sizes() == made.sizes() and made.sizes()["edges"] == 3


def test_parts_are_features_then_neighbours_and_the_last_place_holds_the_rest():
    hub = Graph.of([str(n) for n in range(40)], np.array([[0, n] for n in range(1, 40)]))
    names = column(graph=hub).parts(np.array([[1], [2], [0]]))
    assert names[0][:2] == ["itself", ""] and names[0][MOST] == "neighbour 1"
    assert names[0][-1] == f"{39 - MOST + 1} more neighbours"
    assert [name for name in names[1] if name] == ["itself", "neighbour 0"] and not any(names[2])


def test_a_node_is_no_target():
    made = columns.build("node", "node", target=True)
    with pytest.raises(DataError, match="nodes are inputs"):
        made.finish()
