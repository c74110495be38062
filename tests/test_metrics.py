"""Every metric against scikit-learn on random data; degenerate inputs give None."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn import metrics as reference

from modelwright import metrics


def _probabilities(rows: int, size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, size, rows)
    logits = draw.normal(size=(rows, size)) + 1.5 * np.eye(size)[truth]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return probabilities.astype(np.float32), truth


@pytest.mark.parametrize("size", [3, 10, 12])
def test_category_equals_scikit_learn(size):
    probabilities, truth = _probabilities(400, size, size)
    found = metrics.score("category", {"probabilities": probabilities}, truth)
    guess, labels = probabilities.argmax(1), np.arange(size)
    assert found["rows"] == 400
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(truth, guess))
    assert found["loss"] == pytest.approx(reference.log_loss(truth, probabilities, labels=labels), rel=1e-4)
    assert found["macro_f1"] == pytest.approx(reference.f1_score(truth, guess, average="macro"))
    assert found["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(truth, guess))
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(1, keepdims=True)
    assert found["auc"] == pytest.approx(reference.roc_auc_score(truth, exact, multi_class="ovr"), abs=1e-6)
    assert ("top_5_accuracy" in found) == (size > 10)
    if size > 10:
        assert found["top_5_accuracy"] == pytest.approx(reference.top_k_accuracy_score(truth, probabilities, k=5))
    assert np.array_equal(metrics.confusion(guess, truth, size), reference.confusion_matrix(truth, guess))
    precision, recall, f1, support = reference.precision_recall_fscore_support(truth, guess, zero_division=0)
    per_class = metrics.by_class(guess, truth, size)
    for name, expected in (("precision", precision), ("recall", recall), ("f1", f1), ("support", support)):
        assert per_class[name] == pytest.approx(expected)


@pytest.mark.parametrize("ties", [False, True])
def test_boolean_and_two_classes_equal_scikit_learn(ties):
    probabilities, truth = _probabilities(300, 2, 5)
    points = np.round(probabilities[:, 1], 1) if ties else probabilities[:, 1]
    found = metrics.score("boolean", {"probability": points}, truth.astype(np.float32))
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(truth, points > 0.5))
    assert found["auc"] == pytest.approx(reference.roc_auc_score(truth, points))
    assert found["average_precision"] == pytest.approx(reference.average_precision_score(truth, points))
    assert found["f1"] == pytest.approx(reference.f1_score(truth, points > 0.5))
    assert found["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(truth, points > 0.5))
    assert found["brier"] == pytest.approx(reference.brier_score_loss(truth, points), rel=1e-5)
    if not ties:
        assert found["loss"] == pytest.approx(reference.log_loss(truth, points), rel=1e-4)
    two = metrics.score("category", {"probabilities": np.stack([1 - points, points], 1)}, truth)
    assert two["auc"] == pytest.approx(found["auc"]) and two["auc_interval"] == pytest.approx(found["auc_interval"])
    hits, claimed, thresholds = metrics.cumulative(points, truth == 1)
    false_rate, true_rate, expected = reference.roc_curve(truth, points, drop_intermediate=False)
    assert hits / truth.sum() == pytest.approx(true_rate[1:])
    assert (claimed - hits) / (truth == 0).sum() == pytest.approx(false_rate[1:])
    assert thresholds == pytest.approx(expected[1:])


def test_multilabel_equals_scikit_learn():
    draw = np.random.default_rng(0)
    truth = (draw.random((200, 5)) < 0.3).astype(np.float64)
    probabilities = np.clip(truth * 0.4 + draw.random((200, 5)) * 0.7, 0.01, 0.99)
    truth[3] = np.nan
    found = metrics.score("multilabel", {"probabilities": probabilities}, truth)
    kept = np.delete(np.arange(200), 3)
    guess, true = probabilities[kept] > 0.5, truth[kept]
    assert found["rows"] == 199
    assert found["micro_f1"] == pytest.approx(reference.f1_score(true, guess, average="micro"))
    assert found["macro_f1"] == pytest.approx(reference.f1_score(true, guess, average="macro"))
    assert found["subset_accuracy"] == pytest.approx(reference.accuracy_score(true, guess))
    expected = np.mean([reference.log_loss(true[:, k], probabilities[kept][:, k]) for k in range(5)])
    assert found["loss"] == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(250,), (250, 3)])
def test_numbers_equal_scikit_learn(shape):
    draw = np.random.default_rng(1)
    truth = draw.normal(size=shape) * 10
    value = truth + draw.normal(size=shape)
    kind = "number" if len(shape) == 1 else "vector"
    found = metrics.score(kind, {"value": value}, truth)
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean((value - truth) ** 2)))
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(truth, value))
    assert found["r2"] == pytest.approx(reference.r2_score(truth, value))
    assert found["median_error"] == pytest.approx(np.median(np.abs(truth - value)))
    low, high = found["rmse_interval"]
    assert low < found["rmse"] < high
    truth[0] = np.nan
    assert metrics.score(kind, {"value": value}, truth)["rows"] == 249


def test_intervals_cover_the_true_value_about_95_times_in_100():
    draw = np.random.default_rng(2)
    inside = {"accuracy": 0, "auc": 0, "rmse": 0}
    for _ in range(200):
        right = draw.binomial(60, 0.9)
        low, high = metrics.wilson(right, 60)
        inside["accuracy"] += low <= 0.9 <= high
        positive = np.arange(120) < 40
        low, high = metrics.area_interval(draw.normal(size=120) + positive * 1.0, positive)
        inside["auc"] += low <= 0.7602 <= high  # the normal distribution at 1 / sqrt(2)
        low, high = metrics.score("number", {"value": draw.normal(size=150)}, np.zeros(150))["rmse_interval"]
        inside["rmse"] += low <= 1 <= high
    assert all(0.90 <= count / 200 <= 0.99 for count in inside.values()), inside


def test_bootstrap_and_its_limit_agree():
    error = np.random.default_rng(3).standard_t(5, 5_000)
    small = metrics.score("number", {"value": error}, np.zeros(5_000))["rmse_interval"]
    large = metrics.score("number", {"value": np.append(error, error[:1])}, np.zeros(5_001))["rmse_interval"]
    assert small == pytest.approx(large, rel=0.01)


def test_wilson_by_hand():
    assert metrics.wilson(0, 10) == pytest.approx([0, 0.2775], abs=1e-4)
    assert metrics.wilson(8, 10) == pytest.approx([0.4902, 0.9433], abs=1e-4)
    assert metrics.wilson(10, 10)[1] == 1.0
    assert metrics.wilson(0, 0) is None


DEGENERATE = [
    ("category", {"probabilities": np.zeros((0, 3))}, np.zeros(0, np.int64)),
    ("category", {"probabilities": np.full((4, 3), np.nan)}, np.array([0, 1, 2, 0])),
    ("category", {"probabilities": np.full((4, 3), 1 / 3)}, np.array([-1, -1, -1, -1])),
    ("category", {"probabilities": np.full((4, 3), 1 / 3)}, np.array([1, 1, 1, 1])),
    ("category", {"probabilities": np.eye(2)[[0, 1, 0]]}, np.array([0, 1, 0])),
    ("boolean", {"probability": np.zeros(0)}, np.zeros(0)),
    ("boolean", {"probability": np.full(3, np.nan)}, np.array([0.0, 1.0, 1.0])),
    ("boolean", {"probability": np.ones(3)}, np.array([1.0, 1.0, np.nan])),
    ("boolean", {"probability": np.array([0.0, 1.0])}, np.array([0.0, 1.0])),
    ("multilabel", {"probabilities": np.zeros((2, 3))}, np.full((2, 3), np.nan)),
    ("multilabel", {"probabilities": np.full((2, 3), np.nan)}, np.zeros((2, 3))),
    ("multilabel", {"probabilities": np.zeros((0, 0))}, np.zeros((0, 0))),
    ("number", {"value": np.zeros(0)}, np.zeros(0)),
    ("number", {"value": np.array([np.nan, 1.0])}, np.array([1.0, 1.0])),
    ("number", {"value": np.array([1.0])}, np.array([2.0])),
    ("number", {"value": np.array([1e300, 1.0])}, np.array([-1e300, np.inf])),
    ("vector", {"value": np.zeros((2, 3))}, np.full((2, 3), np.nan)),
]


@pytest.mark.parametrize(("kind", "predicted", "truth"), DEGENERATE)
@pytest.mark.filterwarnings("error")
def test_degenerate_input_never_crashes(kind, predicted, truth):
    found = metrics.score(kind, predicted, truth)
    for name, value in found.items():
        assert value is None or np.isfinite(value).all(), name
    assert metrics.main(kind)[0] in found


def test_a_prediction_that_is_not_finite_is_never_right():
    predicted = np.array([[np.nan, np.nan], [0.2, 0.8]])
    found = metrics.score("category", {"probabilities": predicted}, np.array([0, 1]))
    assert (found["accuracy"], found["loss"], found["auc"]) == (0.5, None, None)
    found = metrics.score("boolean", {"probability": np.array([np.nan, 0.8])}, np.array([0.0, 1.0]))
    assert (found["accuracy"], found["loss"]) == (0.5, None)


def test_summary_of_folds():
    folds = [
        {"rows": 10, "accuracy": 0.8, "accuracy_interval": [0.7, 0.9], "auc": None},
        {"rows": 9, "accuracy": 0.9, "auc": 0.6},
    ]
    found = metrics.summary(folds)
    assert found["accuracy"] == pytest.approx(0.85) and found["accuracy_sd"] == pytest.approx(
        np.std([0.8, 0.9], ddof=1)
    )
    assert (found["rows"], found["folds"], found["auc"], found["auc_sd"]) == (19, 2, 0.6, None)
    assert "accuracy_interval" not in found


def test_main_metric_and_calibration():
    assert metrics.main("number") == ("rmse", False) and metrics.main("category")[1]
    confidence = np.array([0.95, 0.95, 0.55, 0.55])
    assert metrics.calibration_error(confidence, np.array([1, 1, 1, 0])) == pytest.approx(0.05)
    assert metrics.calibration_error(np.zeros(0), np.zeros(0)) is None


def test_scoring_needs_no_scikit_learn():
    import subprocess

    code = (
        "import sys, numpy as np; from modelwright import metrics;"
        "metrics.score('category', {'probabilities': np.eye(3)}, np.arange(3));"
        "assert 'sklearn' not in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_leaving_one_out_gives_what_all_rows_give_or_nothing():
    truth = {"rmse": [3.0, 4.0], "mae": [3.0, 4.0], "f1": [1.0, 0.0], "accuracy": [1.0, 0.0]}
    found = metrics.summary([{"rows": 1, **{name: each[fold] for name, each in truth.items()}} for fold in (0, 1)])
    assert (found["rows"], found["folds"], found["mae"], found["accuracy"]) == (2, 2, 3.5, 0.5)
    assert found["rmse"] == pytest.approx(12.5**0.5)
    assert found["f1"] is None and found["f1_sd"] is None
