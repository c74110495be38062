"""A decision tree."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._estimator import Estimator
from ._features import Features


class Tree(Estimator):
    """One decision tree (CART).

    Options:
        depth: most questions from root to leaf; none: no limit
        leaf: fewest training rows in a leaf
    """

    view = "trees"

    def __init__(self, kind: str, *, depth: int | None = None, leaf: int = 3) -> None:
        super().__init__(kind)
        self.depth, self.leaf = depth, leaf

    def estimator(self, features: Features, target: np.ndarray, seed: int) -> Any:
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        method = DecisionTreeRegressor if self.kind == "number" else DecisionTreeClassifier
        return method(max_depth=self.depth, min_samples_leaf=self.leaf, random_state=seed)
