"""Social networks: two graphs of citations, one of friends, and a club that split."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa

from .. import _csv
from .._files import File
from .._stored import Stored
from ..named import Named, Parsed

CORA = Stored(
    "social/planetoid_plain/cora.npz", "633ddf1a487cb336045cad6077b6f10ed2cc6b959329cbc71f2272823f884219", 102186
)
CITESEER = Stored(
    "social/planetoid_plain/citeseer.npz", "472898f9df1f002a8f593b1697d1ee15656cf7fe0329f1965b3316cff9dcc936", 203637
)
FACEBOOK = Stored(
    "social/ego_facebook/facebook_combined.txt.gz",
    "936197b5bc5d075c0f6b32043a1e0ad5adf0b7b4a7a03b102cb231038b1288ca",
    225727,
)
KARATE = (
    Stored("social/karate_club/nodes.csv", "bc45622485d1083e0d27e3d4683c65ed3b8a065b012237e985df4e8fbf32327d", 357),
    Stored("social/karate_club/edges.csv", "fca827ad25363f10ec8d2097c38249937e77c60929fb3b2dadc8c4baba15d7aa", 582),
)
LEADERS = ("0", "33")


def _planetoid(paths: list[Path]) -> Parsed:
    """A row a paper with its words, its neighbours and its field; a paper in no part of the official split has part -1."""
    with np.load(paths[0], allow_pickle=False) as stored:
        found = {name: stored[name] for name in stored.files}
    nodes = len(found["y"])
    part = np.full(nodes, -1, np.int8)
    for place, name in enumerate(("train_idx", "val_idx", "test_idx")):
        part[found[name]] = place
    words = pa.ListArray.from_arrays(pa.array(found["x_indptr"], pa.int32()), pa.array(found["x_indices"]))
    labels = [None if code < 0 else str(code) for code in found["y"].tolist()]
    neighbours = _neighbours(found["edges"], nodes)
    return pa.table({"node": np.arange(nodes), "words": words, "neighbours": neighbours, "label": labels}), part


def _neighbours(edges: np.ndarray, nodes: int) -> pa.Array:
    """(N,) lists of the nodes at the other ends."""
    both = np.concatenate([edges, edges[:, ::-1]])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    starts = np.searchsorted(both[:, 0], np.arange(nodes + 1))
    return pa.ListArray.from_arrays(pa.array(starts, pa.int32()), pa.array(both[:, 1]))


def _facebook(paths: list[Path]) -> Parsed:
    """A row a friendship; those whose `sha1("u v")` is divisible by 10 are the test."""
    options = {"names": ["source", "target"], "header": False, "delimiter": " "}
    table = _csv.read(File(paths[0]), options)[0]
    lines = (f"{u} {v}" for u, v in zip(*(column.to_pylist() for column in table.columns)))
    place = [int(hashlib.sha1(line.encode()).hexdigest(), 16) % 10 for line in lines]
    return table, np.array([2 if number == 0 else 0 for number in place], np.int8)


def _karate(paths: list[Path]) -> Parsed:
    """A row a member; only the two leaders say their club, the others are the test."""
    nodes, edges = (_csv.read(File(path), {})[0] for path in paths)
    ids = nodes.column("node").to_pylist()
    place = {one: number for number, one in enumerate(ids)}
    ends = np.array([[place[one] for one in edges.column(side).to_pylist()] for side in ("source", "target")]).T
    near = pa.ListArray.from_arrays(*_named(_neighbours(ends, len(ids)), ids))
    return nodes.append_column("neighbours", near), np.array([0 if one in LEADERS else 2 for one in ids], np.int8)


def _named(lists: pa.ListArray, ids: list[str]) -> tuple[pa.Array, pa.Array]:
    """Offsets, and ids in place of numbers."""
    return lists.offsets, pa.array(ids).take(lists.values)


_CATEGORY = {"label": "category", "club": "category"}
SETS = (
    Named("cora", "2,708 papers of 7 fields, 5,278 citations", ("label",), _planetoid, (CORA,), columns=_CATEGORY),
    Named(
        "citeseer", "3,327 papers of 6 fields, 4,552 citations", ("label",), _planetoid, (CITESEER,), columns=_CATEGORY
    ),
    Named("ego_facebook", "4,039 people, 88,234 friendships", (), _facebook, (FACEBOOK,)),
    Named("karate_club", "34 members of a club that split in two", ("club",), _karate, KARATE, columns=_CATEGORY),
)
