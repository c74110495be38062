"""`Classifier` and `Regressor` in scikit-learn's world: its own checks, pickling, pipelines."""

from __future__ import annotations

import pickle
import time

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import modelwright as mw

CANNOT_HOLD: dict[str, str] = {}  # check -> why; there is none


@pytest.fixture(autouse=True)
def _quiet(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path))
    torch.set_num_threads(1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", [mw.Classifier(), mw.Regressor()], ids=["Classifier", "Regressor"])
def test_scikit_learns_own_checks(estimator):
    results = check_estimator(estimator, on_fail=None)
    failed = {r["check_name"]: str(r["exception"])[:200] for r in results if r["status"] == "failed"}
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert failed.keys() == CANNOT_HOLD.keys(), failed
    assert skipped <= {"check_array_api_input"}  # needs SCIPY_ARRAY_API before scipy is imported
    assert len(results) > 45


def test_classifier_learns_and_survives_pickling(tmp_path):
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    began = time.process_time()
    model = mw.Classifier(random_state=1).fit(X, names)
    assert time.process_time() - began < 5
    assert model.score(X, names) > 0.93
    assert list(model.classes_) == ["setosa", "versicolor", "virginica"]
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    assert np.allclose(model.predict_proba(X).sum(1), 1)
    assert b"modelwright.models" not in pickle.dumps(model)  # the run's bytes, not its objects
    assert not list(tmp_path.rglob("status"))


def test_regressor_learns_with_missing_values():
    X, y = load_diabetes(return_X_y=True)
    X[::9, 2] = np.nan
    model = mw.Regressor(train={"epochs": 30}).fit(X, y)
    assert model.score(X, y) > 0.4
    assert np.isfinite(model.predict(np.full((3, X.shape[1]), np.nan))).all()


def test_the_same_seed_gives_the_same_model():
    X, y = load_iris(return_X_y=True)
    few = {"epochs": 3}
    one, two = (mw.Classifier(train=few, random_state=s).fit(X, y).predict_proba(X) for s in (3, 3))
    other = mw.Classifier(train=few, random_state=4).fit(X, y).predict_proba(X)
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_in_a_pipeline_and_cross_validated():
    X, y = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), mw.Classifier(train={"epochs": 20}))
    assert cross_val_score(clone(model), X, y, cv=3).mean() > 0.85


def test_options_reach_the_recipe():
    X, y = load_iris(return_X_y=True)
    model = mw.Classifier(model={"encoders": {"table": {"kind": "mlp", "hidden": [7]}}}, train={"epochs": 2}).fit(X, y)
    assert model.n_iter_ == 2
    assert model.run_.recipe.model.encoders["table"]["hidden"] == [7]
    with pytest.raises(mw.RecipeError, match=r"epocs"):
        mw.Classifier(train={"epocs": 2}).fit(X, y)
