"""Logistic regression and ridge regression."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._estimator import Estimator
from ._features import Features


class Linear(Estimator):
    """Logistic regression; ridge regression for numbers.

    Options:
        regularization: strength of the L2 penalty
        iterations: most iterations of the solver
    """

    growth = 1.2

    def __init__(self, kind: str, *, regularization: float = 1.0, iterations: int = 200) -> None:
        super().__init__(kind)
        self.regularization, self.iterations = regularization, iterations

    def estimator(self, features: Features, target: np.ndarray, seed: int) -> Any:
        from sklearn.linear_model import LogisticRegression, Ridge

        if self.kind == "number":
            return Ridge(alpha=self.regularization)
        return LogisticRegression(C=1 / self.regularization, max_iter=self.iterations, random_state=seed)
