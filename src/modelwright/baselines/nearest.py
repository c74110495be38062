"""The nearest neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._estimator import Estimator
from ._features import Features


class Nearest(Estimator):
    """The vote, or the mean, of the nearest training rows.

    Options:
        neighbors: how many rows are asked
    """

    growth = 1.0
    predict_growth = 1.0

    def __init__(self, kind: str, *, neighbors: int = 5) -> None:
        super().__init__(kind)
        self.neighbors = neighbors

    def estimator(self, features: Features, target: np.ndarray, seed: int) -> Any:
        from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

        method = KNeighborsRegressor if self.kind == "number" else KNeighborsClassifier
        return method(n_neighbors=min(self.neighbors, len(target)))
