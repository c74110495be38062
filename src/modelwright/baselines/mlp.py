"""scikit-learn's multi-layer perceptron: the "traditional" network of the articles."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._estimator import Estimator, can_hold_out
from ._features import Features


class Mlp(Estimator):
    """A small dense network, trained with Adam; over 2,000 rows, until a held-out tenth stops improving.

    Options:
        hidden: widths of the hidden layers
        epochs: most passes over the rows; 20 over text, whose first layer is wide
    """

    def __init__(self, kind: str, *, hidden: list[int] | None = None, epochs: int = 200) -> None:
        super().__init__(kind)
        self.hidden, self.epochs = hidden or [100], epochs

    def estimator(self, features: Features, target: np.ndarray, seed: int) -> Any:
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        number, wide = self.kind == "number", hasattr(features.linear(), "tocsr")
        method = MLPRegressor if number else MLPClassifier
        return method(
            hidden_layer_sizes=tuple(self.hidden),
            max_iter=min(self.epochs, 20) if wide else self.epochs,
            early_stopping=(wide or len(target) > 2_000) and can_hold_out(target, not number),
            random_state=seed,
        )
