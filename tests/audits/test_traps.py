"""The traps of real data, made small: what the audit says of a run that fell into one, and of one that did not."""

from __future__ import annotations

import numpy as np

import modelwright as mw

from .conftest import QUICK, clean_rows, lights, train, values, write


def leaks(run: mw.Run) -> dict[str, str]:
    return lights(mw.audit(run, only="leakage"), "leakage")


def sequences(count: int) -> list[str]:
    draw = np.random.default_rng(0)
    return ["".join(row) for row in draw.choice(list("ACGT"), (count, 30))]


def test_sequences_that_stand_in_two_parts_are_found(tmp_path):
    cells = sequences(160)
    rows = {"sequence": cells + cells[:60], "bought": [("yes", "no")[number % 2] for number in range(220)]}
    model = {"encoders": {"sequence": {"kind": "mlp", "hidden": [8]}}}
    (tmp_path / "mixed").mkdir()
    found = leaks(train(rows, tmp_path / "mixed", model=model))
    assert found["same rows"] == "bad" and "same sequence" not in found  # said once
    (tmp_path / "apart").mkdir()
    grouped = {"path": str(tmp_path / "mixed" / "rows.csv"), "split": {"kind": "group", "column": "sequence"}}
    assert leaks(train(rows, tmp_path / "apart", model=model, data=grouped))["same rows"] == "good"


def test_another_model_s_prediction_among_the_inputs_is_found(tmp_path):
    draw = np.random.default_rng(0)
    rows, y = clean_rows(300), draw.normal(5, 2, 300)
    rows |= {"bought": y.tolist(), "predicted by hand": (y + draw.normal(0, 0.8, 300)).tolist()}
    report = mw.audit(train(rows, tmp_path), only="leakage")
    assert lights(report, "leakage")["column: predicted by hand"] == "warning"
    advice = [one["advice"] for one in report.data["checks"]["leakage"] if one["what"] == "column: predicted by hand"]
    assert "columns: {predicted by hand: drop}" in advice[0]
    (tmp_path / "without").mkdir()
    without = train(rows, tmp_path / "without", columns={"predicted by hand": "drop"})
    assert not any("predicted" in name for name in leaks(without))


def test_an_identifier_that_tells_the_class_is_found_where_it_is_read(tmp_path):
    rows = clean_rows(300)
    words = {"yes": "DONOR", "no": "NEG"}
    rows["name"] = [f"HUM{number}AB-{words[one]}-{number}" for number, one in enumerate(rows["bought"])]
    read = train(rows, tmp_path, columns={"name": {"kind": "text", "tokenizer": "words"}}, model={})
    found = leaks(read)
    assert found["column: name"] == "warning" and found["columns: bought"] == "bad"
    (tmp_path / "left").mkdir()
    assert "column: name" not in leaks(train(rows, tmp_path / "left"))  # left out as an identifier


def test_pairs_with_several_partners_are_found_on_either_side(tmp_path):
    draw = np.random.default_rng(0)
    words = [f"w{number}" for number in range(40)]
    source = [" ".join(draw.choice(words, 4)) for _ in range(200)]
    written = [" ".join(draw.choice(words, 3)) for _ in range(200)]
    recipe = {
        "columns": {"english": {"kind": "text"}, "chinese": {"kind": "text", "tokenizer": "words"}},
        "target": "chinese",
        "model": {"encoders": {"english": {"kind": "rnn", "hidden": 8}}, "heads": {"chinese": {"hidden": 8}}},
        "train": {"epochs": 1, **QUICK},
        "baselines": False,
    }
    found = {}
    for name, english, chinese in (
        ("source", source + source[:80], written + [f"x{cell}" for cell in written[:80]]),
        ("target", source + [f"w9 {cell}" for cell in source[:80]], written + written[:80]),
    ):
        (tmp_path / name).mkdir()
        data = write({"english": english, "chinese": chinese}, tmp_path / name / "rows.csv")
        run = mw.train({"data": data, **recipe}, out=str(tmp_path / name / "run"), report=False)
        found[name] = leaks(run)
    assert (found["source"]["same rows"], found["source"]["same chinese"]) == ("bad", "good")
    assert (found["target"]["same rows"], found["target"]["same chinese"]) == ("good", "bad")


def test_frames_of_a_film_in_two_parts_are_found(tmp_path):
    draw = np.random.default_rng(0)
    view, frames = draw.normal(size=(12, 16)), []
    for _ in range(200):
        view = 0.97 * view + 0.24 * draw.normal(size=view.shape)
        frames.append(view)
    pictures = (128 + 40 * np.stack(frames)).clip(0, 255).astype(np.uint8)[..., None]
    recipe = {
        "data": {"frame": list(range(200)), "image": pictures, "angle": np.sin(np.arange(200) / 9).tolist()},
        "target": "angle",
        "columns": {"frame": "drop"},
        "model": {"encoders": {"image": {"kind": "cnn", "channels": [4]}}},
        "train": {"epochs": 1, **QUICK},
        "baselines": False,
    }
    report = mw.audit(mw.train(recipe, out=str(tmp_path / "run"), report=False), only="leakage")
    assert lights(report, "leakage")["neighbours: image"] == "bad"
    assert values(report, "leakage")["neighbours: image"] > 80
