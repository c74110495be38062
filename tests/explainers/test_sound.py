"""Recordings explained: stretches of time, and bands over time where a method sees them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import modelwright as mw
from modelwright.blocks.spectrogram import LogMel
from modelwright.columns import build
from modelwright.explainers._opening import Opened, _stretches

RATE = 4000


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that tells high tones from low ones, which follow or come before noise."""
    folder = tmp_path_factory.mktemp("tones")
    random, rows = np.random.default_rng(0), []
    for number in range(60):
        high, length = number % 2, 600 + 20 * number
        tone = np.sin(np.arange(length) * (1.2 if high else 0.4)) * 9000
        rest = random.normal(0, 300, length)
        rows.append({"sound": np.concatenate([tone, rest]).astype(int).tolist(), "y": "high" if high else "low"})
    encoder = {"kind": "acoustic", "bands": 20, "width": 16, "layers": 1, "subsample": [8], "masks": 0}
    recipe = {
        "data": rows,
        "target": "y",
        "columns": {"sound": {"kind": "audio", "rate": RATE}},
        "model": {"encoders": {"sound": encoder}},
        "train": {"epochs": 8, "batch": 8, "lr": 0.01, "speed": "fixed", "threads": 1},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELWRIGHT_CACHE", str(folder / "cache"))
        yield mw.train(recipe, out=str(folder / "run"), baselines=False, report=False), rows


def test_stretches_cover_every_sample_once():
    span = build("x", {"kind": "audio", "rate": 1000}).span
    names, place = _stretches(span, np.array([100, 33, 3, 1]), 5)
    assert names.shape == (4, 16) and place.shape == (4, 100)
    assert names[0, 0] == "0.00 to 0.01 s" and names[0, 15] == "0.09 to 0.10 s"
    assert [sum(map(bool, row)) for row in names] == [16, 16, 3, 1]
    for row, length in zip(place, (100, 33, 3, 1)):
        counts = np.bincount(row[:length] - 5)
        assert len(counts) == min(length, 16) and counts.max() - counts.min() <= 1
        assert (row[length:] == -1).all()


@pytest.mark.parametrize("method", ["gradients", "shap", "occlusion", "lime"])
def test_stretches_of_time_are_explained(run, method):
    trained, rows = run
    assert trained.metrics["test"]["y"]["accuracy"] == 1.0
    report = mw.explain(trained, rows[:8], method=method, samples=200, rows="8")
    added = np.array([[part["adds"] for part in row["parts"]] for row in report.data["rows"]])
    assert added.shape == (8, 16) and report.data["rows"][0]["parts"][1]["name"] == "0.02 to 0.04 s"
    if method in ("gradients", "lime"):
        assert np.abs(added[:, :8]).sum() > np.abs(added[:, 8:]).sum()  # the tone matters more than the noise
    if method == "shap":
        assert report.data["faithfulness"]["completeness"] < 1e-6
    assert any(type(block).__name__ == "Image" and block.title == "What matters in sound" for block in report.blocks)


def test_gradients_add_up_over_bands_and_time(run):
    trained, rows = run
    opened = Opened(trained, rows[:6])
    subject = opened.subject(np.arange(6))
    from modelwright.explainers.gradients import Gradients

    found = Gradients().explain(subject)
    lengths = subject.batch["sound.mask"].sum(1)
    assert found.pixels["sound"].shape == (6, 1 + int(lengths.max()) // 40, 20)
    assert np.allclose(found.pixels["sound"].sum((1, 2)), found.values.sum(1))
    assert found.exact < 0.01
    bands = np.abs(found.pixels["sound"]).sum((0, 1))
    assert bands[:12].sum() > bands[12:].sum()  # the tones are 255 and 764 hertz, the bands reach to 2,000


def test_each_frame_belongs_to_the_stretch_of_its_middle():
    module = LogMel(8000, bands=2, window=200, hop=80)
    place = torch.cat([torch.arange(160) // 40, torch.full((80,), 9)])[None]  # a row of 160 samples, padded
    assert module.spread(place).view(1, 4, 2)[0, :, 0].tolist() == [0, 1, 3, 9]
