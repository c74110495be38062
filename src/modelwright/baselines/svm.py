"""A support vector machine."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from ._estimator import Estimator, can_hold_out
from ._features import Features


class Svm(Estimator):
    """A support vector machine; its margins become probabilities through one temperature, fitted on a held-out fifth.

    Options:
        kernel: rbf, linear, or auto: linear on wide sparse features (text), rbf otherwise
        penalty: cost C of a row on the wrong side of its margin
    """

    growth = 2.2
    predict_growth = 1.0

    def __init__(self, kind: str, *, kernel: Literal["auto", "rbf", "linear"] = "auto", penalty: float = 1.0) -> None:
        super().__init__(kind)
        self.kernel, self.penalty = kernel, penalty

    def estimator(self, features: Features, target: np.ndarray, seed: int) -> Any:
        from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

        if self.kernel == "linear" or (self.kernel == "auto" and hasattr(features.linear(), "tocsr")):
            method = LinearSVR if self.kind == "number" else LinearSVC
            return method(C=self.penalty, random_state=seed)
        return SVR(C=self.penalty, cache_size=200) if self.kind == "number" else SVC(C=self.penalty, cache_size=200)

    def learn(self, model: Any, matrix: Any, target: np.ndarray, seed: int) -> Any:
        """Fit on all rows; the temperature comes from a model that has not seen a fifth of them."""
        temperature = 1.0
        if self.kind != "number" and can_hold_out(target, True):
            from sklearn.base import clone

            held = np.random.default_rng(seed).permutation(len(target)) % 5 == 0
            if np.array_equal(np.unique(target[~held]), np.unique(target)):
                trial = clone(model).fit(matrix[~held], target[~held])
                temperature = _temperature(_margins(trial, matrix[held]), np.searchsorted(trial.classes_, target[held]))
        model.fit(matrix, target)
        model.temperature = temperature
        return model

    def probabilities(self, model: Any, matrix: Any) -> np.ndarray:
        return _softmax(_margins(model, matrix) / model.temperature)


def _margins(model: Any, matrix: Any) -> np.ndarray:
    """(N, K); two classes have one margin m, given as (-m/2, m/2)."""
    margins = model.decision_function(matrix)
    return margins if margins.ndim == 2 else np.stack([-margins / 2, margins / 2], 1)


def _softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def _temperature(margins: np.ndarray, codes: np.ndarray) -> float:
    """The divisor, of a hundred from 0.01 to 10, with the least log loss."""
    rows = np.arange(len(codes))
    losses = {t: -np.log(_softmax(margins / t)[rows, codes] + 1e-12).mean() for t in np.geomspace(0.01, 10, 100)}
    return float(min(losses, key=losses.__getitem__))
