"""Links told from common neighbours."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..errors import UserError
from ._estimator import Estimator
from ._features import Features


class Counted(Estimator):
    """One of the numbers that `Graph.common` gives of a pair; a logistic curve, which keeps the order, makes it the
    probability of a link."""

    place: ClassVar[int]

    def __init__(self, kind: str) -> None:
        if kind != "boolean":
            raise UserError(f"it tells whether there is a link, not a {kind}.")
        super().__init__(kind)

    def fit(self, features: Features, target: np.ndarray, seed: int = 0) -> Counted:
        """Learn the curve."""
        if features.own("opened")[1].shape[1] != 2:
            raise UserError("it reads pairs of nodes.")
        super().fit(features, target, seed)
        return self

    def estimator(self, features: Features, target: np.ndarray, seed: int) -> Any:
        from sklearn.compose import make_column_transformer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        return make_pipeline(make_column_transformer(("passthrough", [self.place])), LogisticRegression())
