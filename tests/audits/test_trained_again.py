"""What needs models trained again: doubtful labels, rows known by heart, membership."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.datasets import load_digits

import modelwright as mw
from modelwright.audits._case import Case
from modelwright.audits.label_errors import doubts
from modelwright.audits.membership import found_at, ratios

from .conftest import QUICK, clean_rows, lights, train, values

FLIPS = 0.1


def digits(folder, flips: float, **more) -> tuple[mw.Run, np.ndarray]:
    """A run on digits whose labels were changed in this share of the rows, and which those are."""
    bundle, draw = load_digits(), np.random.default_rng(0)
    flipped = draw.random(len(bundle.target)) < flips
    labels = np.where(flipped, (bundle.target + draw.integers(1, 10, len(flipped))) % 10, bundle.target)
    recipe = {
        "data": {"image": (bundle.images * 15).astype(np.uint8), "label": labels.astype(str)},
        "target": "label",
        "model": {"encoders": {"image": {"kind": "mlp", "hidden": [128, 128], "dropout": 0.0}}},
        "train": {"epochs": 15, "batch": 64, "lr": 3e-3, "optimizer": "adam", **QUICK, **more},
        "baselines": False,
    }
    return mw.train(recipe, out=str(folder / "run"), report=False), flipped


@pytest.fixture(scope="module")
def flipped(tmp_path_factory):
    """The audit of the run on spoilt labels, its case, and which labels are wrong."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("flips")
        patch.setenv("MODELWRIGHT_CACHE", str(folder / "cache"))
        run, wrong = digits(folder, FLIPS)
        case = Case(run, seconds=100, shadows=6)
        assert len(case.shadows.inside) == 6
        report = mw.audit(run, only="label_errors,membership,overfitting", seconds=100, shadows=6)
    return report, case, wrong


def test_flipped_labels_are_found(flipped):
    report, case, wrong = flipped
    assert lights(report, "label_errors")["label"] == "bad"
    found = case.shadows
    doubted = doubts(found.unseen(), found.codes)
    truly = wrong[found.sample.index]
    assert (doubted & truly).sum() / doubted.sum() > 0.85  # precision
    assert (doubted & truly).sum() / truly.sum() > 0.7  # recall
    shown = next(b for b in report.blocks if getattr(b, "title", "") == "Doubtful labels")
    assert len(shown.pictures) == 20


def test_the_shadows_judge_only_rows_they_have_not_learned(flipped):
    _, case, _ = flipped
    inside = case.shadows.inside
    assert (inside.sum(0) == 3).all()  # each row is learned by one of each pair
    assert abs(inside.mean() - 0.5) < 0.01
    assert case.shadows.unseen().sum(1) == pytest.approx(1.0, abs=1e-5)


def test_rows_known_by_heart_and_the_gap_are_seen(flipped):
    report, _, _ = flipped
    found = lights(report, "overfitting")
    assert found["gap: label"] != "good"
    assert values(report, "overfitting")["by heart: label"] > 2


def test_the_likelihood_ratio_finds_more_members_than_the_loss(flipped):
    report, case, _ = flipped
    found = values(report, "membership")
    assert found["likelihood ratio: at 1 % false alarms"] > 2 * found["by its loss: at 1 % false alarms"]
    assert found["likelihood ratio: area under ROC"] > 0.6
    assert found["by its loss: at 0.1 % false alarms"] == "not measured"  # 180 strangers are too few
    assert len(ratios(case)) == len(case.shadows.sample)


def test_clean_labels_are_not_doubted_and_nothing_is_known_by_heart(tmp_path):
    run, _ = digits(tmp_path, 0.0, epochs=6)
    report = mw.audit(run, only="label_errors,membership,overfitting", seconds=100, shadows=2)
    assert lights(report, "label_errors") == {"label": "good"}
    assert set(lights(report, "overfitting").values()) == {"good"}
    assert lights(report, "membership")["by its loss: at 1 % false alarms"] == "good"


def test_a_hard_task_is_not_taken_for_wrong_labels(tmp_path):
    draw = np.random.default_rng(0)
    x = draw.normal(size=800)
    noisy = draw.random(800) < 1 / (1 + np.exp(-1.5 * x))  # no model reaches more than .75
    rows = {"x": [f"{v:.4f}" for v in x], "bought": np.where(noisy, "yes", "no").tolist()}
    report = mw.audit(train(rows, tmp_path), only="label_errors", seconds=60, shadows=4)
    assert lights(report, "label_errors")["bought"] != "bad"


def test_members_found_at_a_rate_are_counted_exactly():
    points, member = np.array([5, 4, 3, 2, 1, 0.0]), np.array([True, True, False, True, False, False])
    assert found_at(points, member, 0.0) == pytest.approx(2 / 3)
    assert found_at(points, member, 0.34) == 1.0
    tied = np.zeros(6)
    assert found_at(tied, member, 0.1) == 0.0


def test_without_time_nothing_is_trained_again_and_the_report_says_so(clean):
    report = mw.audit(clean, only="membership,label_errors", quick=True)
    assert values(report, "membership")["likelihood ratio"] == "not measured"
    assert "held rows alone" in json.dumps(report.data["checks"]["label_errors"])


def test_shadows_of_a_private_run_are_private_too(tmp_path):
    pytest.importorskip("opacus")
    small = {"epochs": 1, "speed": "fixed", "threads": 1, "batch": 60, "lr": 0.1, "optimizer": "sgd"}
    private = {
        "train": small,
        "privacy": {"epsilon": 8},
        "model": {"encoders": {"table": {"kind": "mlp", "hidden": []}}},
    }
    report = mw.audit(train(clean_rows(200), tmp_path, **private), only="membership", shadows=2)
    assert "2 shadow models" in json.dumps(report.data["checks"]["membership"])
