"""scikit-learn style estimators: `Classifier().fit(X, y)`, `Regressor().fit(X, y)`. No folder, no baselines.

Thin over `fitting.fit`: the same columns, model and loop as a run; pickled through the run's bytes. Every check of
scikit-learn's `check_estimator` holds; `check_array_api_input` is skipped unless SCIPY_ARRAY_API is set.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .fitting import fit
from .preparation import prepare
from .recipe import load
from .run import Run

_TARGET = "target"
_BLOCK = 512  # rows are predicted in blocks of one size: products of other sizes differ in their last digits


class _Estimator(BaseEstimator):
    def __init__(self, model: dict | None = None, train: dict | None = None, random_state: int | None = None) -> None:
        self.model, self.train, self.random_state = model, train, random_state

    def _fit(self, features: np.ndarray, target: pa.Array, kind: str) -> None:
        """Train on a matrix; small data keep all their rows, larger ones give a tenth to early stopping."""
        train = {"speed": "fixed", **(self.train or {})}
        train.setdefault("seed", int(self.random_state or 0))
        validation = 0.1 if len(features) >= 100 else 0.0
        if not validation:
            train.setdefault("early_stop", 0)
        table = _table(features).append_column(_TARGET, target)
        data = {
            "train": table,
            "split": {
                "kind": "stratified" if kind == "category" else "random",
                "fractions": [1 - validation, validation, 0.0],
            },
        }
        columns = {name: {"kind": "number"} for name in table.column_names[:-1]}
        recipe = load(
            {
                "data": data,
                "target": _TARGET,
                "columns": {**columns, _TARGET: {"kind": kind}},
                "model": self.model or {},
                "train": train,
            }
        )
        prepared = prepare(recipe)
        trained = fit(recipe, prepared)
        self.run_ = Run(recipe, prepared.columns, model=trained.model)
        self.n_iter_ = trained.session.progress.epoch

    def _codes(self, features: Any) -> dict[str, np.ndarray]:
        check_is_fitted(self, "run_")
        features = validate_data(self, features, reset=False, ensure_all_finite="allow-nan", dtype=np.float64)
        rows = len(features)
        whole = features[np.minimum(np.arange(-(-rows // _BLOCK) * _BLOCK), rows - 1)]  # the last row fills the block
        chunks = [codes[_TARGET] for codes in self.run_.predict_codes(_table(whole))]
        return {name: np.concatenate([chunk[name] for chunk in chunks])[:rows] for name in chunks[0]}

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "run_" in state:
            state["run_"] = state["run_"].to_bytes()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "run_" in state:
            state = {**state, "run_": Run.from_bytes(state["run_"])}
        super().__setstate__(state)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _table(features: np.ndarray) -> pa.Table:
    names = [f"feature_{number}" for number in range(features.shape[1])]
    return pa.table({name: pa.array(features[:, number]) for number, name in enumerate(names)})


class Classifier(ClassifierMixin, _Estimator):
    """A classifier for matrices of numbers, NaN allowed.

    model, train: as in a recipe, for example `train={"epochs": 20}`. random_state: the seed.
    Fitted: `classes_`, `run_` (predicts, saves, loads), `n_iter_` (epochs made).
    """

    def fit(self, X: Any, y: Any) -> Classifier:
        """Fit to features (n_samples, n_features) and labels (n_samples,). Raises ValueError for unusable input."""
        X, y = validate_data(self, X, y, ensure_all_finite="allow-nan", dtype=np.float64)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"Classifier needs samples of at least 2 classes in the data, but it contains only one class: {self.classes_[0]!r}."
            )
        self._fit(X, pa.array(codes.astype(np.int64)), "category")
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Class probabilities (n_samples, n_classes), in the order of `classes_`."""
        found = self._codes(X)["probabilities"].astype(np.float64)
        known = [int(name) for name in self.run_.columns[_TARGET].sizes()["classes"]]
        result = np.zeros((len(found), len(self.classes_)))
        result[:, known] = found / found.sum(axis=1, keepdims=True)
        return result

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each sample."""
        check_is_fitted(self, "run_")
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Regressor(RegressorMixin, _Estimator):
    """A regressor for matrices of numbers, NaN allowed.

    model, train: as in a recipe. random_state: the seed. Fitted: `run_`, `n_iter_`.
    """

    def fit(self, X: Any, y: Any) -> Regressor:
        """Fit to features (n_samples, n_features) and values (n_samples,). Raises ValueError for unusable input."""
        X, y = validate_data(self, X, y, ensure_all_finite="allow-nan", dtype=np.float64, y_numeric=True)
        if len(y) < 2:
            raise ValueError(f"Regressor needs at least 2 samples, but n_samples = {len(y)}.")
        self._fit(X, pa.array(np.asarray(y, np.float64)), "number")
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The value of each sample."""
        check_is_fitted(self, "run_")
        codes = self._codes(X)["value"]
        return np.asarray(self.run_.columns[_TARGET].truth(codes), dtype=np.float64)
