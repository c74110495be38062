"""Links from common neighbours."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ..errors import UserError
from ._estimator import Estimator
from ._features import Features


class AdamicAdar(Estimator):
    """The neighbours that two nodes have in common, each counted as one over the logarithm of its own neighbours (Adamic & Adar
    2003), or plainly; a logistic curve, which keeps the order, makes it the probability of a link.

    Options:
        count: adamic_adar or common, which counts each of them once
    """

    def __init__(self, kind: str, *, count: Literal["adamic_adar", "common"] = "adamic_adar") -> None:
        if kind != "boolean":
            raise UserError(f"it tells whether there is a link, not a {kind}.")
        super().__init__(kind)
        self.place = ("common", "adamic_adar").index(count)

    def fit(self, features: Features, target: np.ndarray, seed: int = 0) -> AdamicAdar:
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
