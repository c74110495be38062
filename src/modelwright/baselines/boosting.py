"""Gradient boosted trees."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ..errors import MissingExtra
from ._estimator import Estimator, can_hold_out
from ._features import Features

_MOST_TREES = 2_000  # a round grows one tree a class


class Boosting(Estimator):
    """Gradient boosting of histogram trees.

    Options:
        library: scikit-learn, or lightgbm if it is installed
        rounds: boosting rounds; fewer where there are so many classes that this would be over 2,000 trees
        rate: learning rate
    """

    view = "trees"

    def __init__(
        self,
        kind: str,
        *,
        library: Literal["scikit-learn", "lightgbm"] = "scikit-learn",
        rounds: int = 100,
        rate: float = 0.1,
    ) -> None:
        super().__init__(kind)
        self.library, self.rounds, self.rate = library, rounds, rate

    def estimator(self, features: Features, target: np.ndarray, seed: int) -> Any:
        number = self.kind == "number"
        classes = 1 if number else len(np.unique(target))
        rounds = max(10, min(self.rounds, _MOST_TREES // max(1, classes if classes > 2 else 1)))
        if self.library == "lightgbm":
            return self._lightgbm(features, rounds, seed)
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        method = HistGradientBoostingRegressor if number else HistGradientBoostingClassifier
        return method(
            max_iter=rounds,
            learning_rate=self.rate,
            categorical_features=features.categorical(),
            early_stopping=len(target) > 10_000 and can_hold_out(target, not number),
            random_state=seed,
        )

    def _lightgbm(self, features: Features, rounds: int, seed: int) -> Any:
        try:
            from lightgbm import LGBMClassifier, LGBMRegressor
        except ImportError:
            raise MissingExtra("lightgbm", "boosting") from None
        method = LGBMRegressor if self.kind == "number" else LGBMClassifier
        codes = np.flatnonzero(features.categorical()).tolist()
        return method(
            n_estimators=rounds,
            learning_rate=self.rate,
            categorical_feature=codes,
            random_state=seed,
            verbose=-1,
            n_jobs=1,
        )
