"""Graphs that are not what they say."""

from __future__ import annotations

from ._case import QUICK, Case

NODES = "node,y\n" + "".join(f"n{i},{'ab'[i % 2]}\n" for i in range(40))
EDGES = "source,target\n" + "".join(f"n{i},n{(i * 7 + 3) % 40}\n" for i in range(40))
TARGET = "target: y\n"


def _case(
    name: str, message: str, code: int = 2, data: str = "{nodes: nodes.csv, edges: edges.csv}", **files: str
) -> Case:
    given = {
        "nodes.csv": NODES,
        "edges.csv": EDGES,
        **{key.replace("_csv", ".csv"): text for key, text in files.items()},
    }
    recipe = f"data: {data}\n" + (TARGET if "links" not in data else "")
    return Case(name, f"train recipe.yaml {QUICK} --out r", message, code, recipe, given)


CASES = [
    _case(
        "no edges",
        "error: edges.csv: the file has a header and no rows. If it has no header: header: false",
        edges_csv="source,target\n",
    ),
    _case(
        "a column of ids that is not there",
        "error: nodes: data.id: there is no column 'person'. Known: node, y.",
        data="{nodes: nodes.csv, edges: edges.csv, id: person}",
    ),
    _case(
        "a node twice",
        "error: nodes: column 'node': the id 'n1' stands in 2 rows; a node is one row. Is it the column of the ids? Name it: id: NAME.",
        nodes_csv=NODES + "n1,a\n",
    ),
    _case("a node without id", "error: nodes: column 'node': row 40 has no id.", nodes_csv=NODES + ",a\n"),
    _case(
        "edges between other nodes",
        "error: edges: no edge is between two nodes that are there. Do both files name nodes by the same ids?",
        edges_csv="source,target\n1,2\n2,3\n",
    ),
    _case(
        "edges with one column",
        "error: edges: there is no column for `target`. Found: source. Name it: target: NAME.",
        edges_csv="source\nn1\nn2\n",
    ),
    _case(
        "a part that is none",
        "error: nodes: column 'part': row 0 is of the part 'later'. Parts are train, validation and test.",
        data="{nodes: nodes.csv, edges: edges.csv, part: part}",
        nodes_csv="node,y,part\n" + "".join(f"n{i},{'ab'[i % 2]},later\n" for i in range(40)),
    ),
    _case("self loops", "1 edges lead from a node to itself; they are left out.", 0, edges_csv=EDGES + "n1,n1\n"),
    _case(
        "edges to unknown nodes", "1 edges name nodes that are not there (the first: n1 - z); they are left out.", 0,
        edges_csv=EDGES + "n1,z\n",
    ),
    _case("nodes without neighbours", "1 of 41 nodes have no neighbour", 0, nodes_csv=NODES + "alone,a\n"),
    _case(
        "links of a graph with too few pairs",
        "error: edges: 15 pairs without an edge are wanted, and there are 0. Ask for fewer negatives, or test a smaller share.",
        data="{links: edges.csv}",
        edges_csv="source,target\n" + "".join(f"{u},{v}\n" for u in range(6) for v in range(u)),
    ),
]  # fmt: skip
