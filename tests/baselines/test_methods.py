"""Each baseline on every kind of target: shapes, units, scores, odd data."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits

from modelwright import metrics, parts
from modelwright.baselines import DEFAULTS, Features, run

ALL = [*DEFAULTS, "mlp", "nearest"]


def _table(rows: int = 300, seed: int = 0) -> tuple[Features, np.ndarray]:
    draw = np.random.default_rng(seed)
    numbers = draw.normal(size=(rows, 4)).astype(np.float32)
    codes = draw.integers(2, 6, (rows, 2)).astype(np.int32)
    signal = numbers[:, 0] + (codes[:, 0] == 3) * 2.0
    return Features({"number": numbers, "category": codes}).fit(np.arange(rows)), signal


def test_every_default_is_a_part():
    assert set(ALL) <= set(parts.kinds("baselines"))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("kind", ["category", "boolean", "number", "multilabel"])
def test_shapes_are_those_of_heads(name, kind):
    features, signal = _table()
    high = signal > 0.5
    target = {
        "category": high + (signal > 2).astype(np.int64),
        "boolean": high.astype(np.float32),
        "number": 100 + 10 * signal,
        "multilabel": np.stack([high, ~high, np.zeros_like(high)], 1).astype(np.float32),
    }[kind]
    train, test = np.arange(200), np.arange(200, 300)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = parts.build("baselines", name, kind).fit(features.take(train), target[train], 0)
        again = parts.build("baselines", name, kind).fit(features.take(train), target[train], 0)
    predicted = fitted.predict(features.take(test))
    (key,) = predicted
    shape = {"category": (100, 3), "boolean": (100,), "number": (100,), "multilabel": (100, 3)}[kind]
    assert predicted[key].shape == shape and np.isfinite(predicted[key]).all()
    assert np.array_equal(predicted[key], again.predict(features.take(test))[key])  # seeded
    if kind == "category":
        assert predicted[key].sum(1) == pytest.approx(1)
    found = metrics.score(kind, predicted, target[test])
    if kind == "number":
        assert found["rmse"] < 25 and (name == "majority" or found["r2"] > 0.4)
    elif name != "majority":
        main = metrics.main(kind)[0]
        assert found[main] > 0.7
    if kind == "multilabel":
        assert (predicted[key][:, 2] < 0.5).all()


@pytest.mark.parametrize("kind", ["category", "boolean", "number", "multilabel"])
def test_rows_without_target_are_left_out(kind):
    features, signal = _table()
    target = {"category": (signal > 0).astype(np.int64), "boolean": (signal > 0) * 1.0, "number": signal.copy()}.get(
        kind
    )
    if target is None:
        target = np.stack([signal > 0, signal > 1], 1) * 1.0
    target[:150] = -1 if kind == "category" else np.nan
    result = run(["linear"], kind, features, target, np.arange(250), np.arange(250, 300), 10.0)["linear"]
    assert result["rows"] == 100 and result["note"] == ""


def test_odd_data_never_ends_the_run():
    rows = np.arange(20)
    odd = {
        "one class": (Features({"number": np.random.default_rng(0).normal(size=(20, 2))}), np.zeros(20, np.int64)),
        "constant": (Features({"number": np.zeros((20, 2), np.float32)}), rows % 2),
        "no input": (Features({"number": np.zeros((20, 0), np.float32)}), rows % 2),
        "single rows": (Features({"number": rows[:, None].astype(np.float32)}), rows % 10),
        "empty texts": (Features({}, {"note": [""] * 20}), rows % 2),
        "missing texts": (Features({}, {"note": [None] * 19 + ["word"]}), rows % 2),
        "no target": (Features({"number": np.zeros((20, 2), np.float32)}), np.full(20, -1)),
    }
    for case, (features, target) in odd.items():
        results = run(ALL, "category", features, target, rows[:15], rows[15:], 30.0)
        for name, result in results.items():
            assert "failed" not in result["note"], (case, name, result["note"])
            assert (result["predicted"] is None) == (case == "no target")


def test_classes_absent_from_training_get_their_column():
    target = np.array([0, 1] * 10 + [4])
    features = Features({"number": np.random.default_rng(0).normal(size=(21, 2)).astype(np.float32)})
    results = run(["majority", "linear"], "category", features, target, np.arange(20), np.arange(18, 21), 10.0)
    for result in results.values():
        assert result["predicted"]["probabilities"].shape == (3, 5)


def test_digits_reach_the_usual_scores():
    images, target = load_digits(return_X_y=True)
    features = Features({"image": images.reshape(-1, 8, 8, 1).astype(np.uint8)})
    order = np.random.default_rng(0).permutation(len(target))
    results = run(DEFAULTS, "category", features, target, order[:1437], order[1437:], 60.0)
    truth = target[order[1437:]]
    scores = {n: metrics.score("category", r["predicted"], truth) for n, r in results.items()}
    least = {"majority": 0.05, "linear": 0.95, "tree": 0.80, "svm": 0.98, "boosting": 0.95}
    assert {n: s["accuracy"] for n, s in scores.items() if s["accuracy"] < least[n]} == {}
    assert scores["svm"]["loss"] < 0.1  # margins became calibrated probabilities
    assert all(result["rows"] == 1437 for result in results.values())


def test_diabetes_in_its_own_unit():
    inputs, target = load_diabetes(return_X_y=True)
    features = Features({"vector": inputs.astype(np.float32) * 20})
    order = np.random.default_rng(0).permutation(len(target))
    results = run(ALL, "number", features, target, order[:350], order[350:], 60.0)
    found = {n: metrics.score("number", r["predicted"], target[order[350:]])["rmse"] for n, r in results.items()}
    assert found["majority"] == pytest.approx(target[order[350:]].std(), rel=0.05)
    assert found["linear"] < 60 and found["svm"] < 62 and found["boosting"] < 65


def test_text_in_english_and_chinese():
    good, bad = ["a good film", "well played and good", "lovely good"], ["a bad film", "poor and bad", "dull bad"]
    chinese = ["味道很好 送餐快", "很好吃", "非常好"], ["太难吃了", "味道很差", "送餐太慢 很差"]
    for yes, no in [(good, bad), chinese]:
        texts = (yes + no) * 20
        target = np.array(([1.0] * 3 + [0.0] * 3) * 20)
        results = run(ALL, "boolean", Features({}, {"note": texts}), target, np.arange(90), np.arange(90, 120), 30.0)
        for name in set(ALL) - {"majority"}:
            assert metrics.score("boolean", results[name]["predicted"], target[90:])["accuracy"] > 0.9, name


@pytest.mark.parametrize("library", ["scikit-learn", "lightgbm"])
def test_boosting_with_categories(library):
    if library == "lightgbm":
        pytest.importorskip("lightgbm")
    features, signal = _table(600)
    target = (signal > 0.5).astype(np.float32)
    config = {"kind": "boosting", "library": library}
    result = run([config], "boolean", features, target, np.arange(400), np.arange(400, 600), 30.0)["boosting"]
    assert metrics.score("boolean", result["predicted"], target[400:])["auc"] > 0.93
