"""A graph as arrays: nodes by their ids, undirected edges, and what is known of each node. NumPy only."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._ragged import Ragged, offsets_of

_ARRAYS = {"starts": np.int64, "neighbours": np.int32, "feature_starts": np.int64, "features": np.int32}


@dataclass(frozen=True)
class Graph:
    """N nodes. Node i's neighbours are `neighbours[starts[i]:starts[i + 1]]`, ascending, each edge in both directions; its
    features are those numbered `features[feature_starts[i]:feature_starts[i + 1]]` with their `values`, the others 0.

    Without `names` of features nothing is known of the nodes, and each is a feature of its own.
    """

    ids: list[str]
    starts: np.ndarray
    neighbours: np.ndarray
    feature_starts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    features: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    values: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    names: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        ids: Sequence[str],
        edges: np.ndarray,
        features: tuple[Ragged, np.ndarray] | None = None,
        names: Sequence[str] = (),
    ) -> Graph:
        """From the numbers of the nodes at both ends of each edge (E, 2): loops and repetitions are left out. features: of
        each node, and their values."""
        nodes = len(ids)
        edges = edges[edges[:, 0] != edges[:, 1]].astype(np.int64)
        both = np.unique(np.concatenate([edges[:, 0] * nodes + edges[:, 1], edges[:, 1] * nodes + edges[:, 0]]))
        starts = offsets_of(np.bincount(both // max(nodes, 1), minlength=nodes))
        own = Ragged(np.arange(nodes, dtype=np.int32), np.arange(nodes + 1)), np.ones(nodes, np.float32)
        found, values = features or own
        return cls(
            list(ids), starts, (both % max(nodes, 1)).astype(np.int32), found.offsets, found.values, values, list(names)
        )

    @property
    def width(self) -> int:
        """How many features there are."""
        return len(self.names) or len(self.ids)

    @property
    def degrees(self) -> np.ndarray:
        """(N,) int64: neighbours of each node."""
        return np.diff(self.starts)

    def near(self, node: int) -> np.ndarray:
        """The neighbours of a node."""
        return self.neighbours[self.starts[node] : self.starts[node + 1]]

    def known(self, node: int) -> np.ndarray:
        """The features of a node that are not 0."""
        return self.features[self.feature_starts[node] : self.feature_starts[node + 1]]

    def common(self, pairs: np.ndarray) -> np.ndarray:
        """(N, 2) of pairs of nodes (N, 2): common neighbours, and each of them over the logarithm of its own neighbours (Adamic &
        Adar 2003)."""
        from scipy import sparse

        nodes, degrees = len(self.ids), self.degrees
        near = sparse.csr_matrix((np.ones(len(self.neighbours)), self.neighbours, self.starts), (nodes, nodes))
        weights = sparse.diags(np.where(degrees > 1, 1 / np.log(np.maximum(degrees, 2)), 0.0))
        both = near[pairs[:, 0]].multiply(near[pairs[:, 1]])
        return np.stack([np.asarray(both.sum(1)).ravel(), np.asarray((both @ weights).sum(1)).ravel()], 1)

    def packed(self) -> dict[str, Any]:
        """JSON-able; `unpacked` is the inverse. The arrays are compressed little-endian bytes."""
        arrays = {name: _written(getattr(self, name).astype(kind)) for name, kind in _ARRAYS.items()}
        return {"ids": self.ids, "names": self.names, "values": _written(self.values.astype(np.float32)), **arrays}

    @classmethod
    def unpacked(cls, packed: dict[str, Any]) -> Graph:
        """From what `packed` gave."""
        arrays = {name: _read(packed[name], kind) for name, kind in _ARRAYS.items()}
        return cls(ids=packed["ids"], names=packed["names"], values=_read(packed["values"], np.float32), **arrays)


def _written(values: np.ndarray) -> str:
    raw = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return base64.b64encode(zlib.compress(raw, 6)).decode("ascii")


def _read(text: str, kind: Any) -> np.ndarray:
    raw = zlib.decompress(base64.b64decode(text))
    return np.frombuffer(raw, np.dtype(kind).newbyteorder("<")).astype(kind)
