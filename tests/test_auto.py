"""What `auto` finds by measurement: a learning rate and a batch size that train, written down before step 1."""

from __future__ import annotations

import yaml

import modelwright as mw


def test_rate_and_batch_are_found_and_recorded(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    train = {"lr": "auto", "batch": "auto", "epochs": 5, "threads": 1}
    run = mw.train(
        {"data": "breast_cancer", "baselines": False, "train": train}, out=str(tmp_path / "run"), report=False
    )
    resolved = yaml.safe_load((run.path / "resolved.yaml").read_text("utf-8"))
    assert 1e-6 < resolved["train"]["lr"] < 1 and resolved["train"]["lr"] == resolved["decided"]["lr"]["value"]
    tried = resolved["decided"]["batch"]["seconds_per_row"]
    assert str(resolved["train"]["batch"]) in tried
    assert run.metrics["test"]["diagnosis"]["accuracy"] > 0.85


def test_a_time_limit_ends_training_and_keeps_what_was_learned(tmp_path):
    train = {"epochs": 100_000, "early_stop": 0, "time_limit": 1.0, "threads": 1, "speed": "fixed"}
    run = mw.train(
        {"data": "breast_cancer", "baselines": False, "train": train}, out=str(tmp_path / "run"), report=False
    )
    assert run.metrics["stopped"] == "the time limit was reached"
    assert run.metrics["test"]["diagnosis"]["accuracy"] > 0.85
