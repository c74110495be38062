"""The readers of graphs: rows of nodes, and rows of pairs."""

from __future__ import annotations

import os

import numpy as np
import pytest

from modelwright.data.reading import read
from modelwright.errors import DataError

NODES = "id,words,age,kind,part\na,x y,1,p,train\nb,y,3,q,validation\nc,,5,p,test\nd,x,3,q,\n"
EDGES = "source,target\na,b\nb,a\nb,c\nc,c\nc,zz\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "nodes.csv").write_text(NODES)
    (tmp_path / "edges.csv").write_text(EDGES)
    return tmp_path


def test_rows_are_the_nodes_of_a_part_and_the_graph_has_them_all(folder):
    spec = {"nodes": "nodes.csv", "edges": "edges.csv", "features": ["words", "age", "kind"], "part": "part"}
    rows = read(spec, folder)
    assert rows.table.to_pydict() == {"id": ["a", "b", "c"]} and rows.part.tolist() == [0, 1, 2]
    assert rows.columns == {"id": "node"}
    graph, size = rows.beside["id"]
    assert size == 1 and graph.ids == ["a", "b", "c", "d"]
    assert [graph.near(node).tolist() for node in range(4)] == [[1], [0, 2], [1], []]
    assert graph.names == ["words = x", "words = y", "age", "kind = p", "kind = q"]
    known = [dict(zip(graph.known(n).tolist(), graph.values[graph.feature_starts[n] :])) for n in range(4)]
    assert known[0] == pytest.approx({0: 0.5, 1: 0.5, 2: -2 / np.std([1, 3, 5, 3]), 3: 1})
    assert set(known[2]) == {2, 3}  # no word
    said = " ".join(rows.notes)
    for part in ("1 edges name nodes that are not there (the first: c - zz)", "1 edges lead from a node to itself",
                 "1 edges stand more than once", "1 of 4 nodes have no neighbour", "1 nodes are in no part"):  # fmt: skip
        assert part in said


def test_neighbours_may_stand_with_the_nodes():
    rows = read({"nodes": {"node": [1, 2, 3], "neighbours": [[2], [1, 3], [2]], "y": [0, 1, 0]}})
    graph, _ = rows.beside["node"]
    assert rows.table.column_names == ["node", "y"] and graph.degrees.tolist() == [1, 2, 1] and rows.notes == []


@pytest.fixture
def links(tmp_path):
    random = np.random.default_rng(0)
    pairs = {tuple(sorted(pair)) for pair in random.integers(0, 40, (200, 2)).tolist() if pair[0] != pair[1]}
    (tmp_path / "edges.csv").write_text("u,v\n" + "".join(f"n{u},n{v}\n" for u, v in sorted(pairs)))
    return tmp_path, pairs


def test_what_is_asked_is_not_in_the_graph_and_as_many_pairs_have_no_edge(links):
    folder, pairs = links
    rows = read({"links": "edges.csv", "test": 0.2, "validation": 0.1}, folder)
    graph, _ = rows.beside["pair"]
    inside = {(graph.ids[u], graph.ids[v]) for u in range(len(graph.ids)) for v in graph.near(u)}
    cells, linked = rows.table["pair"].to_pylist(), np.array(rows.table["link"].to_pylist())
    assert len({frozenset(cell) for cell in cells}) == len(cells)
    for part in range(3):
        here = rows.part == part
        assert linked[here].sum() * 2 == here.sum() > 0
        assert all((tuple(cells[row]) in inside) == (part == 0) for row in np.flatnonzero(here & linked))
    truth = {frozenset((f"n{u}", f"n{v}")) for u, v in pairs}
    assert all((frozenset(cell) in truth) == known for cell, known in zip(cells, linked))
    assert any("drawn with seed 0" in note for note in rows.notes)


def test_the_seed_decides_what_is_drawn(links):
    folder, _ = links
    one, same, other = (read({"links": "edges.csv", "seed": seed}, folder).table for seed in (1, 1, 2))
    assert one.equals(same) and not one.equals(other)


def test_more_pairs_without_an_edge_may_train(links):
    rows = read({"links": "edges.csv", "negatives": 2}, links[0])
    linked = np.array(rows.table["link"].to_pylist())
    assert (~linked & (rows.part == 0)).sum() == 2 * (linked & (rows.part == 0)).sum()
    assert (~linked & (rows.part == 2)).sum() == (linked & (rows.part == 2)).sum()


def test_a_graph_with_nearly_all_edges_has_no_pairs_to_draw():
    full = [(u, v) for u in range(6) for v in range(u)]
    with pytest.raises(DataError, match="pairs without an edge are wanted"):
        read({"links": {"source": [u for u, _ in full], "target": [v for _, v in full]}})


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("MODELWRIGHT_DATA"), reason="needs $MODELWRIGHT_DATA")
@pytest.mark.parametrize(
    ("spec", "nodes", "edges", "parts"),
    [
        ({"nodes": "cora", "features": ["words"]}, 2708, 5278, [140, 500, 1000]),
        ({"nodes": "citeseer", "features": ["words"]}, 3327, 4552, [120, 500, 1000]),
        ({"nodes": "karate_club"}, 34, 78, [2, 0, 32]),
        ({"links": "ego_facebook"}, 4039, None, None),
    ],
    ids=["cora", "citeseer", "karate_club", "ego_facebook"],
)
def test_the_named_graphs_are_those_of_the_literature(spec, nodes, edges, parts):
    rows = read(spec)
    ((graph, _),) = rows.beside.values()
    assert len(graph.ids) == nodes
    if parts is not None:
        assert len(graph.neighbours) == 2 * edges and np.bincount(rows.part, minlength=3).tolist() == parts
    else:  # all friendships, and as many pairs without one
        assert rows.table.num_rows == 2 * 88_234 and len(graph.neighbours) // 2 == (rows.part == 0).sum() // 2
