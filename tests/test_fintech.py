"""What a bank asks: leaks of what is known too late, costs of decisions, intervals, and real data where they are."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import modelwright as mw
from modelwright import evaluation
from modelwright.columns import infer
from modelwright.data.reading import read

REAL = pytest.mark.skipif(not os.environ.get("MODELWRIGHT_DATA"), reason="needs $MODELWRIGHT_DATA")
QUICK = {"speed": "fixed", "threads": 1}


@pytest.fixture
def calls(tmp_path) -> str:
    """Calls that sold or not: their duration and what was paid are known only afterwards."""
    draw, lines = np.random.default_rng(0), ["age,balance,duration,paid,sold"]
    for _ in range(600):
        sold = draw.random() < 0.12
        duration = draw.integers(400, 3000) if sold else draw.integers(5, 380)
        balance = draw.normal(1300 if sold else 1000, 500)
        paid = f"{draw.random() * 50:.2f}" if sold else ""
        lines.append(f"{draw.integers(18, 90)},{balance:.2f},{duration},{paid},{'yes' if sold else 'no'}")
    path = tmp_path / "calls.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_what_is_known_too_late_is_doubted(calls, tmp_path):
    found = infer(read(calls).table, ["sold"])
    assert "The size of its numbers nearly tells" in found["duration"].doubt
    assert "Whether it has a value nearly tells" in found["paid"].doubt
    assert not found["age"].doubt and not found["balance"].doubt
    columns = next(block for block in mw.check(calls, target="sold").blocks if getattr(block, "title", "") == "Columns")
    assert "leak?" in dict(zip([row[0] for row in columns.rows], [row[5] for row in columns.rows]))["duration"]
    mw.init(calls, target="sold", out=str(tmp_path / "recipe.yaml"))
    assert (tmp_path / "recipe.yaml").read_text().count("DOUBT: leak?") == 2


def test_the_audit_names_the_leak(calls, tmp_path):
    recipe = {"data": calls, "target": "sold", "train": {"epochs": 2, **QUICK}, "baselines": False}
    run = mw.train(recipe, out=str(tmp_path / "run"), report=False)
    report = mw.audit(run, only="leakage")
    told = next(block for block in report.blocks if getattr(block, "title", "") == "What one column tells of sold")
    assert {row[0] for row in told.rows if row[1] > 98} == {"duration", "paid"}


@pytest.mark.parametrize("name, target", [("iris", "species"), ("wine", "class"), ("breast_cancer", "diagnosis")])
def test_honest_columns_are_not_doubted(name, target):
    assert not any("leak" in found.doubt for found in infer(read(name).table, [target]).values())


def test_decisions_by_cost():
    predicted, truth = {"probability": np.array([0.1, 0.3, 0.6, 0.9])}, np.array([0.0, 1, 0, 1])
    found = evaluation.cost_scores("boolean", predicted, truth, [[0, 1], [5, 0]])
    assert found["mean_cost"] == pytest.approx(1 / 4)  # all from 1/6 on: one of them wrongly
    assert found["one_answer_cost"] == pytest.approx(2 / 4)
    assert found["gini"] == pytest.approx(0.5) and found["ks"] == pytest.approx(0.5)


def test_folds_report_what_decisions_cost(tmp_path):
    draw = np.random.default_rng(0)
    x = draw.normal(size=300)
    y = np.where(x + draw.normal(size=300) > 1, "bad", "good")
    recipe = {
        "data": {"path": write(tmp_path, x, y), "split": {"kind": "folds", "folds": 3}},
        "targets": {"y": {"costs": [[0, 5], [1, 0]]}},  # bad, good
        "train": {"epochs": 20, **QUICK},
        "baselines": ["majority", "linear"],
    }
    run = mw.train(recipe, out=str(tmp_path / "run"), report=False)
    test, beside = run.metrics["test"]["y"], run.metrics["baselines"]
    assert 0 < test["mean_cost"] < test["one_answer_cost"] and test["ks"] > 0.3
    assert beside["majority"]["y"]["mean_cost"] == pytest.approx(test["one_answer_cost"], abs=0.02)
    assert beside["linear"]["y"]["mean_cost"] < test["one_answer_cost"]


def write(folder: Path, x, y) -> str:
    path = folder / "rows.csv"
    path.write_text("x,y\n" + "".join(f"{a},{b}\n" for a, b in zip(x, y)))
    return str(path)


@pytest.mark.parametrize("quantiles", [False, True])
def test_an_interval_around_a_number_holds_what_it_promises(tmp_path, quantiles):
    draw = np.random.default_rng(0)
    x = draw.uniform(0, 3, 3000)
    y = 10 + 5 * x + draw.normal(size=3000) * (0.2 + x)  # the larger x, the less is known
    recipe = {
        "data": {"path": write(tmp_path, x, y), "split": {"fractions": [0.4, 0.3, 0.3]}},
        "target": "y",
        "columns": {"y": {"kind": "number", "interval": 0.8}},
        "model": {"heads": {"y": {"quantiles": quantiles}}},
        "train": {"epochs": 10, **QUICK},
        "baselines": False,
    }
    run = mw.train(recipe, out=str(tmp_path / "run"), report=False)
    assert run.metrics["test"]["y"]["coverage"] == pytest.approx(0.8, abs=0.05)
    low, high = (np.array(run.predict({"x": [0.1, 2.9]}).column(f"y_{end}")) for end in ("low", "high"))
    ratio = (high - low)[1] / (high - low)[0]
    assert ratio > 2.5 if quantiles else ratio == pytest.approx(1.0)
    assert mw.Run.load(run.path).predict({"x": [0.1]}).column_names == ["y", "y_low", "y_high"]


@pytest.mark.real
@REAL
@pytest.mark.slow
def test_a_linear_forecast_of_etth1_reaches_its_number_and_exchange_rates_are_admitted_to_be_a_walk(tmp_path):
    recipes = Path(__file__).parents[1] / "recipes" / "fintech"
    run = mw.train(
        str(recipes / "etth1.yaml"), "train.epochs=2", "train.threads=1", out=str(tmp_path / "e"), report=False
    )
    test = run.metrics["test"]["future"]
    assert test["rows"] == 2785 and test["mse"] < 0.385 and 0.85 < test["coverage"] < 0.97
    assert run.metrics["baselines"]["repeating the last value"]["future"]["mse"] == pytest.approx(1.295, abs=0.002)
    run = mw.train(str(recipes / "exchange_rate.yaml"), "train.epochs=2", "train.threads=1", out=str(tmp_path / "x"))
    assert run.metrics["baselines"]["repeating the last value"]["future"]["mse"] == pytest.approx(0.081, abs=0.001)
    assert "As good without a model" in (tmp_path / "x" / "report.html").read_text()
