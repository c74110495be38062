"""A class that stands for none of the others: its margin, its metrics, its report, through the public door."""

import json

import numpy as np
import pyarrow as pa
import pytest

import modelwright as mw
from modelwright import metrics
from modelwright.columns.category import Category
from modelwright.heads.category import Category as Head

PLACES = {"a": (0, 4), "b": (4, 0), "c": (-4, -3)}


def rows(strange: dict[str, int], count: int = 40, seed: int = 0):
    """Points around three places, and `strange[part]` points between them, of the class `none`."""
    draw = np.random.default_rng(seed)
    found = []
    for part, scale in (("train", 3), ("validation", 2), ("test", 2)):
        for name, place in PLACES.items():
            found += [(*draw.normal(place, 0.5), name, part) for _ in range(count * scale)]
        for _ in range(strange.get(part, 0)):
            found.append((*draw.normal(0, 1.5, 2), "none", part))
    return pa.table(list(map(list, zip(*found))), names=["x", "y", "label", "part"])


def trained(data, folder, **head):
    recipe = {
        "data": {"train": data.filter(pa.compute.equal(data["part"], "train")),
                 "validation": data.filter(pa.compute.equal(data["part"], "validation")),
                 "test": data.filter(pa.compute.equal(data["part"], "test"))},
        "target": "label",
        "columns": {"label": {"kind": "category", "outside": "none"}, "part": "drop"},
        "model": {"heads": {"label": {"kind": "category", **head}}},
        "train": {"epochs": 8, "batch": 32, "lr": 1e-2, "seed": 0, "early_stop": 0},
        "baselines": ["majority"],
    }  # fmt: skip
    return mw.train(recipe, out=str(folder))


def margin(run) -> float:
    return float(run.model.head("label").margin)


@pytest.fixture(scope="module")
def unseen(tmp_path_factory):
    """Trained without one row of the class outside, which validation and test rows have."""
    data = rows({"validation": 60, "test": 100})
    return trained(data, tmp_path_factory.mktemp("unseen") / "run"), data


def test_doubt_alone_tells_rows_that_no_training_row_was_like(unseen, tmp_path):
    run, _ = unseen
    found = run.metrics["test"]["label"]
    assert margin(run) > 0 and found["outside_auc"] > 0.7
    assert found["in_scope_accuracy"] > 0.9 and found["outside_recall"] > 0.15
    right = found["in_scope_accuracy"] * 240 + found["outside_recall"] * 100
    assert found["accuracy"] == pytest.approx(right / 340)
    assert found["outside_recall_interval"][0] < found["outside_recall"] < found["outside_recall_interval"][1]
    assert run.metrics["baselines"]["majority"]["label"]["outside_recall"] == 0.0


def test_predictions_say_so_and_survive_the_folder(unseen):
    run, data = unseen
    test = data.filter(pa.compute.equal(data["part"], "test"))
    predicted = run.predict(test.drop_columns(["label"]), probabilities=True)
    share = np.mean(
        [p == "none" for p, t in zip(predicted["label"].to_pylist(), test["label"].to_pylist()) if t == "none"]
    )
    assert share == pytest.approx(run.metrics["test"]["label"]["outside_recall"])
    total = sum(predicted[f"label_{name}"].to_numpy() for name in ("a", "b", "c", "none"))
    assert np.allclose(total, 1)
    again = mw.Run.load(run.path)
    assert margin(again) == margin(run) and again.predict(test)["label"].equals(predicted["label"])


def test_the_report_says_how_the_margin_was_chosen(unseen):
    run, _ = unseen
    text = (run.path / "report.html").read_text()
    assert "no other class is more probable by more than the margin" in text
    assert "None of the classes" in json.dumps(mw.evaluate(run).to_json())
    assert "Chosen on 300 validation rows, 60 of them none" in text


def test_rows_outside_may_weigh_more(unseen, tmp_path):
    run, data = unseen
    careful = trained(data, tmp_path / "run", outside_weight=20.0)
    assert margin(careful) > margin(run)
    assert careful.metrics["test"]["label"]["outside_recall"] > run.metrics["test"]["label"]["outside_recall"]


def test_without_a_validation_row_outside_there_is_no_margin(tmp_path):
    run = trained(rows({"train": 60, "test": 40}), tmp_path / "run")
    assert margin(run) == 0.0
    assert "No validation row is none" in (run.path / "report.html").read_text()


def test_the_margin_is_the_best_there_is():
    draw = np.random.default_rng(1)
    probabilities, codes = draw.dirichlet(np.ones(4), 300).astype(np.float32), draw.integers(0, 4, 300)
    head = Head(2, {"classes": list("abcd"), "counts": [1] * 4, "outside": 2}, outside_weight=3.0)
    head.settle(lambda: {"probabilities": probabilities}, codes)
    weight = np.where(codes == 2, 3.0, 1.0)

    def right(added: float) -> float:
        raised = probabilities.copy()
        raised[:, 2] += added
        return float(((raised.argmax(1) == codes) * weight).sum())

    assert right(float(head.margin)) == max(right(added) for added in np.linspace(-1, 1, 4001))


def test_metrics_by_hand():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4], [0.9, 0.1, 0.0]])
    found = metrics.score("category", {"probabilities": probabilities, "outside": 2}, np.array([0, 2, 2, 1, -1]))
    assert (found["in_scope_accuracy"], found["outside_recall"], found["outside_auc"]) == (0.5, 0.5, 0.75)


def test_the_class_is_one_of_the_classes_even_where_none_has_it():
    column = Category("y", target=True, outside="none")
    column.fit(pa.array([1, 2, 2]))
    column.finish()
    assert column.sizes() == {"classes": ["1", "2", "none"], "counts": [1, 2, 0], "outside": 2}
    assert column.encode(pa.array(["none", "1", "3"])).tolist() == [2, 0, -1]
    assert column.decode({"probabilities": np.eye(3)})[""].to_pylist() == ["1", "2", "none"]
