"""The card of a run: what is known, and openly what nobody has said."""

from __future__ import annotations

import json

import pytest

import modelwright as mw
from modelwright.card import card
from modelwright.report import Table

from .audits.conftest import QUICK, clean_rows, train, write


def cells(run: mw.Run) -> dict[str, str]:
    """First cell -> second cell of every table of two columns in a run's card."""
    tables = [block for block in card(run.path).blocks if isinstance(block, Table) and len(block.columns) == 2]
    return {row[0]: row[1] for table in tables for row in table.rows}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> mw.Run:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("card")
        patch.setenv("MODELWRIGHT_CACHE", str(folder / "cache"))
        rows = clean_rows(900)
        data = {"path": write(rows, folder / "rows.csv"), "split": {"fractions": [0.6, 0.1, 0.3]}}
        about = {"intended_use": "to learn", "data_consent": "nobody was asked"}
        made = train(rows, folder, data=data, about=about, baselines=["majority"])
        mw.evaluate(str(made.path))
        return made


def test_what_is_known_is_said(run):
    found = cells(run)
    assert found["Predicts"] == "bought (boolean)" and found["Reads"] == "a, b, idle, city, sex"
    assert found["Rows"] == "540 train, 90 validation, 270 test"
    assert "rows.csv" in found["Source"] and "0.6" in found["Split"]
    assert found["Intended use"] == "to learn" and found["Consent of the people in them"] == "nobody was asked"
    assert found["Differential privacy"] == "no" and found["Masked before anything was stored"] == "nothing"
    text = "".join(str(block) for block in card(run.path).blocks)
    assert "majority: " in text and "'evaluate'" in text


def test_what_nobody_has_said_is_said_openly(run):
    assert "licence (about.licence); contact (about.contact)" in str(card(run.path).blocks)
    assert "intended use (about" not in str(card(run.path).blocks)
    assert "Not measured: leaks" in str(card(run.path).blocks)


def test_an_audit_shows_its_lights_and_groups_in_the_card(run):
    mw.audit(run, quick=True)
    text = (run.path / "card.md").read_text("utf-8")
    assert text.startswith("# Model card: ") and "\U0001f7e2 good" in text
    assert "Groups: bought" in text and "Not measured" not in text
    assert len(text) < 12_000  # short to read
    assert "audit" in json.dumps(card(run.path).to_json()["blocks"][-1])


def test_a_ledger_of_privacy_is_shown(run):
    (run.path / "privacy.json").write_text(json.dumps({"epsilon": 2.9, "delta": 1e-5, "history": []}))
    try:
        assert cells(run)["Differential privacy"] == "epsilon 2.900, delta 1e-05"
    finally:
        (run.path / "privacy.json").unlink()


def test_a_mistake_in_about_is_named():
    with pytest.raises(mw.RecipeError) as error:
        mw.check({"data": "digits", "target": "label", "about": {"licens": "MIT"}})
    assert "about.licens: no such key. Did you mean 'licence'" in str(error.value)


def test_a_language_model_has_a_card_too(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "text.txt").write_text("the fox and the dog see the sun and the moon\n" * 200)
    model = {"kind": "language", "width": 16, "layers": 1, "heads": 2, "context": 32, "tokenizer": "characters"}
    made = mw.train(
        {"data": str(tmp_path / "text.txt"), "model": model, "train": {"steps": 20, **QUICK, "schedule": "cosine"}},
        out=str(tmp_path / "run"),
    )
    found = cells(made)
    assert found["Predicts"] == "the next token of a text" and found["Built of"] == "a language model"
    assert set(mw.audit(made, quick=True).data["checks"]) >= {"leakage", "membership"}
