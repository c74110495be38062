"""Label propagation over a graph."""

from __future__ import annotations

import numpy as np

from ..columns._graph import Graph
from ..errors import UserError
from ..parts import Count, Share
from ._estimator import Constant, has_target
from ._features import Features


class Propagation:
    """Every node takes the mean of its neighbours' classes, again and again, while the training nodes keep some of their own
    (Zhou 2004): what the edges alone tell, without any feature.

    Options:
        steps: how often.
        keep: share of its first classes that a node keeps at each step.
    """

    growth = 1.0
    predict_growth = 0.0

    def __init__(self, kind: str, *, steps: Count = 50, keep: Share = 0.1) -> None:
        if kind not in ("category", "boolean"):
            raise UserError(f"it propagates classes, not a {kind}.")
        self.kind, self.steps, self.keep = kind, steps, keep

    def fit(self, features: Features, target: np.ndarray, seed: int = 0) -> Propagation:
        """Take the classes of the training nodes."""
        column, codes = features.own("opened")
        if codes.shape[1] > 1:
            raise UserError("it tells classes of nodes, and the rows are pairs.")
        known = has_target(self.kind, target) & (codes[:, 0] > 0)
        classes = int(target[known].max()) + 1
        graph: Graph = column.opened
        first = np.zeros((len(graph.ids) + 1, max(classes, 2)))
        first[codes[known, 0], target[known].astype(np.int64)] = 1
        self.shares = _spread(graph, first, self.steps, self.keep)
        self.prior = Constant(target[known].astype(np.int64), False)
        return self

    def predict(self, features: Features) -> dict[str, np.ndarray]:
        """`probabilities` (N, K), or of two classes the `probability` of the second; a node that nothing reaches gets the
        classes' shares."""
        found = self.shares[features.own("opened")[1][:, 0]]
        total = found.sum(1, keepdims=True)
        spread = np.zeros(found.shape[1])
        spread[self.prior.classes_] = self.prior.shares
        found = np.where(total > 1e-12, found / np.maximum(total, 1e-12), spread)
        return {"probabilities": found} if self.kind == "category" else {"probability": found[:, 1]}


def _spread(graph: Graph, first: np.ndarray, steps: int, keep: float) -> np.ndarray:
    """(N + 1, K): `y <- (1 - keep) S y + keep y_0` with the symmetric S, node 0 outside."""
    from scipy import sparse

    nodes = len(graph.ids)
    near = sparse.csr_matrix((np.ones(len(graph.neighbours)), graph.neighbours, graph.starts), (nodes, nodes))
    scale = sparse.diags(1 / np.sqrt(np.maximum(graph.degrees, 1)))
    near, found = scale @ near @ scale, first[1:]
    for _ in range(steps):
        found = (1 - keep) * (near @ found) + keep * first[1:]
    return np.concatenate([first[:1], found])
