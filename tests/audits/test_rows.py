"""Calibration, subgroups, corruption, drift, foreign rows: planted faults are found, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest

import modelwright as mw
from modelwright.audits import _damage
from modelwright.audits.calibration import soften
from modelwright.audits.drift import psi
from modelwright.metrics import calibration_error
from modelwright.significance import holm

from .conftest import QUICK, clean_rows, lights, train, values, write


def test_overconfidence_is_found_and_a_temperature_mends_it(tmp_path):
    draw = np.random.default_rng(0)
    x = draw.normal(size=(900, 8))
    yes = draw.random(900) < 1 / (1 + np.exp(-x[:, 0]))
    rows = {f"x{i}": [f"{v:.4f}" for v in x[:, i]] for i in range(8)} | {"bought": np.where(yes, "yes", "no").tolist()}
    sure = {"epochs": 60, "batch": 32, "lr": 1e-2, **QUICK}
    data = {"path": write(rows, tmp_path / "rows.csv"), "split": {"fractions": [0.5, 0.2, 0.3]}}
    report = mw.audit(train(rows, tmp_path, train=sure, data=data), only="calibration")
    assert lights(report, "calibration")["bought"] == "bad"
    table = next(block for block in report.blocks if "Temperature" in getattr(block, "title", ""))
    (_, _, before, loss), (_, temperature, after, softer) = table.rows
    assert temperature > 1.5 and after < before / 2 and softer < loss


def test_temperature_is_that_of_logits():
    logits = np.random.default_rng(0).normal(size=(5, 4))
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    cooled = np.exp(logits / 3) / np.exp(logits / 3).sum(1, keepdims=True)
    assert soften(probabilities, 3.0) == pytest.approx(cooled)
    assert calibration_error(np.full(10, 0.75), np.arange(10) < 5) == pytest.approx(0.25)


def test_a_clean_run_shows_no_fault(clean, tmp_path):
    other = write(clean_rows(300, seed=1), tmp_path / "other.csv")
    report = mw.audit(clean, other, only="calibration,subgroups,drift,out_of_distribution,overfitting")
    found = {
        f"{check}: {what}": light for check in report.data["checks"] for what, light in lights(report, check).items()
    }
    assert not [what for what, light in found.items() if light in ("warning", "bad")], found


def test_a_group_that_is_served_worse_is_found(tmp_path):
    rows, draw = clean_rows(1500), np.random.default_rng(2)
    spoilt = (np.array(rows["sex"]) == "m") & (draw.random(1500) < 0.5)
    rows["bought"] = np.where(spoilt, draw.choice(["yes", "no"], 1500), rows["bought"]).tolist()
    data = {"path": write(rows, tmp_path / "rows.csv"), "split": {"fractions": [0.5, 0.1, 0.4]}}
    run = train(rows, tmp_path, data=data, columns={"sex": "drop"})  # a column that the model does not even read
    report = mw.audit(run, only="subgroups")
    assert lights(report, "subgroups")["gap: bought"] in ("warning", "bad")
    assert "sex = m" in report.data["checks"]["subgroups"][0]["meaning"]


def test_unequal_selection_is_remarked_upon(tmp_path):
    rows = clean_rows(900)
    women = np.array(rows["sex"]) == "f"
    rows["bought"] = np.where(women & (np.arange(900) % 3 > 0), "no", rows["bought"]).tolist()
    data = {"path": write(rows, tmp_path / "rows.csv"), "split": {"fractions": [0.6, 0.1, 0.3]}}
    report = mw.audit(train(rows, tmp_path, data=data), only="subgroups")
    assert lights(report, "subgroups")["selection: bought"] == "warning"


def test_shifted_numbers_and_new_cities_drift(clean, tmp_path):
    rows = clean_rows(400, seed=3)
    rows["b"] = [f"{float(cell) + 1.5:.4f}" for cell in rows["b"]]
    rows["city"] = np.where(np.arange(400) % 2 == 0, "Bergen", rows["city"]).tolist()
    report = mw.audit(clean, write(rows, tmp_path / "other.csv"), only="drift,out_of_distribution")
    assert set(lights(report, "drift").values()) == {"bad"}
    assert values(report, "drift")["columns"] == 2
    table = next(block for block in report.blocks if getattr(block, "title", "") == "Drift: columns")
    assert {row[0] for row in table.rows[:2]} == {"b", "city"}
    assert values(report, "out_of_distribution")["told from held rows"] > 0.7


def test_foreign_rows_are_found(clean, tmp_path):
    rows = clean_rows(100, seed=4)
    rows["a"] = [f"{float(cell) * 8:.3f}" for cell in rows["a"]]
    report = mw.audit(clean, write(rows, tmp_path / "other.csv"), only="out_of_distribution")
    assert lights(report, "out_of_distribution")["foreign rows"] == "bad"


def test_correction_and_shift_index():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert psi(np.array([[50, 50], [50, 50]])) == pytest.approx(0)
    assert psi(np.array([[900, 100], [100, 900]])) > 1


def test_damage_grows_with_severity(clean):
    report = mw.audit(clean, only="corruption")
    curve = next(block for block in report.blocks if "Damaged" in getattr(block, "title", ""))
    assert set(curve.lines) == {"noise", "scale", "missing cells"}
    for name in ("noise", "missing cells"):
        accuracy = curve.lines[name][1]
        assert len(accuracy) == 6 and accuracy[5] < accuracy[0] - 0.1 and accuracy[1] > accuracy[0] - 0.1


def test_pictures_are_damaged_as_said():
    draw = np.random.default_rng(0)
    pixels = np.zeros((4, 30, 30, 1), np.uint8)
    pixels[:, 14:16, 14:16] = 200
    for name, (damage, severities) in _damage.PICTURES.items():
        changes = [np.abs(damage(pixels, s, draw, 255.0).astype(int) - pixels).mean() for s in severities]
        assert changes[0] > 0 and changes[-1] >= changes[0], name
    far = _damage.shift(pixels, 0.2, draw, 255.0)
    assert (far == 200).sum() == 16 and not (far == pixels).all()
    assert _damage.contrast(pixels, 0.5, draw, 255.0).max() < 110


@pytest.mark.parametrize("text", ["the quick brown fox jumps over it", "今天天气很好，我们去公园散步"])
def test_texts_are_damaged_in_both_scripts(text):
    draw = np.random.default_rng(0)
    typed = _damage.of_texts([text] * 50, _damage.typos, 0.2, draw)
    assert sum(t != text for t in typed) > 30 and all(abs(len(t) - len(text)) <= 7 for t in typed)
    dropped = _damage.of_texts([text] * 50, _damage.dropped, 0.4, draw)
    assert all(0 < len(t) <= len(text) for t in dropped) and np.mean([len(t) for t in dropped]) < 0.8 * len(text)
    assert _damage.typos(text, 0.0, draw, "abc") == text
