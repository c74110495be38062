"""What the scikit-learn baselines share: the house's targets in, the heads' prediction shapes out."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ._features import Features


class Estimator:
    """A scikit-learn estimator behind `fit(features, target, seed)` and `predict(features)`.

    target: class codes, 0/1, (N, K) of 0/1, or numbers in their own unit; rows without one are left out. A label set is
    learnt as one yes/no question a label. Where the target does not vary, or there is no feature, it is a constant.
    """

    kinds: ClassVar[tuple[str, ...]] = ("number", "boolean", "category", "multilabel")  # of targets it can predict
    growth = 1.1  # fitting takes rows ** growth
    predict_growth = 0.0  # predicting a row takes (training rows) ** predict_growth
    view = "linear"  # or "trees" or "nothing"

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.models: list[Any] = []
        self.mean, self.deviation = 0.0, 1.0

    def estimator(self, features: Features, target: np.ndarray, seed: int) -> Any:
        """A fresh estimator: a regressor for the kind "number", else a classifier. Here: a constant."""
        return Constant(target, self.kind == "number")

    def probabilities(self, model: Any, matrix: Any) -> np.ndarray:
        """(N, classes of the model)."""
        return model.predict_proba(matrix)

    def learn(self, model: Any, matrix: Any, target: np.ndarray, seed: int) -> Any:
        """Fit one estimator."""
        return model.fit(matrix, target)

    def fit(self, features: Features, target: np.ndarray, seed: int = 0) -> Estimator:
        """Learn from the rows that have a target."""
        known = has_target(self.kind, target)
        if not known.all():
            features, target = features.take(known), target[known]
        if self.kind == "number":
            target = target.astype(np.float64)
            self.mean, self.deviation = float(target.mean()), float(target.std()) or 1.0
            columns = [(target - self.mean) / self.deviation]
        elif self.kind == "multilabel":
            columns = list((target > 0.5).astype(np.int64).T)
        else:
            columns = [target.astype(np.int64)]
        matrix = getattr(features, self.view)()
        self.models = [self._fit_one(features, matrix, column, seed) for column in columns]
        return self

    def _fit_one(self, features: Features, matrix: Any, target: np.ndarray, seed: int) -> Any:
        if (target == target[0]).all() or not matrix.shape[1]:
            return Constant(target, self.kind == "number")
        return self.learn(self.estimator(features, target, seed), matrix, target, seed)

    def predict(self, features: Features) -> dict[str, np.ndarray]:
        """`value` (N,), `probability` (N,), or `probabilities` (N, K); K is the highest class code seen and one."""
        matrix = getattr(features, self.view)()
        if self.kind == "number":
            standard = np.asarray(self.models[0].predict(matrix), dtype=np.float64).ravel()
            return {"value": standard * self.deviation + self.mean}
        spread = [self._by_code(model, matrix) for model in self.models]
        if self.kind == "category":
            return {"probabilities": spread[0]}
        yes = [each[:, 1] if each.shape[1] > 1 else np.zeros(len(each)) for each in spread]
        return {"probability": yes[0]} if self.kind == "boolean" else {"probabilities": np.stack(yes, 1)}

    def _by_code(self, model: Any, matrix: Any) -> np.ndarray:
        found = model.predict_proba(matrix) if isinstance(model, Constant) else self.probabilities(model, matrix)
        codes = np.asarray(model.classes_, dtype=np.int64)
        result = np.zeros((len(found), int(codes.max()) + 1))
        result[:, codes] = found
        return result


class Constant:
    """Says the same of every row: the mean, or the classes' shares."""

    def __init__(self, target: np.ndarray, number: bool) -> None:
        self.mean = float(target.mean())
        if not number:
            self.classes_, counts = np.unique(target, return_counts=True)
            self.shares = counts / counts.sum()

    def fit(self, matrix: Any, target: np.ndarray) -> Constant:
        """Nothing is left to learn."""
        return self

    def predict(self, matrix: Any) -> np.ndarray:
        return np.full(matrix.shape[0], self.mean)

    def predict_proba(self, matrix: Any) -> np.ndarray:
        return np.tile(self.shares, (matrix.shape[0], 1))


def has_target(kind: str, target: np.ndarray) -> np.ndarray:
    """(N,) bool: the rows whose target is known."""
    if kind == "category":
        return target >= 0
    return np.asarray(np.isfinite(target.astype(np.float64).reshape(len(target), -1)).all(axis=1))


def can_hold_out(target: np.ndarray, classes: bool) -> bool:
    """Whether a tenth of the rows can be put aside with every class on both sides."""
    return len(target) >= 100 and (not classes or int(np.unique(target, return_counts=True)[1].min()) >= 2)
