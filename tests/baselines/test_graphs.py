"""Label propagation and common neighbours, against what can be counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from modelwright import baselines, columns
from modelwright.columns._graph import Graph

#   a - b - c   d - e,  c and d are not linked; f is alone
GRAPH = Graph.of(list("abcdef"), np.array([[0, 1], [1, 2], [3, 4], [0, 2]]))


def features(cells: list, size: int) -> baselines.Features:
    column = columns.build("node", "node")
    column.refer((GRAPH, size))
    column.finish()
    return baselines.Features({"node": column.encode(pa.array(cells))}, None, {"node": column})


def run(kind, target, given, train, test, name):
    return baselines.run([name], kind, given, np.array(target), np.array(train), np.array(test), 10.0)[name]


def test_classes_spread_along_edges_and_who_is_not_reached_gets_the_shares():
    found = run("category", [0, -1, -1, 1, -1, -1], features(list("abcdef"), 1), [0, 3], [1, 2, 4, 5], "propagation")
    assert found["predicted"]["probabilities"].tolist() == [[1, 0], [1, 0], [0, 1], [0.5, 0.5]]


def test_pairs_are_ranked_by_their_common_neighbours():
    cells = [["a", "b"], ["a", "c"], ["a", "d"], ["d", "e"], ["b", "c"], ["e", "f"]]
    given = features(cells, 2)
    assert given.own("opened")[0].classical(np.array([[1, 2], [1, 4], [0, 1]])).tolist() == [
        pytest.approx([1, 1 / math.log(2)]), [0, 0], [0, 0],
    ]  # fmt: skip
    for kind in ("adamic_adar", "common_neighbours"):
        found = run("boolean", [1, 1, 0, 0, 1, 0], given, range(6), range(6), kind)
        probability = found["predicted"]["probability"]
        assert probability[[0, 1, 4]].min() > 0.5 > probability[[2, 3, 5]].max()


def test_each_says_what_it_cannot_read():
    pairs, nodes = features([["a", "b"], ["c", "d"]], 2), features(["a", "d"], 1)
    assert "rows are pairs" in run("category", [0, 1], pairs, [0, 1], [0, 1], "propagation")["note"]
    assert "reads pairs" in run("boolean", [0, 1], nodes, [0, 1], [0, 1], "adamic_adar")["note"]
