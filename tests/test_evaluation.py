"""What is said about a model: blocks of each kind of target, thresholds, mistakes, curves, advice, rank."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pyarrow as pa
import pytest
import sklearn.metrics as reference
import torch
from PIL import Image as Pillow

from modelwright import evaluation, metrics
from modelwright.evaluation._decisions import thresholds
from modelwright.pages import render_html
from modelwright.report import Curve, Image, Number, Report, Table, render_markdown, render_terminal


def named(blocks, title):
    """The one block with this title."""
    (found,) = [block for block in blocks if getattr(block, "title", None) == title]
    return found


def render_all(blocks):
    report = Report("t", list(blocks))
    json.dumps(report.to_json(), allow_nan=False)
    assert render_terminal(report) and render_markdown(report) and render_html(report)


def classes_of(rows=300, size=4, seed=0):
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, size, rows)
    logits = draw.normal(size=(rows, size)) + 2 * np.eye(size)[truth]
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True), truth


def test_category_blocks():
    probabilities, truth = classes_of()
    truth[:5] = -1
    blocks = evaluation.blocks("category", "animal", {"probabilities": probabilities}, truth, ["a", "b", "c", "d"])
    render_all(blocks)
    guess, known = probabilities.argmax(1), truth >= 0
    matrix = named(blocks, "Confusion matrix")
    assert matrix.heat and matrix.columns[1:] == ["a", "b", "c", "d"]
    assert [row[1:] for row in matrix.rows] == reference.confusion_matrix(truth[known], guess[known]).tolist()
    precision, recall, f1, support = reference.precision_recall_fscore_support(truth[known], guess[known])
    for row, expected in zip(named(blocks, "Classes").rows, zip(precision, recall, f1, support)):
        assert row[1:] == pytest.approx(list(expected))
    accuracy = next(b for b in blocks if isinstance(b, Number) and b.name == "accuracy")
    assert accuracy.interval[0] < accuracy.value < accuracy.interval[1]
    roc = named(blocks, "ROC curve")
    assert len(roc.lines) == 5 and roc.dashed == ["chance"]
    for xs, ys in roc.lines.values():
        assert xs == sorted(xs) and ys == sorted(ys) and (xs[0], ys[0], xs[-1], ys[-1]) == (0, 0, 1, 1)


def test_many_classes_stay_readable():
    probabilities, truth = classes_of(3000, 80)
    blocks = evaluation.blocks("category", "y", {"probabilities": probabilities}, truth, [f"c{i}" for i in range(80)])
    matrix = named(blocks, "Confusion matrix")
    assert len(matrix.rows) == 21 and matrix.columns[-1] == "60 others"
    assert sum(sum(row[1:]) for row in matrix.rows) == 3000
    table = named(blocks, "Classes")
    assert len(table.rows) == 50 and [row[3] for row in table.rows] == sorted(row[3] for row in table.rows)
    render_all(blocks)


def test_boolean_blocks_and_thresholds_chosen_on_validation_rows():
    draw = np.random.default_rng(1)
    truth = (draw.random(800) < 0.3).astype(np.float32)
    points = np.clip(truth * 0.3 + draw.random(800) * 0.6, 0, 1)
    blocks = evaluation.blocks(
        "boolean",
        "churned",
        {"probability": points[400:]},
        truth[400:],
        ["no", "yes"],
        costs=[[0, 1], [10, 0]],
        validation=({"probability": points[:400]}, truth[:400]),
    )
    render_all(blocks)
    table = named(blocks, "Decision threshold")
    rows = {row[0]: dict(zip(table.columns, row)) for row in table.rows}
    assert list(rows) == ["one half", "best F1", "Youden", "by the costs", "least cost"]
    assert rows["least cost"]["mean cost"] <= min(rows[rule]["mean cost"] for rule in ("one half", "best F1", "Youden"))
    assert rows["least cost"]["threshold"] < rows["best F1"]["threshold"]
    guess = points[400:] >= rows["best F1"]["threshold"]
    assert rows["best F1"]["F1"] == pytest.approx(reference.f1_score(truth[400:], guess))
    assert not any(
        getattr(b, "title", "") == "Decision threshold"
        for b in evaluation.blocks("boolean", "c", {"probability": points}, truth, None)
    )


def test_each_threshold_is_the_best_of_all_on_its_rows():
    draw = np.random.default_rng(2)
    positive = draw.random(200) < 0.4
    points = np.round(positive * 0.2 + draw.random(200) * 0.8, 2)
    costs = np.array([[0.0, 2.0], [5.0, -1.0]])
    found = thresholds(points, positive, costs)
    candidates = np.concatenate([np.unique(points), [2.0]])

    def cost(cut):
        return costs[positive.astype(int), (points >= cut).astype(int)].sum()

    def youden(cut):
        return (points >= cut)[positive].mean() - (points >= cut)[~positive].mean()

    assert cost(found["least cost"]) == pytest.approx(min(map(cost, candidates)))
    assert youden(found["Youden"]) == pytest.approx(max(map(youden, candidates)))
    best = max(reference.f1_score(positive, points >= cut, zero_division=0) for cut in candidates)
    assert reference.f1_score(positive, points >= found["best F1"]) == pytest.approx(best)
    never = thresholds(points, positive, np.array([[0.0, 100.0], [1.0, 1.5]]))["least cost"]
    assert not (points >= never).any()


def test_costs_of_several_classes():
    probabilities, truth = classes_of(size=3)
    costs = [[0, 1, 1], [1, 0, 1], [20, 20, 0]]
    blocks = evaluation.blocks("category", "y", {"probabilities": probabilities}, truth, None, costs=costs)
    (usual, thrifty) = named(blocks, "Decision by cost").rows
    assert thrifty[2] < usual[2]


def test_number_blocks():
    draw = np.random.default_rng(3)
    truth = draw.gamma(2, 100, 900)
    value = truth + draw.normal(size=900) * 20
    truth[:10] = np.nan
    table = pa.table({"size": list(range(900))})
    blocks = evaluation.blocks(
        "number", "price", {"value": value}, truth, None, examples=(table, np.arange(900), ["size"])
    )
    render_all(blocks)
    scatter = named(blocks, "Predicted against true")
    assert scatter.dots == ["rows"] and len(scatter.lines["rows"][0]) == 500
    parts = named(blocks, "Error by size of the true value")
    assert sum(row[2] for row in parts.rows) == 890 and len(parts.rows) == 5
    assert np.sqrt(sum(row[2] * row[5] ** 2 for row in parts.rows) / 890) == pytest.approx(
        np.sqrt(np.nanmean((value - truth) ** 2))
    )
    worst = named(blocks, "Worst mistakes")
    assert worst.rows[0][0] == int(np.nanargmax(np.abs(value - truth))) and worst.rows[0][4] == worst.rows[0][0]


def test_multilabel_and_vector_blocks():
    draw = np.random.default_rng(4)
    truth = (draw.random((100, 3)) < 0.4).astype(np.float64)
    probabilities = np.clip(truth * 0.4 + draw.random((100, 3)) * 0.6, 0, 1)
    truth[0] = np.nan
    table = pa.table({"text": ["x" * 200] * 100})
    blocks = evaluation.blocks(
        "multilabel",
        "tags",
        {"probabilities": probabilities},
        truth,
        ["p", "q", "r"],
        examples=(table, np.arange(100), ["text"]),
    )
    render_all(blocks)
    assert [row[0] for row in named(blocks, "Labels").rows] == ["p", "q", "r"]
    assert all(len(row[4]) <= 60 for row in named(blocks, "Worst mistakes").rows)
    value = draw.normal(size=(50, 4))
    render_all(
        evaluation.blocks("vector", "v", {"value": value}, value + 0.1, None, examples=(table, np.arange(50), ["text"]))
    )


def test_worst_mistakes_show_the_raw_rows_and_pictures():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.01, 0.99]])
    truth = np.array([0, 0, 0, -1])
    pixels = np.arange(10 * 4 * 4, dtype=np.uint8).reshape(10, 4, 4, 1) % 17
    table = pa.table({"photo": [b"\x89PNG"] * 10, "note": [f"n{i} " + "长" * 80 for i in range(10)], "x": [None] * 10})
    examples = evaluation.Examples(table, np.array([9, 7, 5, 3]), ["photo", "note", "x"], {"photo": pixels})
    blocks = evaluation.blocks(
        "category", "y", {"probabilities": probabilities}, truth, ["cat", "dog"], examples=examples
    )
    worst = named(blocks, "Worst mistakes")
    assert worst.columns == ["row", "true", "predicted", "confidence", "note", "x"]
    assert [row[:3] for row in worst.rows] == [[7, "cat", "dog"], [5, "cat", "dog"]]
    assert worst.rows[0][4].startswith("n7 ") and len(worst.rows[0][4]) == 60 and worst.rows[0][5] is None
    shots = named(blocks, "Worst mistakes: photo")
    assert [caption for _, caption in shots.pictures] == [
        "row 7: cat taken for dog (0.8000)",
        "row 5: cat taken for dog (0.6000)",
    ]
    render_all(blocks)


def test_no_mistake_no_table():
    table = pa.table({"a": [1, 2]})
    examples = (table, np.arange(2), ["a"])
    blocks = evaluation.blocks(
        "category", "y", {"probabilities": np.eye(2)}, np.arange(2), ["a", "b"], examples=examples
    )
    assert not any(isinstance(b, Image) or getattr(b, "title", "").startswith("Worst") for b in blocks)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3), (5, 7, 4), (300, 200, 3)])
def test_pictures_are_png(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    opened = np.asarray(Pillow.open(io.BytesIO(base64.b64decode(evaluation.picture(pixels)))))
    step = -(-max(shape[:2]) // 128)
    assert np.array_equal(opened, np.squeeze(pixels[::step, ::step]))
    assert max(opened.shape) <= 128


DEGENERATE = [
    ("category", {"probabilities": np.full((3, 2), np.nan)}, np.array([0, 1, 1]), ["a", "b"]),
    ("category", {"probabilities": np.eye(3)}, np.array([-1, -1, -1]), None),
    ("category", {"probabilities": np.eye(3)[[0, 0]]}, np.array([0, 0]), ["a", "b", "c"]),
    ("boolean", {"probability": np.array([0.5])}, np.array([1.0]), ["no", "yes"]),
    ("boolean", {"probability": np.zeros(0)}, np.zeros(0), ["no", "yes"]),
    ("multilabel", {"probabilities": np.full((2, 2), np.nan)}, np.zeros((2, 2)), ["a", "b"]),
    ("number", {"value": np.full(3, np.nan)}, np.ones(3), None),
    ("number", {"value": np.ones(3)}, np.ones(3), None),
    ("vector", {"value": np.ones((2, 2))}, np.full((2, 2), np.nan), None),
]


@pytest.mark.parametrize(("kind", "predicted", "truth", "classes"), DEGENERATE)
@pytest.mark.filterwarnings("error")
def test_degenerate_targets_never_crash(kind, predicted, truth, classes):
    examples = (pa.table({"a": list(range(len(truth)))}), np.arange(len(truth)), ["a"])
    render_all(
        evaluation.blocks(kind, "y", predicted, truth, classes, examples=examples, validation=(predicted, truth))
    )


def history(train, validation, **more):
    return [
        {"epoch": i + 1, "loss": a, "validation_loss": b, "metrics": {"accuracy": 1 - b}, "lr": 0.1 / (i + 1), **more}
        for i, (a, b) in enumerate(zip(train, validation))
    ]


def test_learning_curves():
    blocks = evaluation.learning_curves(history([3, 2, 1], [3.0, 2.5, 2.6], terms={"a": 1.0, "b": 2.0}))
    render_all(blocks)
    loss = named(blocks, "Loss")
    assert loss.lines["training"] == ([1, 2, 3], [3, 2, 1]) and "after epoch 2" in loss.note
    titles = [block.title for block in blocks]
    assert titles == ["Training", "Loss", "Accuracy", "Loss terms", "Learning rate"]
    assert evaluation.learning_curves([]) == []
    no_validation = evaluation.learning_curves([{"epoch": 1, "loss": 1.0, "lr": 0.1}])
    assert [block.title for block in no_validation] == ["Training", "Loss"] and isinstance(no_validation[1], Curve)


FINE = {"rows": 2000, "accuracy": 0.9, "accuracy_interval": [0.88, 0.92], "balanced_accuracy": 0.9, "macro_f1": 0.9}
STEADY = history([1, 0.6, 0.5, 0.45, 0.44], [1, 0.65, 0.55, 0.52, 0.519])


def titles(*args, **more):
    given = {"history": STEADY, "test": {"y": FINE}, "kinds": {"y": "category"}} | more
    found = evaluation.advice(**given)
    assert all(text.text and text.tone in ("good", "warning", "advice", "plain") for text in found)
    return [text.title for text in found]


def scored(accuracy, **more):
    return {"y": {"accuracy": accuracy, **more}}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ["Nothing to mend"]),
        ({"history": []}, ["Nothing to mend"]),
        ({"history": history([1, 0.5, 0.2, 0.1], [1, 0.6, 0.7, 0.9])}, ["Over-fitting"]),
        ({"history": history([1, 0.3, 0.1, 0.1], [1, 0.7, 0.6, 0.6])}, ["Over-fitting"]),
        ({"history": history([1, 0.9, 0.8, 0.7, 0.6], [1, 0.9, 0.8, 0.7, 0.6])}, ["Still improving when it stopped"]),
        ({"history": history([1, 0.5, 0.5, 0.9], [1, 0.5, 0.5, 0.52])}, ["Unsteady training"]),
        ({"baselines": {"svm": scored(0.95)}}, ["A baseline wins"]),
        ({"baselines": {"svm": scored(0.91)}}, ["Level with a baseline", "Nothing to mend"]),
        ({"baselines": {"svm": scored(0.8), "majority": scored(0.3)}}, ["Ahead of every baseline", "Nothing to mend"]),
        ({"baselines": {"majority": scored(0.9)}}, ["Nothing learnt yet"]),
        ({"test": {"y": FINE | {"balanced_accuracy": 0.6}}}, ["Unbalanced classes"]),
        ({"test": {"y": FINE | {"macro_f1": 0.5}}, "balance": {"y": [1000, 20]}}, ["Unbalanced classes"]),
        ({"test": {"y": FINE | {"accuracy_interval": [0.8, 0.97]}}}, ["A small test set"]),
        ({"test": {"y": FINE | {"accuracy": 0.9995, "accuracy_interval": [0.999, 1]}}}, ["Too good?"]),
        (
            {
                "test": {"y": FINE | {"accuracy": 1.0, "accuracy_interval": [0.999, 1]}},
                "baselines": {"tree": scored(0.8)},
            },
            ["Ahead of every baseline", "Nothing to mend"],
        ),
        ({"leaks": ["answer"]}, ["Leakage?"]),
        ({"validation": scored(0.98)}, ["Test rows are harder"]),
        ({"rows": {"train": 50}}, ["Few rows", "Nothing to mend"]),
        ({"test": {}}, ["Nothing to mend"]),
    ],
)
def test_advice(more, expected):
    assert titles(**more) == expected


def test_advice_names_recipe_keys():
    text = " ".join(t.text for t in evaluation.advice(history([1, 0.5, 0.2, 0.1], [1, 0.6, 0.7, 0.9]), {}, kinds={}))
    for key in ("train.early_stop", "dropout", "train.weight_decay", "train.augment", "model.size"):
        assert key in text
    test = {"y": {"rows": 2000, "accuracy": 0.9, "balanced_accuracy": 0.6}}
    (advice,) = evaluation.advice([], test, kinds={"y": "boolean"})
    assert "positive_weight: balanced" in advice.text


def test_advice_for_numbers_and_folds():
    number = {"rows": 500, "rmse": 2.0, "rmse_interval": [1.9, 2.1], "r2": 0.5}
    found = evaluation.advice([], {"y": number}, baselines={"tree": {"y": {"rmse": 1.5}}}, kinds={"y": "number"})
    assert [text.title for text in found] == ["A baseline wins"]
    found = evaluation.advice([], {"y": number}, baselines={"majority": {"y": {"rmse": 1.95}}}, kinds={"y": "number"})
    assert [text.title for text in found] == ["Nothing learnt yet"]
    folds = metrics.summary([{"rows": 80, "accuracy": a} for a in (0.8, 0.82, 0.81, 0.83)])
    found = evaluation.advice([], {"y": folds}, baselines={"svm": {"y": {"accuracy": 0.815}}}, kinds={"y": "category"})
    assert found[0].title == "Level with a baseline"


def test_leaderboard_ranks_by_the_main_metric():
    kinds = {"y": "number"}
    ours = {
        "name": "net",
        "kinds": kinds,
        "scores": {"y": {"rmse": 2.0, "rmse_interval": [1.5, 2.5]}},
        "parameters": 10,
        "bytes": 2048,
    }
    tree = {"name": "tree", "kinds": kinds, "scores": {"y": {"rmse": 1.0}}, "fit_seconds": 0.5, "note": "subsample"}
    failed = {"name": "svm", "kinds": kinds, "scores": {}, "note": "failed"}
    table = evaluation.leaderboard([failed, ours, tree])
    assert table.columns == ["model", "rmse", "95 %", "parameters", "fit (s)", "size (kB)", "note"]
    assert [row[0] for row in table.rows] == ["tree", "net", "svm"]
    assert table.rows[1] == ["net", 2.0, "1.500 – 2.500", 10, None, 2.0, ""]
    render_all([table, evaluation.leaderboard([])])


def test_leaderboard_of_several_targets_and_folds():
    folds = metrics.summary([{"rows": 10, "accuracy": a, "auc": 0.9} for a in (0.8, 0.9)])
    entry = {"name": "net", "kinds": {"y": "category", "z": "number"}, "scores": {"y": folds, "z": {"rmse": 1.0}}}
    table = evaluation.leaderboard([entry])
    assert table.columns == ["model", "y accuracy", "y sd of folds", "y AUC", "z rmse"]
    assert table.rows == [["net", pytest.approx(0.85), "± 0.0707", pytest.approx(0.9), 1.0]]


def test_flops_of_a_dense_net_are_those_of_its_products():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = torch.nn.Linear(64, 32), torch.nn.Linear(32, 10)

        def predict(self, batch):
            return {"y": {"probabilities": self.second(torch.relu(self.first(batch["number"]))).softmax(-1)}}

    model = Net().train()
    batch = {"number": torch.zeros(5, 64), "target.y": torch.zeros(5)}
    assert evaluation.flops(model, batch) == 2 * (64 * 32 + 32 * 10)
    assert model.training
    assert evaluation.flops(model, {}) == 0


def test_tables_are_plain_values():
    probabilities, truth = classes_of(50)
    for block in evaluation.blocks("category", "y", {"probabilities": probabilities}, truth, None):
        if isinstance(block, Table):
            assert all(type(cell) in (str, int, float, bool, type(None)) for row in block.rows for cell in row)
