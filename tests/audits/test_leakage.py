"""Planted leaks are found, and none is seen where there is none."""

from __future__ import annotations

import numpy as np

import modelwright as mw
from modelwright.audits import _twins

from .conftest import QUICK, clean_rows, lights, train, values, write


def leaks(run: mw.Run) -> dict[str, str]:
    return lights(mw.audit(run, only="leakage"), "leakage")


def test_a_clean_table_shows_no_leak(clean):
    found = leaks(clean)
    assert set(found.values()) == {"good"}
    assert set(found) == {"same rows", "near rows", "columns: bought"}


def test_rows_that_stand_twice_are_found(tmp_path):
    rows = clean_rows(300)
    doubled = {name: cells + cells[:120] for name, cells in rows.items()}
    run = train(doubled, tmp_path)
    report = mw.audit(run, only="leakage")
    assert lights(report, "leakage")["same rows"] == "bad"
    assert 30 < values(report, "leakage")["same rows"] < 80
    assert "without them" in report.data["checks"]["leakage"][0]["meaning"]


def test_rows_that_nearly_stand_twice_are_found(tmp_path):
    rows = clean_rows(300)
    doubled = {name: cells + cells[:120] for name, cells in rows.items()}
    doubled["a"] = [*rows["a"], *(f"{float(cell) + 0.001:.4f}" for cell in rows["a"][:120])]
    found = leaks(train(doubled, tmp_path))
    assert (found["same rows"], found["near rows"]) == ("good", "bad")


def test_a_table_of_few_values_does_not_alarm(tmp_path):
    draw = np.random.default_rng(0)
    rows = {name: draw.integers(0, 3, 400).astype(str).tolist() for name in "abc"}
    rows["bought"] = np.where(draw.random(400) < 0.5, "yes", "no").tolist()
    report = mw.audit(train(rows, tmp_path), only="leakage")
    assert values(report, "leakage")["same rows"] > 90  # every row has twins
    assert lights(report, "leakage")["same rows"] == "good"


def test_a_column_that_holds_the_answer_is_found(tmp_path):
    rows = clean_rows(300)
    rows["paid"] = [f"{9.5 + 3 * (cell == 'yes') + 0.01 * i:.2f}" for i, cell in enumerate(rows["bought"])]
    rows["receipt"] = [f"{1000 * (cell == 'yes') + i % 7}" for i, cell in enumerate(rows["bought"])]
    report = mw.audit(train(rows, tmp_path), only="leakage")
    assert lights(report, "leakage")["columns: bought"] == "bad"
    assert "receipt" in report.data["checks"]["leakage"][-1]["advice"]


def test_a_word_that_holds_the_answer_is_found(tmp_path):
    draw = np.random.default_rng(0)
    answers = draw.choice(["yes", "no"], 200)
    notes = [f"red fox {'paid' if a == 'yes' else 'owes'} {draw.integers(99)} times" for a in answers]
    rows = {"note": notes, "a": draw.normal(size=200).tolist(), "bought": answers.tolist()}
    run = train(rows, tmp_path, columns={"note": "text"}, model={})
    assert leaks(run)["columns: bought"] == "bad"


def test_groups_in_both_parts_are_found_and_a_group_split_is_clean(tmp_path):
    rows = clean_rows(300)
    rows["patient_id"] = [str(number // 5) for number in range(300)]
    (tmp_path / "mixed").mkdir()
    assert leaks(train(rows, tmp_path / "mixed"))["groups: patient_id"] == "warning"
    (tmp_path / "apart").mkdir()
    by_group = {"path": str(tmp_path / "mixed" / "rows.csv"), "split": {"kind": "group", "column": "patient_id"}}
    apart = train(rows, tmp_path / "apart", data=by_group)
    assert leaks(apart)["groups: patient_id"] == "good"


def test_a_random_split_of_what_changes_with_time_is_found(tmp_path):
    rows = clean_rows(400)
    rows["day"] = [f"2024-{1 + i // 28 % 12:02}-{1 + i % 28:02}" for i in range(336)] + ["2025-01-05"] * 64
    late = np.arange(400) > 200
    rows["bought"] = np.where(late ^ (np.random.default_rng(1).random(400) < 0.1), "yes", "no").tolist()
    (tmp_path / "mixed").mkdir()
    assert leaks(train(rows, tmp_path / "mixed"))["order: day"] == "warning"
    (tmp_path / "apart").mkdir()
    in_time = {"path": str(tmp_path / "mixed" / "rows.csv"), "split": {"kind": "time", "column": "day"}}
    assert leaks(train(rows, tmp_path / "apart", data=in_time))["order: day"] == "good"


def test_frames_of_a_film_split_at_random_are_found_and_split_by_time_are_not(tmp_path):
    draw = np.random.default_rng(0)
    turn = np.convolve(draw.normal(size=409), np.ones(10) / 10, "valid")
    rows = {"frame": list(range(400)), "seen": turn + 0.1 * draw.normal(size=400), "bought": turn}

    def audited(name: str, rows: dict, **split) -> mw.Report:
        (tmp_path / name).mkdir()
        columns = {"frame": {"kind": "drop"}, "bought": {"kind": "number"}}
        data = {"path": write(rows, tmp_path / name / "film.csv"), "split": split}
        return mw.audit(train(rows, tmp_path / name, columns=columns, data=data), only="leakage")

    mixed = audited("mixed", rows, kind="random")
    assert lights(mixed, "leakage")["neighbours: frame"] == "warning"
    assert values(mixed, "leakage")["neighbours: frame"] > 90
    apart = audited("apart", rows, kind="time", column="frame")
    assert lights(apart, "leakage")["neighbours: frame"] == "good"
    ordered = audited("ordered", {**rows, "bought": np.sort(turn)}, kind="random")
    assert lights(ordered, "leakage")["neighbours: frame"] == "good", "a file sorted by its target is no film"


def test_texts_that_were_copied_with_small_changes_are_twins():
    draw = np.random.default_rng(0)
    words = [f"word{i}" for i in range(300)]
    texts = [" ".join(draw.choice(words, 40)) for _ in range(200)]
    copied = [text.replace(text.split()[5], "other", 1) for text in texts[:20]]
    fresh = [" ".join(draw.choice(words, 40)) for _ in range(30)]
    found = _twins.texts([*copied, *fresh], texts)
    assert found[:20].all() and not found[20:].any()


def test_chinese_texts_too():
    texts = [
        "这家店的外卖送得很快，味道也不错，分量足，包装也干净，下次还会再来点一份试试",
        "等了两个小时才送到，菜已经完全凉了，非常失望，不会再来",
    ]
    found = _twins.texts(
        [texts[0].replace("下次", "以后"), "味道一般，价格有点贵，分量倒是很足，总体来说还可以接受吧"], texts
    )
    assert found.tolist() == [True, False]


def test_pictures_made_brighter_or_noisy_are_twins_and_other_digits_are_not(tmp_path):
    from sklearn.datasets import load_digits

    pixels = (load_digits().images * 15).astype(np.uint8)[..., None]
    draw = np.random.default_rng(0)
    near = (pixels[:50] * 0.8 + draw.normal(0, 4, (50, 8, 8, 1))).clip(0, 255).astype(np.uint8)
    assert _twins.pictures(near, pixels[:900]).mean() > 0.9
    assert _twins.pictures(pixels[900:], pixels[:900]).mean() < 0.01


def test_copied_pictures_in_a_test_are_found(tmp_path):
    from sklearn.datasets import load_digits

    digits = load_digits()
    chosen = np.concatenate([np.arange(400), np.arange(150)])
    data = {"image": digits.images[chosen].astype(np.uint8), "label": digits.target[chosen].astype(str)}
    recipe = {"data": data, "target": "label", "train": {"epochs": 1, **QUICK}, "baselines": False}
    found = leaks(mw.train(recipe, out=str(tmp_path / "run"), report=False))
    assert (found["same rows"], found["near pictures: image"]) == ("bad", "bad")
